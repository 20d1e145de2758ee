"""Kernels of `superposition`: answers of a linearised array to single lines, and currents of many drives from them.

Rows are joined from the open top of the bit lines downwards. Below row m the current down the bit lines is

    f = s_m - A_m b_m,    A_m = P_(m-1) A_(m-1) + Y_m,    s_m = P_(m-1) s_(m-1) + y_m V_m,    P_m = (1 + r A_m)^-1,

with b_m the voltages of the bit line nodes of row m, Y_m the currents that its word line takes from them and y_m what
it gives them for 1 V at its terminal. Upwards again b_m = P_m b_(m+1) + r P_m s_m. All of it exists at r = 0.
"""

# Kernels take plain arrays by position.

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.chance_kernels import normal, uniform
from labmtj.physics.jit import jit, jit_apart
from labmtj.physics.noise import ELEMENTARY_CHARGE
from labmtj.records import Floats, Ints

States = NDArray[np.int8]
LINES, SAMPLES = 256, 65536
"""Most lines and samples that an address of noise can tell apart; `superposition` refuses more."""


@jit_apart
def _chain(g: Floats, r: float, end: float, away: Floats, share: Floats) -> None:
    """Conductance seen along a word line from each node on, its own cell included, and 1 / (1 + ohms before it)."""
    cols = g.size
    away[cols - 1] = g[cols - 1]
    for col in range(cols - 1, -1, -1):
        share[col] = 1.0 / (1.0 + (r if col else end) * away[col])
        if col:
            away[col - 1] = g[col - 1] + away[col] * share[col]


@jit_apart
def _word_line(
    g: Floats, r: float, end: float, away: Floats, share: Floats, volts: Floats, bits: Floats, drawn: Floats,
    node: Floats, cell: Floats,
) -> None:  # fmt: skip
    """Cell voltages (cols, K) of a row for K pairs of a terminal's voltage (K,) and bit line nodes (cols, K)."""
    cols, many = bits.shape
    for k in range(many):
        drawn[cols - 1, k] = g[cols - 1] * bits[cols - 1, k]
    for col in range(cols - 2, -1, -1):
        for k in range(many):
            drawn[col, k] = g[col] * bits[col, k] + share[col + 1] * drawn[col + 1, k]
    for k in range(many):
        node[k] = volts[k]
    for col in range(cols):
        ohms = (r if col else end) * share[col]
        for k in range(many):
            node[k] -= ohms * (away[col] * node[k] - drawn[col, k])
            cell[col, k] = node[k] - bits[col, k]


@jit_apart
def _invert(matrix: Floats) -> None:
    """Invert in place, without pivots: for 1 + r A with A positive semidefinite none is needed."""
    size = matrix.shape[0]
    for pivot in range(size):
        inverse = 1.0 / matrix[pivot, pivot]
        matrix[pivot, pivot] = 1.0
        for n in range(size):
            matrix[pivot, n] *= inverse
        for m in range(size):
            if m != pivot:
                factor = matrix[m, pivot]
                matrix[m, pivot] = 0.0
                for n in range(size):
                    matrix[m, n] -= factor * matrix[pivot, n]


@jit_apart
def _times(left: Floats, right: Floats, first: int, last: int, out: Floats) -> None:
    """Columns `first` to `last` of left @ right."""
    size = left.shape[0]
    for m in range(size):
        for n in range(first, last):
            out[m, n] = 0.0
        for k in range(left.shape[1]):
            factor = left[m, k]
            for n in range(first, last):
                out[m, n] += factor * right[k, n]


