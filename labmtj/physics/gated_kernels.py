"""Kernels of arrays with a transistor in every cell: the cell's law, and the network of the rows with open gates.

Row line - transistor - node - junction - column line. The transistor's law (physics.transistor) is in absolute
potentials, so a cell's current I(w, b) has two slopes, dI/dw and -dI/db; both are positive. Wires as in
physics.crossbar: row terminal - R_row - r - w[0] - r - w[1] ..., and b[0] - r - ... b[last] - r - R_col - terminal.
A row whose gate is closed carries nothing, and only lengthens the columns' wires between its neighbours.

What is solved, in words. Unknown are the cells' currents; running sums along the wires give the nodes, so nothing is
lost where wires are short, and Kirchhoff's law holds by construction. What is missing is the law of the cells,
I(w, b) = i, and the sum 0 of a floating line. Newton's method: with both slopes the cells become linear, and rows and
columns are solved in turn, each line a chain eliminated from its far end. The matrix is an M-matrix (each column
sums to what leaves to a terminal), so the turns contract; with transistors before all cells fast: by some 1e-2 a turn.
"""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.jit import jit
from labmtj.physics.mtj_kernel import junction
from labmtj.records import Floats

LEAK = 1e-12
"""Conductance beside the transistor of an open row [S]. Chosen: far below any cell; it keeps floating lines defined."""
SIEMENS, BEND, TMR, OVER = 0, 1, 2, 3
"""Parameters of cells: 1/R_P [S], k_P of P [1/V2], TMR0 of AP, V_G - V_T [V]."""
VOLTS, OHMS = 0, 1
"""Of a line: the voltage of its terminal, nan where it floats, and the resistance before it."""
NODE, FLOW, BY_ROW, BY_COL = 0, 1, 2, 3
"""What is found of each cell: the node's voltage [V], the current [A], and its two slopes [S]."""
_GOAL = 1e-11  # what the cells' law may miss, of the largest current
_FLOOR = 1e-5  # of the current that the largest voltage drives through all cells: below it currents are rounding
_GUESS = 0.7  # share of the voltage on the junction, to begin with
_SETTLED = 1e-4  # what the last turn may move, of the largest change: the next step of Newton sets it right
_TURNS, _STEPS, _LEAST = 4000, 60, 2e-4


@jit
def cell(
    w: float, b: float, over: float, k: float, g: float, bend: float, tmr: float, curve: float, n: float
) -> tuple[float, float, float, float]:
    """Node voltage [V], current [A] and its slopes dI/dw, -dI/db [S] of a cell between `w` and `b` [V].

    `over` is V_G - V_T [V], `k` the transistor's [A/V2], `g`, `bend`, `tmr`, `curve` the junction's as in mtj.law, `n`
    a first guess of the node. The node lies between w and b: Newton's method, kept within what is known of it.
    """
    low, high = min(w, b), max(w, b)
    n = min(max(n, low), high)
    row = max(over - w, 0.0)
    for _step in range(100):
        own = max(over - n, 0.0)
        current, slope = junction(n - b, g, bend, tmr, curve)
        missing = 0.5 * k * (own - row) * (own + row) + LEAK * (w - n) - current
        if missing > 0.0:
            low = n
        else:
            high = n
        before, n = n, n + missing / (k * own + LEAK + slope)
        if n < low or n > high:
            n = 0.5 * (low + high)
            if high - low <= 1e-15 * (abs(low) + abs(high)):
                break
        elif abs(n - before) < 1e-9:  # the next step would be its square over the overdrive
            break
    own = max(over - n, 0.0)
    current, slope = junction(n - b, g, bend, tmr, curve)
    near, far = k * row + LEAK, k * own + LEAK
    share = slope / (far + slope)
    return n, current, near * share, far * share


