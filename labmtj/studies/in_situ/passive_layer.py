"""One layer of many networks: a passive die each, the lines that the layer uses, and what the host knows of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.placement import avoid_defects
from labmtj.physics.chance import Purpose, normals
from labmtj.physics.line_pulses import LineDies
from labmtj.physics.line_pulses_needs import cell_needs, die_needs
from labmtj.physics.superposition import SumNoise
from labmtj.physics.variation import DieModel, DieTruth, draw_die
from labmtj.records import Amplitudes, Cell, Defect, DieMap, Floats, Ints, Polarity, State
from labmtj.studies.in_situ.passive_setting import PassiveSetting

Flags = NDArray[np.bool_]
NOT_CAUGHT = 0.999
"""Probability of a write at its nominal amplitude."""


class PassiveLayer:
    """A layer (inputs, outputs) on dies of `model` with the seeds `seeds` (copies,); a seed may come many times.

    `lives` tell copies of a die apart. `rows` (copies, inputs) and `cols` (copies, 2 outputs) are the lines, from 0;
    `needs` (copies, 2, cells or 1, 4) as in `line_pulses_needs`; `window` (copies,) [S], `threshold` (copies, inputs,
    2 outputs) [S] between P and AP as readings show them.
    """

    def __init__(
        self, model: DieModel, layer: tuple[int, int], *, seeds: Ints, lives: Ints, setting: PassiveSetting
    ) -> None:
        self.layer, self.setting = layer, setting
        distinct, self._of = np.unique(seeds, return_inverse=True)
        drawn = [draw_die(_seeded(setting.of(model), seed)) for seed in distinct.tolist()]
        truths: list[DieTruth] = [drawn[n] for n in self._of.tolist()]
        self.model, self.truths = drawn[0].model, truths
        self.dies = LineDies(
            truths, lives=lives, goal=setting.goal, highest=setting.ceiling(min(setting.width, setting.write_width)),
            spared=not setting.disturb, contact=setting.contact,
        )  # fmt: skip
        first = np.unique(self._of, return_index=True)[1]
        g_p, g_ap = (self.dies.conductances(state, voltage=setting.read) for state in (State.P, State.AP))
        placed = [self._place(drawn[n], g_p[at], g_ap[at]) for n, at in enumerate(first.tolist())]
        self.rows = np.stack([each[0] for each in placed])[self._of]
        self.cols = np.stack([each[1] for each in placed])[self._of]
        copy = np.arange(len(seeds))[:, np.newaxis, np.newaxis]
        at = copy, self.rows[:, :, np.newaxis], self.cols[:, np.newaxis, :]
        self.at = at
        self.threshold = 0.5 * (g_p[at] + g_ap[at])
        self.writable = ~self.dies.fixed[at]
        window = np.where(self.writable, g_p[at] - g_ap[at], np.nan).reshape(len(seeds), -1)
        self.window = np.nanmedian(window, axis=1)
        self.polarity = self.model.sign
        good = np.stack([each[2] for each in placed])
        self.needs = self._needs(drawn, good, width=setting.width)
        self.write_needs = self._needs(drawn, good, width=setting.write_width)
        self.fixed = self.dies.fixed.reshape(len(seeds), -1)

    def _place(self, truth: DieTruth, g_p: Floats, g_ap: Floats) -> tuple[Ints, Ints, Flags]:
        """Rows and columns, from 0, around the defects that a map shows; and the good cells among them."""
        polarity = Polarity(State.P if truth.model.sign > 0 else State.AP, Cell(1, 1), 0.0, 0.0)
        known = DieMap(
            1.0 / g_p, 1.0 / g_ap, truth.defect, self.setting.read, polarity, Amplitudes(0.0, 0.0), self.setting.width
        )
        inputs, outputs = self.layer
        found = avoid_defects(known, (inputs, 2 * outputs))
        rows, cols = np.array(found.rows, np.int64) - 1, np.array(found.cols, np.int64) - 1
        used = np.zeros(truth.defect.shape, np.bool_)
        used[np.ix_(rows, cols)] = truth.defect[np.ix_(rows, cols)] == Defect.NONE
        return rows, cols, used.ravel()

    def _needs(self, drawn: Sequence[DieTruth], good: Flags, *, width: float) -> Floats:
        """What the host believes that cells need."""
        setting, count = self.setting, len(drawn)
        v_c0 = np.stack([truth.v_c0.ravel() for truth in drawn])
        delta = np.stack([truth.delta.ravel() for truth in drawn])
        field = np.stack([truth.stray_field.ravel() for truth in drawn])
        both = np.stack([v_c0, v_c0 * self.model.v_c0_ratio])
        law = {"width": width, "tau_d": self.model.tau_d}
        if setting.shape == "die":
            found = die_needs(both, delta, field, good, **law)
        else:
            cells = v_c0.shape[1]
            errors = np.stack(
                [normals(truth.model.seed, Purpose.MAP_NOISE, cells, ordinal=1) for truth in drawn]
            ).reshape(count, cells)
            found = cell_needs(both * (1.0 + setting.map_error * errors), delta, field, **law)
        return np.ascontiguousarray(found[self._of])


def noise_terms(model: DieModel, noise: SumNoise) -> Floats:
    """Numbers of `line_pulses_reading_kernels.add_noise`."""
    from labmtj.physics.noise import BOLTZMANN, ELEMENTARY_CHARGE, flicker_span

    span = flicker_span(noise.aperture) / model.area
    thermal = BOLTZMANN * model.temperature / ELEMENTARY_CHARGE
    return np.array([
        thermal, 0.5 / noise.aperture, model.flicker_p * span, model.flicker_ap * span, model.fano_p, model.fano_ap,
        ELEMENTARY_CHARGE, model.k_p, model.v_h**-2.0,
    ])  # fmt: skip


def _seeded(model: DieModel, seed: int) -> DieModel:
    from dataclasses import replace

    return replace(model, seed=seed)
