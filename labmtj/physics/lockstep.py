"""Many simulated dies at once, without instruments: every pulse and every reading solves every die's network.

The same dies, states and draws as the twin's: what the same pulses do to a die here and there is the same cell for
cell. What a die of the twin gathers over time is not here: no read dose, no wear, no noise, no sources with
resistances or limits. All terminals are held; idle ones at 0 V.

A call takes one action on each of the dies that it names, so a routine runs on all of them in lockstep and the
networks of all are solved side by side (`crossbar_batch`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labmtj.errors import InputError
from labmtj.physics.chance import Purpose
from labmtj.physics.crossbar_batch import Arrays
from labmtj.physics.lockstep_kernels import LAST, bound, locate_all, switch
from labmtj.physics.mtj import LINEAR
from labmtj.physics.schemes import levels
from labmtj.physics.switching_table import DELTA_COUNT, DELTA_FIRST, DELTA_STEP, DRIVE_LIMIT, load
from labmtj.physics.variation import DieTruth
from labmtj.records import Defect, Floats, Ints, Scheme, State

HIGHEST = 0.7
"""Largest voltage of a cell [V]. chosen: up to it 100 pulses of 100 us break one barrier in 2e7 (breakdown)."""
_SHARED = ("rows", "cols", "wire", "v_h", "k_p", "tau_d", "sign", "v_c0_ratio")
_OFF = ("heating", "back_hopping", "neighbour_field")


class Dies:
    """Dies that are alike but for their draws, in the state in which they come from `draw_die`.

    `state` (dies, rows, cols): 0 P, 1 AP, 2 a short or an open. Raises InputError for dies of different
    models, and for options that this form does not know (self-heating, back-hopping, neighbours' fields).
    """

    def __init__(self, truths: Sequence[DieTruth]) -> None:
        model = truths[0].model
        for truth in truths:
            unlike = [name for name in _SHARED if getattr(truth.model, name) != getattr(model, name)]
            if unlike:
                raise InputError(
                    f"die {truth.model.seed} is of another kind: dies in lockstep share {', '.join(unlike)}"
                )
            unknown = [name for name in _OFF if getattr(truth.model, name)]
            if unknown:
                raise InputError(f"dies in lockstep know no {', '.join(unknown)}; use the twin for this model")
        self.shape, self._model = (model.rows, model.cols), model

        def stacked(name: str) -> Floats:
            return np.stack([getattr(truth, name) for truth in truths]).astype(np.float64)

        count = model.rows * model.cols
        defect = np.stack([truth.defect for truth in truths])
        fixed = (defect == Defect.SHORT) | (defect == Defect.OPEN)
        self.state = np.where(fixed, LINEAR, np.stack([truth.initial for truth in truths])).astype(np.int8)
        self._arrays = Arrays(
            self.state, r_p=stacked("r_p"), tmr0=stacked("tmr"), r_wire=model.wire, v_h=model.v_h, k_p=model.k_p
        )
        v_c0 = stacked("v_c0").reshape(-1, count)
        self._v_c0 = np.stack([v_c0, v_c0 * model.v_c0_ratio])
        self._field = stacked("stray_field").reshape(-1, count)
        # As in the twin: a barrier outside the table switches like the table's end.
        last = DELTA_FIRST + DELTA_STEP * (DELTA_COUNT - 1)
        self._delta = np.clip(stacked("delta").reshape(-1, count), DELTA_FIRST, last)
        self._stays = (defect == Defect.STUCK).reshape(-1, count)
        self._pulses = np.zeros(len(truths), np.uint64)
        self._located = np.empty((len(truths), count), np.uint64)
        locate_all(np.array([truth.model.seed for truth in truths]), int(Purpose.PULSE), self._located)
        self._straight = np.zeros((1, model.rows)), np.zeros((1, model.cols))

    def multiply(self, dies: Ints, volts: Floats) -> Floats:
        """Column currents [A], (drives, cols), for row voltages `volts` (drives, rows) [V], columns at 0 V.

        `dies` (drives,) is the die of each drive; a die may come many times, best one after the other.
        """
        return self._drive(dies, volts, np.zeros((len(dies), self.shape[1])), fields=0)[0]

    def read(self, dies: Ints, rows: Ints, cols: Ints, *, voltage: float) -> Floats:
        """Conductance [S] of one cell of each of `dies`, seen through the wires: its column's current over `voltage`.

        The row is at `voltage` [V], all other lines at 0 V; rows and columns count from 0.
        """
        which = np.arange(len(dies))
        volts = np.zeros((len(dies), self.shape[0]))
        volts[which, rows] = voltage
        return self.multiply(dies, volts)[which, cols] / voltage

    def pulse(
        self,
        dies: Ints,
        rows: Ints,
        cols: Ints,
        *,
        amplitude: Floats,
        width: float,
        scheme: Scheme = Scheme.V_HALF,
    ) -> Floats:
        """One pulse of `width` [s] on one cell of each of `dies`; the voltages of all cells [V], (dies, rows, cols).

        `amplitude` (dies,) [V] is the row's voltage over the column's, `scheme` what the other lines get. The
        network is solved once, at the start of the pulse, and every cell of the die draws once. Raises InputError
        where a good cell would see more than `HIGHEST`, for a die that is named twice, and for a drive outside
        the switching table.
        """
        if not np.isfinite(amplitude).all():
            raise InputError("an amplitude is not a number: no pulse has been made")
        if np.unique(dies).size != len(dies):
            raise InputError("a die can take one pulse at a time; one of them is named twice")
        which = np.arange(len(dies))
        row_volts, col_volts = np.zeros((len(dies), self.shape[0])), np.zeros((len(dies), self.shape[1]))
        # Levels are proportional to the amplitude.
        unit = levels(scheme, 1.0)
        row_volts += (np.nan if unit.other_rows is None else unit.other_rows) * amplitude[:, np.newaxis]
        col_volts += (np.nan if unit.other_cols is None else unit.other_cols) * amplitude[:, np.newaxis]
        row_volts[which, rows], col_volts[which, cols] = unit.row * amplitude, unit.col * amplitude
        cell_v = self._drive(dies, row_volts, col_volts, fields=1)[1][0]
        highest = float(np.abs(np.where(self.state[dies] == LINEAR, 0.0, cell_v)).max(initial=0.0))
        if not highest <= HIGHEST:
            raise InputError(f"a pulse that puts {highest:.3f} V on a cell is above {HIGHEST} V, where barriers break")
        model, table, likely = self._model, load(), np.empty(LAST)
        bound(table, width / model.tau_d, float(self._delta[dies].min()), likely)
        outside = switch(
            table, likely, width / model.tau_d, model.sign * cell_v.reshape(len(dies), -1), dies, self._v_c0,
            self._field, self._delta, self._stays, self._located, self._pulses, DRIVE_LIMIT,
            self.state.reshape(len(self.state), -1),
        )  # fmt: skip
        if outside:
            raise InputError(f"{outside} cells are outside the switching table at pulses of {width} s")
        return cell_v

    def conductances(self, state: State, *, voltage: float) -> Floats:
        """What every cell would read [S] with all cells in `state`, (dies, rows, cols), row by row; nothing changes.

        The map that a routine measures has this, but for the state that the other cells are in.
        """
        rows, kept = self.shape[0], self.state.copy()
        self.state[self.state != LINEAR] = int(state)
        try:
            dies = np.repeat(np.arange(len(kept)), rows)
            currents = self.multiply(dies, np.tile(voltage * np.eye(rows), (len(kept), 1)))
        finally:
            self.state[:] = kept
        return currents.reshape(kept.shape) / voltage

    def _drive(self, dies: Ints, rows: Floats, cols: Floats, *, fields: int) -> tuple[Floats, Floats]:
        r_row, r_col = self._straight
        found = self._arrays.drive(rows, cols, of=dies, r_row=r_row, r_col=r_col, fields=fields)
        return found.i_col, found.nodes
