"""Kernels of a crossbar whose wires have no resistance: one node a line, the free lines' voltages unknown.

`number_w` (rows,) and `number_b` (cols,) are a line's place among the free ones, or -1; currents and voltages of
cells have the shape (rows, cols).
"""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np

from labmtj.physics.crossbar_lines import FORCED, HELD, RESISTANCE
from labmtj.physics.jit import jit
from labmtj.records import Floats, Ints


@jit
def number_lines(term: Floats, end: Floats, number: Ints, forced: Floats, free: int) -> int:
    """Number the free lines of one side, from `free` on, and note what is forced into them."""
    for line in range(end.size):
        if term[HELD, line] != 0.0:
            end[line], number[line] = term[RESISTANCE, line], -1
        else:
            end[line], number[line], forced[free] = 0.0, free, term[FORCED, line]
            free += 1
    return free


@jit
def line_sums(current: Floats, number_w: Ints, number_b: Ints, sums: Floats) -> None:
    """Sum of currents out of each free line."""
    rows, cols = current.shape
    sums[:] = 0.0
    for row in range(rows):
        total, free = 0.0, number_w[row]
        for col in range(cols):
            total += current[row, col]
            if number_b[col] >= 0:
                sums[number_b[col]] -= current[row, col]
        if free >= 0:
            sums[free] += total


@jit
def lumped(slope: Floats, number_w: Ints, number_b: Ints, factor: Floats) -> None:
    """Cholesky factor (lower triangle) of the free lines' network without wire resistance."""
    rows, cols = slope.shape
    factor[:] = 0.0
    for row in range(rows):
        a = number_w[row]
        for col in range(cols):
            b = number_b[col]
            if a >= 0:
                factor[a, a] += slope[row, col]
            if b >= 0:
                factor[b, b] += slope[row, col]
            if a >= 0 and b >= 0:
                factor[b, a] -= slope[row, col]
    count = factor.shape[0]
    for a in range(count):
        root = np.sqrt(factor[a, a])
        factor[a, a] = root
        for b in range(a + 1, count):
            factor[b, a] /= root
            factor[a, b] = factor[b, a]  # the transpose above the diagonal: both substitutions run along rows
        for b in range(a + 1, count):
            share = factor[b, a]
            if share != 0.0:
                for c in range(a + 1, b + 1):
                    factor[b, c] -= share * factor[a, c]


@jit
def substitute_lines(factor: Floats, volts: Floats) -> None:
    """Solve with the factor of `lumped`, in place; both ways run along its rows."""
    count = volts.size
    for a in range(count):
        volts[a] /= factor[a, a]
        for b in range(a + 1, count):
            volts[b] -= factor[a, b] * volts[a]
    for back in range(count):
        a = count - 1 - back
        volts[a] /= factor[a, a]
        for b in range(a):
            volts[b] -= factor[a, b] * volts[a]


@jit
def move_lines(volts: Floats, number_w: Ints, number_b: Ints, cells: Floats) -> None:
    """Add the voltages of the free lines to their cells."""
    rows, cols = cells.shape
    for row in range(rows):
        shift = volts[number_w[row]] if number_w[row] >= 0 else 0.0
        for col in range(cols):
            cells[row, col] += shift - (volts[number_b[col]] if number_b[col] >= 0 else 0.0)
