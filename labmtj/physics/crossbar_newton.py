"""Kernels of the exact linear solve of a crossbar, by elimination row by row, and Newton around it.

Layouts as in crossbar_lines: word lines (cols, rows), bit lines (rows, cols), rows counted from the
bit lines' terminals. `slope` is (rows, cols).
"""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np

from labmtj.physics.crossbar_lines import FORCED, HELD, RESISTANCE, balance, look_away, solve_lines
from labmtj.physics.jit import jit
from labmtj.records import Floats

MOST_STEPS = 120
REFRESH = 0.03  # change, of the largest voltage, above which the factors are renewed (chosen: fastest at 15 x 15)
SETTLED = 1e-14  # of the largest terminal voltage: what a further step would still change


@jit
def _row_as_ports(
    slope: Floats, away: Floats, divider: Floats, r: float, held: float, resistance: float, out: Floats, q: Floats
) -> None:
    """Add to `out` the conductance matrix of one row, seen from the bit lines: G - G K G.

    K is the inverse of the row's tridiagonal matrix, found by solving the row for a unit voltage on
    each bit line in turn, all of them side by side.
    """
    cols = slope.shape[0]
    for node in range(cols - 1, -1, -1):
        for port in range(cols):
            q[node, port] = divider[node + 1] * q[node + 1, port] if node + 1 < cols else 0.0
        q[node, node] += slope[node]
    first = resistance / (1.0 + resistance * away[0]) if held != 0.0 else 1.0 / away[0]
    for port in range(cols):
        q[0, port] *= first
    for node in range(1, cols):
        for port in range(cols):
            q[node, port] = divider[node] * (q[node - 1, port] + r * q[node, port])
    for node in range(cols):
        for port in range(cols):
            out[node, port] -= slope[node] * q[node, port]
        out[node, node] += slope[node]


@jit
def _in_series(ports: Floats, r: float, column: Floats) -> None:
    """Put `r` [ohm] in series with every port of a conductance matrix, in place: (H^-1 + r)^-1.

    One port after the other, each a rank-one update, so that H may be singular and r zero.
    """
    count = ports.shape[0]
    for port in range(count):
        factor = r / (1.0 + r * ports[port, port])
        for a in range(count):
            column[a] = ports[a, port]
        for a in range(count):
            share = factor * column[a]
            for b in range(count):
                ports[a, b] -= share * column[b]


@jit
def factorise(
    slope: Floats,
    slope_w: Floats,
    r: float,
    term_w: Floats,
    term_b: Floats,
    away: Floats,
    divider: Floats,
    ports: Floats,
    closing: Floats,
) -> None:
    """Eliminate the rows from the far end of the bit lines to their terminals.

    ports[row] (cols, cols) becomes the conductance matrix of that row and all beyond it, with the bit
    line segments towards the terminals in series; `closing` the triangular factors at the terminals.
    """
    rows, cols = slope.shape
    look_away(slope_w, r, away, divider)
    q = np.empty((cols, cols))
    column = np.empty(cols)
    # One row's chain as contiguous vectors.
    row_away, row_divider = np.empty(cols), np.empty(cols)
    for row in range(rows - 1, -1, -1):
        for a in range(cols):
            row_away[a], row_divider[a] = away[a, row], divider[a, row]
            for b in range(cols):
                ports[row, a, b] = ports[row + 1, a, b] if row + 1 < rows else 0.0
        _row_as_ports(slope[row], row_away, row_divider, r, term_w[HELD, row], term_w[RESISTANCE, row], ports[row], q)
        if row > 0:
            _in_series(ports[row], r, column)
    # A held column: y + R (H y) = R q. A free one: H y = q + forced.
    for a in range(cols):
        held = term_b[HELD, a] != 0.0
        factor = term_b[RESISTANCE, a] if held else 1.0
        for b in range(cols):
            closing[a, b] = factor * ports[0, a, b]
        if held:
            closing[a, a] += 1.0
    for pivot in range(cols):
        inverse = 1.0 / closing[pivot, pivot]
        for a in range(pivot + 1, cols):
            factor = closing[a, pivot] * inverse
            closing[a, pivot] = factor
            for b in range(pivot + 1, cols):
                closing[a, b] -= factor * closing[pivot, b]


@jit
def _close(closing: Floats, term_b: Floats, seen: Floats, ports: Floats, y: Floats, flow_b: Floats) -> None:
    """Voltages and currents at the bit lines' terminals, from the source currents `seen` there."""
    cols = seen.shape[0]
    for a in range(cols):
        held = term_b[HELD, a] != 0.0
        value = term_b[RESISTANCE, a] * seen[a] if held else seen[a] + term_b[FORCED, a]
        for b in range(a):
            value -= closing[a, b] * y[b]
        y[a] = value
    for a in range(cols - 1, -1, -1):
        value = y[a]
        for b in range(a + 1, cols):
            value -= closing[a, b] * y[b]
        y[a] = value / closing[a, a]
    for a in range(cols):
        entering = -seen[a]
        for b in range(cols):
            entering += ports[a, b] * y[b]
        flow_b[a] = entering
    for a in range(cols):
        if term_b[HELD, a] != 0.0:
            y[a] = -term_b[RESISTANCE, a] * flow_b[a]
        else:
            flow_b[a] = term_b[FORCED, a]