@jit
def cells(w: Floats, b: Floats, params: Floats, k: float, curve: float, out: Floats) -> None:
    """Fill `out` (4, cells) with `cell` of all the cells `params` (4, cells) between `w` and `b` (cells,)."""
    for at in range(w.size):
        p = params[:, at]
        found = cell(w[at], b[at], p[OVER], k, p[SIEMENS], p[BEND], p[TMR], curve, 0.5 * (w[at] + b[at]))
        out[NODE, at], out[FLOW, at], out[BY_ROW, at], out[BY_COL, at] = found


@jit
def _evaluate(
    order: NDArray[np.int64], params: Floats, k: float, curve: float, w: Floats, b: Floats, found: Floats
) -> None:
    for at in range(order.size):
        row = order[at]
        for col in range(w.shape[1]):
            n, i, by_row, by_col = cell(
                w[at, col], b[at, col], params[OVER, row, col], k, params[SIEMENS, row, col], params[BEND, row, col],
                params[TMR, row, col], curve, found[NODE, at, col],
            )  # fmt: skip
            found[NODE, at, col], found[FLOW, at, col] = n, i
            found[BY_ROW, at, col], found[BY_COL, at, col] = by_row, by_col


@jit
def _place(
    i: Floats, rows: Floats, cols: Floats, near: Floats, along: float, down: Floats, w: Floats, b: Floats
) -> None:
    """Nodes from the cells' currents `i` (open rows, cols).

    `rows` and `cols` are the voltages from which each line is counted (of its terminal, or of the first node of one
    that floats); `near` (open rows,) and `down` (open rows, cols) the resistances before nodes, `along` that of a
    segment of a row.
    """
    height, width = i.shape
    for at in range(height):
        flow = 0.0
        for back in range(width):
            flow += i[at, width - 1 - back]
            w[at, width - 1 - back] = flow
        volts = rows[at] - near[at] * flow
        w[at, 0] = volts
        for col in range(1, width):
            volts -= along * w[at, col]
            w[at, col] = volts
    for col in range(width):
        b[height - 1, col] = i[height - 1, col]
    for back in range(1, height):
        at = height - 1 - back
        for col in range(width):
            b[at, col] = b[at + 1, col] + i[at, col]
    for col in range(width):
        b[0, col] = cols[col] + down[0, col] * b[0, col]
    for at in range(1, height):
        for col in range(width):
            b[at, col] = b[at - 1, col] + down[at, col] * b[at, col]


@jit
def _missing(i: Floats, found: Floats, free_rows: NDArray[np.bool_], free_cols: NDArray[np.bool_]) -> float:
    """The largest current that the cells' law or the sum of a floating line misses [A]; nan counts as infinite."""
    height, width = i.shape
    worst = 0.0
    for at in range(height):
        total = 0.0
        for col in range(width):
            total += i[at, col]
            miss = abs(found[FLOW, at, col] - i[at, col])
            worst = np.inf if np.isnan(miss) else max(worst, miss)
        if free_rows[at]:
            worst = max(worst, abs(total))
    for col in range(width):
        if free_cols[col]:
            total = 0.0
            for at in range(height):
                total += i[at, col]
            worst = max(worst, abs(total))
    return worst


