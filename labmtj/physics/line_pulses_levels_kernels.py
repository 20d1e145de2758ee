"""Kernels of physics.line_pulses: voltages of lines whose cells shall flip with the products of two factors."""

# Kernels take plain arrays by position.

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.chance import Purpose
from labmtj.physics.chance_kernels import uniform
from labmtj.physics.jit import jit
from labmtj.records import Floats, Ints

Flags = NDArray[np.bool_]
Words = NDArray[np.uint64]

LOG_FIRST, LOG_COUNT = -14.0, 1024
"""ln P of the first entry of the table from ln P to ln H, and its length; the last one is ln of the largest P."""
_FIRES = int(Purpose.UPDATE_FIRES)
_FAINT = -7.5  # ln H below which a need is not told from that at it: cubics are fitted from -7 on
_CENTRED = 3  # chosen: steps of Newton's method; 1 % of P is left
_SCALES = 2.0  # chosen: no line gets more than this beyond what an array without wires would need


@jit
def _log_hazard(table: Floats, log_p: float, most: float) -> float:
    """Ln H of ln P by linear interpolation."""
    x = (min(log_p, most) - LOG_FIRST) * (table.size - 1) / (most - LOG_FIRST)
    at = min(max(int(x), 0), table.size - 2)
    return table[at] + (x - at) * (table[at + 1] - table[at])


@jit
def _additive(wanted: Floats, row_on: Flags, col_on: Flags, row: Floats, col: Floats, sums: Floats) -> None:
    """Row and column parts of `wanted` (rows, cols), nan where a cell has no say, over the lines that are on.

    Means of rows and columns, the grand mean shared equally: the least squares where no cell is missing. `sums` is
    (2, rows + cols).
    """
    rows, cols = wanted.shape
    sums[:] = 0.0
    total, count = 0.0, 0
    for i in range(rows):
        if row_on[i]:
            for j in range(cols):
                if col_on[j] and wanted[i, j] == wanted[i, j]:
                    sums[0, i] += wanted[i, j]
                    sums[1, i] += 1.0
                    sums[0, rows + j] += wanted[i, j]
                    sums[1, rows + j] += 1.0
                    total += wanted[i, j]
                    count += 1
    half = 0.5 * total / max(count, 1)
    for i in range(rows):
        row[i] = (sums[0, i] / sums[1, i] - half if sums[1, i] > 0.0 else half) if row_on[i] else 0.0
    for j in range(cols):
        at = rows + j
        col[j] = (sums[0, at] / sums[1, at] - half if sums[1, at] > 0.0 else half) if col_on[j] else 0.0


@jit
def _centre(
    need: Floats, hazard: Floats, slope: Floats, row_on: Flags, col_on: Flags, row: Floats, col: Floats
) -> None:
    """Shift rows so that cells which need different voltages still flip as often, in the mean, as they are asked to.

    `hazard` (rows, cols) is ln H that is wanted of a cell, `slope` [V] how its need rises with it.
    """
    shift = 0.0
    for _step in range(_CENTRED):
        wanted, got, rise, most = 0.0, 0.0, 0.0, 0.0
        for i in range(row.size):
            if row_on[i]:
                for j in range(col.size):
                    if col_on[j] and need[i, j] == need[i, j]:
                        x = hazard[i, j] + (row[i] + col[j] + shift - need[i, j]) / slope[i, j]
                        hazards = math.exp(min(x, 3.0))
                        wanted += 1.0 - math.exp(-math.exp(hazard[i, j]))
                        got += 1.0 - math.exp(-hazards)
                        rise += hazards * math.exp(-hazards) / slope[i, j]
                        most = max(most, 2.0 * slope[i, j])
        # Newton in ln of the mean, which is nearly straight but where all cells flip for certain.
        if got > 0.0 and rise > 0.0:
            shift += min(max(math.log(wanted / got) * got / rise, -most), most)
    for i in range(row.size):
        if row_on[i]:
            row[i] += shift


