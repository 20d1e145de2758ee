"""Kernels that solve many operating points: the rows of a chip one after the other, and patterns of open gates."""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.gated_kernels import BEND, NODE, OHMS, OVER, SIEMENS, TMR, VOLTS, solve
from labmtj.physics.jit import jit
from labmtj.records import Floats


@jit
def read_rows(cells: Floats, height: int, volts: float, k: float, curve: float, r: float, out: Floats) -> float:
    """Fill `out` (2, rows, cols) with junction voltages [V] and currents [A] of `cells` (4, rows of all kernels, cols).

    Each row with its gate alone open, all rows at `volts`, all columns at 0 V; kernels have `height` rows. Returns the
    worst of what is missing over the largest current, nan where nothing was found.
    """
    width, worst = cells.shape[2], 0.0
    rows, cols = np.zeros((2, height)), np.zeros((2, width))
    params, work, order = np.empty((4, height, width)), np.empty((9, 1, width)), np.empty(1, np.int64)
    i, w, b, found = np.empty((1, width)), np.empty((1, width)), np.empty((1, width)), np.empty((4, 1, width))
    for row in range(height):
        rows[VOLTS, row], rows[OHMS, row] = volts, 0.0
    for at in range(cells.shape[1]):
        order[0] = at % height
        for part in (SIEMENS, BEND, TMR, OVER):
            params[part, order[0]] = cells[part, at]
        missing = solve(order, params, rows, cols, k, curve, r, work, i, w, b, found)
        worst = np.nan if np.isnan(missing) else max(missing, worst)
        if np.isnan(worst):
            return worst
        for col in range(width):
            out[0, at, col], out[1, at, col] = found[NODE, 0, col] - b[0, col], i[0, col]
    return worst


@jit
def each_pattern(
    patterns: NDArray[np.bool_],
    params: Floats,
    rows: Floats,
    cols: Floats,
    k: float,
    curve: float,
    r: float,
    out: Floats,
) -> float:
    """Fill `out` (patterns, N) with the currents [A] out of the columns, each with the gates of a pattern open.

    `patterns` (patterns, M); the rest as in gated_kernels.solve. Returns the worst of what is missing, or nan.
    """
    height, width, worst = params.shape[1], params.shape[2], 0.0
    work, order = np.empty((9, height, width)), np.empty(height, np.int64)
    for at in range(patterns.shape[0]):
        count = 0
        for back in range(height):
            if patterns[at, height - 1 - back]:
                order[count] = height - 1 - back
                count += 1
        for col in range(width):
            out[at, col] = 0.0
        if count == 0:
            continue
        i, w, b = np.empty((count, width)), np.empty((count, width)), np.empty((count, width))
        missing = solve(order[:count], params, rows, cols, k, curve, r, work, i, w, b, np.empty((4, count, width)))
        worst = np.nan if np.isnan(missing) else max(missing, worst)
        if np.isnan(worst):
            return worst
        for row in range(count):
            for col in range(width):
                out[at, col] += i[row, col]
    return worst
