"""One driven crossbar at many biases and states at once, in numpy: the method of crossbar_plain with a leading axis.

For routines that ask what a pulse on every cell puts on it: one call, nothing to compile. A cell of unknown state
is taken as halfway between P and AP in its current. The precision is what such questions need, 1e-8 of the largest
terminal voltage, not that of the twin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labmtj.errors import InputError, SolveError
from labmtj.physics.crossbar_plain import pace_for
from labmtj.physics.mtj import law
from labmtj.records import Floats, State

_CHUNK = 65536  # chosen: cells solved at a time; what is laid out for them stays within a processor's caches
_PROVEN = 1e-8  # of the largest terminal voltage: what a last step may still change
_MOST_LOAD = 1e4  # chosen: thousands of steps; arrays whose wires take next to all of the voltage
_TURNS = 4  # chosen: how often the steps are taken again where slopes grew with the voltage


@dataclass(frozen=True)
class Crossbar:
    """Junctions between wires: zero-bias `r_p` [ohm] and `tmr0`, both (rows, cols), `v_h` [V], `k_p` [1/V2].

    `wire` [ohm] a segment; `row_contact`, `col_contact` [ohm] from a source, or from ground, to a line's end.
    An open cell has an infinite `r_p`; a short is a cell of a small one with `tmr0` 0.
    """

    r_p: Floats
    tmr0: Floats
    wire: float
    row_contact: float = 0.0
    col_contact: float = 0.0
    v_h: float = 0.5
    k_p: float = 0.2

    def cell_voltages(self, rows: Floats, cols: Floats, *, state: ArrayLike) -> Floats:
        """Voltages of all cells [V], (biases, rows, cols), for line voltages (biases, rows) and (biases, cols) [V].

        `state`: `State` of every cell, -1 where unknown, (rows, cols) or (biases, rows, cols). No line floats.
        Raises InputError for a line without a voltage, SolveError where the wires take so much that no step is
        small enough.
        """
        biases = len(rows)
        states = np.broadcast_to(np.asarray(state), (biases, *self.r_p.shape))
        if self.r_p.shape != (rows.shape[1], cols.shape[1]):
            raise InputError(f"{rows.shape[1]} rows and {cols.shape[1]} columns on an array of {self.r_p.shape} cells")
        if not (np.isfinite(rows).all() and np.isfinite(cols).all()):
            raise InputError("a line's voltage is no number; every line is held at one here")
        out = np.empty(states.shape)
        size = max(1, _CHUNK // self.r_p.size)
        for start in range(0, biases, size):
            part = slice(start, start + size)
            out[part] = self._solve(rows[part, :, np.newaxis], cols[part, np.newaxis, :], states[part])
        return out

    def column_currents(self, rows: Floats, cols: Floats, *, state: ArrayLike) -> Floats:
        """Currents out of all columns [A], (biases, cols); arguments as in `cell_voltages`."""
        return self.column_sums(self.cell_voltages(rows, cols, state=state), state=state)

    def column_sums(self, v: Floats, *, state: ArrayLike) -> Floats:
        """Currents out of all columns [A], (biases, cols), of cells that have the voltages `v` (biases, rows, cols)."""
        states = np.broadcast_to(np.asarray(state), v.shape)
        return self._current(v, _share_of_ap(states))[0].sum(axis=1)

    def currents(self, v: Floats, *, state: ArrayLike) -> Floats:
        """Currents [A] of cells that have the voltages `v` [V], (rows, cols), in `state` (rows, cols), -1 unknown."""
        return self._current(v, _share_of_ap(np.asarray(state)))[0]

    def load(self, *, state: ArrayLike) -> float:
        """What the wires make of the cells' conductances at 0 V, 0 without wires; see crossbar_lanes."""
        states = np.asarray(state)[np.newaxis]
        return self._bound(np.zeros(states.shape), _share_of_ap(states))

    def _solve(self, rows: Floats, cols: Floats, state: NDArray[np.integer[Any]]) -> Floats:
        ap = _share_of_ap(state)
        v: Floats = rows - cols
        step = np.zeros_like(v)
        scale = max(float(np.abs(rows).max()), float(np.abs(cols).max()), 1e-300)
        left = math.nan
        for _turn in range(_TURNS):
            bound = self._bound(v, ap)
            if not bound < _MOST_LOAD:
                break
            step[:] = 0.0
            for keep, move in pace_for(math.ceil(64.0 * bound) / 64.0):
                missing = rows - cols - self._dropped(self._current(v, ap)[0]) - v
                step = keep * step + move * missing
                v = v + step
            left = float(np.abs(rows - cols - self._dropped(self._current(v, ap)[0]) - v).max())
            if left <= _PROVEN * scale:
                return v
        raise SolveError(
            f"the cell voltages of a {self.r_p.shape[0]} x {self.r_p.shape[1]} array are out by {left:.1e} V; "
            "check the resistances of wires and cells that are given"
        )

    def _current(self, v: Floats, ap: Floats) -> tuple[Floats, Floats]:
        """Currents [A] and slopes [S] of all cells; `ap` is the share of the AP state in each."""
        g, curve = 1.0 / self.r_p, self.v_h**-2.0
        # law is arithmetic only, so it takes arrays as it takes numbers.
        low = law(v, g, self.k_p, 0.0, curve)  # pyright: ignore[reportArgumentType]
        high = law(v, g, 0.0, self.tmr0, curve)  # pyright: ignore[reportArgumentType]
        return (1.0 - ap) * low[0] + ap * high[0], (1.0 - ap) * low[1] + ap * high[1]

    def _dropped(self, current: Floats) -> Floats:
        """What wires and contacts take from each cell [V], from the cells' currents."""
        along = current[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
        down = current.cumsum(axis=1)
        into, out_of = along[:, :, :1] * self.row_contact, down[:, -1:] * self.col_contact
        return self.wire * (along.cumsum(axis=2) + down[:, ::-1].cumsum(axis=1)[:, ::-1]) + (into + out_of)

    def _bound(self, v: Floats, ap: Floats) -> float:
        """Bound of the largest eigenvalue of what the wires make of the cells' slopes at `v`; see crossbar_lanes."""
        slope: Floats = self._current(v, ap)[1]
        rows, cols = self.r_p.shape
        along: Floats = self.wire * np.arange(1.0, cols + 1.0) + self.row_contact
        down: Floats = self.wire * np.arange(rows, 0.0, -1.0) + self.col_contact
        # Sums, not products of matrices: threads of a linear algebra library cost more than they bring here.
        rise: Floats = (slope * along).sum(axis=-1)
        fall: Floats = (slope * down[:, np.newaxis]).sum(axis=-2)
        return float(rise.max() + fall.max())


def _share_of_ap(state: NDArray[np.integer[Any]]) -> Floats:
    return np.where(state == State.AP, 1.0, np.where(state == State.P, 0.0, 0.5))
