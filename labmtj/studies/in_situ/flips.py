"""How well asked flip probabilities are met on simulated dies: cell by cell after a calibration, and in parallel.

Calibration and shapes know what a bench would know (which pulses flipped, nothing else); what came of them is read off
the true law of the dies, not counted, so that errors down to a percent show at P = 0.01. Cell voltages of the
calibration are taken as known: what a map's wires leave open is not in these figures. In parallel, wires are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.crossbar_stack import Crossbar
from labmtj.physics.flip_pulses import amplitudes_for_probability, flip_law
from labmtj.physics.switching_cells import Switching
from labmtj.physics.switching_law import HIGHEST, Exponent
from labmtj.physics.switching_table import DELTA_COUNT, DELTA_FIRST, DELTA_STEP, DRIVE_LIMIT
from labmtj.physics.variation import DieTruth
from labmtj.records import Defect, Floats, Ints, State
from labmtj.routines.in_situ.flip_estimate import Calibration
from labmtj.routines.in_situ.line_wires import LineWires
from labmtj.routines.in_situ.shaping import LARGEST, PHASES, SMALLEST, LineShaper

ASKED = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
_GUESS = 0.04  # chosen: how far a map's median switching voltage is from the cells', as maps go


class TrueFlips:
    """The switching of one die's cells as it is, towards both states."""

    def __init__(self, truth: DieTruth) -> None:
        self.truth, model = truth, truth.model
        self.good: NDArray[np.bool_] = np.asarray(truth.defect == Defect.NONE)
        last = DELTA_FIRST + DELTA_STEP * (DELTA_COUNT - 1)
        self.delta = np.clip(truth.delta, DELTA_FIRST, last)
        self.v_c0 = np.stack([truth.v_c0, truth.v_c0 * model.v_c0_ratio])
        self.field = np.stack([truth.stray_field, -truth.stray_field])
        self._law = Switching(self.delta.ravel(), tau_d=model.tau_d)

    def probability(self, volts: Floats, *, width: float) -> Floats:
        """P towards both states, (2, rows, cols), by cell voltages (2, rows, cols) [V] that help."""
        drive = np.clip(volts / self.v_c0 + self.field, -DRIVE_LIMIT, DRIVE_LIMIT)
        found = [self._law.probabilities(each.ravel(), width=width) for each in drive]
        return np.stack(found).reshape(volts.shape)


@dataclass(frozen=True, eq=False)
class Known:
    """What a calibration found of a die, (2, rows, cols): effective V_c0 [V] and Delta [kT]; nan of bad cells."""

    v_c0: Floats
    delta: Floats

    def filled(self) -> Known:
        """The same with the median in place of what is not known."""

        def whole(values: Floats) -> Floats:
            middle = np.nanmedian(values, axis=(1, 2), keepdims=True)
            return np.where(np.isfinite(values), values, middle)

        return Known(whole(self.v_c0), whole(self.delta))


def calibrated(flips: TrueFlips, *, widths: Sequence[float], pulses: int, seed: int) -> Known:
    """Calibrate every good cell of a die with `pulses` on each, both directions together.

    `widths` [s], the working one first. The first guess of the switching voltages is off by a normal error of 4 %.
    """
    chance, good = np.random.default_rng(seed), np.flatnonzero(flips.good.ravel())
    tau_d = flips.truth.model.tau_d
    middle = amplitudes_for_probability(
        0.5, v_c0=np.median(flips.v_c0, axis=(1, 2)), delta=float(np.median(flips.delta)), width=widths[0], tau_d=tau_d
    )
    guess = middle * np.exp(_GUESS * chance.standard_normal(2))
    known = Calibration(guess.tolist(), cells=good.size, widths=widths, law=Exponent(2.0, tau_d), most=pulses)
    each, target = np.arange(good.size), chance.integers(0, 2, good.size)
    volts = np.zeros((2, flips.delta.size))
    for _pulse in range(pulses):
        over, width = known.propose(each, target=target)
        volts[:, good] = over
        likely = np.zeros(good.size)
        for number, seconds in enumerate(widths):
            found = flips.probability(volts.reshape(flips.v_c0.shape), width=seconds).reshape(2, -1)
            likely = np.where(width == number, found[target, good], likely)
        switched = chance.random(good.size) < likely
        known.update(each, target=target, volts=over, width=width, switched=switched)
        target = np.where(switched, 1 - target, target)
    estimates = known.estimates()
    out = np.full((2, 2, flips.delta.size), np.nan)
    for state in State:
        out[0, state, good], out[1, state, good] = estimates[state].v_c0, estimates[state].delta
    return Known(*out.reshape(2, *flips.v_c0.shape))


