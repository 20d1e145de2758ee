"""Kernels of `superposition`: answers of an array of resistors to single driven lines.

Rows are joined from the open top of the bit lines downwards. Below row m the current down the bit lines is

    f = s_m - A_m b_m,    A_m = P_(m-1) A_(m-1) + Y_m,    s_m = P_(m-1) s_(m-1) + y_m V_m,    P_m = (1 + r A_m)^-1,

with b_m the voltages of the bit line nodes of row m, Y_m the currents that its word line takes from them and y_m what
it gives them for 1 V at its terminal. Upwards again b_m = P_m b_(m+1) + r P_m s_m. All of it exists at r = 0.
"""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np

from labmtj.physics.jit import jit, jit_apart
from labmtj.records import Floats, Ints


@jit_apart
def _chain(g: Floats, r: float, end: float, away: Floats, share: Floats) -> None:
    """Conductance seen along a word line from each node on, its own cell included, and 1 / (1 + ohms before it)."""
    cols = g.size
    away[cols - 1] = g[cols - 1]
    for col in range(cols - 1, -1, -1):
        share[col] = 1.0 / (1.0 + (r if col else end) * away[col])
        if col:
            away[col - 1] = g[col - 1] + away[col] * share[col]


@jit_apart
def _word_line(
    g: Floats, r: float, end: float, away: Floats, share: Floats, volts: Floats, bits: Floats, drawn: Floats,
    node: Floats, cell: Floats,
) -> None:  # fmt: skip
    """Cell voltages (cols, K) of a row for K pairs of a terminal's voltage (K,) and bit line nodes (cols, K)."""
    cols, many = bits.shape
    for k in range(many):
        drawn[cols - 1, k] = g[cols - 1] * bits[cols - 1, k]
    for col in range(cols - 2, -1, -1):
        for k in range(many):
            drawn[col, k] = g[col] * bits[col, k] + share[col + 1] * drawn[col + 1, k]
    for k in range(many):
        node[k] = volts[k]
    for col in range(cols):
        ohms = (r if col else end) * share[col]
        for k in range(many):
            node[k] -= ohms * (away[col] * node[k] - drawn[col, k])
            cell[col, k] = node[k] - bits[col, k]


@jit_apart
def _invert(matrix: Floats) -> None:
    """Invert in place, without pivots: for 1 + r A with A positive semidefinite none is needed."""
    size = matrix.shape[0]
    for pivot in range(size):
        inverse = 1.0 / matrix[pivot, pivot]
        matrix[pivot, pivot] = 1.0
        for n in range(size):
            matrix[pivot, n] *= inverse
        for m in range(size):
            if m != pivot:
                factor = matrix[m, pivot]
                matrix[m, pivot] = 0.0
                for n in range(size):
                    matrix[m, n] -= factor * matrix[pivot, n]


@jit_apart
def _times(left: Floats, right: Floats, first: int, last: int, out: Floats) -> None:
    """Columns `first` to `last` of left @ right."""
    size = left.shape[0]
    for m in range(size):
        for n in range(first, last):
            out[m, n] = 0.0
        for k in range(left.shape[1]):
            factor = left[m, k]
            for n in range(first, last):
                out[m, n] += factor * right[k, n]


@jit
def _answer(
    g: Floats, r: float, r_row: Floats, r_col: Floats, rows: Ints, sense: Floats, fields: Floats, transfer: Floats
) -> None:
    """Fill `fields` (rows, cols, inputs + outputs) and `transfer` (inputs, outputs) of one array."""
    height, cols = g.shape
    inputs, outputs = rows.size, sense.shape[1]
    many = inputs + outputs
    away, share = np.empty((height, cols)), np.empty((height, cols))
    joined, below, own, unit = (
        np.zeros((cols, cols)),
        np.zeros((cols, cols)),
        np.empty((cols, cols)),
        np.zeros((cols, cols)),
    )
    one, none, nothing, single = np.ones(1), np.zeros(cols), np.zeros((cols, 1)), np.empty((cols, 1))
    drawn, node = np.empty((cols, max(many, cols))), np.empty(max(many, cols))
    down, s = np.empty((height, cols, cols)), np.zeros((cols, inputs))
    kept = np.zeros((height, cols, inputs))
    for col in range(cols):
        unit[col, col] = 1.0
    for row in range(height):
        end = r + r_row[row]
        _chain(g[row], r, end, away[row], share[row])
        _word_line(g[row], r, end, away[row], share[row], none, unit, drawn, node, own)
        for m in range(cols):
            for n in range(cols):
                joined[m, n] = below[m, n] - g[row, m] * own[m, n]
        driven = False
        for k in range(inputs):
            if rows[k] == row:
                if not driven:
                    _word_line(g[row], r, end, away[row], share[row], one, nothing, drawn, node, single)
                    driven = True
                for col in range(cols):
                    s[col, k] += g[row, col] * single[col, 0]
        if row < height - 1:
            inverse = down[row]
            for m in range(cols):
                for n in range(cols):
                    inverse[m, n] = r * joined[m, n]
                inverse[m, m] += 1.0
            _invert(inverse)
            _times(inverse, joined, 0, cols, below)
            _times(inverse, s, 0, inputs, kept[row])
            for col in range(cols):
                for k in range(inputs):
                    s[col, k] = kept[row, col, k]
    # At the terminals, b = v + ohms f, for the columns at 0 V or, for answers to columns, at minus their weight.
    last = down[height - 1]
    for m in range(cols):
        for n in range(cols):
            last[m, n] = joined[m, n] * (r + r_col[n])
        last[m, m] += 1.0
    _invert(last)
    start, flow = np.empty((cols, many)), np.empty((cols, many))
    for m in range(cols):
        for n in range(inputs):
            start[m, n] = s[m, n]
        for n in range(outputs):
            total = 0.0
            for k in range(cols):
                total += joined[m, k] * sense[k, n]
            start[m, inputs + n] = total
    _times(last, start, 0, many, flow)
    for k in range(inputs):
        for n in range(outputs):
            total = 0.0
            for col in range(cols):
                total += flow[col, k] * sense[col, n]
            transfer[k, n] = total
    bits, above, volts = np.empty((cols, many)), np.empty((cols, many)), np.empty(many)
    for col in range(cols):
        for k in range(many):
            bits[col, k] = (r + r_col[col]) * flow[col, k] - (sense[col, k - inputs] if k >= inputs else 0.0)
    for row in range(height - 1, -1, -1):
        if row < height - 1:
            _times(down[row], bits, 0, many, above)
            for col in range(cols):
                for k in range(many):
                    bits[col, k] = above[col, k] + (r * kept[row, col, k] if k < inputs else 0.0)
        for k in range(many):
            volts[k] = 1.0 if k < inputs and rows[k] == row else 0.0
        _word_line(g[row], r, r + r_row[row], away[row], share[row], volts, bits, drawn, node, fields[row])


@jit
def answers(
    g: Floats, r: float, r_row: Floats, r_col: Floats, rows: Ints, sense: Floats, fields: Floats, transfer: Floats
) -> None:
    """Answers of the arrays `g` (arrays, rows, cols) [S] of resistors to single driven lines, all others at 0 V.

    Array n has the driven rows `rows[n]` (inputs,) and the weights of columns `sense[n]` (cols, outputs). Fills
    `fields` (arrays, rows, cols, inputs + outputs): cell voltages for 1 V on each of the rows, then for minus the
    weights of each output in volts on the columns; and `transfer` (arrays, inputs, outputs) [S].
    """
    for array in range(g.shape[0]):
        _answer(g[array], r, r_row, r_col, rows[array], sense[array], fields[array], transfer[array])
