"""The solver for many small driven crossbars: loads lanes, runs the steps of crossbar_lanes, proves, unloads.

Cost of a 15 x 15 array at 40 nm and 5 ohm: 8 steps and the proof, about 5 us on one core.
"""

# Kernels take plain arrays by position.

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.crossbar_lanes import LANES, along_rows, begin, currents, judge, spread, update
from labmtj.physics.crossbar_shorts import COL, MOST_SHORTS, ROW, load, put_back
from labmtj.physics.jit import jit
from labmtj.records import Floats, Ints

States = NDArray[np.int8]

CELL_V, CELL_I, WORD, BIT = 0, 1, 2, 3
_MOST_LOAD = 16.0  # chosen: 60 steps; beyond it other methods are faster
GOAL = 2e-13
"""Of the largest terminal voltage: what further steps would still change, where no more is said."""


@jit
def _steps_for(bound: float, reach: float, goal: float) -> int:
    """Chebyshev steps that bring an error of `reach` below the `goal`, for eigenvalues within [1, 1 + bound]."""
    root = math.sqrt(1.0 + bound)
    rate = (root - 1.0) / (root + 1.0)
    if 2.0 * reach <= goal or rate <= goal:
        return 1
    return math.ceil(math.log(goal / (2.0 * reach)) / math.log(rate))


@jit
def _fill(
    first: int, of: Ints, volts_w: Floats, volts_b: Floats, ends_w: Floats, ends_b: Floats, cells: Floats,
    state: States, k_p: float, r: float, loaded: Ints, count: Ints, weight: Floats, scale: Floats,
    start_w: Floats, start_b: Floats, res_w: Floats, res_b: Floats, foot: Floats, end: Floats, device: Floats,
    where: Ints, siemens: Floats, inverse: Floats,
) -> None:  # fmt: skip
    """Give each lane its member's terminals and, unless they are there already, its cells."""
    rows, cols = state.shape[1:]
    shared_w, shared_b = ends_w.shape[0] == 1, ends_b.shape[0] == 1
    for lane in range(LANES):
        member = min(first + lane, of.size - 1)  # lanes that are left over solve the last one again
        scale[lane] = 0.0
        for row in range(rows):
            start_w[row, lane] = volts_w[member, row]
            res_w[row, lane] = ends_w[0 if shared_w else member, row]
            scale[lane] = max(scale[lane], abs(start_w[row, lane]))
        for col in range(cols):
            place = (cols - 1 - col) * LANES + lane
            start_b[col, lane] = volts_b[member, col]
            res_b[col, lane] = ends_b[0 if shared_b else member, col]
            foot[place], end[place] = start_b[col, lane], res_b[col, lane]
            scale[lane] = max(scale[lane], abs(start_b[col, lane]))
        array = of[member]
        if loaded[lane] != array or not (shared_w and shared_b):
            count[lane] = load(
                lane, cells, state, array, k_p, res_w, res_b, r, device, where, siemens, inverse, weight
            )  # fmt: skip
            loaded[lane] = array


@jit
def _plan(
    count: Ints, start_w: Floats, res_w: Floats, foot: Floats, end: Floats, device: Floats, curve: float, r: float,
    v: Floats, step: Floats, w: Floats, level: Floats, reach: Floats, slope: Floats, drop: Floats, steps: Ints,
    half: Floats, rho: Floats, keep: Floats, move: Floats, goal: float,
) -> int:  # fmt: skip
    """Start all cells at their sources' voltages; from what they may drop there, the steps of each lane."""
    rows, wide = v.shape
    none = np.zeros((rows + 1, LANES))
    drop[:], half[:] = 0.0, 0.0
    for row in range(rows):
        spread(row, start_w, level)
        for place in range(wide):
            reach[place] = end[place] + r * (rows - 1 - row)
        begin(row, row % 2, level, foot, reach, device, curve, v, slope, step, drop)
        if row % 2 or row == rows - 1:
            along_rows(row - row % 2, slope, none, res_w, r, w)
            for lane in range(LANES):
                half[lane] = max(half[lane], -w[row, lane], -w[row - row % 2, lane])
    most = 0
    for lane in range(LANES):
        bound = 0.0
        for place in range(lane, wide, LANES):
            bound = max(bound, drop[place])
        bound += half[lane]
        steps[lane] = 0
        if count[lane] >= 0 and bound < _MOST_LOAD:  # false for nan
            steps[lane] = _steps_for(bound, 1.0 if count[lane] > 0 else min(1.0, bound), goal)
            most = max(most, steps[lane])
        half[lane] = max(0.5 * bound, 1e-9)
        rho[lane] = half[lane] / (1.0 + half[lane])
        for place in range(lane, wide, LANES):
            keep[place], move[place] = 0.0, 1.0 / (1.0 + half[lane]) if steps[lane] > 0 else 0.0
    return most


