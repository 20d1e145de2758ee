"""One driven crossbar in numpy: the method of crossbar_lanes without anything to compile.

A bench solves one array after the other, and its kernels take longer to compile than a whole protocol spends in
solving. Here the running sums are products with the matrices of the wires, r min(n, n') between the nodes n and n'
of a line, so that a step is twenty operations on whole arrays, and shorts are cells like others: they raise the
load, and so the number of steps, from 8 to 20 or so. 2 M N (M + N) multiplications a step.
"""

from __future__ import annotations

import math

import numpy as np

from labmtj.physics.crossbar_solution import Solution
from labmtj.records import Floats, Ints, State

_MOST_LOAD = 16.0  # chosen: 60 steps; beyond it the compiled methods are worth their compilation
_GOAL = 2e-13  # of the largest terminal voltage: what further steps would still change
_PROVEN = 1e-11  # imbalance, of the largest line current, above which a result is none
MOST_CELLS = 900
"""Cells up to which this way is no slower than the compiled ones for arrays of any size (chosen)."""


class PlainCrossbar:
    """An array of junctions in a given state, to be solved for many voltages of its lines.

    `state` (rows, cols): 0 P, 1 AP, 2 a resistor of `r_p` [ohm]; the rest as in `crossbar.solve_cells`.
    """

    def __init__(self, state: Ints, r_p: Floats, *, r_wire: float, tmr0: Floats, v_h: float, k_p: float) -> None:
        rows, cols = state.shape
        self._siemens = 1.0 / r_p
        self._bend = np.where(state == State.P, k_p, 0.0)
        self._tmr = np.where(state == State.AP, tmr0, 0.0)
        self._curve, self._r = v_h**-2.0, r_wire
        # Wires between the nodes of a line, terminal first; one more column or row sums the currents up.
        self._along, self._down = np.ones((cols, cols + 1)), np.ones((rows + 1, rows))
        from_left, from_below = np.arange(cols, dtype=float), np.arange(rows, dtype=float)[::-1]
        self._along[:, :-1] = r_wire * np.minimum(from_left[:, np.newaxis], from_left)
        self._down[:-1] = r_wire * np.minimum(from_below[:, np.newaxis], from_below)
        self._still = 1e-5 * float(self._siemens.sum(axis=1).max())

    def solve(self, rows: Floats, cols: Floats, *, r_row: Floats, r_col: Floats) -> Solution | None:
        """Solve for the terminal voltages `rows` (M,), `cols` (N,) [V], none floating, behind `r_row`, `r_col` [ohm].

        None where this method does not prove its result, to 1e-11 of the largest line current: the load is too
        large for it.
        """
        near_w, near_b = self._r + r_row, self._r + r_col
        v = rows[:, np.newaxis] - cols
        bound = self._load(v, near_w, near_b)
        if not bound < _MOST_LOAD:
            return None
        half = max(0.5 * bound, 1e-9)
        rho, keep, move = half / (1.0 + half), 0.0, 1.0 / (1.0 + half)
        step = np.zeros_like(v)
        for _turn in range(_steps_for(bound)):
            _, _, w, b = self._nodes(self._currents(v), rows, cols, near_w, near_b)
            w -= b
            w -= v
            w *= move
            step *= keep
            step += w
            v += step
            following = 1.0 / (2.0 * (1.0 + half) / half - rho)
            keep, move, rho = following * rho, 2.0 * following / half, following
        used = self._currents(v)
        into, out_of, w, b = self._nodes(used, rows, cols, near_w, near_b)
        cell_v = w - b
        cell_i = self._currents(cell_v)
        scale = max(float(np.abs(rows).max()), float(np.abs(cols).max()))
        largest = max(float(np.abs(into).max()), float(np.abs(out_of).max()), scale * self._still)
        missing = float(np.abs(cell_i - used).max())
        kcl = missing / largest if missing else 0.0
        if not kcl < _PROVEN:
            return None
        none_w, none_b = np.zeros(rows.size, np.bool_), np.zeros(cols.size, np.bool_)
        return Solution(w, b, into, out_of, cell_v, cell_i, kcl, none_w, none_b)

    def _currents(self, v: Floats) -> Floats:
        """Currents of all cells [A]: the law of `mtj`."""
        squared = v * v
        rise = squared * self._curve
        rise += 1.0
        law = squared * self._bend
        law += 1.0
        law *= rise
        rise += self._tmr
        law /= rise
        law *= v
        law *= self._siemens
        return law

    def _load(self, v: Floats, near_w: Floats, near_b: Floats) -> float:
        """Bound of the largest eigenvalue of what the wires make of the cells' slopes at `v`; see crossbar_lanes."""
        squared = v * v
        rise = 1.0 + squared * self._curve
        inverse = 1.0 / (rise + self._tmr)
        bend = self._bend * squared
        slope = (1.0 + 3.0 * bend) * rise + 2.0 * (1.0 + bend) * (rise - 1.0) * self._tmr * inverse
        slope *= self._siemens * inverse
        along, down = slope @ self._along[:, -2:], self._down[[0, -1]] @ slope  # to the nodes farthest from terminals
        return float((along[:, 0] + along[:, 1] * near_w).max() + (down[0] + down[1] * near_b).max())

    def _nodes(
        self, current: Floats, rows: Floats, cols: Floats, near_w: Floats, near_b: Floats
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Currents into rows and out of columns, and the nodes of both, from the cells' currents."""
        along, down = current @ self._along, self._down @ current
        into, out_of = along[:, -1], down[-1]
        w = (rows - near_w * into)[:, np.newaxis] - along[:, :-1]
        b = (cols + near_b * out_of) + down[:-1]
        return into, out_of, w, b


def _steps_for(bound: float) -> int:
    """Chebyshev steps that bring what the wires drop below the goal, for eigenvalues within [1, 1 + bound]."""
    root = math.sqrt(1.0 + bound)
    rate, reach = (root - 1.0) / (root + 1.0), min(1.0, bound)
    if 2.0 * reach <= _GOAL or rate <= _GOAL:
        return 1
    return math.ceil(math.log(_GOAL / (2.0 * reach)) / math.log(rate))
