"""Kernels of physics.lockstep_copies: time, readings and pulses of many copies of one die."""

# Kernels take plain arrays by position.

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.chance import Purpose
from labmtj.physics.chance_kernels import normal, uniform, uniform_there
from labmtj.physics.jit import jit, jit_apart
from labmtj.physics.lockstep_kernels import STRIDE
from labmtj.physics.mtj import LINEAR
from labmtj.physics.noise import ELEMENTARY_CHARGE
from labmtj.physics.switching import probabilities
from labmtj.records import Floats, Ints, State

Flags = NDArray[np.bool_]
Words = NDArray[np.uint64]
States = NDArray[np.int8]

COMMAND, FIRST_MOVE, MOVE, HOLD, SETTLING = 0, 1, 2, 3, 4
"""Places in the array of durations [s]: a message, the first route, any other, a reading's hold, settling to 0 V."""
_AP, _P = int(State.AP), int(State.P)
_READ_NOISE, _TELEGRAPH = int(Purpose.READ_NOISE), int(Purpose.TELEGRAPH)


class Hidden(NamedTuple):
    """What changes on every copy, (copies, cells) each: `state`, `hazard`, `flips`, `threshold`, `damage`.

    `clock` and `pulses` (copies,), `col_reads` (copies, cols), `closed` (copies, 2) the row and the column on the
    sources (-1: no relay has moved yet).
    """

    state: States
    hazard: Floats
    flips: Words
    threshold: Floats
    damage: Floats
    clock: Floats
    pulses: Words
    col_reads: Ints
    closed: Ints


class Aging(NamedTuple):
    """Rates of a die's cells to leave their states by themselves.

    `resting` (3, cells) [1/s] at rest by state; `held` (3, cells, terms) are polynomials of the logarithm of the
    rate in the cell's voltage over `unit` [V]; `alive` says whether any matters (the others have
    resting rates of 0), `located` (cells,) are the addresses of thresholds.
    """

    resting: Floats
    held: Floats
    unit: float
    alive: bool
    located: Words


class Eyes(NamedTuple):
    """What a reading sees: the die's cells, and the meter.

    `siemens`, `tmr`, `telegraph` (cells,), `plain` (cells,) is the state that shorts and opens have for their
    noise; `fano` and `flicker` [1] (2,) by state, the latter over the junction's area; `meter`: gain, offset [A],
    noise [A], largest current [A]; `law`: k_p, 1 / v_h^2, 2 k T / e [V], 2 x aperture [s], span of the flicker.
    """

    siemens: Floats
    tmr: Floats
    telegraph: Floats
    plain: States
    fano: Floats
    flicker: Floats
    meter: Floats
    law: Floats
    seed: int


@jit
def expose(hidden: Hidden, aging: Aging, copy: int, rates: Floats, seconds: float) -> tuple[float, int]:
    """Gather exposure until `seconds` are over or a cell flips; what is left of them, and that cell (-1: none).

    `rates` (cells,) [1/s], 0 where they do not matter.
    """
    if not aging.alive:
        hidden.clock[copy] += seconds
        return 0.0, -1
    hazard, threshold = hidden.hazard[copy], hidden.threshold[copy]
    over = _gather(hazard, threshold, rates, seconds)
    if over == 0:
        hidden.clock[copy] += seconds
        return 0.0, -1
    _gather(hazard, threshold, rates, -seconds)
    first, soonest = -1, np.inf
    for cell in range(rates.size):
        if hazard[cell] + rates[cell] * seconds >= threshold[cell]:
            when = (threshold[cell] - hazard[cell]) / rates[cell]
            if when < soonest:
                first, soonest = cell, when
    elapsed = min(max(soonest, 0.0), seconds)
    _gather(hazard, threshold, rates, elapsed)
    hidden.clock[copy] += elapsed
    hazard[first] = 0.0
    hidden.flips[copy, first] += np.uint64(1)
    threshold[first] = -math.log(uniform_there(aging.located[first], hidden.flips[copy, first]))
    hidden.state[copy, first] = 1 - hidden.state[copy, first]
    return seconds - elapsed, first


@jit_apart
def _gather(hazard: Floats, threshold: Floats, rates: Floats, seconds: float) -> int:
    """Add exposure to all cells of a copy; how many are over their thresholds then."""
    over = 0
    for cell in range(rates.size):
        now = hazard[cell] + rates[cell] * seconds
        hazard[cell] = now
        over += 1 if now >= threshold[cell] else 0
    return over


