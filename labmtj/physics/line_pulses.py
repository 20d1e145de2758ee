"""Pulses on many lines of many simulated dies at once: every line has a voltage of its own, every cell draws once.

As `lockstep` has it for a single selected cell, and with the same random numbers: a pulse that selects one cell leaves
the same states here and there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.physics.crossbar_many import GOAL
from labmtj.physics.line_pulses_kernels import (
    BARRIER_FIRST,
    BARRIER_STEP,
    BARRIERS,
    PLACES,
    ask,
    bounds,
    fire,
)
from labmtj.physics.line_pulses_solver_kernels import solve_quickly
from labmtj.physics.lockstep import Dies
from labmtj.physics.mtj import LINEAR
from labmtj.physics.switching_table import DRIVE_LIMIT, load
from labmtj.physics.variation import DieTruth
from labmtj.records import Floats, Ints

Flags = NDArray[np.bool_]
QUICK = 1e-6
"""Errors from which on the quick solver is used, which has single precision."""
_STEEPER = 1.1  # chosen: the secant of a cell in P over its conductance at zero bias, up to 0.7 V
LIFE = 1 << 40
"""Pulses between the random numbers of two lives of the same die."""


class LineDies(Dies):
    """Dies in lockstep that take pulses on many lines; `lives` (dies,) tell copies of the same die apart.

    Life 0 draws the twin's numbers. `counts` (dies, 3) are flips of selected cells, of others, and how many selected
    cells could flip; `energy` (dies,) [J] is that of selected cells. `goal` is what further steps of the solution
    may change, of the largest voltage; `highest` [V] is what a good cell may see. `spared`: cells that are not
    selected never flip. Raises InputError as `Dies` does.
    """

    def __init__(
        self,
        truths: Sequence[DieTruth],
        *,
        lives: Ints | None = None,
        goal: float = GOAL,
        highest: float,
        spared: bool = False,
        contact: float = 0.0,
    ) -> None:
        super().__init__(truths)
        self.goal, self.highest, self.spared = goal, highest, spared
        count, cells = len(truths), self.shape[0] * self.shape[1]
        lived = np.zeros(count, np.int64) if lives is None else lives
        if not (lived >= 0).all() or not (lived < (1 << 23)).all():
            raise InputError("lives of dies are numbered from 0 to 8388607")
        self.base = lived.astype(np.uint64) * np.uint64(LIFE)
        self.counts, self.energy = np.zeros((count, 3), np.int64), np.zeros(count)
        self._barrier = np.clip(np.floor((self._delta - BARRIER_FIRST) / BARRIER_STEP), 0, BARRIERS - 1).astype(
            np.uint8
        )  # the bound of a lower barrier is the higher one
        self._siemens = 1.0 / self._arrays.r_p.reshape(count, cells)
        self._tmr = self._arrays.tmr0.reshape(count, cells)
        self._flat = self.state.reshape(count, cells)
        self._per_volt = 1.0 / self._v_c0
        self._bounds: dict[float, Floats] = {}
        self._straight = np.full((1, self.shape[0]), contact), np.full((1, self.shape[1]), contact)
        self._single, self._single_tmr = self._siemens.astype(np.float32), self._tmr.astype(np.float32)
        self._loads = self._bound_loads(contact)

    @property
    def fixed(self) -> Flags:
        """Cells that cannot be written, (dies, rows, cols)."""
        return (self.state == LINEAR) | self._stays.reshape(self.state.shape)

    def voltages(self, dies: Ints, rows: Floats, cols: Floats, *, goal: float | None = None) -> Floats:
        """Voltages of all cells [V], (drives, rows, cols), of terminals at `rows`, `cols` (drives, lines) [V]."""
        return self._solved(dies, rows, cols, goal=self.goal if goal is None else goal, fields=1)

    def sums(self, dies: Ints, rows: Floats) -> Floats:
        """Column currents [A], (drives, cols), with rows at `rows` (drives, rows) [V] and columns at 0 V."""
        return self._solved(dies, rows, np.zeros((len(dies), self.shape[1])), goal=self.goal, fields=0)

    def _solved(self, dies: Ints, rows: Floats, cols: Floats, *, goal: float, fields: int) -> Floats:
        """Cell voltages where there is a field, else column currents."""
        r_row, r_col = self._straight
        if goal < QUICK:
            found = self._arrays.drive(rows, cols, of=dies, r_row=r_row, r_col=r_col, fields=fields, goal=goal)
            return found.nodes[0] if fields else found.i_col
        count, arrays = len(dies), self._arrays
        cell_v, i_col = np.empty((fields * count, self.shape[0] * self.shape[1])), np.empty((count, self.shape[1]))
        good = np.empty(count, np.bool_)
        solve_quickly(
            self._single, self._single_tmr, self._loads, self._flat, dies, rows, cols, arrays.r_wire + r_row[0],
            arrays.r_wire + r_col[0], arrays.r_wire, arrays.k_p, arrays.v_h**-2.0, goal, cell_v, i_col, good,
        )  # fmt: skip
        answer = cell_v.reshape(count, *self.shape) if fields else i_col
        rest = np.flatnonzero(~good)
        if rest.size:
            found = arrays.drive(rows[rest], cols[rest], of=dies[rest], r_row=r_row, r_col=r_col, fields=fields)
            answer[rest] = found.nodes[0] if fields else found.i_col
        return answer

    def pulse_lines(
        self, dies: Ints, rows: Floats, cols: Floats, *, width: float, row_on: Flags, col_on: Flags, strict: bool = True
    ) -> Flags:
        """One pulse of `width` [s] on each of `dies`, terminals at `rows`, `cols` (pulses, lines) [V]; which were made.

        `row_on`, `col_on` (pulses, lines) are the lines whose cells are selected. A pulse that would put more than
        `highest` on a good cell is not made: if `strict`, InputError is raised before any is. It is raised for a
        drive outside the switching table, too.
        """
        if not (np.isfinite(rows).all() and np.isfinite(cols).all()):
            raise InputError("a line's voltage is not a number: no pulse has been made")
        cell_v = self.voltages(dies, rows, cols)
        top = np.where(self.state[dies] == LINEAR, 0.0, np.abs(cell_v)).max(axis=(1, 2), initial=0.0)
        fires: Flags = top <= self.highest
        if not fires.all():
            if strict:
                raise InputError(f"a pulse that puts {top.max():.3f} V on a cell is above {self.highest} V, the limit")
            some = np.flatnonzero(fires)
            dies, row_on, col_on, cell_v = dies[some], row_on[some], col_on[some], cell_v[some]
        model, curve = self._model, self._model.v_h**-2.0
        outside = fire(
            load(), self._highest_at(width), width / model.tau_d, width, model.sign * cell_v, dies, row_on, col_on,
            self.spared, self._per_volt, self._field, self._delta, self._barrier, self._stays, self._located, self.base,
            self._pulses, DRIVE_LIMIT, self._siemens, self._tmr, model.k_p, curve, self._flat, self.counts,
            self.energy, np.empty(len(dies)),
        )  # fmt: skip
        if outside:
            raise InputError(f"{outside} cells are outside the switching table at pulses of {width} s")
        return fires

    def ask(self, dies: Ints, asked: Floats, *, target: Ints) -> None:
        """Flip cells towards `target` (pulses,) with just the chances `asked` (pulses, rows, cols): an ideal array."""
        ask(
            dies, asked.reshape(len(dies), -1), target, self._stays, self._located, self.base, self._pulses,
            self._flat, self.counts,
        )  # fmt: skip

    def _bound_loads(self, contact: float) -> Floats:
        """Bound on the load that wires are for cells which are all P, (dies,); see `crossbar_lanes`."""
        rows, cols = self.shape
        r, g = self._arrays.r_wire, _STEEPER * self._siemens.reshape(-1, rows, cols)
        along = (g * (contact + r * (1.0 + np.arange(cols)))).sum(axis=2).max(axis=1)
        down = (g * (contact + r * (rows - np.arange(rows)))[:, np.newaxis]).sum(axis=1).max(axis=1)
        return along + down

    def _highest_at(self, width: float) -> Floats:
        if width not in self._bounds:
            found = np.empty((BARRIERS, PLACES))
            bounds(load(), width / self._model.tau_d, found)
            self._bounds[width] = found
        return self._bounds[width]
