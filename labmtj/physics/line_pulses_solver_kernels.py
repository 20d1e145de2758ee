"""A quick solver for many driven arrays: to about 1e-5 of the largest voltage, in single precision, `SIDE` at a time.

The iteration is that of `crossbar_lanes`, v = base - Z G v by Chebyshev's steps with the same bound on the wires' load,
but for resistors: the secants of the junctions at voltages that are taken anew on the way. A junction's secant
changes by a fifth as much as its voltage, and what wires take by that share of itself, so once is enough.
Shorts are resistors among others here, and cost steps. `crossbar_many` solves the same to 1e-13, with a proof.
"""

# Kernels take plain arrays by position; single precision throughout, so constants are arrays or cast.

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.jit import jit, jit_apart
from labmtj.records import Floats, Ints, State

Singles = NDArray[np.float32]
States = NDArray[np.int8]

SIDE = 8
"""Arrays side by side (chosen: the fields of eight 15 x 15 arrays in single precision fit the first-level cache)."""
_MOST_LOAD = 8.0  # chosen: 40 steps; beyond it the exact solver
_STAGES, _ROUGH = 2, 1e-2  # secants are taken twice; what is left then, of the largest voltage
_BEND = 0.3  # chosen: relative change of a secant for that of its voltage, at most
_ONE, _ZERO = np.float32(1.0), np.float32(0.0)
_P, _AP = int(State.P), int(State.AP)


@jit_apart
def _secants(v: Singles, g0: Singles, k: Singles, tmr: Singles, curve: Any, g: Singles) -> None:
    """Conductance I / V of every cell at its voltage (all flat)."""
    for n in range(v.size):
        squared = v[n] * v[n]
        rise = _ONE + squared * curve
        g[n] = g0[n] * (_ONE + k[n] * squared) * rise / (rise + tmr[n])


@jit_apart
def _draw(g: Singles, v: Singles, i: Singles) -> None:
    """Currents of all cells (flat)."""
    for n in range(v.size):
        i[n] = g[n] * v[n]


@jit_apart
def _down(i: Singles, flow: Singles) -> None:
    """Bit line currents below every row, (rows, places)."""
    for n in range(i.shape[1]):
        flow[0, n] = i[0, n]
    for row in range(1, i.shape[0]):
        for n in range(i.shape[1]):
            flow[row, n] = flow[row - 1, n] + i[row, n]


@jit_apart
def _along(i: Singles) -> None:
    """Word line currents up to every cell, (rows, cols, SIDE), in place of the cells' own."""
    rows, cols = i.shape[0], i.shape[1]
    for back in range(cols - 1):
        col = cols - 2 - back
        for row in range(rows):
            for lane in range(SIDE):
                i[row, col, lane] += i[row, col + 1, lane]


@jit_apart
def _words(i: Singles, start: Singles, first: Singles, r: Any, w: Singles) -> None:
    """Word line nodes (rows, cols, SIDE) from the currents up to them."""
    rows, cols = i.shape[0], i.shape[1]
    for row in range(rows):
        for lane in range(SIDE):
            w[row, 0, lane] = start[row, lane] - first[row] * i[row, 0, lane]
    for col in range(1, cols):
        for row in range(rows):
            for lane in range(SIDE):
                w[row, col, lane] = w[row, col - 1, lane] - r * i[row, col, lane]


@jit_apart
def _move(
    flow: Singles, w: Singles, ohms: Singles, r: Any, keep: Singles, move: Singles, b: Singles, step: Singles,
    v: Singles,
) -> None:  # fmt: skip
    """One Chebyshev step, (rows, places); `b` (places,) comes as the voltages of the columns' terminals."""
    rows, wide = v.shape
    for n in range(wide):
        b[n] += ohms[n] * flow[rows - 1, n]
        change = keep[n] * step[rows - 1, n] + move[n] * (w[rows - 1, n] - b[n] - v[rows - 1, n])
        step[rows - 1, n] = change
        v[rows - 1, n] += change
    for back in range(1, rows):
        row = rows - 1 - back
        for n in range(wide):
            b[n] += r * flow[row, n]
            change = keep[n] * step[row, n] + move[n] * (w[row, n] - b[n] - v[row, n])
            step[row, n] = change
            v[row, n] += change


