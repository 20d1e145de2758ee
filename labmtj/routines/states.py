"""Putting every cell of an array in a known state, and seeing in which one it is: what measurements begin with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import LimitExceeded
from labmtj.ports import ArrayAccess
from labmtj.records import Cell, DieMap, Floats, Ints, Pulse, Reading, State
from labmtj.routines.characterise import write_amplitudes

UNREADABLE = -1
_SWEEPS = 6  # chosen: 1.3 x the median amplitude writes all but some 1 % at once, each further sweep goes up by 4 %
_MOST_TRIPS = 2  # a cell whose pulse or reading met a source's limit gets one more pulse
_STEP_UP = 1.04  # chosen: so that the last sweep is at 1.2 x the first


@dataclass(frozen=True, eq=False)
class Standing:
    """How an array stands: conductance [S] as a read shows it and `State` of every cell (-1: unreadable)."""

    conductance: Floats
    state: Ints


def all_cells(shape: tuple[int, int]) -> list[Cell]:
    """Every cell, row by row."""
    return [Cell(row, col) for row in range(1, shape[0] + 1) for col in range(1, shape[1] + 1)]


def shown(die: DieMap, reading: Reading) -> int:
    """The state that a reading shows by the die map, -1 in compliance."""
    state = die.state_of(reading)
    return UNREADABLE if state is None else int(state)


def stand(array: ArrayAccess, die: DieMap, *, voltage: float) -> Standing:
    """Read every cell once at `voltage` [V]."""
    readings = array.read(all_cells(array.shape), voltage=voltage)
    conductance = np.array([reading.conductance for reading in readings]).reshape(array.shape)
    return Standing(conductance, np.array([shown(die, reading) for reading in readings]).reshape(array.shape))


def write_states(array: ArrayAccess, die: DieMap, target: Ints, *, voltage: float) -> Standing:
    """Write `target` (rows, cols) of `State` values with the map's amplitudes; how the array stands after it.

    Only cells that read otherwise are pulsed, defective ones never; every sweep ends with a read of all cells, so
    that what a pulse disturbed is written again. Cells that do not follow are left as they are, and said by
    the state that is returned. Raises LimitExceeded before anything is written.
    """
    amplitudes = write_amplitudes(die.switching)
    for state in State:
        array.check(Pulse(Cell(1, 1), amplitudes.towards(state), die.width))
    found, scale = stand(array, die, voltage=voltage), 1.0
    trips = np.isnan(found.conductance).astype(np.int64)
    for _ in range(_SWEEPS):
        left = (found.state != target) & die.good & (trips < _MOST_TRIPS)
        wrong = [Cell(int(row) + 1, int(col) + 1) for row, col in np.argwhere(left)]
        if not wrong:
            break
        for cell in wrong:
            trips[cell.position] += write(array, die, cell, State(int(target[cell.position])), scale=scale)
        found = stand(array, die, voltage=voltage)
        trips += np.isnan(found.conductance)
        scale *= _STEP_UP
    return found


def write(array: ArrayAccess, die: DieMap, cell: Cell, target: State, *, scale: float = 1.0) -> bool:
    """One pulse towards `target` at `scale` times the map's amplitude, or at it where the limits leave no more room.

    Returns whether a source was in compliance.
    """
    volts = die.polarity.sign(target) * write_amplitudes(die.switching).towards(target)
    pulse = Pulse(cell, volts * scale, die.width)
    try:
        array.check(pulse)
    except LimitExceeded:
        if scale <= 1.0:
            raise
        pulse = Pulse(cell, volts, die.width)
    return array.pulse(pulse).in_compliance
