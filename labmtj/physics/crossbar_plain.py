"""One driven crossbar at a time: the method of crossbar_lanes, in numpy at first, compiled when that has paid.

A bench solves one array after the other, and kernels take longer to compile than a short protocol spends in
solving. So the first few thousand solutions of a process are made in numpy, where a step is one evaluation of all
cells and four running sums over the whole array; from then on the same steps are compiled. Both do the same
operations in the same order, and find the same numbers to the last bit. Shorts are cells like others: they raise
the load, and so the number of steps, which is 7 to 9 without them at 40 nm.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.crossbar_solution import Solution
from labmtj.records import Floats, State

_MOST_LOAD = 16.0  # chosen: 60 steps; beyond it the compiled methods are worth their compilation
_FINE = 64.0  # chosen: loads are rounded up to one of so many to 1, so that what follows from them can be kept
_GOAL = 2e-13  # of the largest terminal voltage: what further steps would still change
_PROVEN = 1e-11  # imbalance, of the largest line current, above which a result is none
FEW = 5000
"""Solutions of a process that are made in numpy (chosen: what they cost beyond compiled ones is a compilation)."""
MOST_CELLS = 900
"""Cells up to which this way is taken (chosen: larger arrays soon cost more in numpy than a compilation)."""


class PlainCrossbar:
    """An array of junctions in a given state, to be solved for many voltages of its lines.

    `state` (rows, cols): 0 P, 1 AP, 2 a resistor of `r_p` [ohm]; the rest as in `crossbar.solve_cells`.
    """

    def __init__(
        self, state: NDArray[np.integer[Any]], r_p: Floats, *, r_wire: float, tmr0: Floats, v_h: float, k_p: float
    ) -> None:
        rows, cols = state.shape
        self._siemens = 1.0 / r_p
        self._bend = np.where(state == State.P, k_p, 0.0)
        self._tmr = np.where(state == State.AP, tmr0, 0.0)
        self._curve, self._r = v_h**-2.0, r_wire
        self._along: Floats = r_wire * np.arange(cols)  # from the first node to each
        self._down: Floats = r_wire * np.arange(rows)[::-1]
        self._still = 1e-5 * float(self._siemens.sum(axis=1).max())

    def solve(self, rows: Floats, cols: Floats, *, r_row: Floats, r_col: Floats) -> Solution | None:
        """Solve for the terminal voltages `rows` (M,), `cols` (N,) [V], none floating, behind `r_row`, `r_col` [ohm].

        None where this method does not prove its result, to 1e-11 of the largest line current: the load is too
        large for it.
        """
        near_w, near_b = self._r + r_row, self._r + r_col
        v = rows[:, np.newaxis] - cols
        bound = self.load(v, near_w, near_b)
        if not bound < _MOST_LOAD:
            return None
        pace = pace_for(math.ceil(_FINE * bound) / _FINE)
        scale = max(float(np.abs(rows).max()), float(np.abs(cols).max()))
        # Slopes may rise beyond what they were at first: then the steps go astray, and nothing is proven.
        with np.errstate(over="ignore", invalid="ignore"):
            self.iterate(v, pace, rows, cols, near_w, near_b, compiled=next(_solved()) >= FEW)
            used = self._currents(v)
            into, out_of, w, b = self._nodes(used, rows, cols, near_w, near_b)
            cell_v = w - b
            cell_i = self._currents(cell_v)
            largest = max(float(np.abs(into).max()), float(np.abs(out_of).max()), scale * self._still)
            missing = float(np.abs(cell_i - used).max())
        kcl = missing / largest if missing else 0.0
        if not kcl < _PROVEN:
            return None
        none_w, none_b = np.zeros(rows.size, np.bool_), np.zeros(cols.size, np.bool_)
        return Solution(w, b, into, out_of, cell_v, cell_i, kcl, none_w, none_b)

    def iterate(
        self, v: Floats, pace: Floats, rows: Floats, cols: Floats, near_w: Floats, near_b: Floats, *, compiled: bool
    ) -> None:
        """Take the steps of `pace` (steps, 2) from the cell voltages `v` [V], in place.

        `near_w` (M,) and `near_b` (N,) [ohm]: from the sources to the first nodes. It makes no difference to the
        result whether it is done `compiled`.
        """
        if compiled:
            from labmtj.physics.crossbar_plain_kernel import iterate

            device = (self._siemens, self._bend, self._tmr)
            iterate(v, pace, rows, cols, near_w, near_b, *device, self._curve, self._r)
            return
        step = np.zeros_like(v)
        for keep, move in pace:
            _, _, w, b = self._nodes(self._currents(v), rows, cols, near_w, near_b)
            w -= b
            w -= v
            w *= move
            step *= keep
            step += w
            v += step

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

    def load(self, v: Floats, near_w: Floats, near_b: Floats) -> float:
        """Bound of the largest eigenvalue of what the wires make of the cells' slopes at `v`; see crossbar_lanes."""
        squared = v * v
        rise = 1.0 + squared * self._curve
        inverse = 1.0 / (rise + self._tmr)
        bend = self._bend * squared
        slope = (1.0 + 3.0 * bend) * rise + 2.0 * (1.0 + bend) * (rise - 1.0) * self._tmr * inverse
        slope *= self._siemens * inverse
        along = slope.sum(axis=1) * near_w + slope @ self._along  # to the nodes farthest from the terminals
        down = slope.sum(axis=0) * near_b + self._down @ slope
        return float(along.max() + down.max())

    def _nodes(
        self, current: Floats, rows: Floats, cols: Floats, near_w: Floats, near_b: Floats
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Currents into rows and out of columns, and the nodes of both, from the cells' currents."""
        segment_w = current[:, ::-1].cumsum(axis=1)[:, ::-1]
        segment_b = current.cumsum(axis=0)
        into, out_of = segment_w[:, 0].copy(), segment_b[-1].copy()
        drop = segment_w * self._r
        drop[:, 0] = near_w * into
        rise = segment_b * self._r
        rise[-1] = near_b * out_of
        w = rows[:, np.newaxis] - drop.cumsum(axis=1)
        b = cols + rise[::-1].cumsum(axis=0)[::-1]
        return into, out_of, w, b


@functools.cache
def _solved() -> Iterator[int]:
    """Count the solutions of this process; no result depends on it."""
    return itertools.count()


@functools.lru_cache(maxsize=256)
def pace_for(bound: float, *, goal: float = _GOAL) -> Floats:
    """What each step keeps of the one before, and how far it moves, (steps, 2): Chebyshev's choice.

    For eigenvalues within [1, 1 + bound]; as many steps as bring what the wires drop below the goal.
    """
    root = math.sqrt(1.0 + bound)
    rate, reach, steps = (root - 1.0) / (root + 1.0), min(1.0, bound), 1
    if 2.0 * reach > goal and rate > goal:
        steps = math.ceil(math.log(goal / (2.0 * reach)) / math.log(rate))
    half = max(0.5 * bound, 1e-9)
    pace, rho = np.empty((steps, 2)), half / (1.0 + half)
    pace[0] = 0.0, 1.0 / (1.0 + half)
    for at in range(1, steps):
        following = 1.0 / (2.0 * (1.0 + half) / half - rho)
        pace[at] = following * rho, 2.0 * following / half
        rho = following
    return pace