@jit
def _answer(
    g: Floats, r: float, r_row: Floats, r_col: Floats, rows: Ints, sense: Floats, fields: Floats, transfer: Floats
) -> None:
    """Fill `fields` (rows, cols, inputs + outputs) and `transfer` (inputs, outputs) of one array."""
    height, cols = g.shape
    inputs, outputs = rows.size, sense.shape[1]
    many = inputs + outputs
    away, share = np.empty((height, cols)), np.empty((height, cols))
    joined, below, own, unit = np.zeros((cols, cols)), np.zeros((cols, cols)), np.empty((cols, cols)), np.zeros((cols, cols))
    one, none, nothing, single = np.ones(1), np.zeros(cols), np.zeros((cols, 1)), np.empty((cols, 1))
    drawn, node = np.empty((cols, max(many, cols))), np.empty(max(many, cols))
    down, s = np.empty((height, cols, cols)), np.zeros((cols, inputs))
    kept = np.zeros((height, cols, inputs))
    for col in range(cols):
        unit[col, col] = 1.0
    for row in range(height):
        end = r + r_row[row]
        _chain(g[row], r, end, away[row], share[row])
        _word_line(g[row], r, end, away[row], share[row], none, unit, drawn, node, own)
        for m in range(cols):
            for n in range(cols):
                joined[m, n] = below[m, n] - g[row, m] * own[m, n]
        driven = False
        for k in range(inputs):
            if rows[k] == row:
                if not driven:
                    _word_line(g[row], r, end, away[row], share[row], one, nothing, drawn, node, single)
                    driven = True
                for col in range(cols):
                    s[col, k] += g[row, col] * single[col, 0]
        if row < height - 1:
            inverse = down[row]
            for m in range(cols):
                for n in range(cols):
                    inverse[m, n] = r * joined[m, n]
                inverse[m, m] += 1.0
            _invert(inverse)
            _times(inverse, joined, 0, cols, below)
            _times(inverse, s, 0, inputs, kept[row])
            for col in range(cols):
                for k in range(inputs):
                    s[col, k] = kept[row, col, k]
    # At the terminals, b = v + ohms f, for the columns at 0 V or, for answers to columns, at minus their weight.
    last = down[height - 1]
    for m in range(cols):
        for n in range(cols):
            last[m, n] = joined[m, n] * (r + r_col[n])
        last[m, m] += 1.0
    _invert(last)
    start, flow = np.empty((cols, many)), np.empty((cols, many))
    for m in range(cols):
        for n in range(inputs):
            start[m, n] = s[m, n]
        for n in range(outputs):
            total = 0.0
            for k in range(cols):
                total += joined[m, k] * sense[k, n]
            start[m, inputs + n] = total
    _times(last, start, 0, many, flow)
    for k in range(inputs):
        for n in range(outputs):
            total = 0.0
            for col in range(cols):
                total += flow[col, k] * sense[col, n]
            transfer[k, n] = total
    bits, above, volts = np.empty((cols, many)), np.empty((cols, many)), np.empty(many)
    for col in range(cols):
        for k in range(many):
            bits[col, k] = (r + r_col[col]) * flow[col, k] - (sense[col, k - inputs] if k >= inputs else 0.0)
    for row in range(height - 1, -1, -1):
        if row < height - 1:
            _times(down[row], bits, 0, many, above)
            for col in range(cols):
                for k in range(many):
                    bits[col, k] = above[col, k] + (r * kept[row, col, k] if k < inputs else 0.0)
        for k in range(many):
            volts[k] = 1.0 if k < inputs and rows[k] == row else 0.0
        _word_line(g[row], r, r + r_row[row], away[row], share[row], volts, bits, drawn, node, fields[row])


@jit
def answers(
    g: Floats, r: float, r_row: Floats, r_col: Floats, rows: Ints, sense: Floats, fields: Floats, transfer: Floats
) -> None:
    """Answers of the arrays `g` (arrays, rows, cols) [S] of resistors to single driven lines, all others at 0 V.

    Array n has the driven rows `rows[n]` (inputs,) and the weights of columns `sense[n]` (cols, outputs). Fills
    `fields` (arrays, rows, cols, inputs + outputs): cell voltages for 1 V on each of the rows, then for minus the
    weights of each output in volts on the columns; and `transfer` (arrays, inputs, outputs) [S].
    """
    for array in range(g.shape[0]):
        _answer(g[array], r, r_row, r_col, rows[array], sense[array], fields[array], transfer[array])


@jit_apart
def _voltages(field: Floats, drives: Floats, volts: Floats) -> None:
    """Voltages of one cell for all samples: drives (inputs, samples) weighed with its answers to the rows."""
    samples, inputs = volts.size, drives.shape[0]
    for n in range(samples):
        volts[n] = 0.0
    for first in range(0, inputs - 3, 4):  # four at a time: memory is what takes the time
        a, b, c, d = field[first], field[first + 1], field[first + 2], field[first + 3]
        for n in range(samples):
            volts[n] += (a * drives[first, n] + b * drives[first + 1, n]) + (
                c * drives[first + 2, n] + d * drives[first + 3, n]
            )
    for k in range(inputs - inputs % 4, inputs):
        factor = field[k]
        for n in range(samples):
            volts[n] += factor * drives[k, n]


@jit_apart
def _missing(volts: Floats, g0: float, k_p: float, tmr: float, curve: float, linear: float, missing: Floats) -> None:
    """Current of the cell (`mtj.law`) less that of the resistor that stood for it."""
    for n in range(volts.size):
        v = volts[n]
        squared = v * v
        rise = 1.0 + squared * curve
        missing[n] = v * (g0 * (1.0 + k_p * squared) * rise / (rise + tmr) - linear)


@jit_apart
def _add(factor: float, what: Floats, to: Floats) -> None:
    for n in range(what.size):
        to[n] += factor * what[n]


@jit_apart
def _add_four(fields: Floats, place: int, four: Floats, to: Floats) -> None:
    """Add four neighbours' missing currents, each with its answer to an output."""
    a, b, c, d = fields[0, place], fields[1, place], fields[2, place], fields[3, place]
    for n in range(to.size):
        to[n] += (a * four[0, n] + b * four[1, n]) + (c * four[2, n] + d * four[3, n])


