"""Writing a network onto a chip: column by column, pulses at what is wrong, then the whole column read back.

Only the row whose gate is open gets a pulse, so nothing else is disturbed and nothing has to be repaired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.ports import GatedArray, Ticker, no_ticks
from labmtj.records import Amplitudes, Cell, Defect, DieMap, Floats, Ints, Pulse, Reading, Scheme, State
from labmtj.routines.chips.columns import Column, columns, read_column
from labmtj.routines.writing.talk import Tally, allowed, no_tally

UNREADABLE = UNUSED = -1
RISE = 0.03  # chosen: of the amplitude, from the third pulse on, for the tail of the spread (writing.settings)


@dataclass(frozen=True)
class ChipWriting:
    """How cells are written: amplitudes [V], width [s], further pulses a cell gets, and read voltage [V]."""

    amplitudes: Amplitudes
    width: float
    retries: int
    read: float

    def volts(self, target: State, attempt: int) -> float:
        """Magnitude [V] of a pulse towards `target`, the attempts counted from 0."""
        return self.amplitudes.towards(target) * (1.0 + RISE) ** max(0, attempt - 1)


@dataclass(frozen=True, eq=False)
class Written:
    """A network as it stands on a chip; arrays (rows, cols) of all cells.

    `target` holds `State` values, -1 for cells that no device of the network lies on; `state` what was read back (-1:
    unreadable) and `conductance` [S] that reading; `initial` the states before, `pulses` of this writing, `defect` the
    map's marks.
    """

    target: Ints
    state: Ints
    conductance: Floats
    pulses: Ints
    initial: Ints
    defect: Ints

    @property
    def used(self) -> NDArray[np.bool_]:
        """Cells that a device of the network lies on."""
        return self.target != UNUSED

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Devices that do not read as their target."""
        return self.used & (self.state != self.target)


def write_chip(
    array: GatedArray,
    *,
    die_map: DieMap,
    target: Ints,
    how: ChipWriting,
    tick: Ticker = no_ticks,
    tally: Tally = no_tally,
) -> Written:
    """Write `target` (rows, cols; `State` values, -1 leaves a cell as it is) and read every used cell back.

    Cells that the map calls defective are read, never pulsed. States that the map knows are believed until the column
    is read back; `tally` hears of it then. Raises LimitExceeded before anything is written if an amplitude is above a
    limit.
    """
    for state in State:
        volts = die_map.polarity.sign(state) * how.volts(state, 0)
        array.check(Pulse(Cell(1, 1), volts, how.width, Scheme.GATED))
    unknown = np.full(array.shape, UNREADABLE, dtype=np.int64)
    state = unknown.copy() if die_map.state is None else die_map.state.astype(np.int64)
    writing = _Writing(array, die_map, target, how, state, np.full(array.shape, np.nan), np.zeros_like(unknown))
    initial = state.copy()
    for column in columns(array):
        used = [cell for cell in column.cells if target[cell.position] != UNUSED]
        if used:
            tried = writing.column(column, used, initial)
            tally(tried, [cell for cell in tried if state[cell.position] != target[cell.position]], state)
        tick(len(used))
    return Written(target, state, writing.conductance, writing.pulses, initial, die_map.defect)


@dataclass(frozen=True, eq=False)
class _Writing:
    """A chip while it is written."""

    array: GatedArray
    die: DieMap
    target: Ints
    how: ChipWriting
    state: Ints
    conductance: Floats
    pulses: Ints

    def column(self, column: Column, used: list[Cell], initial: Ints) -> list[Cell]:
        """Write and read back the used cells of one column; the good ones that had to be written."""
        good = [cell for cell in used if self.die.defect[cell.position] == Defect.NONE]
        unseen = [cell for cell in good if self.state[cell.position] == UNREADABLE]
        if unseen:
            self._look(column, unseen)
            for cell in unseen:
                initial[cell.position] = self.state[cell.position]
        tried = [cell for cell in good if self._is_wrong(cell)]
        self._fire(tried, attempt=0)
        self._look(column, used)
        tried += [cell for cell in good if self._is_wrong(cell) and cell not in tried]
        for attempt in range(1, self.how.retries + 1):
            wrong = self._fire([cell for cell in good if self._is_wrong(cell)], attempt=attempt)
            if not wrong:
                break
            self._look(column, wrong)
        return tried

    def _is_wrong(self, cell: Cell) -> bool:
        return bool(self.state[cell.position] != self.target[cell.position])

    def _fire(self, cells: list[Cell], *, attempt: int) -> list[Cell]:
        """One pulse on each that the limits have room for; those that got one."""
        fired: list[Cell] = []
        for cell in cells:
            target = State(int(self.target[cell.position]))
            volts = self.die.polarity.sign(target) * self.how.volts(target, attempt)
            pulse = Pulse(cell, volts, self.how.width, Scheme.GATED)
            if attempt and not allowed(self.array, pulse):
                continue
            self.array.pulse(pulse)
            self.pulses[cell.position] += 1
            fired.append(cell)
        return fired

    def _look(self, column: Column, cells: list[Cell]) -> None:
        """Read cells; one that reads near its threshold is read twice more and the middle reading counts."""
        for reading in read_column(self.array, column, cells, voltage=self.how.read):
            seen = self._middle(reading) if self.die.near_threshold(reading) else reading
            found = self.die.state_of(seen)
            self.state[seen.cell.position] = UNREADABLE if found is None else found
            self.conductance[seen.cell.position] = seen.conductance

    def _middle(self, reading: Reading) -> Reading:
        again = self.array.read([reading.cell, reading.cell], voltage=self.how.read)
        limited = [one for one in again if one.in_compliance]
        return limited[0] if limited else sorted([reading, *again], key=lambda one: one.conductance)[1]


def read_chip(array: GatedArray, *, die_map: DieMap, written: Written, read: float, tick: Ticker = no_ticks) -> Ints:
    """States of all used cells now, (rows, cols), -1 elsewhere and where a cell cannot be read."""
    state = np.full(array.shape, UNREADABLE, dtype=np.int64)
    for column in columns(array):
        used = _used(column, written)
        for reading in read_column(array, column, used, voltage=read) if used else ():
            found = die_map.state_of(reading)
            state[reading.cell.position] = UNREADABLE if found is None else found
        tick(len(used))
    return state


def _used(column: Column, written: Written) -> list[Cell]:
    return [cell for cell in column.cells if written.target[cell.position] != UNUSED]
