"""Column currents of crossbars of resistors with wires, exactly: many arrays at once, or large ones.

The circuit is that of crossbar, with every row at a voltage and every column at 0 V. What is wanted is one
matrix of transfer conductances, T (M, N): the current out of each column for 1 V on each row.

Both ways below describe a part of the array by the same hybrid matrix (linear_rows): given the voltages
where its lines come from their terminals, and the currents drawn where they go on, it returns the currents
there and the voltages here. A conductance matrix of the same part would hold 1 / r beside the cells' small
conductances and lose them as r goes to zero, and would not exist at r = 0; this one always exists, and
its entries are sums of a few positive terms. Even transfer conductances 20 decades below the largest agree
to 1e-14 with long double arithmetic while r g < 1 (a short of 100 ohm on segments of 100 ohm), and the
error grows no faster than r g beyond.

- *Row by row*, for small arrays. The part is all rows above a line across the bit lines, its ports the N bit
  lines there and the rows' terminals. The next row is a chain of N cells between its terminal and the N bit
  lines, known in closed form from the conductance seen beyond each node (N^2 multiplications). It is
  connected by adding its matrix, and a segment of each bit line is put in series: a current i takes r i
  off the port's voltage, so K becomes K - r K_P (1 + r K_PP)^-1 K_P', done for two lines at a time.
  M N^2 (N + M / 2) multiplications and no memory beyond N (N + M) numbers: 76,000 at 15 x 15. The inner
  loop runs along a row of the matrix, which is what the vector unit needs at any size of array and batch.
- *Block by block*, for large ones (nested dissection). A square of s x s cells has 4 s ports. Two
  neighbours are joined at m ports, where the far side of one, v = a - R i, meets the near side of the other,
  i = b + S v; R and S are blocks of their matrices, so with D = (1 + R S)^-1

      v = D (a - R b),   i = D' (b + S a),

  and the other ports of the two change by a' S D a, a' D' b and -b' D R b (here a, b are the rows of the two
  matrices at the joint). R and S are both positive semidefinite, hence 1 + R S is never singular. Squares of
  16 lines or less are eliminated row by row; from there pairs are joined, beside and above each other in turn,
  ports at the edges of the array left out. Doubling the side costs 8 times as much, half of all work is in
  the last two rounds, all of it matrix products: about 33 n^3 multiplications for n x n. The last joint
  is solved for the given inputs only. Memory: 16 n^2 numbers for the matrices of one round, and as much
  again while one is joined.

Inputs then are one matrix product, volts @ T.
"""

from __future__ import annotations

import math
from contextlib import nullcontext

import numpy as np
from numpy.typing import ArrayLike

from labmtj.errors import InputError, SolveError
from labmtj.physics.linear_blocks import currents
from labmtj.physics.linear_rows import eliminate
from labmtj.physics.threads import one_thread
from labmtj.records import Floats

MOST_BY_ROWS = 1.5e7
"""Multiplications above which an array is solved block by block (chosen: where the two are as fast, 56 x 56)."""
MOST_ON_ONE_THREAD = 2**16
"""Multiplications of a matrix product that no library spreads over threads (chosen: a quarter of OpenBLAS's limit)."""


def column_currents(conductance: ArrayLike, inputs: ArrayLike, *, r_wire: float) -> Floats:
    """Column currents [A], (K, N) or (B, K, N), out of arrays of resistors with all columns at 0 V.

    `conductance` (M, N) or (B, M, N) [S], zero where there is no cell; `inputs` (K, M), or (B, K, M) with
    other inputs for each array: voltages [V] of all rows. Wires of `r_wire` [ohm] a segment, zero included.

    Raises InputError for shapes that do not fit and values out of range, SolveError if the result is beyond
    the range of floats.
    """
    siemens, volts, r_wire = np.asarray(conductance, float), np.asarray(inputs, float), float(r_wire)
    _check(siemens, volts, r_wire)
    rows, cols = siemens.shape[-2:]
    small = volts.shape[-2] * rows * cols <= MOST_ON_ONE_THREAD and _by_rows(rows, cols)
    with nullcontext() if small else one_thread():
        found = _solve(siemens, volts, r_wire)
    if not np.isfinite(found).all():
        raise SolveError("column currents beyond the range of floats; check conductance, inputs and r_wire")
    return found


