"""Kernels of `superposition`: currents of many drives from answers to single lines, and their noise."""

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
def _voltages(field: Floats, drives: Floats, volts: Floats) -> None:
    """Voltages of one cell for all samples: drives (inputs, samples) weighed with its answers to the rows."""
    samples = volts.size
    for n in range(samples):
        volts[n] = 0.0
    for k in range(drives.shape[0]):
        factor = field[k]
        for n in range(samples):
            volts[n] += factor * drives[k, n]


@jit_apart
def _voltages_of_four(fields: Floats, drives: Floats, volts: Floats) -> None:
    """As `_voltages`, (4, samples) of four neighbours; two drives at a time, since memory is what takes the time."""
    samples, inputs = drives.shape[1], drives.shape[0]
    for n in range(samples):
        volts[0, n] = 0.0
        volts[1, n] = 0.0
        volts[2, n] = 0.0
        volts[3, n] = 0.0
    for k in range(0, inputs - 1, 2):
        a, b, c, d = fields[0, k], fields[1, k], fields[2, k], fields[3, k]
        e, f, g, h = fields[0, k + 1], fields[1, k + 1], fields[2, k + 1], fields[3, k + 1]
        for n in range(samples):
            first, second = drives[k, n], drives[k + 1, n]
            volts[0, n] += a * first + e * second
            volts[1, n] += b * first + f * second
            volts[2, n] += c * first + g * second
            volts[3, n] += d * first + h * second
    if inputs % 2:
        k = inputs - 1
        a, b, c, d = fields[0, k], fields[1, k], fields[2, k], fields[3, k]
        for n in range(samples):
            first = drives[k, n]
            volts[0, n] += a * first
            volts[1, n] += b * first
            volts[2, n] += c * first
            volts[3, n] += d * first


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
    across, four, current = np.empty((4, samples)), np.empty((4, samples)), np.empty(samples)
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
                volts, missing = across[col % 4], four[col % 4]
                if col >= last:
                    _voltages(fields[array, row, col], lines, volts)
                elif col % 4 == 0:
                    _voltages_of_four(fields[array, row, col : col + 4], lines, across)
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
