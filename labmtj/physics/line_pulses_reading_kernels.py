"""Kernels of physics.line_pulses: noise of column sums of many dies, and their transfer conductances."""

# Kernels take plain arrays by position.

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.chance import Purpose
from labmtj.physics.chance_kernels import normal, uniform
from labmtj.physics.jit import jit
from labmtj.physics.mtj import LINEAR
from labmtj.records import Floats, Ints, State

States = NDArray[np.int8]
Words = NDArray[np.uint64]
_NOISE, _TELEGRAPH = int(Purpose.ARRAY_NOISE), int(Purpose.ARRAY_TELEGRAPH)
_AP = int(State.AP)


@jit
def add_noise(
    seeds: Ints, base: Words, reads: Words, of: Ints, volts: Floats, state: States, siemens: Floats, tmr: Floats,
    telegraph: Floats, law: Floats, full: Floats, rms: Floats, places: Ints, currents: Floats,
) -> None:  # fmt: skip
    """Add to column `currents` (drives, cols) [A] what a reading with rows at `volts` (drives, rows) [V] scatters by.

    Only columns `places` (dies, used) are read. A cell's own voltage is taken as its row's: what wires change of the
    noise is left out. `law`: k T / e [V], bandwidth [Hz], flicker in P and AP over the area times the span, Fano
    factors in P and AP, elementary charge, k_p, 1 / v_h^2. `full`, `rms` [A] of the meter's ranges. Numbers belong to
    (seed, base + reads, column or cell); `reads` (dies,) counts up.
    """
    rows, cols = volts.shape[1], currents.shape[1]
    variance, shift = np.empty(cols), np.empty(cols)
    for drive in range(of.size):
        die = int(of[drive])
        ordinal = int(base[die] + reads[die])
        reads[die] += np.uint64(1)
        variance[:], shift[:] = 0.0, 0.0
        for row in range(rows):
            v = volts[drive, row]
            squared = v * v
            x = abs(v) / (2.0 * law[0])
            part = 1.0 + x * x / 3.0 * (1.0 - x * x / 15.0) if x < 0.05 else x / math.tanh(x)
            rise = 1.0 + squared * law[8]
            # S_I = 4 k T G (1 + F (x coth x - 1)), over the bandwidth; k T / e times e is k T.
            white_p = 4.0 * law[0] * law[6] * (1.0 + law[4] * (part - 1.0)) * law[1]
            white_ap = 4.0 * law[0] * law[6] * (1.0 + law[5] * (part - 1.0)) * law[1]
            parallel = 1.0 + law[7] * squared
            for used in range(places.shape[1]):
                col = places[die, used]
                cell = row * cols + col
                now, g = state[die, cell], siemens[die, cell]
                if now == LINEAR:
                    variance[col] += g * 4.0 * law[0] * law[6] * law[1]
                elif now == _AP:
                    g *= rise / (rise + tmr[die, cell])
                    variance[col] += g * white_ap + law[3] * g * g * squared
                else:
                    g *= parallel
                    variance[col] += g * white_p + law[2] * g * g * squared
                step = telegraph[die, cell] * g * v
                if step != 0.0 and uniform(seeds[die], _TELEGRAPH, cell, ordinal) < 0.5:
                    shift[col] -= step
        for used in range(places.shape[1]):
            col = places[die, used]
            at = 0
            while at < full.size - 1 and abs(currents[drive, col]) > full[at]:
                at += 1
            deviation = math.sqrt(variance[col] + rms[at] * rms[at])
            currents[drive, col] += shift[col] + deviation * normal(seeds[die], _NOISE, col, ordinal)