@jit_apart
def _at_rest(state: States, resting: Floats, rates: Floats) -> None:
    """Fill `rates` (cells,) [1/s] of a copy at rest."""
    for cell in range(rates.size):
        now = state[cell]
        rates[cell] = resting[0, cell] if now == 0 else resting[1, cell] if now == 1 else 0.0


@jit
def rest(hidden: Hidden, aging: Aging, copy: int, rates: Floats, seconds: float) -> bool:
    """Let time pass without volts on the lines; whether a cell has flipped. `rates` (cells,) is room to work."""
    flipped = False
    if not aging.alive:
        hidden.clock[copy] += seconds
        return False
    while seconds > 0.0:
        _at_rest(hidden.state[copy], aging.resting, rates)
        seconds, cell = expose(hidden, aging, copy, rates, seconds)
        flipped |= cell >= 0
    return flipped


@jit
def thresholds(located: Words, flips: Words, threshold: Floats) -> None:
    """Fill the exposure at which each cell of every copy flips next, (copies, cells); exponential, by its flips."""
    for copy in range(flips.shape[0]):
        for cell in range(flips.shape[1]):
            threshold[copy, cell] = -math.log(uniform_there(located[cell], flips[copy, cell]))


@jit
def rest_all(hidden: Hidden, aging: Aging, which: Ints, seconds: Floats) -> None:
    """Let time pass on each of these copies."""
    rates = np.zeros(hidden.state.shape[1])
    for member in range(which.size):
        rest(hidden, aging, which[member], rates, seconds[member])


@jit
def approach(
    hidden: Hidden, aging: Aging, which: Ints, rows: Ints, cols: Ints, times: Floats, again: float, extra: Floats
) -> None:
    """Pass the time to the route of a pulse: moves, or the question `again` [s] whether it stands; then `extra`."""
    rates = np.zeros(hidden.state.shape[1])
    for member in range(which.size):
        copy = which[member]
        wait = _way(hidden, copy, rows[member], cols[member], times)
        rest(hidden, aging, copy, rates, (wait if wait > 0.0 else again) + extra[member])


@jit
def _way(hidden: Hidden, copy: int, row: int, col: int, times: Floats) -> float:
    """Time [s] of the relays to the route of a cell, which is then closed."""
    closed = hidden.closed[copy]
    if closed[0] == row and closed[1] == col:
        return 0.0
    wait = times[FIRST_MOVE] if closed[0] < 0 else times[MOVE]
    closed[0], closed[1] = row, col
    return wait


@jit
def fire(
    hidden: Hidden, which: Ints, cell_v: Floats, table: Floats, highest: Floats, tau: float, sign: int, v_c0: Floats,
    field: Floats, delta: Floats, stays: Flags, located: Words, limit: float, seconds: float, wear: Floats,
    breaks: Floats, broken: Ints,
) -> int:  # fmt: skip
    """Draw once for every cell of every pulsed copy, flip those that switch, and add up the wear of barriers.

    `cell_v` (pulses, cells) [V]; `v_c0` (2, cells), the others (cells,); `highest` as in lockstep_kernels.bound.
    `wear`: least volts that count, t_ref, v_ref, n. Fills `broken` (pulses,) with a cell whose barrier broke, or
    -1. Returns how many cells are outside the switching table.
    """
    outside = 0
    for pulse in range(which.size):
        copy = int(which[pulse])
        hidden.clock[copy] += seconds
        broken[pulse] = -1
        for cell in range(cell_v.shape[1]):
            volts, now = cell_v[pulse, cell], hidden.state[copy, cell]
            if now == LINEAR:
                continue
            if abs(volts) > wear[0]:
                hidden.damage[copy, cell] += seconds / wear[1] * (abs(volts) / wear[2]) ** wear[3]
                if hidden.damage[copy, cell] >= breaks[cell]:
                    broken[pulse] = cell
            if stays[cell]:
                continue
            if now == _AP:
                drive = sign * volts / v_c0[0, cell] + field[cell]
            else:
                drive = -sign * volts / v_c0[1, cell] - field[cell]
            drive = min(max(drive, -limit), limit)
            draw = uniform_there(located[cell], hidden.pulses[copy])
            place = math.ceil(max(drive, 0.0) / STRIDE)
            if place < highest.size and draw >= highest[place]:
                continue
            chance = probabilities(table, drive, tau, delta[cell])[0]
            outside += np.isnan(chance)
            if draw < chance:
                hidden.state[copy, cell] = 1 - now
        hidden.pulses[copy] += np.uint64(1)
    return outside


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
            volts += _off(offsets, i, col, row, col, rows, v[cell])
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
            wait = _way(hidden, copy, row, col, times) if phase == 0 else times[SETTLING]
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
