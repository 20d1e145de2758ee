"""The operating point of a kernel: an array of 25 x 25 or so cells with a transistor in each, some gates open.

The method is described in gated_kernels. Each result carries its own proof: what is missing of any cell's law or
of a floating line's sum, over the largest current of a line (`kcl`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labmtj.errors import InputError, SolveError
from labmtj.physics import gated_kernels as kernels
from labmtj.physics.mtj import LINEAR
from labmtj.physics.transistor import Transistor
from labmtj.records import Floats, State

_PROVEN = 1e-9


@dataclass(frozen=True)
class GatedCells:
    """Cells at given voltages of row and column: node to column `cell_v` [V], current [A], and its slopes [S].

    `by_row` is dI/dV_row and `by_col` -dI/dV_col; where the transistor saturates the first one is small.
    """

    cell_v: Floats
    cell_i: Floats
    by_row: Floats
    by_col: Floats


@dataclass(frozen=True)
class GatedSolution:
    """Operating point of a kernel; (rows, cols), (rows,) or (cols,), of which rows with closed gates have zeros.

    `cell_v` [V] is that of the junction, node minus column, `cell_i` [A] from row to column; `i_row` flows into the
    array, `i_col` out of it. `kcl` as said above.
    """

    cell_v: Floats
    cell_i: Floats
    i_row: Floats
    i_col: Floats
    kcl: float


def gated_cell(
    state: ArrayLike,
    r_p: ArrayLike,
    *,
    v_row: ArrayLike,
    v_col: ArrayLike,
    gate: ArrayLike,
    tmr: ArrayLike,
    v_h: float,
    k_p: float,
    transistor: Transistor,
    v_t: ArrayLike | None = None,
) -> GatedCells:
    """Cells of `state` (0 P, 1 AP, 2 a resistor) and `r_p` [ohm] between rows and columns [V], `gate` open at [V].

    All broadcast. `tmr` is TMR0, `v_h` [V], `k_p` [1/V2] as in physics.mtj; `v_t` [V] are the cells' own thresholds,
    else all have the transistor's.
    """
    over = np.asarray(gate, float) - np.asarray(transistor.threshold if v_t is None else v_t, float)
    cells = np.broadcast_arrays(*_junctions(np.asarray(state), r_p, tmr, k_p), over, v_row, v_col)
    flat = np.array([part.ravel() for part in cells], float)
    out = np.empty((4, flat.shape[1]))
    kernels.cells(flat[4], flat[5], flat[:4], transistor.k, v_h**-2.0, out)
    node, current, by_row, by_col = (part.reshape(cells[0].shape) for part in out)
    return GatedCells(node - cells[5], current, by_row, by_col)


def solve_gated(
    states: ArrayLike,
    r_p: ArrayLike,
    *,
    v_row: ArrayLike,
    v_col: ArrayLike,
    gates: ArrayLike,
    r_wire: float,
    tmr: ArrayLike,
    v_h: float,
    k_p: float,
    transistor: Transistor,
    v_t: ArrayLike | None = None,
    r_row: ArrayLike = 0.0,
    r_col: ArrayLike = 0.0,
) -> GatedSolution:
    """Solve a kernel for its terminals `v_row` (M,), `v_col` (N,) [V], nan where a line floats, behind r_row, r_col.

    `states` (M, N): 0 P, 1 AP, 2 a resistor of `r_p` [ohm]; `gates` (M,) [V], nan where a row's gate is closed;
    `r_wire` [ohm] a segment, the rest as in `gated_cell`. Cost grows with the open rows only.
    Raises InputError for shapes that do not fit, SolveError if no solution was proven to 1e-9.
    """
    params, rows, cols, gate = _kernel(states, r_p, tmr, k_p, transistor, v_t, v_row, r_row, v_col, r_col, gates)
    return _solution(gate, params, rows, cols, transistor.k, v_h, r_wire)


def _solution(
    gate: Floats, params: Floats, rows: Floats, cols: Floats, k: float, v_h: float, r_wire: float
) -> GatedSolution:
    """The operating point with these gates (M,); the rest as kernels take it."""
    height, width = params.shape[2:]
    open_rows = np.flatnonzero(np.isfinite(gate))[::-1]  # a gate at minus infinity is closed, too
    volts, amperes, kcl = _solve(open_rows[np.newaxis], params, rows, cols, k, v_h, r_wire)
    cell_v, cell_i = np.zeros((height, width)), np.zeros((height, width))
    cell_v[open_rows], cell_i[open_rows] = volts[0], amperes[0]
    return GatedSolution(cell_v, cell_i, cell_i.sum(axis=1), cell_i.sum(axis=0), kcl)


class GatedKernel:
    """A kernel in one state of its cells that is solved again and again: arguments and errors of `solve_gated`."""

    def __init__(
        self,
        states: ArrayLike,
        r_p: ArrayLike,
        *,
        r_wire: float,
        tmr: ArrayLike,
        v_h: float,
        k_p: float,
        transistor: Transistor,
        v_t: ArrayLike | None = None,
    ) -> None:
        nothing = (0.0, 0.0, 0.0, 0.0)
        self._params, self._rows, self._cols, _ = _kernel(states, r_p, tmr, k_p, transistor, v_t, *nothing, np.nan)
        self._v_t = np.asarray(transistor.threshold if v_t is None else v_t, float)
        self._k, self._v_h, self._r_wire = transistor.k, v_h, r_wire

    def solve(
        self, *, gates: Floats, v_row: Floats, v_col: Floats, r_row: ArrayLike = 0.0, r_col: ArrayLike = 0.0
    ) -> GatedSolution:
        """Solve for these terminals and gates."""
        params, rows, cols = self._params, self._rows, self._cols
        np.subtract(gates[:, np.newaxis], self._v_t, out=params[0, kernels.OVER])
        rows[kernels.VOLTS], rows[kernels.OHMS] = v_row, r_row
        cols[kernels.VOLTS], cols[kernels.OHMS] = v_col, r_col
        return _solution(gates, params, rows, cols, self._k, self._v_h, self._r_wire)


def solve_patterns(
    states: ArrayLike,
    r_p: ArrayLike,
    *,
    patterns: NDArray[np.bool_],
    rail: float,
    v_row: ArrayLike,
    v_col: ArrayLike,
    r_wire: float,
    tmr: ArrayLike,
    v_h: float,
    k_p: float,
    transistor: Transistor,
    v_t: ArrayLike | None = None,
    r_row: ArrayLike = 0.0,
    r_col: ArrayLike = 0.0,
) -> Floats:
    """Currents [A] out of the columns of a kernel, (patterns, N), with the gates of each pattern (M,) at `rail` [V].

    The rest as in `solve_gated`, and the same numbers as of it one by one; so are the errors.
    """
    params, rows, cols, _ = _kernel(states, r_p, tmr, k_p, transistor, v_t, v_row, r_row, v_col, r_col, rail)
    height = int(params.shape[2])
    if patterns.ndim != 2 or patterns.shape[1] != height:
        raise InputError(f"patterns of the shape {patterns.shape} do not fit a kernel of {height} rows")
    orders = np.sort(np.where(patterns, np.arange(height), -1), axis=1)[:, ::-1]
    _, amperes, _ = _solve(orders, params, rows, cols, transistor.k, v_h, r_wire)
    return amperes[:, ::-1].sum(axis=1)  # in the order in which `solve_gated` adds


def _solve(
    orders: NDArray[np.int64], params: Floats, rows: Floats, cols: Floats, k: float, v_h: float, r_wire: float
) -> tuple[Floats, Floats, float]:
    """Voltages and currents of the junctions in the open rows, and what is missing. Raises SolveError."""
    volts, amperes = np.zeros((2, *orders.shape, params.shape[3]))
    of = np.zeros(len(orders), np.int64)
    order = np.ascontiguousarray(orders, np.int64)
    kcl = kernels.solve_each(order, of, params, rows, cols, k, v_h**-2.0, float(r_wire), volts, amperes)
    if not kcl < _PROVEN:
        raise SolveError(
            f"a kernel of {params.shape[2]} x {params.shape[3]}: no operating point was proven ({kcl:.1e} of the "
            f"largest current is missing, {_PROVEN:g} allowed); check that voltages and resistances make sense"
        )
    return volts, amperes, kcl


def _junctions(states: NDArray[Any], r_p: ArrayLike, tmr: ArrayLike, k_p: float) -> tuple[Floats, Floats, Floats]:
    """1/R_P, k_P of P and TMR0 of AP, as kernels take them."""
    if states.size and (states.min() < State.P or states.max() > LINEAR):
        raise InputError("a state is none of 0 (P), 1 (AP), 2 (a resistor)")
    siemens = 1.0 / np.asarray(r_p, float)
    return siemens, np.where(states == State.P, k_p, 0.0), np.where(states == State.AP, np.asarray(tmr, float), 0.0)


def _kernel(
    states: ArrayLike,
    r_p: ArrayLike,
    tmr: ArrayLike,
    k_p: float,
    transistor: Transistor,
    v_t: ArrayLike | None,
    v_row: ArrayLike,
    r_row: ArrayLike,
    v_col: ArrayLike,
    r_col: ArrayLike,
    gates: ArrayLike,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Parameters (1, 4, M, N) of cells, (2, M) of rows, (2, N) of columns, and gates (M,), as kernels take them."""
    grid = np.asarray(states)
    if grid.ndim != 2 or not grid.size:
        raise InputError(f"states have the shape {grid.shape}; (rows, cols) is needed")
    params, rows, cols, gate = (np.empty((1, 4, *grid.shape)), np.empty((2, grid.shape[0])),
                                np.empty((2, grid.shape[1])), np.empty(grid.shape[0]))  # fmt: skip
    try:
        gate[:] = gates
        params[0, :3] = _junctions(grid, r_p, tmr, k_p)
        params[0, kernels.OVER] = gate[:, np.newaxis] - (
            transistor.threshold if v_t is None else np.asarray(v_t, float)
        )
        rows[kernels.VOLTS], rows[kernels.OHMS] = v_row, r_row
        cols[kernels.VOLTS], cols[kernels.OHMS] = v_col, r_col
    except ValueError as error:
        raise InputError(f"an argument does not fit a kernel of {grid.shape}: {error}") from error
    return params, rows, cols, gate