@jit
def _step(
    i: Floats,
    found: Floats,
    free_rows: NDArray[np.bool_],
    free_cols: NDArray[np.bool_],
    near: Floats,
    along: float,
    down: Floats,
    work: Floats,
    dw: Floats,
    db: Floats,
) -> bool:
    """Solve the linear network for the changes `dw`, `db` [V] of the nodes; False where the turns do not settle."""
    height, width = i.shape
    away_w, share_w, away_b, share_b, drawn = work[0], work[1], work[2], work[3], work[4]
    for at in range(height):
        beyond = 0.0
        for back in range(width):
            col = width - 1 - back
            beyond += found[BY_ROW, at, col]
            away_w[at, col] = beyond
            ohms = along if col > 0 else near[at]
            share_w[at, col] = 1.0 / (1.0 + ohms * beyond)
            beyond *= share_w[at, col]
    for back in range(height):
        at = height - 1 - back
        for col in range(width):
            seen = found[BY_COL, at, col]
            if back > 0:
                seen += away_b[at + 1, col] * share_b[at + 1, col]
            away_b[at, col] = seen
            share_b[at, col] = 1.0 / (1.0 + down[at, col] * seen)
    for at in range(height):
        for col in range(width):
            db[at, col] = 0.0
    for _turn in range(_TURNS):
        largest = 0.0
        for at in range(height):
            source, total = 0.0, 0.0
            for back in range(width):
                col = width - 1 - back
                total += i[at, col]
                source += found[FLOW, at, col] - i[at, col] - found[BY_COL, at, col] * db[at, col]
                drawn[at, col] = source
                source *= share_w[at, col]
            volts = (-total - drawn[at, 0]) / away_w[at, 0] if free_rows[at] else -near[at] * source
            dw[at, 0] = volts
            largest = max(largest, abs(volts))
            for col in range(1, width):
                volts -= along * share_w[at, col] * (away_w[at, col] * volts + drawn[at, col])
                dw[at, col] = volts
                largest = max(largest, abs(volts))
        for back in range(height):
            at = height - 1 - back
            for col in range(width):
                own = i[at, col] - found[FLOW, at, col] - found[BY_ROW, at, col] * dw[at, col]
                drawn[at, col] = own + drawn[at + 1, col] * share_b[at + 1, col] if back > 0 else own
        moved = 0.0
        for col in range(width):
            if free_cols[col]:
                total = 0.0
                for at in range(height):
                    total += i[at, col]
                volts = (total - drawn[0, col]) / away_b[0, col]
            else:
                volts = -down[0, col] * share_b[0, col] * drawn[0, col]
            for at in range(height):
                if at > 0:
                    volts -= down[at, col] * share_b[at, col] * (away_b[at, col] * volts + drawn[at, col])
                moved = max(moved, abs(volts - db[at, col]))
                largest = max(largest, abs(volts))
                db[at, col] = volts
        if not moved > _SETTLED * largest:
            return not np.isnan(moved)
    return False


@jit
def _largest(i: Floats, floor: float) -> float:
    """The largest current of a line [A], but not less than `floor`."""
    most = floor
    for at in range(i.shape[0]):
        total = 0.0
        for col in range(i.shape[1]):
            total += i[at, col]
        most = max(most, abs(total))
    for col in range(i.shape[1]):
        total = 0.0
        for at in range(i.shape[0]):
            total += i[at, col]
        most = max(most, abs(total))
    return most


@jit
def _begin(
    order: NDArray[np.int64],
    rows: Floats,
    cols: Floats,
    r: float,
    below: int,
    base_rows: Floats,
    base_cols: Floats,
    near: Floats,
    down: Floats,
) -> float:
    """Fill what `_place` needs of the lines; the largest voltage of a terminal [V], nan where none is held."""
    low, high = np.inf, -np.inf
    for at in range(order.size):
        volts = rows[VOLTS, order[at]]
        if not np.isnan(volts):
            low, high = min(low, volts), max(high, volts)
    for col in range(base_cols.size):
        if not np.isnan(cols[VOLTS, col]):
            low, high = min(low, cols[VOLTS, col]), max(high, cols[VOLTS, col])
    middle = 0.5 * (low + high)  # where floating lines begin
    for at in range(order.size):
        row = order[at]
        free = np.isnan(rows[VOLTS, row])
        base_rows[at] = middle if free else rows[VOLTS, row]
        near[at] = 0.0 if free else r + rows[OHMS, row]
        for col in range(base_cols.size):
            down[at, col] = r * (order[at - 1] - row) if at > 0 else r * (below - row) + cols[OHMS, col]
    for col in range(base_cols.size):
        free = np.isnan(cols[VOLTS, col])
        base_cols[col] = middle if free else cols[VOLTS, col]
        if free:
            down[0, col] = 0.0
    return max(abs(low), abs(high)) if high >= low else np.nan