@jit_apart
def _fill(
    lane: int, state: States, siemens: Singles, tmr: Singles, bend: Any, g0: Singles, k: Singles, t: Singles
) -> None:
    """One lane's cells (all flat)."""
    for cell in range(state.size):
        at = np.uint64(cell * SIDE + lane)
        kind = state[cell]
        g0[at] = siemens[cell]
        k[at] = bend if kind == _P else _ZERO
        t[at] = tmr[cell] if kind == _AP else _ZERO


@jit_apart
def _begin(start: Singles, foot: Singles, v: Singles) -> None:
    """Start all cells at their sources' voltages."""
    rows, cols = v.shape[0], v.shape[1]
    for row in range(rows):
        for col in range(cols):
            for lane in range(SIDE):
                v[row, col, lane] = start[row, lane] - foot[col, lane]


@jit_apart
def _empty(lane: int, v: Singles, out: Floats) -> None:
    """One lane's voltages (flat) in double precision."""
    for cell in range(out.size):
        out[cell] = v[np.uint64(cell * SIDE + lane)]


@jit_apart
def _pace(keep_of: Singles, move_of: Singles, keep: Singles, move: Singles) -> None:
    """Repeat the factors of the lanes along all cells of a row."""
    for col in range(keep.shape[0]):
        for lane in range(SIDE):
            keep[col, lane] = keep_of[lane]
            move[col, lane] = move_of[lane]


@jit
def _count(load: float, reach: float, goal: float) -> int:
    """Chebyshev steps that bring an error of `reach` below the `goal`, for eigenvalues within [1, 1 + load]."""
    root = math.sqrt(1.0 + load)
    rate = (root - 1.0) / (root + 1.0)
    if 2.0 * reach <= goal or rate <= goal:
        return 1
    return math.ceil(math.log(goal / (2.0 * reach)) / math.log(rate))


@jit
def _load(
    begin: int, of: Ints, volts_w: Floats, volts_b: Floats, siemens: Singles, tmr: Singles, load_of: Floats,
    state: States, bend: Any, start: Singles, foot: Singles, g0: Singles, k: Singles, t: Singles, loads: Floats,
) -> None:  # fmt: skip
    """Give each lane its member; lanes that are left over take the last one again."""
    for lane in range(SIDE):
        member = min(begin + lane, of.size - 1)
        array = of[member]
        for row in range(start.shape[0]):
            start[row, lane] = volts_w[member, row]
        for col in range(foot.shape[0]):
            foot[col, lane] = volts_b[member, col]
        loads[lane] = load_of[array]
        _fill(lane, state[array], siemens[array], tmr[array], bend, g0, k, t)


@jit
def _plan(
    stage: int, goal: float, loads: Floats, steps: Ints, half: Floats, rho: Floats, keep_of: Singles, move_of: Singles
) -> int:
    """Steps and first factors of each lane in a stage; the most steps."""
    most, wanted = 0, goal if stage == _STAGES - 1 else max(goal, _ROUGH)
    for lane in range(SIDE):
        load = loads[lane]
        share, usable = min(1.0, load), load < _MOST_LOAD
        reach = share if stage == 0 else max(goal, _ROUGH) + _BEND * share * share
        steps[lane] = _count(load, reach, wanted) if usable else 0
        most = max(most, steps[lane])
        half[lane] = max(0.5 * load, 1e-9)
        rho[lane] = half[lane] / (1.0 + half[lane])
        keep_of[lane], move_of[lane] = 0.0, 1.0 / (1.0 + half[lane]) if usable else 0.0
    return most


@jit
def _next(turn: int, steps: Ints, half: Floats, rho: Floats, keep_of: Singles, move_of: Singles) -> None:
    """Factors of each lane's next step, 0 once it has made all of its own."""
    for lane in range(SIDE):
        following = 1.0 / (2.0 * (1.0 + half[lane]) / half[lane] - rho[lane])
        going = turn + 1 < steps[lane]
        keep_of[lane] = following * rho[lane] if going else 0.0
        move_of[lane] = 2.0 * following / half[lane] if going else 0.0
        rho[lane] = following