def _check(siemens: Floats, volts: Floats, r_wire: float) -> None:
    shapes = f"conductance {siemens.shape} and inputs {volts.shape} do not fit"
    if siemens.ndim not in (2, 3) or volts.ndim not in (2, 3) or 0 in siemens.shape:
        raise InputError(f"{shapes}; (rows, cols) or (B, rows, cols), and (K, rows) or (B, K, rows) are needed")
    if volts.shape[-1] != siemens.shape[-2]:
        raise InputError(f"{shapes}: {siemens.shape[-2]} rows need as many voltages")
    if siemens.ndim == volts.ndim == 3 and len(siemens) != len(volts):
        raise InputError(f"{shapes}: {len(siemens)} arrays, but inputs for {len(volts)}")
    if not (0.0 <= r_wire < math.inf):
        raise InputError(f"r_wire = {r_wire}; a finite number of at least 0 is needed")
    if not ((siemens >= 0.0) & (siemens < math.inf)).all():
        where = np.argwhere(~((siemens >= 0.0) & (siemens < math.inf)))[0]
        cell = f"cell ({where[-2] + 1}, {where[-1] + 1})" + (f" of array {where[0]}" if siemens.ndim == 3 else "")
        raise InputError(f"the conductance of {cell} is {siemens[tuple(where)]}; it is negative or not a finite number")
    if not np.isfinite(volts).all():
        raise InputError(
            "an input is not a finite voltage; every row is driven here, see solve_cells for floating lines"
        )


def _solve(siemens: Floats, volts: Floats, r_wire: float) -> Floats:
    if r_wire == 0.0:
        return volts @ siemens
    if _by_rows(*siemens.shape[-2:]):
        return volts @ _transfer(siemens, r_wire)
    if siemens.ndim == 2 and volts.ndim == 2:
        return _large(siemens, r_wire, volts)
    count = max(values.shape[0] for values in (siemens, volts) if values.ndim == 3)
    arrays, inputs = (np.broadcast_to(values, (count, *values.shape[-2:])) for values in (siemens, volts))
    return np.stack([_large(g, r_wire, v) for g, v in zip(arrays, inputs, strict=True)])


def _by_rows(rows: int, cols: int) -> bool:
    few, many = min(rows, cols), max(rows, cols)
    return few == 1 or many * few**2 * (few + many / 2) <= MOST_BY_ROWS


def _transfer(siemens: Floats, r_wire: float) -> Floats:
    """Transfer conductances (..., M, N) [S], row by row.

    By reciprocity rows and columns may change places, the first of one for the last of the other: the
    circuit looks the same from its other pair of sides. Fewer columns than rows are faster.
    """
    arrays = siemens.reshape(-1, *siemens.shape[-2:])
    turned = arrays.shape[2] > arrays.shape[1]
    if turned:
        arrays = arrays[:, ::-1, ::-1].swapaxes(1, 2)
    arrays = np.array(arrays, order="C")  # a copy: kernels are compiled anew for arrays that may not be written
    found = np.empty_like(arrays)
    eliminate(arrays, r_wire, False, False, False, found)
    if turned:
        found = np.ascontiguousarray(found[:, ::-1, ::-1].swapaxes(1, 2))
    return found.reshape(siemens.shape)


def _large(siemens: Floats, r_wire: float, volts: Floats) -> Floats:
    """Column currents (K, N) of one array, block by block; more inputs than rows share the rows' unit voltages."""
    rows = len(siemens)
    if len(volts) > rows:
        return volts @ currents(siemens, r_wire, np.eye(rows))
    return currents(siemens, r_wire, volts)
