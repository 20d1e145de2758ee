"""Kernels on whole lines of the crossbar: many resistive chains at once, each with a terminal at node 0.

Arrays are chain-first, shape (nodes, lines), so that the inner loop runs over lines side by side in the
vector unit. Voltages are counted from the line's own reference (its source, if it is driven) and `flow`
is the current in the segment that enters a node from the side of the terminal, so both stay exact
however small the wire's resistance is, and zero is no special case.

`terminal` has shape (3, lines): whether the line is held by a source (1) or free (0), the resistance
between source and node 0 of a held line [ohm], the current that is forced into a free line [A].
"""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np

from labmtj.physics.jit import jit
from labmtj.physics.mtj_kernel import junction
from labmtj.records import Floats

HELD, RESISTANCE, FORCED = 0, 1, 2


@jit
def look_away(slope: Floats, r: float, away: Floats, divider: Floats) -> None:
    """Conductance `away` [S] of each node with all that lies beyond it, seen from the terminal's side.

    away[n] = slope[n] + away[n+1] divider[n+1], divider[n] = 1 / (1 + r away[n]): sums of positive
    terms only, so nothing cancels.
    """
    last = slope.shape[0] - 1
    for node in range(last, -1, -1):
        for line in range(slope.shape[1]):
            seen = slope[node, line]
            if node < last:
                seen += away[node + 1, line] * divider[node + 1, line]
            away[node, line] = seen
            divider[node, line] = 1.0 / (1.0 + r * seen)


@jit
def solve_lines(
    away: Floats, divider: Floats, source: Floats, r: float, terminal: Floats, x: Floats, flow: Floats
) -> None:
    """Solve all chains: node n draws slope[n] x[n] - source[n]; fills `x` [V] and `flow` [A]."""
    nodes, lines = source.shape
    # On the way to the terminal `flow` holds the source current seen from each node outwards.
    for line in range(lines):
        flow[nodes - 1, line] = source[nodes - 1, line]
    for node in range(nodes - 2, -1, -1):
        for line in range(lines):
            flow[node, line] = source[node, line] + divider[node + 1, line] * flow[node + 1, line]
    for line in range(lines):
        if terminal[HELD, line] != 0.0:
            resistance = terminal[RESISTANCE, line]
            entering = -flow[0, line] / (1.0 + resistance * away[0, line])
            x[0, line] = -resistance * entering
            flow[0, line] = entering
        else:
            x[0, line] = (terminal[FORCED, line] + flow[0, line]) / away[0, line]
            flow[0, line] = terminal[FORCED, line]
    for node in range(1, nodes):
        for line in range(lines):
            before = x[node - 1, line]
            entering = divider[node, line] * (away[node, line] * before - flow[node, line])
            x[node, line] = before - r * entering
            flow[node, line] = entering


@jit
def balance(
    device: Floats,
    inverse_v_h_squared: float,
    base: Floats,
    x: Floats,
    y: Floats,
    flow_w: Floats,
    flow_b: Floats,
    v: Floats,
    current: Floats,
    slope: Floats,
) -> tuple[float, float, float]:
    """Fill voltage, current and slope of every cell, and judge Kirchhoff's sums at both of its nodes.

    Cells have the shape (rows, cols), as `y` and `flow_b`; `x` and `flow_w` have (cols, rows). Returns the
    sum of squares [A^2] and the largest magnitude [A] of the sums, and the largest terminal current [A].
    """
    rows, cols = base.shape
    squares, largest, terminal = 0.0, 0.0, 0.0
    for row in range(rows):
        for col in range(cols):
            v[row, col] = base[row, col] + x[col, row] - y[row, col]
            current[row, col], slope[row, col] = junction(
                v[row, col], device[0, row, col], device[1, row, col], device[2, row, col], inverse_v_h_squared
            )
        terminal = max(terminal, abs(flow_w[0, row]))
    for row in range(rows):
        for col in range(cols):
            on_row = flow_w[col, row] - current[row, col]
            on_col = flow_b[row, col] + current[row, col]
            if col + 1 < cols:
                on_row -= flow_w[col + 1, row]
            if row + 1 < rows:
                on_col -= flow_b[row + 1, col]
            squares += on_row * on_row + on_col * on_col
            largest = max(largest, abs(on_row), abs(on_col))
    for col in range(cols):
        terminal = max(terminal, abs(flow_b[0, col]))
    if np.isnan(squares):  # a comparison drops a nan, a sum does not
        largest = squares
    return squares, largest, terminal
