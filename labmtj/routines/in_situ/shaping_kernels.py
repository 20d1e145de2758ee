"""`shaping.LineShaper` compiled, one copy after the other, for studies that shape hundreds of arrays at every sample.

The same steps in the same order as in numpy there, which says what they mean; cells that no line drives are skipped.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.jit import jit
from labmtj.records import Floats, Ints
from labmtj.routines.in_situ.line_wires import Singles
from labmtj.routines.in_situ.update_plan import MIXED

_TINY = 1e-9


@jit
def _polynomial(law: Singles, first: int, order: int, x: float) -> float:
    value = np.float64(law[first])
    for k in range(first + 1, first + order):
        value = value * x + law[k]
    return value


@jit
def _slope(law: Singles, first: int, order: int, x: float) -> float:
    value = 0.0
    for k in range(order - 1):
        value = value * x + (order - 1 - k) * law[first + k]
    return value


@jit
def _planned(
    rows: Floats, cols: Floats, good: NDArray[np.bool_], limits: tuple[float, float, float], phase: Ints, asked: Floats
) -> None:
    """What every cell is asked (0: its lines are not both driven) and the phase in which it is pulsed."""
    least, smallest, largest = limits
    inputs, lines = asked.shape
    row_on, col_on = np.zeros((2, inputs), np.bool_), np.zeros((2, lines), np.bool_)
    for i in range(inputs):
        group = 0 if rows[i] >= 0.0 else 1
        for j in range(lines):
            c = cols[j // 2]
            to_p = ((c > 0.0) == (j % 2 == 0)) == (group == 0)
            phase[i, j] = 2 * group + (0 if to_p else 1)
            p = abs(rows[i]) * abs(c) if good[i, j] else 0.0
            asked[i, j] = min(max(p, least), largest) if p > 0.0 else 0.0
            if p >= smallest:
                row_on[phase[i, j] % 2, i] = True
                col_on[group, j] = True
    for i in range(inputs):
        for j in range(lines):
            if not (row_on[phase[i, j] % 2, i] and col_on[phase[i, j] // 2, j]):
                asked[i, j] = 0.0


@jit
def _least_squares(asked: Floats, phase: Ints, need: Floats, starts: int, a: Floats, b: Floats) -> None:
    """Row parts (2, inputs) and column parts (2, lines) whose sums are closest to `need`."""
    inputs, lines = asked.shape
    b[:] = 0.0
    for turn in range(starts + 1):
        if turn:
            over, weight = np.zeros((2, lines)), np.full((2, lines), _TINY)
            for i in range(inputs):
                for j in range(lines):
                    group = phase[i, j] // 2
                    over[group, j] += asked[i, j] * (need[i, j] - a[phase[i, j] % 2, i])
                    weight[group, j] += asked[i, j]
            b[:] = over / weight
        above, heavy = np.zeros((2, inputs)), np.full((2, inputs), _TINY)
        for i in range(inputs):
            for j in range(lines):
                to = phase[i, j] % 2
                above[to, i] += asked[i, j] * (need[i, j] - b[phase[i, j] // 2, j])
                heavy[to, i] += asked[i, j]
        a[:] = above / heavy if turn else 0.5 * above / heavy


@jit
def _matched(
    asked: Floats, phase: Ints, law: Singles, order: int, per_volt: Floats, slope: Floats, sweeps: int, limit: float,
    a: Floats, b: Floats,
) -> None:  # fmt: skip
    """Newton's steps until the flips of every row, then of every column, add up to what is asked."""
    inputs, lines = asked.shape
    for half in range(2 * sweeps):
        size = inputs if half % 2 == 0 else lines
        wanted, flips, rise = np.zeros((2, size)), np.zeros((2, size)), np.zeros((2, size))
        for i in range(inputs):
            for j in range(lines):
                if asked[i, j] == 0.0:
                    continue
                to, group = phase[i, j] % 2, phase[i, j] // 2
                own = law[to, i, j]
                x = (a[to, i] + b[group, j]) * per_volt[i, j] - 1.0
                hazard = math.exp(_polynomial(own, 3, order, min(max(x, own[1]), own[2])))
                stays = math.exp(-hazard)
                side, line = (to, i) if half % 2 == 0 else (group, j)
                wanted[side, line] += asked[i, j]
                flips[side, line] += 1.0 - stays
                rise[side, line] += hazard * stays * slope[i, j] * per_volt[i, j]
        for side in range(2):
            for line in range(size):
                if wanted[side, line] == 0.0:
                    continue
                total = max(flips[side, line], _TINY)
                step = math.log(wanted[side, line] / total) * total / max(rise[side, line], _TINY)
                step = min(max(step, -limit), limit)
                if half % 2 == 0:
                    a[side, line] += step
                else:
                    b[side, line] += step


