"""Kernels that lay a crossbar out for the solvers, and the solver for arrays with all terminals held.

Inside, rows are counted from the bit lines' terminals, so that every chain has its terminal at node 0.
"""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np

from labmtj.physics.crossbar_lines import FORCED, HELD, RESISTANCE, look_away, solve_lines
from labmtj.physics.jit import jit
from labmtj.physics.mtj import LINEAR, junction
from labmtj.records import Floats, State

R_P, TMR0, STATE = 0, 1, 2
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
    device_w: Floats,
    device_b: Floats,
    base_w: Floats,
    base_b: Floats,
    term_w: Floats,
    term_b: Floats,
    ref_w: Floats,
    ref_b: Floats,
) -> tuple[bool, bool, bool, float, float]:
    """Fill what the solvers need from the arrays R_P, TMR0, STATE and VOLTS, SERIES, LIMIT of cells and lines.

    `ref` is the voltage from which a line's nodes are counted, `base` the difference of the two at each
    cell. Returns (all in range, all lines held, any line limited, largest voltage, current of 1e-5 of it
    through one row).
    """
    rows, cols = cells.shape[1:]
    good, held, bounded, scale, low, high, weight = True, True, False, 0.0, np.inf, -np.inf, 0.0
    for side in range(2):
        lines, term, ref = (row_lines, term_w, ref_w) if side == 0 else (col_lines, term_b, ref_b)
        count = lines.shape[1]
        for line in range(count):
            inside = count - 1 - line if side == 0 else line
            volts = lines[VOLTS, line]
            driven = not np.isnan(volts)
            if driven:
                scale, low, high = max(scale, abs(volts)), min(low, volts), max(high, volts)
            held = held and driven
            bounded = bounded or lines[LIMIT, line] < np.inf
            good = good and 0.0 <= lines[SERIES, line] < np.inf and lines[LIMIT, line] >= 0.0
            ref[inside] = volts
            term[HELD, inside], term[FORCED, inside] = 1.0 if driven else 0.0, 0.0
            term[RESISTANCE, inside] = r + lines[SERIES, line]
    for row in range(rows):
        inside = rows - 1 - row
        total = 0.0
        if np.isnan(ref_w[inside]):
            ref_w[inside] = 0.5 * (low + high)
        for col in range(cols):
            if np.isnan(ref_b[col]):
                ref_b[col] = 0.5 * (low + high)
            state, r_p, tmr0 = cells[STATE, row, col], cells[R_P, row, col], cells[TMR0, row, col]
            good = good and r_p > 0.0 and 0.0 <= tmr0 < np.inf and state in (_P, _AP, LINEAR)
            conductance, k, tmr = 1.0 / r_p, k_p if state == _P else 0.0, tmr0 if state == _AP else 0.0
            device_w[0, col, inside], device_w[1, col, inside], device_w[2, col, inside] = conductance, k, tmr
            device_b[0, inside, col], device_b[1, inside, col], device_b[2, inside, col] = conductance, k, tmr
            base_w[col, inside] = ref_w[inside] - ref_b[col]
            base_b[inside, col] = ref_w[inside] - ref_b[col]
            total += conductance
        weight = max(weight, total)
    return good and scale < np.inf, held, bounded, scale, 1e-5 * scale * weight


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
) -> bool:
    """Solve rows and columns in turn, in place, until nothing changes; False where that is too slow.

    A cell's current is odd in its voltage, so a column is a row with the voltages of its cells reversed.
    """
    away, divider, source, y_seen = np.empty(x.shape), np.empty(x.shape), np.empty(x.shape), np.zeros(x.shape)
    away2, divider2, source2, x_seen = np.empty(y.shape), np.empty(y.shape), np.empty(y.shape), np.zeros(y.shape)
    device, base, own, other, seen, term, flow = device_w, base_w, x, y_seen, x_seen, term_w, flow_w
    device2, base2, own2, term2, flow2 = device_b, base_b, y, term_b, flow_b
    sign, last, before = 1.0, np.inf, np.inf
    for half in range(_MOST_HALVES):
        nodes, lines = own.shape
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
                change = max(change, abs(own[node, line] - seen[line, node]))
                seen[line, node] = own[node, line]
        # Rates are taken over a whole sweep: rows and columns may differ in their resistances.
        ratio = max(change / before, 1e-4) if change > 0.0 else 1e-4
        if half > 2 and (change + last) * ratio <= _SETTLED * scale * (1.0 - ratio):
            return True
        if half > 5 and not (
            ratio < 0.7 and half + 2.0 * np.log(_SETTLED * scale / change) / np.log(ratio) <= _MOST_HALVES
        ):
            return False
        before, last, sign = last, change, -sign
        device, device2, base, base2, own, own2 = device2, device, base2, base, own2, own
        other, seen, term, term2, flow, flow2 = seen, other, term2, term, flow2, flow
        away, away2, divider, divider2, source, source2 = away2, away, divider2, divider, source2, source
    return False
