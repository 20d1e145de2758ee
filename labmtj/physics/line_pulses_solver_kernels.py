"""A quick solver for many driven arrays: to about 1e-5 of the largest voltage, in single precision, `SIDE` at a time.

The iteration is that of `crossbar_lanes`, v = base - Z G v by Chebyshev's steps with the same bound on the wires' load,
but for resistors: the secants of the junctions at voltages that are taken anew twice on the way. A junction's secant
changes by a fifth as much as its voltage, and what wires take by that share of itself, so two times are enough.
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
_ROUGH = (1e-2, 1e-3)  # of the largest voltage: what is left when secants are taken anew
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


@jit
def _load(
    first: int, of: Ints, volts_w: Floats, volts_b: Floats, cells: Floats, state: States, k_p: float, start: Singles,
    foot: Singles, g0: Singles, k: Singles, tmr: Singles, v: Singles,
) -> None:  # fmt: skip
    """Give each lane its member's terminals and cells; lanes that are left over take the last member again."""
    rows, cols = state.shape[1], state.shape[2]
    bend = np.float32(k_p)
    for lane in range(SIDE):
        member = min(first + lane, of.size - 1)
        array = of[member]
        for col in range(cols):
            foot[col, lane] = volts_b[member, col]
        for row in range(rows):
            level = np.float32(volts_w[member, row])
            start[row, lane] = level
            for col in range(cols):
                kind = state[array, row, col]
                g0[row, col, lane] = cells[0, array, row, col]
                k[row, col, lane] = bend if kind == _P else _ZERO
                tmr[row, col, lane] = cells[1, array, row, col] if kind == _AP else _ZERO
                v[row, col, lane] = level - foot[col, lane]


@jit
def _loads(g: Singles, r: float, end_w: Floats, end_b: Floats, loads: Floats) -> None:
    """Bound on the wires' load of each lane: the largest of a word line and of a bit line; see `crossbar_lanes`."""
    rows, cols = g.shape[0], g.shape[1]
    down = np.empty(cols)
    for lane in range(SIDE):
        most, down[:] = 0.0, 0.0
        for row in range(rows):
            total = 0.0
            for col in range(cols):
                siemens = np.float64(g[row, col, lane])
                total += siemens * (end_w[row] + r * col)
                down[col] += siemens * (end_b[col] + r * (rows - 1 - row))
            most = max(most, total)
        loads[lane] = most + down.max()


@jit
def _count(load: float, reach: float, goal: float) -> int:
    """Chebyshev steps that bring an error of `reach` below the `goal`, for eigenvalues within [1, 1 + load]."""
    root = math.sqrt(1.0 + load)
    rate = (root - 1.0) / (root + 1.0)
    if 2.0 * reach <= goal or rate <= goal:
        return 1
    return math.ceil(math.log(goal / (2.0 * reach)) / math.log(rate))


@jit
def solve_quickly(
    cells: Floats, state: States, of: Ints, volts_w: Floats, volts_b: Floats, end_w: Floats, end_b: Floats, r: float,
    k_p: float, curve: float, goal: float, cell_v: Floats, i_col: Floats, good: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Cell voltages `cell_v` (members, rows, cols), or none of them, and column currents `i_col` (members, cols).

    `cells` (2, arrays, rows, cols): conductance [S] and TMR at zero bias; `of` (members,) is the array of each;
    voltages (members, lines), `end_w`, `end_b` [ohm] from a line's source to its first node, (lines,). Errors are
    about `goal` of the largest voltage; `good` (members,) is False where the wires' load is too large for this way.
    A member's result depends on that member alone.
    """
    rows, cols = state.shape[1], state.shape[2]
    shape, flat, wide = (rows, cols, SIDE), rows * cols * SIDE, cols * SIDE
    g0, k, tmr = np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.float32)
    v, g, i, w = (
        np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.float32),
        np.empty(shape, np.float32),
    )  # fmt: skip
    step, flow = np.empty((rows, wide), np.float32), np.empty((rows, wide), np.float32)
    start, foot, b = np.empty((rows, SIDE), np.float32), np.empty((cols, SIDE), np.float32), np.empty(wide, np.float32)
    keep, move, ohms = np.empty(wide, np.float32), np.empty(wide, np.float32), np.empty(wide, np.float32)
    first_w, segment, bent = end_w.astype(np.float32), np.float32(r), np.float32(curve)
    for col in range(cols):
        ohms[col * SIDE : (col + 1) * SIDE] = end_b[col]
    loads, reach, half, rho = np.empty(SIDE), np.empty(SIDE), np.empty(SIDE), np.empty(SIDE)
    steps = np.empty(SIDE, np.int64)
    v_flat, g_flat, i_flat, v_rows, w_rows = (
        v.reshape(flat), g.reshape(flat), i.reshape(flat), v.reshape((rows, wide)), w.reshape((rows, wide)),
    )  # fmt: skip
    i_rows = i.reshape((rows, wide))
    for begin in range(0, of.size, SIDE):
        _load(begin, of, volts_w, volts_b, cells, state, k_p, start, foot, g0, k, tmr, v)
        for stage in range(3):
            _secants(v_flat, g0.reshape(flat), k.reshape(flat), tmr.reshape(flat), bent, g_flat)
            if stage == 0:
                _loads(g, r, end_w, end_b, loads)
            wanted, most = goal if stage == 2 else max(goal, _ROUGH[stage]), 0
            for lane in range(SIDE):
                load = loads[lane]
                if stage == 0:
                    reach[lane] = min(1.0, load)
                else:
                    before = max(goal, _ROUGH[stage - 1])
                    reach[lane] = before + _BEND * min(load, 1.0) * (min(1.0, load) if stage == 1 else reach[lane])
                usable = load < _MOST_LOAD
                steps[lane] = _count(load, reach[lane], wanted) if usable else 0
                most = max(most, steps[lane])
                half[lane] = max(0.5 * load, 1e-9)
                rho[lane] = half[lane] / (1.0 + half[lane])
                for place in range(lane, wide, SIDE):
                    keep[place], move[place] = _ZERO, 1.0 / (1.0 + half[lane]) if usable else _ZERO
            step[:] = _ZERO
            for turn in range(most):
                _draw(g_flat, v_flat, i_flat)
                _down(i_rows, flow)
                _along(i)
                _words(i, start, first_w, segment, w)
                for col in range(cols):
                    for lane in range(SIDE):
                        b[col * SIDE + lane] = foot[col, lane]
                _move(flow, w_rows, ohms, segment, keep, move, b, step, v_rows)
                for lane in range(SIDE):
                    following = 1.0 / (2.0 * (1.0 + half[lane]) / half[lane] - rho[lane])
                    going = turn + 1 < steps[lane]
                    old, new = following * rho[lane] if going else 0.0, 2.0 * following / half[lane] if going else 0.0
                    rho[lane] = following
                    for place in range(lane, wide, SIDE):
                        keep[place], move[place] = old, new
        if cell_v.shape[0] == 0:
            _draw(g_flat, v_flat, i_flat)
            _down(i_rows, flow)
        for lane in range(min(SIDE, of.size - begin)):
            member = begin + lane
            good[member] = loads[lane] < _MOST_LOAD
            if cell_v.shape[0] == 0:
                for col in range(cols):
                    i_col[member, col] = flow[rows - 1, col * SIDE + lane]
            else:
                for row in range(rows):
                    for col in range(cols):
                        cell_v[member, row, col] = v[row, col, lane]
