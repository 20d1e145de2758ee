"""Kernels of physics.line_pulses: which cells flip under a pulse on many lines of many dies."""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.chance_kernels import uniform_there
from labmtj.physics.jit import jit
from labmtj.physics.mtj import LINEAR
from labmtj.physics.switching import probabilities
from labmtj.records import Floats, Ints, State

Words = NDArray[np.uint64]
States = NDArray[np.int8]
Flags = NDArray[np.bool_]

STRIDE, PLACES = 0.02, 96
"""Drives between two bounds on a probability, and how many bounds (chosen: the hazard rises threefold from one on)."""
BARRIER_FIRST, BARRIER_STEP, BARRIERS = 10.0, 4.0, 29
"""Barriers [kT] of the bounds."""
FLIPS, DISTURBED, EVENTS = 0, 1, 2
"""Columns of what a die counts: selected cells that flipped, others that did, cells that were asked to."""
_MARGIN = 1.25  # chosen: far above what the table's interpolation may be off from being monotone
_LEAST = 2.0**-54  # no uniform number is below it
_AP = int(State.AP)


@jit
def bounds(table: Floats, tau: float, highest: Floats) -> None:
    """Fill `highest` (barriers, places): what no cell with a drive up to STRIDE x place and this barrier exceeds."""
    for n in range(highest.shape[0]):
        for place in range(highest.shape[1]):
            highest[n, place] = _MARGIN * probabilities(table, STRIDE * place, tau, BARRIER_FIRST + BARRIER_STEP * n)[0]


@jit
def fire(
    table: Floats, highest: Floats, tau: float, width: float, cell_v: Floats, of: Ints, row_on: Flags, col_on: Flags,
    spared: bool, per_volt: Floats, field: Floats, delta: Floats, barrier: NDArray[np.uint8], stays: Flags,
    located: Words, base: Words, pulses: Words, limit: float, siemens: Floats, tmr: Floats, k_p: float, curve: float,
    state: States,     counts: Ints, energy: Floats, peak: Floats,
) -> int:  # fmt: skip
    """Draw once for every cell of every pulsed die and flip those that switch; how many are outside the table.

    `cell_v` (pulses, rows, cols) [V] writes P where it is positive; `of` (pulses,) is the die of each, none twice;
    `row_on`, `col_on` are the selected lines. The others are (dies, cells), `per_volt` [1/V] (2, dies, cells) are
    1 / V_c0 towards P and towards AP, `barrier` the row of `highest` for a cell. Only if a draw lies below the bound is
    the probability looked up, so outcomes are those of lockstep_kernels.switch. Cells that are not selected never
    flip if `spared`.
    Adds to `counts` (dies, 3) and to `energy` (dies,) [J], of selected cells; `peak` (pulses,) [V] is the largest
    voltage on a good cell.
    """
    rows, cols = cell_v.shape[1], cell_v.shape[2]
    outside, per_stride = 0, 1.0 / STRIDE
    for pulse in range(of.size):
        die = int(of[pulse])
        ordinal = np.uint64(base[die] + pulses[die])
        top, joules = 0.0, 0.0
        for row in range(rows):
            for col in range(cols):
                cell = row * cols + col
                volts, now = cell_v[pulse, row, col], state[die, cell]
                selected = row_on[pulse, row] and col_on[pulse, col]
                if selected:
                    squared = volts * volts
                    rise = 1.0 + squared * curve
                    law = (1.0 + k_p * squared) if now == 0 else (rise / (rise + tmr[die, cell]) if now == _AP else 1.0)
                    joules += siemens[die, cell] * squared * law
                if now == LINEAR:
                    continue
                top = max(top, abs(volts))
                if stays[die, cell] or (spared and not selected):
                    continue
                if now == _AP:
                    drive = volts * per_volt[0, die, cell] + field[die, cell]
                else:
                    drive = -volts * per_volt[1, die, cell] - field[die, cell]
                drive = min(max(drive, -limit), limit)
                place = int(max(drive, 0.0) * per_stride) + 1
                if selected and drive > 0.0:
                    counts[die, EVENTS] += 1
                if place < highest.shape[1]:
                    bound = highest[barrier[die, cell], place]
                    if bound < _LEAST:
                        continue
                    draw = uniform_there(located[die, cell], ordinal)
                    if draw >= bound:
                        continue
                else:
                    draw = uniform_there(located[die, cell], ordinal)
                chance = probabilities(table, drive, tau, delta[die, cell])[0]
                outside += np.isnan(chance)
                if draw < chance:
                    state[die, cell] = 1 - now
                    counts[die, FLIPS if selected and drive > 0.0 else DISTURBED] += 1
        energy[die] += width * joules
        peak[pulse] = top
        pulses[die] += np.uint64(1)
    return outside


@jit
def ask(
    of: Ints,
    asked: Floats,
    target: Ints,
    stays: Flags,
    located: Words,
    base: Words,
    pulses: Words,
    state: States,
    counts: Ints,
) -> None:
    """As `fire`, but every cell flips towards `target` (pulses,) with just the chance `asked` (pulses, cells) of it."""
    for pulse in range(of.size):
        die = int(of[pulse])
        ordinal = np.uint64(base[die] + pulses[die])
        for cell in range(asked.shape[1]):
            chance, now = asked[pulse, cell], state[die, cell]
            if not chance > 0.0 or now == LINEAR or now == target[pulse] or stays[die, cell]:
                continue
            counts[die, EVENTS] += 1
            if uniform_there(located[die, cell], ordinal) < chance:
                state[die, cell] = target[pulse]
                counts[die, FLIPS] += 1
        pulses[die] += np.uint64(1)