@jit
def _wires(
    device: Floats, curve: float, v: Floats, start_w: Floats, start_b: Floats, res_w: Floats, res_b: Floats, r: float,
    count: Ints, where: Ints, inverse: Floats, current: Floats, seen: Floats, flow_b: Floats, w: Floats,
    into: Floats, drawn: Floats, used: Floats, final: bool,
) -> None:  # fmt: skip
    """From cell voltages to word line nodes `w`, bit line segments `flow_b` and row currents `into`."""
    rows, wide = v.shape
    seen[:] = 0.0
    for row in range(rows):
        currents(row, row % 2, device, curve, v, current, seen, flow_b)
        if final:
            for place in range(wide):
                used[row, place] = current[row % 2, place]
        if row % 2 or row == rows - 1:
            along_rows(row - row % 2, current, start_w, res_w, r, w)
            for lane in range(LANES):
                into[row - row % 2, lane] = current[0, wide - LANES + lane]
                into[row - row % 2 + 1, lane] = current[1, wide - LANES + lane]
    for lane in range(LANES):
        if count[lane] > 0:
            put_back(lane, count[lane], where, inverse, res_w, res_b, start_b, r, flow_b, w, into, drawn)


@jit
def _unload(
    first: int, members: int, steps: Ints, count: Ints, where: Ints, siemens: Floats, drawn: Floats, still: Floats,
    into: Floats, flow_b: Floats, worst: Floats, summed: Floats, v: Floats, used: Floats, w: Floats, node_b: Floats,
    nodes: Floats, i_row: Floats, i_col: Floats, kcl: Floats,
) -> None:  # fmt: skip
    """Hand each lane's result to its member, with the largest sum of currents at a node."""
    rows, cols = i_row.shape[1], i_col.shape[1]
    for lane in range(min(LANES, members - first)):
        member = first + lane
        largest, total, terminal = 0.0, 0.0, still[lane]
        for short in range(count[lane]):
            row, place = where[lane, short, ROW], (cols - 1 - where[lane, short, COL]) * LANES + lane
            used[row, place] = siemens[lane, short] * v[row, place]
            missing = abs(used[row, place] - drawn[0, lane, short])
            largest, total = max(largest, missing), total + missing
        for row in range(rows):
            i_row[member, row] = into[row, lane]
            terminal = max(terminal, abs(into[row, lane]))
        for col in range(cols):
            place = (cols - 1 - col) * LANES + lane
            i_col[member, col] = flow_b[rows - 1, place]
            terminal = max(terminal, abs(flow_b[rows - 1, place]))
            largest, total = max(largest, worst[place]), total + summed[place]
        if steps[lane] == 0:
            kcl[member] = np.inf
        elif np.isnan(total):  # a comparison drops a nan, a sum does not
            kcl[member] = total
        else:
            kcl[member] = largest / terminal if largest > 0.0 else 0.0
        for row in range(rows if nodes.shape[0] > 0 else 0):
            for col in range(cols):
                place = (cols - 1 - col) * LANES + lane
                nodes[CELL_V, member, row, col] = v[row, place]
                if nodes.shape[0] > WORD:
                    nodes[CELL_I, member, row, col] = used[row, place]
                    nodes[WORD, member, row, col] = w[row, place]
                    nodes[BIT, member, row, col] = node_b[row, place]