@jit
def _even(row_on: Flags, col_on: Flags, row: Floats, col: Floats) -> None:
    """Share the sum of a row's and a column's voltage so that the largest of both sides are equal: least disturb."""
    high_row, high_col = -math.inf, -math.inf
    for i in range(row.size):
        if row_on[i]:
            high_row = max(high_row, row[i])
    for j in range(col.size):
        if col_on[j]:
            high_col = max(high_col, col[j])
    shift = 0.5 * (high_col - high_row)
    for i in range(row.size):
        if row_on[i]:
            row[i] += shift
    for j in range(col.size):
        if col_on[j]:
            col[j] -= shift


@jit
def choose(
    of: Ints, factors: Floats, others: Floats, by_row: bool, least: float, thin: float, seeds: Ints, base: Words,
    turns: Words, boosts: Floats,
) -> None:  # fmt: skip
    """Which phases of an update are fired: `boosts` (n, phases) is what ln P is raised by in each, or -1: it is not.

    Phases are those of positive rows towards P and towards AP, and of negative rows, four; or those of each row,
    `by_row`, towards P and towards AP. A phase whose largest P is below `thin` is left out, but for a share of its
    turns in which that P is `thin`, and all others with it: the same in the mean, with fewer pulses. `least` and
    `thin` are ln P; chance belongs to (`seeds`, `base` + `turns`), each (copies,).
    """
    groups = factors.shape[1] if by_row else 2
    for n in range(of.size):
        copy = int(of[n])
        largest = 0.0
        for k in range(others.shape[1]):
            largest = max(largest, abs(others[copy, k]))
        for group in range(groups):
            factor = abs(factors[copy, group]) if by_row else 0.0
            for k in range(0 if by_row else factors.shape[1]):
                factor = max(factor, (1.0 - 2.0 * group) * factors[copy, k])
            top = math.log(factor * largest) if factor * largest > 0.0 else -math.inf
            for target in range(2):
                phase = 2 * group + target
                boosts[n, phase] = -1.0
                boost = max(thin - top, 0.0)
                if boost > 0.0 and boost < math.inf:
                    draw = uniform(seeds[copy], _FIRES, phase, int(base[copy] + turns[copy]))
                    if not math.log(draw) < -boost:
                        continue
                if top + boost >= least:
                    boosts[n, phase] = boost