@jit
def solve_quickly(
    siemens: Singles, tmr: Singles, load_of: Floats, state: States, of: Ints, volts_w: Floats, volts_b: Floats,
    end_w: Floats, end_b: Floats, r: float, k_p: float, curve: float, goal: float, cell_v: Floats, i_col: Floats,
    good: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Cell voltages `cell_v` (members, cells), or none of them, and then column currents `i_col` (members, cols).

    `siemens`, `tmr`, `state` (arrays, cells): conductance and TMR at zero bias, `load_of` (arrays,) a bound on the
    wires' load, see `crossbar_lanes`; `of` (members,) is the array of each; voltages (members, lines), `end_w`, `end_b`
    [ohm] from a line's source to its first node, (lines,). Errors are below `goal` of the largest voltage; `good`
    (members,) is False where the load is too large for this way. A member's result depends on that member alone.
    """
    rows, cols = volts_w.shape[1], volts_b.shape[1]
    cells = rows * cols
    shape, flat, wide = (rows, cols, SIDE), cells * SIDE, cols * SIDE
    g0, k, t = np.empty(flat, np.float32), np.empty(flat, np.float32), np.empty(flat, np.float32)
    v, g, i, w = (
        np.empty(shape, np.float32), np.empty(flat, np.float32), np.empty(shape, np.float32),
        np.empty(shape, np.float32),
    )  # fmt: skip
    step, flow = np.empty((rows, wide), np.float32), np.empty((rows, wide), np.float32)
    start, foot, b = np.empty((rows, SIDE), np.float32), np.empty((cols, SIDE), np.float32), np.empty(wide, np.float32)
    keep, move, ohms = (
        np.empty((cols, SIDE), np.float32), np.empty((cols, SIDE), np.float32), np.empty(wide, np.float32),
    )  # fmt: skip
    keep_of, move_of = np.empty(SIDE, np.float32), np.empty(SIDE, np.float32)
    first_w, segment, bent, bend = end_w.astype(np.float32), np.float32(r), np.float32(curve), np.float32(k_p)
    for col in range(cols):
        ohms[col * SIDE : (col + 1) * SIDE] = end_b[col]
    half, rho, loads, steps = np.empty(SIDE), np.empty(SIDE), np.empty(SIDE), np.empty(SIDE, np.int64)
    v_flat, i_flat, v_rows, w_rows, i_rows = (
        v.reshape((flat,)), i.reshape((flat,)), v.reshape((rows, wide)), w.reshape((rows, wide)),
        i.reshape((rows, wide)),
    )  # fmt: skip
    feet, keeps, moves = foot.reshape((wide,)), keep.reshape((wide,)), move.reshape((wide,))
    for begin in range(0, of.size, SIDE):
        _load(begin, of, volts_w, volts_b, siemens, tmr, load_of, state, bend, start, foot, g0, k, t, loads)
        _begin(start, foot, v)
        for stage in range(_STAGES):
            _secants(v_flat, g0, k, t, bent, g)
            step[:] = _ZERO
            for turn in range(_plan(stage, goal, loads, steps, half, rho, keep_of, move_of)):
                _pace(keep_of, move_of, keep, move)
                _draw(g, v_flat, i_flat)
                _down(i_rows, flow)
                _along(i)
                _words(i, start, first_w, segment, w)
                b[:] = feet
                _move(flow, w_rows, ohms, segment, keeps, moves, b, step, v_rows)
                _next(turn, steps, half, rho, keep_of, move_of)
        if cell_v.shape[0] == 0:
            _draw(g, v_flat, i_flat)
            _down(i_rows, flow)
        for lane in range(min(SIDE, of.size - begin)):
            member = begin + lane
            good[member] = loads[lane] < _MOST_LOAD
            if cell_v.shape[0] == 0:
                for col in range(cols):
                    i_col[member, col] = flow[rows - 1, col * SIDE + lane]
            else:
                _empty(lane, v_flat, cell_v[member])
