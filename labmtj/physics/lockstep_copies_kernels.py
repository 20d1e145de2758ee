"""Kernels of physics.lockstep_copies: time, readings and pulses of many copies of one die."""

# Kernels take plain arrays by position.

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.chance import Purpose
from labmtj.physics.chance_kernels import uniform_there
from labmtj.physics.jit import jit, jit_apart
from labmtj.physics.lockstep_kernels import STRIDE
from labmtj.physics.mtj import LINEAR
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
        wait = way(hidden, copy, rows[member], cols[member], times)
        rest(hidden, aging, copy, rates, (wait if wait > 0.0 else again) + extra[member])


@jit
def way(hidden: Hidden, copy: int, row: int, col: int, times: Floats) -> float:
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