@jit
def _laid_out(asked: Floats, phase: Ints, a: Floats, b: Floats, sign: int, rows: Floats, cols: Floats) -> None:
    """Voltages (4, inputs) and (4, lines), the highest row part and column part of every pulse made equal."""
    inputs, lines = asked.shape
    rows[:] = 0.0
    cols[:] = 0.0
    row_in, col_in = np.zeros((4, inputs), np.bool_), np.zeros((4, lines), np.bool_)
    highest = np.full((2, 4), -np.inf)
    for i in range(inputs):
        for j in range(lines):
            if asked[i, j] > 0.0:
                f = phase[i, j]
                row_in[f, i] = col_in[f, j] = True
                highest[0, f] = max(highest[0, f], a[f % 2, i])
                highest[1, f] = max(highest[1, f], b[f // 2, j])
    for f in range(4):
        if highest[0, f] == -np.inf:
            continue
        move, polarity = 0.5 * (highest[0, f] - highest[1, f]), sign * (1.0 if f % 2 == 0 else -1.0)
        for i in range(inputs):
            if row_in[f, i]:
                a[f % 2, i] -= move
                rows[f, i] = polarity * a[f % 2, i]
        for j in range(lines):
            if col_in[f, j]:
                b[f // 2, j] += move
                cols[f, j] = -polarity * b[f // 2, j]


@jit
def _lost(
    level: Singles,
    bend: Singles,
    wires: tuple[float, float, float],
    rows: Floats,
    cols: Floats,
    newer: float,
    lost: Floats,
) -> None:
    """Move `lost` (rows, cols) of one pulse by the share `newer` to what the currents drop that flow with it."""
    wire, row_contact, col_contact = wires
    height, width = lost.shape
    column, taken = np.zeros(width), np.zeros((height, width))
    current = np.zeros((height, width))
    for m in range(height):
        for n in range(width):
            v = rows[m] - cols[n] - lost[m, n]
            current[m, n] = v * (level[m, n] + bend[m, n] * v * v)
            column[n] += current[m, n]
            taken[m, n] = column[n]
    for n in range(width):
        fall = col_contact * taken[height - 1, n]
        for m in range(height - 1, -1, -1):
            fall += wire * taken[m, n]
            taken[m, n] = fall
    for m in range(height):
        through = current[m].sum()
        fall = row_contact * through
        for n in range(width):
            fall += wire * through
            through -= current[m, n]
            lost[m, n] += newer * (fall + taken[m, n] - lost[m, n])


@jit
def _mixed(low: Singles, high: Singles, ap: Singles, level: Singles, bend: Singles) -> None:
    """Conductances of one array whose cells are in AP by this share: one for all, or (rows, cols)."""
    for m in range(level.shape[0]):
        for n in range(level.shape[1]):
            share = ap[m, n] if ap.size > 1 else ap[0, 0]
            level[m, n] = low[0, m, n] + share * (high[0, m, n] - low[0, m, n])
            bend[m, n] = low[1, m, n] + share * (high[1, m, n] - low[1, m, n])


@jit
def shape_all(
    rows: Floats, cols: Floats, of: Ints, laws: Singles, order: int, good: NDArray[np.bool_],
    limits: tuple[float, float, float], settings: tuple[int, int, int, int, float], low: Singles, high: Singles,
    ap: Singles, wires: tuple[float, float, float], at_rows: Ints, at_cols: Ints, row_volts: Floats, col_volts: Floats,
) -> None:  # fmt: skip
    """Fill `row_volts` (copies, 4, inputs) and `col_volts` (copies, 4, lines).

    `laws` (arrays, 2, inputs, lines, numbers); `low` and `high` (2, arrays, rows, cols): conductance and its
    coefficient of V^2 in P and in AP, of size 0 without wires; `settings`: sign, starts, sweeps, turns and the longest
    step [V] times 1; `limits`: least, smallest and largest probability.
    """
    sign, starts, sweeps, turns, limit = settings
    inputs, lines = rows.shape[1], 2 * cols.shape[1]
    height, width = low.shape[2], low.shape[3]
    wired = low.size > 0
    phase, asked = np.zeros((inputs, lines), np.int64), np.zeros((inputs, lines))
    need, there, per_volt, slope = np.zeros((4, inputs, lines))
    a, b = np.zeros((2, inputs)), np.zeros((2, lines))
    level, bend = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    on_rows, on_cols, lost = np.zeros(height), np.zeros(width), np.zeros((4, height, width))
    for copy in range(len(of)):
        law = laws[of[copy]]
        _planned(rows[copy], cols[copy], good[of[copy]], limits, phase, asked)
        if not asked.any():
            row_volts[copy], col_volts[copy] = 0.0, 0.0
            continue
        for i in range(inputs):
            for j in range(lines):
                if asked[i, j] == 0.0:
                    continue
                own = law[phase[i, j] % 2, i, j]
                x = _polynomial(own, 3 + order, order, math.log(-math.log1p(-asked[i, j])))
                x = min(max(x, own[1]), own[2])
                need[i, j], slope[i, j] = own[0] * (1.0 + x), _slope(own, 3, order, x)
                per_volt[i, j] = 1.0 / own[0]
        _least_squares(asked, phase, need, starts, a, b)
        if not wired:
            _matched(asked, phase, law, order, per_volt, slope, sweeps, limit, a, b)
            _laid_out(asked, phase, a, b, sign, row_volts[copy], col_volts[copy])
            continue
        _mixed(low[:, of[copy]], high[:, of[copy]], ap[copy if len(ap) > 1 else 0], level, bend)
        lost[:] = 0.0
        for turn in range(turns):
            _laid_out(asked, phase, a, b, sign, row_volts[copy], col_volts[copy])
            for f in range(4):
                if row_volts[copy, f].any():
                    on_rows[:], on_cols[:] = 0.0, 0.0
                    on_rows[at_rows], on_cols[at_cols] = row_volts[copy, f], col_volts[copy, f]
                    _lost(level, bend, wires, on_rows, on_cols, MIXED if turn else 1.0, lost[f])
            for i in range(inputs):
                for j in range(lines):
                    f = phase[i, j]
                    missing = abs(lost[f, at_rows[i], at_cols[j]])
                    if turn == 0:
                        there[i, j] = need[i, j] + missing
                        part = need[i, j] / there[i, j]
                    else:
                        part = max(1.0 - missing / max(a[f % 2, i] + b[f // 2, j], 1e-3), 0.2)
                    per_volt[i, j] = part / law[f % 2, i, j, 0]
            if turn == 0:
                _least_squares(asked, phase, there, starts, a, b)
            _matched(
                asked, phase, law, order, per_volt, slope, sweeps if turn == turns - 1 else 1, limit, a, b
            )  # fmt: skip
        _laid_out(asked, phase, a, b, sign, row_volts[copy], col_volts[copy])