@jit
def substitute(
    slope: Floats,
    norton: Floats,
    r: float,
    term_w: Floats,
    term_b: Floats,
    away: Floats,
    divider: Floats,
    ports: Floats,
    closing: Floats,
    x: Floats,
    y: Floats,
    flow_w: Floats,
    flow_b: Floats,
    source_w: Floats,
) -> None:
    """Solve the network whose cell currents are slope (x - y) - norton; fills x, y and the flows."""
    rows, cols = slope.shape
    seen = np.empty(cols)
    for row in range(rows):
        for col in range(cols):
            y[row, col] = 0.0
    # First with the bit lines at rest, for what they see of the word lines; then with them solved.
    for stage in range(2):
        for row in range(rows):
            for col in range(cols):
                source_w[col, row] = slope[row, col] * y[row, col] + norton[row, col]
        solve_lines(away, divider, source_w, r, term_w, x, flow_w)
        if stage == 1:
            return
        # flow_b holds, on the way to the terminals, the source currents seen from each row outwards.
        for row in range(rows - 1, -1, -1):
            for col in range(cols):
                flow_b[row, col] = slope[row, col] * x[col, row] - norton[row, col]
            if row + 1 < rows:
                for col in range(cols):
                    passed = 0.0
                    for b in range(cols):
                        passed += ports[row + 1, col, b] * flow_b[row + 1, b]
                    flow_b[row, col] += flow_b[row + 1, col] - r * passed
        for col in range(cols):
            seen[col] = flow_b[0, col]
        _close(closing, term_b, seen, ports[0], y[0], flow_b[0])
        for row in range(1, rows):
            for col in range(cols):
                seen[col] = y[row - 1, col] + r * flow_b[row, col]
            for col in range(cols):
                entering = -flow_b[row, col]
                for b in range(cols):
                    entering += ports[row, col, b] * seen[b]
                y[row, col] = y[row - 1, col] - r * entering
                flow_b[row, col] = entering


@jit
def newton(
    device: Floats,
    inverse_v_h_squared: float,
    base: Floats,
    scale: float,
    r: float,
    term_w: Floats,
    term_b: Floats,
    point: Floats,
    x: Floats,
    y: Floats,
    flow_w: Floats,
    flow_b: Floats,
    v: Floats,
    current: Floats,
) -> None:
    """Damped Newton steps from the given point to the solution, in place; the caller proves the result.

    x, y, flow_w and flow_b are views of `point`. The factors of one step serve the next ones while they
    contract. A step that does not lower the imbalance is halved: the network is the minimum of a convex
    function, so some part of the step does.
    """
    rows, cols = base.shape
    law, slope, norton = np.empty((rows, cols)), np.empty((rows, cols)), np.empty((rows, cols))
    slope_w, source_w = np.empty((cols, rows)), np.empty((cols, rows))
    away, divider = np.empty((cols, rows)), np.empty((cols, rows))
    ports, closing = np.empty((rows, cols, cols)), np.empty((cols, cols))
    before = np.empty(point.size)
    best, change, previous, part = np.inf, np.inf, np.inf, 1.0
    fresh, trial = True, False
    for _step in range(MOST_STEPS):
        squares, _, _ = balance(device, inverse_v_h_squared, base, x, y, flow_w, flow_b, v, current, law)
        if trial:
            # At the level of rounding there is nothing left to lower.
            lowered = squares <= best * (1.0 - 1e-4 * part) or change <= 1e-9 * scale
            if not fresh and not (lowered and change <= 0.2 * previous):
                for place in range(point.size):
                    point[place] = before[place]
                fresh, trial = True, False
                continue
            if not lowered and part > 1e-6:
                for place in range(point.size):
                    point[place] = 0.5 * (point[place] + before[place])
                part *= 0.5
                continue
            # What is left: quadratic with fresh factors (curvatures are below 10 / V), linear with old ones.
            rest = 10.0 * change * change if fresh else change * change / previous
            if np.isnan(squares) or (part == 1.0 and rest <= SETTLED * scale):
                return
            fresh = part < 1.0 or change > REFRESH * scale
            previous = change
        best = squares
        if fresh:
            for row in range(rows):
                for col in range(cols):
                    slope[row, col] = law[row, col]
                    slope_w[col, row] = law[row, col]
            factorise(slope, slope_w, r, term_w, term_b, away, divider, ports, closing)
        for row in range(rows):
            for col in range(cols):
                norton[row, col] = slope[row, col] * (x[col, row] - y[row, col]) - current[row, col]
        for place in range(point.size):
            before[place] = point[place]
        substitute(slope, norton, r, term_w, term_b, away, divider, ports, closing, x, y, flow_w, flow_b, source_w)
        # The first half of the point holds the voltages.
        change, part, trial = 0.0, 1.0, True
        for place in range(point.size // 2):
            change = max(change, abs(point[place] - before[place]))
