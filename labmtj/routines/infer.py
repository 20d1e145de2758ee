"""Inference on the array: all rows driven at once, bit by bit from one source or each at its own voltage."""

from __future__ import annotations

import numpy as np

from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Floats, Ints, Placement


def bit_serial(
    array: ArrayAccess,
    *,
    placement: Placement,
    inputs: Floats,
    bits: int,
    voltage: float,
    tick: Ticker = no_ticks,
) -> Floats:
    """Column sums of conductance times input [S], shape (samples, device columns).

    `inputs` (samples, rows of the layer) lie in -1..1 and are rounded to `bits` bits of magnitude. For
    each bit the rows that have it set are driven at `voltage` [V] together; negative inputs follow in a
    second pass and are subtracted. Every device sees only 0 or `voltage`, so the curvature of its
    conductance does not enter.
    """
    levels = quantise(inputs, bits)
    out = np.zeros((len(inputs), len(placement.cols)))
    for sample, row_levels in enumerate(levels):
        for sign in (1, -1):
            magnitude = np.where(row_levels * sign > 0, np.abs(row_levels), 0)
            for bit in range(bits):
                rows = [placement.rows[n] for n in np.flatnonzero(magnitude >> bit & 1)]
                if rows:
                    currents = array.multiply(rows, placement.cols, volts=[voltage] * len(rows))
                    out[sample] += sign * 2.0**bit / (2**bits - 1) * currents / voltage
        tick()
    return out


def analog(
    array: ArrayAccess, *, placement: Placement, inputs: Floats, voltage: float, tick: Ticker = no_ticks
) -> Floats:
    """Column sums of conductance times input [S], shape (samples, device columns).

    `inputs` (samples, rows of the layer) lie in -1..1 and stand on the rows as that share of `voltage` [V],
    all at once. Devices see voltages between, so the curvature of their conductance enters (4 % of the
    window at 100 mV, 1 % at 50 mV, for V_h = 0.5 V).
    """
    out = np.zeros((len(inputs), len(placement.cols)))
    for sample, levels in enumerate(np.clip(inputs, -1.0, 1.0)):
        out[sample] = array.multiply(placement.rows, placement.cols, volts=(voltage * levels).tolist()) / voltage
        tick()
    return out


def quantise(inputs: Floats, bits: int) -> Ints:
    """Inputs -1..1 as signed integers of `bits` bits of magnitude."""
    return np.rint(np.clip(inputs, -1.0, 1.0) * (2**bits - 1)).astype(np.int64)
