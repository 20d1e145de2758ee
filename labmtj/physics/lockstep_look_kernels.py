"""Kernels of physics.lockstep_copies: readings of many copies of one die, and what they see."""

# Kernels take plain arrays by position.

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.chance import Purpose
from labmtj.physics.chance_kernels import normal, uniform
from labmtj.physics.jit import jit
from labmtj.physics.lockstep_copies_kernels import COMMAND, HOLD, SETTLING, Aging, Hidden, expose, rest, way
from labmtj.physics.mtj import LINEAR
from labmtj.physics.noise import ELEMENTARY_CHARGE
from labmtj.records import Floats, Ints, State

Flags = NDArray[np.bool_]
Words = NDArray[np.uint64]
States = NDArray[np.int8]

_AP, _P = int(State.AP), int(State.P)
_READ_NOISE, _TELEGRAPH = int(Purpose.READ_NOISE), int(Purpose.TELEGRAPH)


class Eyes(NamedTuple):
    """What a reading sees: the die's cells, and the meter.

    `siemens`, `tmr`, `telegraph` (cells,), `plain` (cells,) is the state that shorts and opens have for their noise,
    `share` (cells,) what falls across each of the volts that offsets put between the ends of its lines: all, but for
    a short, where wires take most. `fano` and `flicker` [1] (2,) by state, the latter over the junction's area;
    `meter`: gain, offset [A], noise [A], largest current [A]; `law`: k_p, 1 / v_h^2, 2 k T / e [V], 2 x aperture [s],
    span of the flicker.
    """

    siemens: Floats
    tmr: Floats
    telegraph: Floats
    plain: States
    share: Floats
    fano: Floats
    flicker: Floats
    meter: Floats
    law: Floats
    seed: int


@jit
def _rates_at(
    aging: Aging, state: States, v: Floats, turned: float, mirrored: bool, row: int, col: int, first: int, last: int,
    cols: int, offsets: Floats, rates: Floats,
) -> None:  # fmt: skip
    """Fill `rates` (cells,) [1/s] of columns `first` to `last` of a copy while a cell of its row is read; see `look`.

    No column senses where `col` is -1.
    """
    resting, held, unit = aging.resting, aging.held, aging.unit
    terms, rows = held.shape[2], v.size // cols
    for i in range(rows):
        # On a line that is not driven volts are small, and so are the higher terms.
        start = 0 if i == row else max(0, terms - 4)
        for j in range(first, last):
            cell = i * cols + j
            now = state[cell]
            if resting[now, cell] == 0.0:
                rates[cell] = 0.0
                continue
            volts = turned * v[cell]
            if mirrored:
                volts += _off(offsets, i, j, row, col, rows, v[cell])
            x, exponent = volts / unit, 0.0
            for term in range(start, terms):
                exponent = (exponent + held[now, cell, term]) * x
            if abs(exponent) < 0.1:
                share = 1.0 + exponent / 3.0 * (1.0 + exponent / 4.0 * (1.0 + exponent / 5.0))
                rates[cell] = resting[now, cell] * (1.0 + exponent * (1.0 + exponent / 2.0 * share))
            else:
                rates[cell] = resting[now, cell] * math.exp(exponent)


@jit
def _measured(
    hidden: Hidden, eyes: Eyes, copy: int, row: int, col: int, cols: int, v: Floats, turned: float, into: float,
    offsets: Floats, mirrored: bool,
) -> float:  # fmt: skip
    """Current [A] that the meter shows on a column that gives `into` [A]; nan beyond its range.

    `v` (cells,) [V] times `turned` are the volts of the cells, but for `offsets` where they are `mirrored`.
    """
    variance, shift, ordinal = 0.0, 0.0, hidden.col_reads[copy, col]
    hidden.col_reads[copy, col] = ordinal + 1
    k_p, curve, thermal, twice, span = eyes.law[0], eyes.law[1], eyes.law[2], eyes.law[3], eyes.law[4]
    states, siemens, tmr, steps = hidden.state[copy], eyes.siemens, eyes.tmr, eyes.telegraph
    fanos, flickers = eyes.fano, eyes.flicker
    rows = v.size // cols
    for i in range(rows):
        cell = i * cols + col
        state, volts = states[cell], turned * v[cell]
        if mirrored:
            off = _off(offsets, i, col, row, col, rows, v[cell])
            volts += off if i == row else eyes.share[cell] * off
        kind = eyes.plain[cell] if state == LINEAR else state
        squared = volts * volts
        rise = 1.0 + squared * curve
        ohmic = siemens[cell]
        if state == _P:
            ohmic *= 1.0 + k_p * squared
        elif state == _AP:
            ohmic *= rise / (rise + tmr[cell])
        amperes = ohmic * volts
        # x coth(x) makes thermal noise shot noise; near 0 V, on lines that are not driven, it is nearly 1.
        x = abs(volts) / thermal
        part = 1.0 + x * x / 3.0 * (1.0 - x * x / 15.0) if x < 0.05 else x / math.tanh(x)
        variance += 2.0 * ELEMENTARY_CHARGE * thermal * ohmic * (1.0 + fanos[kind] * (part - 1.0)) / twice
        variance += flickers[kind] * amperes * amperes * span
        if steps[cell] != 0.0 and uniform(eyes.seed, _TELEGRAPH, cell, ordinal) < 0.5:
            shift -= steps[cell] * amperes
    line = rows + col
    seen = shift - into + math.sqrt(variance) * normal(eyes.seed, _READ_NOISE, line, 2 * ordinal)
    if abs(seen) > eyes.meter[3]:
        return math.nan
    return -(
        seen * eyes.meter[0] + eyes.meter[1] + normal(eyes.seed, _READ_NOISE, line, 2 * ordinal + 1) * eyes.meter[2]
    )