@jit
def solve_each(
    orders: NDArray[np.int64],
    of: NDArray[np.int64],
    params: Floats,
    rows: Floats,
    cols: Floats,
    k: float,
    curve: float,
    r: float,
    cell_v: Floats,
    cell_i: Floats,
) -> float:
    """Solve for every member (B,) the kernel `of` it with the gates of the rows `orders` (B, K) open.

    Rows in falling order, from the columns' terminals on, -1 where there are no more. `params` (kernels, 4, M, N),
    `rows` (2, M), `cols` (2, N); fills the junctions' voltages and currents `cell_v`, `cell_i` (B, K, N) of these
    rows, which are given as zeros. Returns the largest of what is missing over the largest current, nan where nothing
    was found.
    """
    most, width, worst = orders.shape[1], cols.shape[1], 0.0
    fields, ends = np.empty((16, most, width)), np.empty((2, most))
    base_cols, free_cols, free = np.empty(width), np.empty(width, np.bool_), np.empty(most, np.bool_)
    for col in range(width):
        free_cols[col] = np.isnan(cols[VOLTS, col])
    for member in range(orders.shape[0]):
        height = 0
        while height < orders.shape[1] and orders[member, height] >= 0:
            height += 1
        order, own = orders[member, :height], params[of[member]]
        base_rows, near, free_rows = ends[0, :height], ends[1, :height], free[:height]
        i, w, b, down = fields[0, :height], fields[1, :height], fields[2, :height], fields[3, :height]
        dw, db, new = fields[4, :height], fields[5, :height], fields[6, :height]
        found, work = fields[7:11], fields[11:16]
        volts = _begin(order, rows, cols, r, own.shape[1], base_rows, base_cols, near, down)
        if height == 0 or np.isnan(volts):  # nothing is connected
            continue
        floor = 0.0
        for at in range(height):
            free_rows[at] = np.isnan(rows[VOLTS, order[at]])
            for col in range(width):
                i[at, col], new[at, col] = 0.0, 0.0
                dw[at, col], db[at, col] = 0.0, 0.0
                found[NODE, at, col] = _GUESS * base_rows[at] + (1.0 - _GUESS) * base_cols[col]
                floor += _FLOOR * volts * min(own[SIEMENS, order[at], col], k) / max(height, width)
        # A step is halved until less is missing; the first one is none, and finds where things stand.
        steps, part, taken, before, scale = 0, 1.0, 0.0, np.inf, floor
        while True:
            for at in range(height):
                for col in range(width):
                    i[at, col] += (part - taken) * new[at, col]
                if free_rows[at]:
                    base_rows[at] += (part - taken) * dw[at, 0]
            for col in range(width):
                if free_cols[col]:
                    base_cols[col] += (part - taken) * db[0, col]
            _place(i, base_rows, base_cols, near, r, down, w, b)
            _evaluate(order, own, k, curve, w, b, found)
            taken, missing = part, _missing(i, found, free_rows, free_cols)
            if missing > (1.0 - 0.1 * part) * before and part > _LEAST:
                part *= 0.5
                continue
            scale = _largest(i, floor)
            if missing <= _GOAL * scale or missing >= before or steps == _STEPS:
                break
            if not _step(i, found, free_rows, free_cols, near, r, down, work, dw, db):
                return np.nan
            for at in range(height):
                for col in range(width):
                    flow = found[FLOW, at, col] + found[BY_ROW, at, col] * dw[at, col]
                    new[at, col] = flow - found[BY_COL, at, col] * db[at, col] - i[at, col]
            steps, part, taken, before = steps + 1, 1.0, 0.0, missing
        if missing > 0.0:
            worst = max(worst, missing / scale)
        for at in range(height):
            for col in range(width):
                cell_v[member, at, col], cell_i[member, at, col] = found[NODE, at, col] - b[at, col], i[at, col]
    return worst