@jit_apart
def _add_noise(
    volts: Floats, missing: Floats, linear: float, white: float, fano: float, thermal: float, flicker: float,
    current: Floats, flow: Floats, variance: Floats,
) -> None:  # fmt: skip
    """Add a cell's current to its column's `flow`, and its variance (`noise.current_variance`).

    White noise is by far the least, so it is that of the secant's conductance, and x coth x is
    x^2 (35 + x^2) / (105 + 10 x^2) + 1, which is 6e-4 off at x = 2 (100 mV).
    """
    for n in range(volts.size):
        v = volts[n]
        amperes = linear * v + missing[n]
        current[n] = amperes
        flow[n] += amperes
        x = v * v * thermal
        shot = fano * x * (35.0 + x) / (105.0 + 10.0 * x) + 1.0
        variance[n] += white * linear * shot + flicker * amperes * amperes


@jit
def currents(
    seed: int, purposes: Ints, numbers: Ints, ordinal: int, state: States, g0: Floats, tmr: Floats, linear: Floats,
    law: Floats, fields: Floats, transfer: Floats, drives: Floats, sense: Floats, telegraph: Floats, noise: Floats,
    meter: Floats, out: Floats,
) -> None:  # fmt: skip
    """Weighed column currents `out` (arrays, samples, outputs) [A] at row voltages `drives` (arrays, samples, inputs).

    `law` is k_p, v_h^-2; `noise` kT/e [V] (0: no noise at all), 1 / (2 aperture) [1/s], then variance by 1/f noise
    over the current's square of P, AP and a resistor, and Fano factors of these; `meter` (2, ranges) full scales and
    rms noise [A]; `numbers` (arrays,) stand in the addresses.
    """
    rows, cols = state.shape[1:]
    samples, inputs = drives.shape[1:]
    outputs = out.shape[2]
    volts, four, current = np.empty(samples), np.empty((4, samples)), np.empty(samples)
    last, used = cols - cols % 4, np.empty(cols, np.bool_)
    lines, sums = np.empty((inputs, samples)), np.empty((outputs, samples))
    flow, variance, shift = np.empty((cols, samples)), np.empty((cols, samples)), np.empty((cols, samples))
    noisy = noise[0] > 0.0
    thermal = 0.25 / noise[0] ** 2 if noisy else 0.0
    white = 4.0 * ELEMENTARY_CHARGE * noise[0] * noise[1]
    for array in range(drives.shape[0]):
        number = numbers[array]
        for n in range(samples):
            for k in range(inputs):
                lines[k, n] = drives[array, n, k]
        for col in range(cols):
            used[col] = False
            for output in range(outputs):
                used[col] |= sense[array, col, output] != 0.0
        sums[:], flow[:], variance[:], shift[:] = 0.0, 0.0, 0.0, 0.0
        for k in range(inputs):
            for output in range(outputs):
                _add(transfer[array, k, output], lines[k], sums[output])
        for row in range(rows):
            for col in range(cols):
                here = state[array, row, col]
                missing = four[col % 4]
                _voltages(fields[array, row, col], lines, volts)
                if here == 2:
                    missing[:] = 0.0
                else:
                    _missing(
                        volts, g0[row, col], law[0] if here == 0 else 0.0, tmr[row, col] if here == 1 else 0.0,
                        law[1], linear[array, row, col], missing,
                    )  # fmt: skip
                    if col >= last:
                        for output in range(outputs):
                            _add(fields[array, row, col, inputs + output], missing, sums[output])
                if col % 4 == 3:
                    for output in range(outputs):
                        _add_four(fields[array, row, col - 3 : col + 1], inputs + output, four, sums[output])
                if noisy and used[col]:
                    _add_noise(
                        volts, missing, linear[array, row, col], white, noise[5 + here], thermal, noise[2 + here],
                        current, flow[col], variance[col],
                    )  # fmt: skip
                    if telegraph[row, col] > 0.0 and here != 2:
                        place = (number * LINES + row) * LINES + col
                        for n in range(samples):
                            if uniform(seed, purposes[1], place, ordinal * SAMPLES + n) < 0.5:
                                shift[col, n] += telegraph[row, col] * current[n]
        if noisy:
            for output in range(outputs):
                place = number * LINES + output
                for n in range(samples):
                    total = 0.0
                    for col in range(cols):
                        weight = sense[array, col, output]
                        if weight != 0.0:
                            rms = meter[1, meter.shape[1] - 1]
                            for which in range(meter.shape[1]):
                                if abs(flow[col, n]) <= meter[0, which]:
                                    rms = meter[1, which]
                                    break
                            total += weight * weight * (variance[col, n] + rms * rms)
                            sums[output, n] += weight * shift[col, n]
                    sums[output, n] += math.sqrt(total) * normal(seed, purposes[0], place, ordinal * SAMPLES + n)
        for n in range(samples):
            for output in range(outputs):
                out[array, n, output] = sums[output, n]