@jit
def look(
    hidden: Hidden, aging: Aging, eyes: Eyes, which: Ints, rows: Ints, cols: Ints, count: Ints, going: Ints,
    times: Floats, voltage: float, cell_v: Floats, i_col: Floats, offsets: Floats, threshold: Floats, guard: Floats,
    progress: Ints, left: Floats, shown: Floats, found: Floats,
) -> None:  # fmt: skip
    """Read cells of one row of each copy, one after the other, until all are read or a cell has flipped.

    `going` names the members that are solved now, with `cell_v` (signs, going, cells) and `i_col` (signs, going,
    cols); where there is one sign only, those at minus the voltage mirror them, and `offsets` (4, lines) [V] of a
    driven, a sensing, a grounded line, and the gain of the driving source, are added. A reading within `guard` [S]
    of `threshold` [S] (cells,) is taken twice more, and the middle one counts. Of every member: `progress` (place
    in its columns, phase, readings taken), `left` (s), `shown` (current at plus, conductances), `found` [S]
    (members, columns).
    """
    cells, lines = hidden.state.shape[1], hidden.col_reads.shape[1]
    both, alive = cell_v.shape[0] == 2, aging.alive
    scratch, rates, kept = np.zeros(cells), np.zeros((2, cells)), np.zeros((2, cells))
    for solved in range(going.size):
        member = going[solved]
        copy, row = int(which[member]), int(rows[member])
        state, columns = hidden.state[copy], cols[member]
        for sign in range(2 if alive else 0):
            v, turned = cell_v[sign if both else 0, solved], 1.0 if both or sign == 0 else -1.0
            _rates_at(aging, state, v, turned, not both, row, -1, 0, lines, lines, offsets, rates[sign])
            kept[sign] = rates[sign]
        while progress[member, 0] < count[member]:
            col = int(columns[progress[member, 0]])
            if alive and not both:
                v = cell_v[0, solved]
                for sign in range(2):
                    _rates_at(
                        aging, state, v, 1.0 - 2.0 * sign, True, row, col, col, col + 1, lines, offsets, rates[sign]
                    )
            flipped = _read(
                hidden, aging, eyes, copy, row, col, lines, times, voltage, cell_v[:, solved], i_col[:, solved],
                offsets, rates, scratch, threshold, guard, progress[member], left[member : member + 1], shown[member],
                found[member],
            )  # fmt: skip
            if flipped:
                break
            if alive and not both:
                for sign in range(2):
                    for cell in range(col, cells, lines):
                        rates[sign, cell] = kept[sign, cell]


@jit
def _off(offsets: Floats, i: int, j: int, row: int, col: int, rows: int, v: float) -> float:
    """Volts [V] that offsets of sources and thermal EMFs put on a cell while its row is read; `v` [V] it has itself."""
    low = offsets[1 if j == col else 2, rows + j]
    if i != row:
        return offsets[2, i] - low
    return (offsets[0, i] - low) * v / offsets[3, 0]


@jit
def _read(
    hidden: Hidden, aging: Aging, eyes: Eyes, copy: int, row: int, col: int, lines: int, times: Floats,
    voltage: float, cell_v: Floats, i_col: Floats, offsets: Floats, rates: Floats, scratch: Floats, threshold: Floats,
    guard: Floats, progress: Ints, left: Floats, shown: Floats, found: Floats,
) -> bool:  # fmt: skip
    """Go on with the reading of one cell; True where the network has to be solved anew, because a cell has flipped."""
    both = cell_v.shape[0] == 2
    for phase in range(progress[1], 5):
        flipped = False
        if phase in (0, 2):
            wait = way(hidden, copy, row, col, times) if phase == 0 else times[SETTLING]
            flipped = rest(hidden, aging, copy, scratch, wait + times[COMMAND])
            left[0] = times[HOLD]
        elif phase in (1, 3):
            sign = phase // 2
            left[0], cell = expose(hidden, aging, copy, rates[sign], left[0])
            if cell >= 0:
                progress[1] = phase
                return True
            v, turned = cell_v[sign if both else 0], 1.0 if both or sign == 0 else -1.0
            into = turned * i_col[sign if both else 0, col]
            current = _measured(hidden, eyes, copy, row, col, lines, v, turned, into, offsets, not both)
            shown[sign] = current
        else:
            flipped = rest(hidden, aging, copy, scratch, times[SETTLING])
            conductance, cell = 0.5 * (shown[0] - shown[1]) / voltage, row * lines + col
            taken = progress[2]
            shown[2 + taken] = conductance
            again = abs(conductance - threshold[cell]) < guard[cell] if taken == 0 else taken < 2
            if again:
                progress[2] = taken + 1
            else:
                if taken:
                    first, second, third = shown[2], shown[3], shown[4]
                    conductance = max(min(first, second), min(max(first, second), third))
                    if np.isnan(first + second + third):
                        conductance = np.nan
                found[progress[0]] = conductance
                progress[0] += 1
                progress[2] = 0
            progress[1] = 0
            return flipped
        progress[1] = phase + 1
        if flipped:
            return True
    return False
