"""Kernels that lay a crossbar out for the solvers, and the solver for arrays with all terminals held.

Inside, rows are counted from the bit lines' terminals, so that every chain has its terminal at node 0.
"""

# Kernels take plain arrays by position, few of them: each takes time to compile.

from __future__ import annotations

import math

import numpy as np

from labmtj.physics.crossbar_lines import FORCED, HELD, RESISTANCE, look_away, solve_lines
from labmtj.physics.jit import jit
from labmtj.physics.mtj import LINEAR
from labmtj.physics.mtj_kernel import junction
from labmtj.records import Floats, State

R_P, TMR0, STATE = 0, 1, 2
BASE, REFERENCE = 3, 3
VOLTS, SERIES, LIMIT = 0, 1, 2

_P, _AP = int(State.P), int(State.AP)
_MOST_HALVES = 48
_SETTLED = 1e-14  # of the largest terminal voltage: what further sweeps would still change


@jit
def lay_out(
    cells: Floats,
    row_lines: Floats,
    col_lines: Floats,
    r: float,
    k_p: float,
    grid_w: Floats,
    grid_b: Floats,
    ends_w: Floats,
    ends_b: Floats,
) -> tuple[bool, bool, bool, float, float]:
    """Fill what the solvers need from the arrays R_P, TMR0, STATE and VOLTS, SERIES, LIMIT of cells and lines.

    `grid` holds the three numbers of a device and BASE, `ends` those of a terminal and REFERENCE, the voltage from
    which a line's nodes are counted; BASE is the difference of the two references at each cell. Returns (all in
    range, all lines held, any line limited, largest voltage, current of 1e-5 of it through one row).
    """
    rows, cols = cells.shape[1], cells.shape[2]
    good, held, bounded, scale, low, high, weight = True, True, False, 0.0, math.inf, -math.inf, 0.0
    for line in range(rows + cols):
        ends, lines, at, inside = ends_w, row_lines, line, rows - 1 - line
        if line >= rows:
            ends, lines, at, inside = ends_b, col_lines, line - rows, line - rows
        volts, series, limit = lines[VOLTS, at], lines[SERIES, at], lines[LIMIT, at]
        ends[HELD, inside], ends[FORCED, inside] = 0.0, 0.0
        ends[RESISTANCE, inside], ends[REFERENCE, inside] = r + series, volts
        if volts == volts:  # noqa: PLR0124 - a floating line has a nan
            ends[HELD, inside] = 1.0
            low, high, scale = min(low, volts), max(high, volts), max(scale, math.fabs(volts))
        else:
            held = False
        bounded = bounded or limit < math.inf
        good = good and 0.0 <= series < math.inf and limit >= 0.0
    if not held:
        middle = 0.5 * (low + high)
        for line in range(rows):
            if ends_w[HELD, line] == 0.0:
                ends_w[REFERENCE, line] = middle
        for line in range(cols):
            if ends_b[HELD, line] == 0.0:
                ends_b[REFERENCE, line] = middle
    for row in range(rows):
        inside = rows - 1 - row
        total = 0.0
        for col in range(cols):
            state, r_p, tmr0 = cells[STATE, row, col], cells[R_P, row, col], cells[TMR0, row, col]
            good = good and r_p > 0.0 and 0.0 <= tmr0 < math.inf
            conductance, k, tmr = 1.0 / r_p, 0.0, 0.0
            if state == _P:
                k = k_p
            elif state == _AP:
                tmr = tmr0
            elif state != LINEAR:
                good = False
            base = ends_w[REFERENCE, inside] - ends_b[REFERENCE, col]
            grid_w[0, col, inside], grid_w[1, col, inside] = conductance, k
            grid_w[2, col, inside], grid_w[BASE, col, inside] = tmr, base
            grid_b[0, inside, col], grid_b[1, inside, col] = conductance, k
            grid_b[2, inside, col], grid_b[BASE, inside, col] = tmr, base
            total += conductance
        weight = max(weight, total)
    return good and scale < math.inf, held, bounded, scale, 1e-5 * scale * weight


@jit
def sweep(
    device_w: Floats,
    device_b: Floats,
    inverse_v_h_squared: float,
    base_w: Floats,
    base_b: Floats,
    scale: float,
    r: float,
    term_w: Floats,
    term_b: Floats,
    x: Floats,
    y: Floats,
    flow_w: Floats,
    flow_b: Floats,
    work_w: Floats,
    work_b: Floats,
) -> bool:
    """Solve rows and columns in turn, in place, until nothing changes; False where that is too slow.

    A cell's current is odd in its voltage, so a column is a row with the voltages of its cells reversed.
    `work_w`, `work_b` are four arrays of the shapes of `x` and `y`, zero at the start.
    """
    sign, last, before = 1.0, np.inf, np.inf
    device, base, own, other, term, flow, work = device_w, base_w, x, work_w[3], term_w, flow_w, work_w
    device2, base2, own2, seen, term2, flow2, work2 = device_b, base_b, y, work_b[3], term_b, flow_b, work_b
    for half in range(_MOST_HALVES):
        nodes, lines = own.shape
        away, divider, source = work[0], work[1], work[2]
        for node in range(nodes):
            for line in range(lines):
                current, slope = junction(
                    sign * base[node, line] + own[node, line] - other[node, line],
                    device[0, node, line],
                    device[1, node, line],
                    device[2, node, line],
                    inverse_v_h_squared,
                )
                away[node, line] = slope
                source[node, line] = slope * own[node, line] - current
        look_away(away, r, away, divider)
        solve_lines(away, divider, source, r, term, own, flow)
        change = 0.0
        for node in range(nodes):
            for line in range(lines):
                change = max(change, math.fabs(own[node, line] - seen[line, node]))
                seen[line, node] = own[node, line]
        # Rates are taken over a whole sweep: rows and columns may differ in their resistances.
        ratio = 1e-4
        if change > 1e-4 * before:
            ratio = change / before
        if half > 2 and (change + last) * ratio <= _SETTLED * scale * (1.0 - ratio):
            return True
        if half > 5 and not (
            ratio < 0.7 and half + 2.0 * math.log(_SETTLED * scale / change) / math.log(ratio) <= _MOST_HALVES
        ):
            return False
        before, last, sign = last, change, -sign
        device, device2, base, base2, own, own2 = device2, device, base2, base, own2, own
        other, seen, term, term2, flow, flow2, work, work2 = seen, other, term2, term, flow2, flow, work2, work
    return False