def cell_by_cell(flips: TrueFlips, known: Known, *, width: float, asked: Sequence[float] = ASKED) -> Floats:
    """Realised over asked probability of single pulses on every good cell towards both states, (asked, 2 x cells)."""
    rows: list[Floats] = []
    full = known.filled()
    for probability in asked:
        volts = amplitudes_for_probability(
            probability, v_c0=full.v_c0, delta=full.delta, width=width, tau_d=flips.truth.model.tau_d
        )
        rows.append(flips.probability(volts, width=width)[:, flips.good].ravel() / probability)
    return np.stack(rows)


@dataclass(frozen=True, eq=False)
class Parallel:
    """Updates of a layer on one die: probabilities asked and realised, and number (row by row), of every cell asked."""

    asked: Floats
    realised: Floats
    cells: Ints

    @property
    def mean(self) -> float:
        """Sum of what was realised over the sum of what was asked."""
        return float(self.realised.sum() / self.asked.sum())

    @property
    def ratios(self) -> Floats:
        """Realised over asked, cell by cell: its spread is that of cells that share their lines' voltages."""
        return self.realised / self.asked


def in_parallel(
    flips: TrueFlips, known: Known | None, *, layer: tuple[int, int], width: float, updates: int, seed: int, size: float
) -> Parallel:
    """Outer products on a layer of (inputs, outputs) in the array's first rows and columns, states half P half AP.

    Rows are asked for uniformly in -1..1, columns for normal values times `size`. The shapes know the cells one by one
    (`known`), or (None) the die's true medians and its spread; wires and half-way conductances either way.
    """
    chance = np.random.default_rng(seed)
    rows, cols = chance.uniform(-1.0, 1.0, (updates, layer[0])), size * chance.standard_normal((updates, layer[1]))
    return _updated(flips, known, rows, cols, width=width, chance=chance)


def alike(
    flips: TrueFlips, known: Known | None, *, layer: tuple[int, int], width: float, asked: float, seed: int
) -> Parallel:
    """One update that asks every cell of a layer for the same probability, in directions that are drawn."""
    chance = np.random.default_rng(seed)
    rows, cols = (np.sqrt(asked) * chance.choice([-1.0, 1.0], (1, count)) for count in layer)
    return _updated(flips, known, rows, cols, width=width, chance=chance)