@jit
def solve_many(
    cells: Floats, state: States, of: Ints, volts_w: Floats, volts_b: Floats, ends_w: Floats, ends_b: Floats,
    r: float, k_p: float, curve: float, nodes: Floats, i_row: Floats, i_col: Floats, kcl: Floats, goal: float,
) -> None:  # fmt: skip
    """Solve driven crossbars; a member whose `kcl` (members,) is not small has to be solved in another way.

    `cells` (2, arrays, rows, cols): conductance [S] and TMR at zero bias; `state` (arrays, rows, cols); `of`
    (members,) is the array of each member. Voltages (members, lines); `ends` [ohm], from source to first
    node, (members, lines) or (1, lines). Fills `i_row`, `i_col` and as many of the four fields of `nodes`
    (up to 4, members, rows, cols) as there are: cell voltage, cell current, word line and bit line nodes. `goal` is
    what further steps would still change, of the largest terminal voltage.
    """
    rows, cols = state.shape[1], state.shape[2]
    wide = cols * LANES
    device, v, step = np.empty((3, rows, wide)), np.empty((rows, wide)), np.empty((rows, wide))
    # Word lines go in pairs; the partner of a last one is a line without cells.
    w, flow_b, node_b = np.empty((rows + 1, wide)), np.empty((rows, wide)), np.empty((rows, wide))
    current, seen, b, reach = np.zeros((2, wide)), np.empty(wide), np.empty(wide), np.empty(wide)
    keep, move, wire, end, foot = np.empty(wide), np.empty(wide), np.full(wide, r), np.empty(wide), np.empty(wide)
    worst, summed = np.empty(wide), np.empty(wide)
    start_w, res_w, into = np.zeros((rows + 1, LANES)), np.zeros((rows + 1, LANES)), np.empty((rows + 1, LANES))
    start_b, res_b = np.empty((cols, LANES)), np.empty((cols, LANES))
    where, siemens = np.empty((LANES, MOST_SHORTS, 2), np.int64), np.empty((LANES, MOST_SHORTS))
    drawn, inverse = np.empty((2, LANES, MOST_SHORTS)), np.empty((LANES, MOST_SHORTS, MOST_SHORTS))
    loaded, count, steps = np.full(LANES, -1), np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    half, rho, scale, weight = np.empty(LANES), np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for first in range(0, of.size, LANES):
        _fill(
            first, of, volts_w, volts_b, ends_w, ends_b, cells, state, k_p, r, loaded, count, weight, scale,
            start_w, start_b, res_w, res_b, foot, end, device, where, siemens, inverse,
        )  # fmt: skip
        most = _plan(
            count, start_w, res_w, foot, end, device, curve, r, v, step, w, seen, reach, current, b, steps,
            half, rho, keep, move, goal,
        )  # fmt: skip
        for turn in range(most + 1):
            _wires(
                device, curve, v, start_w, start_b, res_w, res_b, r, count, where, inverse, current, seen, flow_b, w,
                into, drawn, step, turn == most,
            )  # fmt: skip
            for place in range(wide):
                b[place] = foot[place]
            for back in range(rows if turn < most else 0):
                update(rows - 1 - back, wire if back else end, flow_b, w, b, keep, move, step, v)
            for lane in range(LANES):
                following = 1.0 / (2.0 * (1.0 + half[lane]) / half[lane] - rho[lane])
                going = turn + 1 < steps[lane]
                old, new = following * rho[lane] if going else 0.0, 2.0 * following / half[lane] if going else 0.0
                rho[lane] = following
                for place in range(lane, wide, LANES):
                    keep[place], move[place] = old, new
        worst[:], summed[:] = 0.0, 0.0
        for back in range(rows):
            judge(
                rows - 1 - back, wire if back else end, flow_b, device, curve, w, b, step, v, node_b, worst, summed
            )  # fmt: skip
        _unload(
            first, of.size, steps, count, where, siemens, drawn, 1e-5 * scale * weight, into, flow_b, worst, summed,
            v, step, w, node_b, nodes, i_row, i_col, kcl,
        )  # fmt: skip