@jit
def levels(
    of: Ints, phases: Ints, boosts: Floats, factors: Floats, others: Floats, by_row: bool, place_rows: Ints,
    place_cols: Ints, table: Floats, least: float, most: float, needs: Floats, fixed: Flags, row_v: Floats,
    col_v: Floats, row_on: Flags, col_on: Flags, need: Floats, asked: Floats,
) -> None:  # fmt: skip
    """Magnitudes [V] of the lines of one phase of an update, of each of the copies `of` (n,); see `choose`.

    `factors` (copies, inputs), `others` (copies, outputs): the product of two is asked for. `needs` (copies, 2, cells
    or 1, 4): the cell's voltage as a cubic in ln H. `least` and `most` are ln P; lines whose largest P is below
    `least` stay at ground. Cells that are `fixed` have no say. Fills the lines (n, lines), what each cell shall see,
    `need` [V] (nan: it has no say), and what P `is asked` of it.
    """
    rows, cols = need.shape[1], need.shape[2]
    row_log, col_log, sums = np.empty(rows), np.empty(cols), np.empty((2, rows + cols))
    hazard, slope, own = np.empty((rows, cols)), np.empty((rows, cols)), needs.shape[2] > 1
    for n in range(of.size):
        copy, boost, group, target = of[n], boosts[n], phases[n] // 2, phases[n] % 2
        row_sign = 1 - 2 * group
        if by_row:
            row_sign = 1 if factors[copy, group] > 0.0 else -1
        row_on[n], col_on[n], row_v[n], col_v[n], need[n], asked[n] = False, False, 0.0, 0.0, np.nan, 0.0
        top_row, top_col = -math.inf, -math.inf
        for k in range(factors.shape[1]):
            factor = row_sign * factors[copy, k] if k == group or not by_row else 0.0
            if factor > 0.0:
                top_row = max(top_row, math.log(factor) + boost)
        for k in range(others.shape[1]):
            if others[copy, k] != 0.0:
                top_col = max(top_col, math.log(abs(others[copy, k])))
        for k in range(factors.shape[1]):
            factor = row_sign * factors[copy, k] if k == group or not by_row else 0.0
            if factor > 0.0:
                value = math.log(factor) + boost
                if value + top_col >= least:
                    row_on[n, place_rows[copy, k]], row_log[place_rows[copy, k]] = True, value
        for k in range(others.shape[1]):
            if others[copy, k] != 0.0:
                value = math.log(abs(others[copy, k]))
                if value + top_row >= least:
                    up = (row_sign * others[copy, k] > 0.0) == (target == 0)
                    at = place_cols[copy, 2 * k if up else 2 * k + 1]
                    col_on[n, at], col_log[at] = True, value
        for i in range(rows):
            if row_on[n, i]:
                for j in range(cols):
                    if col_on[n, j]:
                        cell = i * cols + j
                        log_p = row_log[i] + col_log[j]
                        asked[n, i, j] = math.exp(min(log_p, 0.0))
                        if not fixed[copy, cell]:
                            x = max(_log_hazard(table, log_p, most), _FAINT)
                            c = needs[copy, target, cell if own else 0]
                            need[n, i, j] = c[0] + x * (c[1] + x * (c[2] + x * c[3]))
                            hazard[i, j], slope[i, j] = x, c[1] + x * (2.0 * c[2] + 3.0 * x * c[3])
        _additive(need[n], row_on[n], col_on[n], row_v[n], col_v[n], sums)
        if own:
            _centre(need[n], hazard, slope, row_on[n], col_on[n], row_v[n], col_v[n])
            for i in range(rows):
                for j in range(cols):
                    if need[n, i, j] == need[n, i, j]:
                        need[n, i, j] = row_v[n, i] + col_v[n, j]
        _even(row_on[n], col_on[n], row_v[n], col_v[n])


@jit
def corrected(
    cell_v: Floats, signs: Floats, need: Floats, row_on: Flags, col_on: Flags, row_v: Floats, col_v: Floats
) -> None:
    """Raise the magnitudes of lines by what wires take, after `cell_v` (n, rows, cols) [V] that they gave at `signs`.

    All lines by one factor, then each by what its cells miss in the mean.
    """
    rows, cols = need.shape[1], need.shape[2]
    missing, row, col = np.empty((rows, cols)), np.empty(rows), np.empty(cols)
    sums = np.empty((2, rows + cols))
    for n in range(need.shape[0]):
        asked, found, sign = 0.0, 0.0, signs[n]
        for i in range(rows):
            if row_on[n, i]:
                for j in range(cols):
                    if col_on[n, j] and need[n, i, j] == need[n, i, j]:
                        asked += need[n, i, j]
                        found += sign * cell_v[n, i, j]
        factor = min(max(asked / found, 1.0 / _SCALES), _SCALES) if found > 0.0 else 1.0
        for i in range(rows):
            for j in range(cols):
                missing[i, j] = need[n, i, j] - factor * sign * cell_v[n, i, j]
        _additive(missing, row_on[n], col_on[n], row, col, sums)
        for i in range(rows):
            if row_on[n, i]:
                row_v[n, i] = factor * row_v[n, i] + row[i]
        for j in range(cols):
            if col_on[n, j]:
                col_v[n, j] = factor * col_v[n, j] + col[j]
        _even(row_on[n], col_on[n], row_v[n], col_v[n])
