"""The exact operating point of a passive crossbar of nonlinear cells with wires, loads and limits.

The circuit: word line `row` runs terminal - R_row - r - w[row, 0] - r - w[row, 1] ... and ends open; bit
line `col` runs b[0, col] - r - b[1, col] ... b[M-1, col] - r - R_col - terminal and begins open; cell (row,
col) lies between w[row, col] and b[row, col]. A terminal is held at a voltage or floats.

What is solved, in words. Kirchhoff's current law at the 2 M N nodes is the minimum of one strictly convex
function (every cell's current increases with its voltage), so there is one solution and Newton's method
with halved steps finds it from anywhere. Each step replaces a cell by its tangent; what remains is a
network of resistors. A single array of up to 900 cells is solved in one of two ways:

- *Lines in turn* (all terminals held). With the bit lines fixed, every word line is a tridiagonal
  system, solved from its far end: away[n], the conductance of a node and all beyond it, is the node's own
  plus the next one's with one segment in series, and the source current is passed on by the same divider.
  Sums of positive terms only; all lines side by side. Then the bit lines with the word lines fixed, cells
  linearised anew each time. This is block Gauss-Seidel on a positive definite system, so it always
  contracts as long as the tangents do, by about (r G 4 n^2 / pi^2)^2 a sweep while that is small (15 x 15,
  40 nm, 5 ohm: 6 sweeps of 4 M N divisions). A short of 100 ohm in a far corner slows it to about 0.2.
  The observed contraction decides whether to go on or to hand over.
- *Rows eliminated* (floating or limited lines, or long wires, whatever the sweeps give up). A row
  seen from its N bit line nodes is an N-port with the conductance matrix G - G K G, K the inverse of its
  tridiagonal matrix. Ports of the far row, with one bit line segment in series each, are added to those
  of the next row, and so on to the terminals. A resistance in series with one port is an update of rank
  one, H - h h' r / (1 + r h_kk), valid for singular H and for r = 0. At the terminals an N x N system
  closes the network. Cost: M N^3 multiplications a factorisation (50,000 at 15 x 15), 3 M N^2 for a
  solution; factors are kept while they contract.

Four more ways are described with their kernels. Larger arrays, whatever floats: Newton's method with conjugate
gradients (crossbar_conjugate), about n^3 operations for n x n cells and no more than 20 fields of their size;
rows are eliminated where that fails. Batches of small arrays with all lines driven: a Chebyshev iteration on the
running sums along the lines, several arrays side by side (crossbar_lanes, crossbar_many). The same in numpy for
the twin's one small array, so that a protocol on it compiles nothing (crossbar_plain). Cells of any other law, by
`solve`: Newton's method around linear arrays (crossbar_law).

Node voltages are kept as deviations from the line's source and segment currents beside them, never as
differences of voltages over r: wires of 1e-9 ohm or none at all are as exact as any other.

A limit (compliance) makes a terminal a source of current where its voltage would ask for more: lines over
their limit become such sources one at a time, the worst first, and return if their voltage would pass
that of their source.

Nothing is remembered between calls, and each result carries its own proof (`Solution.kcl`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from labmtj.errors import InputError
from labmtj.physics.crossbar_network import Network
from labmtj.physics.crossbar_solution import Solution
from labmtj.physics.crossbar_sweep import R_P, STATE, TMR0
from labmtj.records import Floats


def solve_cells(
    state: ArrayLike,
    r_p: ArrayLike,
    rows: ArrayLike,
    cols: ArrayLike,
    *,
    r_wire: float,
    tmr0: ArrayLike,
    v_h: float,
    k_p: float,
    r_row: ArrayLike = 0.0,
    r_col: ArrayLike = 0.0,
    limit_row: ArrayLike = math.inf,
    limit_col: ArrayLike = math.inf,
) -> Solution:
    """Solve a crossbar of junctions for its terminal voltages `rows` (M,), `cols` (N,) [V]; nan floats.

    `state` (M, N): 0 P, 1 AP, 2 a resistor of `r_p`. `r_p` [ohm] (inf: no cell) and `tmr0` broadcast to
    (M, N); `r_wire` [ohm] a segment, `v_h` [V] and `k_p` [1/V^2] as in `physics.mtj`. `r_row`, `r_col` [ohm]
    between source and line, `limit_row`, `limit_col` [A] of a driven terminal: numbers or one a line.

    Many arrays, many biases or both at once: (B, M, N) for cells, (B, M) or (B, N) for lines, each where it
    is needed. No member's result depends on another's.

    Raises InputError for values out of range, and SolveError if a line has no path to a driven one, if
    the limits contradict each other, or if no solution was proven to 1e-9; of a batch, with the member.
    """
    states = np.asarray(state)
    if states.ndim not in (2, 3) or not states.size:
        raise InputError(f"state has the shape {states.shape}; (rows, cols) or (members, rows, cols) is needed")
    shape = states.shape[-2:]
    grids = [np.asarray(grid, float) for grid in (r_p, tmr0)]
    on_rows = [np.asarray(line, float) for line in (rows, r_row, limit_row)]
    on_cols = [np.asarray(line, float) for line in (cols, r_col, limit_col)]
    leading = [grid.shape[0] for grid in (states, *grids) if grid.ndim == 3]
    arrays = max(leading, default=1)
    leading += [line.shape[0] for line in on_rows + on_cols if line.ndim == 2]
    members = max(leading, default=1)
    row_lines, col_lines = _lines(on_rows, on_cols, members, (shape[0], shape[1]))
    single, of = np.empty((3, *shape)), np.arange(arrays)
    cells = list[Floats]()
    try:
        if leading:
            cells, of = (
                [np.broadcast_to(grid, (arrays, *shape)) for grid in (*grids, states)],
                np.broadcast_to(of, members),
            )
        else:
            single[R_P], single[TMR0], single[STATE] = *grids, states
    except ValueError as error:
        raise InputError(f"an argument does not fit {members} array(s) of {shape}: {error}") from error
    if leading:
        # Its kernels are compiled when the first batch is solved, and not before.
        from labmtj.physics.crossbar_batch import solve_batch

        return Solution(*solve_batch(cells, row_lines, col_lines, of=of, r_wire=r_wire, v_h=v_h, k_p=k_p))
    network = Network(
        single,
        row_lines=row_lines[:, 0],
        col_lines=col_lines[:, 0],
        r_wire=float(r_wire),
        v_h=float(v_h),
        k_p=float(k_p),
    )
    kcl = network.solve()
    cell_v, cell_i, word, bit = (np.ascontiguousarray(field) for field in network.nodes())
    into, out_of = (flow.copy() for flow in network.terminals())
    return Solution(word, bit, into, out_of, cell_v, cell_i, kcl, *network.in_compliance())


def solve(
    g_of_v: Callable[[Floats], ArrayLike],
    bias_rows: ArrayLike,
    bias_cols: ArrayLike,
    *,
    wire: float,
    r_row: ArrayLike = 0.0,
    r_col: ArrayLike = 0.0,
    limit_row: ArrayLike = math.inf,
    limit_col: ArrayLike = math.inf,
) -> Solution:
    """Solve a crossbar of cells of any law for its terminal voltages (M,), (N,) [V]; nan floats.

    `g_of_v` takes the voltages of all cells (M, N) [V], word line over bit line, and returns their conductances
    i / v [S], 0 where there is no cell; the current must not fall where the voltage rises. `wire` [ohm] a segment,
    the other arguments as in `solve_cells`. Several biases of one array, (B, M) or (B, N), are solved one by one.
    For junctions `solve_cells` is several times as fast; the method is described in `crossbar_law`.

    Raises InputError for values out of range and a law that is none, SolveError as `solve_cells`.
    """
    from labmtj.physics.crossbar_law import solve_biases  # imported where it is needed, like the batch below

    on_rows = [np.asarray(line, float) for line in (bias_rows, r_row, limit_row)]
    on_cols = [np.asarray(line, float) for line in (bias_cols, r_col, limit_col)]
    if any(side[0].ndim not in (1, 2) or not side[0].size for side in (on_rows, on_cols)):
        shapes = f"{on_rows[0].shape} and {on_cols[0].shape}"
        raise InputError(f"biases have the shapes {shapes}; (rows,) and (cols,), or (B, ...) are needed")
    leading = [len(line) for line in on_rows + on_cols if line.ndim == 2]
    shape = on_rows[0].shape[-1], on_cols[0].shape[-1]
    found = solve_biases(g_of_v, *_lines(on_rows, on_cols, max(leading, default=1), shape), wire=float(wire))
    return Solution(*found) if leading else Solution(*(field[0] for field in found))


def _lines(
    on_rows: Sequence[Floats], on_cols: Sequence[Floats], members: int, shape: tuple[int, int]
) -> tuple[Floats, Floats]:
    """VOLTS, SERIES, LIMIT of all rows and columns, (3, members, lines); raises InputError where they do not fit."""
    row_lines, col_lines = np.empty((3, members, shape[0])), np.empty((3, members, shape[1]))
    try:
        for part, line in zip((*row_lines, *col_lines), (*on_rows, *on_cols), strict=True):
            part[:] = line
    except ValueError as error:
        raise InputError(f"an argument of the lines does not fit {members} array(s) of {shape}: {error}") from error
    return row_lines, col_lines


def column_currents(conductance: ArrayLike, inputs: ArrayLike, *, r_wire: float) -> Floats:
    """Column currents [A], (K, N) or (B, K, N), out of arrays of resistors with all columns at 0 V.

    `conductance` (M, N) or (B, M, N) [S], zero where there is no cell; `inputs` (K, M) or (B, K, M): the
    voltages [V] of all rows. Wires of `r_wire` [ohm] as in `solve_cells`. Methods and errors: `linear`.
    """
    from labmtj.physics import linear

    return linear.column_currents(conductance, inputs, r_wire=r_wire)