def _updated(
    flips: TrueFlips, known: Known | None, rows: Floats, cols: Floats, *, width: float, chance: np.random.Generator
) -> Parallel:
    """Updates `rows` (updates, inputs) x `cols` (updates, outputs) on one die whose states are drawn for each."""
    (updates, inputs), outputs, truth, model = rows.shape, cols.shape[1], flips.truth, flips.truth.model
    layer, lines = (inputs, outputs), 2 * outputs
    states = chance.integers(0, 2, (updates, *flips.delta.shape))
    fixed = (truth.defect == Defect.SHORT) | (truth.defect == Defect.OPEN)
    tmr0 = np.where(fixed, 0.0, truth.tmr)
    r_p = np.where(truth.defect == Defect.OPEN, 1e12, truth.r_p)
    shaper = _shaper(flips, known, r_p=r_p, tmr0=tmr0, layer=layer, width=width)
    # One die takes many updates: each counts as a copy of it.
    which = np.zeros(updates, np.int64)
    levels = shaper.levels(rows, cols, of=which)
    array = Crossbar(r_p, tmr0, model.wire, v_h=model.v_h, k_p=model.k_p)
    stays = np.ones((updates, 2, inputs, lines))
    for phase in range(len(PHASES)):
        on_rows, on_cols = np.zeros((updates, r_p.shape[0])), np.zeros((updates, r_p.shape[1]))
        on_rows[:, :inputs], on_cols[:, :lines] = levels.rows[:, phase], levels.cols[:, phase]
        over = model.sign * array.cell_voltages(on_rows, on_cols, state=states)
        for update in np.flatnonzero(levels.fired[:, phase]):
            found = flips.probability(np.stack([over[update], -over[update]]), width=width)
            stays[update] *= 1.0 - found[:, :inputs, :lines]
    direction = np.sign(rows)[:, :, np.newaxis] * np.repeat(np.sign(cols), 2, axis=1)[:, np.newaxis]
    direction *= np.tile([1.0, -1.0], lines // 2)
    realised = np.where(direction > 0.0, 1.0 - stays[:, 0], 1.0 - stays[:, 1])
    asked = np.clip(np.abs(rows[:, :, np.newaxis] * np.repeat(cols, 2, axis=1)[:, np.newaxis]), 0.0, LARGEST)
    counted = (asked >= SMALLEST) & flips.good[:inputs, :lines]
    return Parallel(
        asked[counted], realised[counted], np.nonzero(counted)[1] * flips.delta.shape[1] + np.nonzero(counted)[2]
    )


def against_asked(
    truth: DieTruth,
    *,
    die: int,
    layer: tuple[int, int],
    width: float,
    other: float,
    pulses: int,
    asked: Sequence[float],
) -> dict[str, NDArray[Any]]:
    """Asked and realised probabilities of one die that was calibrated at `width` and `other` [s], cell after cell.

    Columns mode ("cell by cell", towards both states; "in parallel", a layer at once), width, die, cell (row by row
    from 0), asked, realised, calibration (pulses a cell).
    """
    flips = TrueFlips(truth)
    known = calibrated(flips, widths=(width, other), pulses=pulses, seed=truth.model.seed)
    single = cell_by_cell(flips, known, width=width, asked=asked)
    cells = np.tile(np.flatnonzero(flips.good.ravel()), 2)
    parts = [
        (np.full(cells.size, probability), ratio * probability, cells, False)
        for probability, ratio in zip(asked, single, strict=True)
    ]
    for number, probability in enumerate(asked):
        found = alike(flips, known, layer=layer, width=width, asked=probability, seed=number)
        parts.append((np.full(found.asked.size, probability), found.realised, found.cells, True))
    together = np.concatenate([np.full(part[0].size, part[3]) for part in parts])
    whole = np.ones(together.size)
    return {
        "mode": np.where(together, "in parallel", "cell by cell"),
        "width": width * whole,
        "die": np.full(together.size, die),
        "cell": np.concatenate([part[2] for part in parts]),
        "asked": np.concatenate([part[0] for part in parts]),
        "realised": np.concatenate([part[1] for part in parts]),
        "calibration": pulses * whole,
    }


def _shaper(
    flips: TrueFlips, known: Known | None, *, r_p: Floats, tmr0: Floats, layer: tuple[int, int], width: float
) -> LineShaper:
    inputs, lines = layer[0], 2 * layer[1]
    model = flips.truth.model
    if known is None:
        effective = flips.v_c0 * (1.0 - flips.field), flips.delta * (1.0 - flips.field) ** 2
        middle = [np.median(each[:, flips.good], axis=1)[:, np.newaxis, np.newaxis, np.newaxis] for each in effective]
        half = amplitudes_for_probability(
            0.5, v_c0=flips.v_c0, delta=flips.delta, field=flips.field, width=width, tau_d=model.tau_d
        )
        spread = float(np.std(np.log(half[:, flips.good]), axis=1).mean())
    else:
        full = known.filled()
        middle = [each[:, np.newaxis, :inputs, :lines] for each in (full.v_c0, full.delta)]
        spread = 0.0
    laws = {
        state: flip_law(
            middle[0][state], delta=np.minimum(middle[1][state], HIGHEST), width=width, tau_d=model.tau_d, spread=spread
        )
        for state in State
    }
    wires = LineWires(
        r_p[np.newaxis], tmr0[np.newaxis], model.wire, v_h=model.v_h, k_p=model.k_p,
        volts=float(np.median(laws[State.P].half)),
    )  # fmt: skip
    return LineShaper(
        laws, shape=(1, *layer), sign=model.sign, good=flips.good[np.newaxis, :inputs, :lines], wires=wires,
        at=(np.arange(inputs), np.arange(lines)),
    )  # fmt: skip
