"""Resistances of wires, contacts and cells from what reads and sums show in several patterns of states.

Why several patterns: in one of them the array is a linear network whose other lines are at ground, so all that
reads and sums can tell is its transfer matrix, one number a cell. Whatever the wires are, some resistances
of the cells explain it; sums are just sums of reads. What tells them apart is to change the load of a
line and leave the cell that is read as it is: its current rises when its neighbours on the way to the
terminal go from P to AP, by what wires and contacts then drop less. So the unknowns are one resistance for each
cell and state, and the resistances of the lines, common to all patterns; a weighted least squares (Gauss and Newton)
on the exact derivatives of `physics.ohmic` finds all of them together, with their covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.errors import BenchError
from labmtj.physics.ohmic import OhmicArray
from labmtj.physics.threads import one_thread
from labmtj.records import Floats, Ints

_STEPS = 12
_DONE = 1e-7  # largest step, in logarithms of resistance, after which nothing more is gained
_PRIOR = 0.3  # chosen: sigma of ln R about where it starts; it holds only cells that no reading is left of
_NOTHING = 1e-9  # [S] chosen: an open cell is taken for this; what it adds to a line is below any meter
# How the three unknowns act on the four resistances of physics.ohmic: one wire for rows and columns.
COMMON = np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])


@dataclass(frozen=True, eq=False)
class Pattern:
    """Measurements in one pattern of states, each a conductance [S] with its standard error.

    `kind` (rows, cols): which of its resistances a cell has, 0 (P), 1 (AP) or -1 (an open cell that carries nothing).
    `drive` (N, rows) and `sense` (N, cols) are 1 for the lines that are driven and that are on the ammeter.
    """

    kind: Ints
    drive: Floats
    sense: Floats
    measured: Floats
    error: Floats


@dataclass(frozen=True, eq=False)
class LineFit:
    """`lines`: wire, row contact and column contact [ohm] with their `covariance`.

    `ohms` (2, rows, cols): resistance of each cell in P and AP without wires, nan where it was not seen, with its
    relative standard `error`. `chi2` is the sum of squared residuals over the degrees of freedom.
    """

    lines: Floats
    covariance: Floats
    ohms: Floats
    error: Floats
    chi2: float


def fit_lines(patterns: Sequence[Pattern], start: Floats) -> LineFit:
    """Fit all patterns together; `start` (2, rows, cols) are apparent resistances [ohm], all known.

    Where the residuals are larger than the errors (telegraph noise, contacts that differ from line to line), the
    covariance is larger by as much: Birge's ratio (doi:10.1103/PhysRev.40.207). Raises BenchError if the fit does
    not come to rest.
    """
    with one_thread():
        return _fit(patterns, start)


def _fit(patterns: Sequence[Pattern], start: Floats) -> LineFit:
    shape = start.shape[1:]
    number = np.full(start.shape, -1)
    used = np.zeros(start.shape, dtype=bool)
    for pattern in patterns:
        for kind in (0, 1):
            used[kind] |= pattern.kind == kind
    number[used] = np.arange(used.sum())
    count = int(used.sum())
    first: Floats = np.log(start[used])
    values, theta = first.copy(), np.zeros(COMMON.shape[1])
    normal, moved, squares, total = np.eye(1), np.inf, 0.0, 0
    for _ in range(_STEPS):
        normal, right, squares, total = np.zeros((count + theta.size,) * 2), np.zeros(count + theta.size), 0.0, 0
        for pattern in patterns:
            slope, missing = _linearised(pattern, number, values, theta, shape=(shape[0], shape[1]))
            normal += slope.T @ slope
            right += slope.T @ missing
            squares, total = squares + float(missing @ missing), total + missing.size
        normal[np.arange(count), np.arange(count)] += _PRIOR**-2
        right[:count] += (first - values) / _PRIOR**2
        step = np.asarray(np.linalg.solve(normal, right), np.float64)
        values, theta = values + step[:count], theta + step[count:]
        moved = float(np.abs(step[:count]).max())
        if moved < _DONE:
            break
    if not moved < 1e-4:
        raise BenchError(f"the fit of wires and contacts did not come to rest (last step {moved:.1e})")
    chi2 = squares / max(1, total - count - theta.size)
    spread = np.asarray(np.linalg.inv(normal), np.float64) * max(1.0, chi2)
    ohms, error = np.full(start.shape, np.nan), np.full(start.shape, np.nan)
    ohms[used], error[used] = np.exp(values), np.sqrt(np.diag(spread)[:count])
    return LineFit(theta, spread[count:, count:], ohms, error, chi2)


def _linearised(
    pattern: Pattern, number: Ints, values: Floats, theta: Floats, *, shape: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Slopes (N, unknowns) and residuals (N,) of a pattern's measurements, over their errors."""
    seen = pattern.kind >= 0
    rows, cols = np.indices(shape)
    index = np.where(seen, number[np.maximum(pattern.kind, 0), rows, cols], 0)
    array = OhmicArray(np.where(seen, np.exp(values[index]), 1 / _NOTHING), _four(theta))
    by_cell, by_line = array.slopes(pattern.drive, pattern.sense)
    slope = np.zeros((len(pattern.measured), values.size + theta.size))
    slope[:, index[seen]] = by_cell[:, seen.ravel()]
    slope[:, values.size :] = by_line @ COMMON
    missing = pattern.measured - array.currents(pattern.drive, pattern.sense)
    return slope / pattern.error[:, np.newaxis], missing / pattern.error


def _four(theta: Floats) -> tuple[float, float, float, float]:
    row_wire, col_wire, row_contact, col_contact = (COMMON @ theta).tolist()
    return row_wire, col_wire, row_contact, col_contact
