"""Mapping a chip: both conductances of every cell and what is defective, column by column.

Median amplitudes come from probe cells of the diagonal, as on an array without transistors. Then every column is read,
every cell of it that looks like a junction gets one pulse towards its other state, and the column is read again. A
short is told by its conductance, which its transistor bounds: it is about two and a half times that of a junction in
P, not hundreds of times. So no source meets its limit, and what defective cells conduct is measured and kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from labmtj.errors import BenchError
from labmtj.ports import GatedArray, Ticker, no_ticks
from labmtj.records import Cell, Defect, DieMap, Floats, Ints, Polarity, Pulse, Reading, Scheme, State
from labmtj.routines.characterise import Probing, Typical, probe, write_amplitudes
from labmtj.routines.chips.columns import Column, columns, read_column
from labmtj.routines.polarity import CONTRAST
from labmtj.routines.writing.talk import allowed, converse

_TRIES, _ESCALATION = 8, 1.08  # chosen: as on an array without transistors (routines.characterise)
SHORT = 1.7
"""Conductance over the typical G_P from which a cell is a short. chosen: through a transistor at 0.35 V overdrive a
short of 100 to 300 ohm shows 2.4 to 2.8 times G_P, and the spread of G_P is 4 %."""
_OPEN = 0.2  # chosen: below this share of the typical G_AP a cell is open; a stuck one has the conductance of a state


@dataclass
class _Found:
    """What was found of every cell so far."""

    r_p: Floats
    r_ap: Floats
    fixed: Floats
    defect: Ints
    state: Ints

    def two(self, cell: Cell, before: Reading, after: Reading) -> None:
        """A cell went from one state to the other."""
        at = cell.position
        self.r_p[at], self.r_ap[at] = sorted((before.resistance, after.resistance))
        self.state[at] = State.P if after.conductance > before.conductance else State.AP

    def one(self, cell: Cell, reading: Reading, kind: Defect) -> None:
        """A cell has one conductance only; a current beyond the range, or of noise below zero, is none."""
        conductance = 0.0 if kind is Defect.OPEN else reading.conductance
        self.defect[cell.position], self.fixed[cell.position] = kind, max(0.0, conductance)


def map_chip(
    array: GatedArray,
    *,
    polarity: Polarity,
    read: float,
    width: float,
    avoid: frozenset[Cell] = frozenset(),
    tick: Ticker = no_ticks,
) -> DieMap:
    """Measure every cell in both states at `read` [V] with pulses of `width` [s].

    Cells to `avoid` are not touched and count as open. Raises BenchError if no probe cell switches or no cell has two
    states, and LimitExceeded before anything is written if the limits leave no room for a write.
    """
    how = Probing(polarity, read, width, partial(allowed, array), avoid=avoid, scheme=Scheme.GATED)
    typical = converse(array, probe(array.shape, how), voltage=read)
    unknown = np.full(array.shape, np.nan)
    none = np.zeros(array.shape, dtype=np.int64)
    found = _Found(unknown, unknown.copy(), unknown.copy(), none, none - 1)
    for column in columns(array):
        cells = [cell for cell in column.cells if cell not in avoid]
        for cell in set(column.cells) & avoid:
            found.defect[cell.position], found.fixed[cell.position] = Defect.OPEN, 0.0
        if cells:
            _column(array, column, cells, typical, how, found)
        tick(len(column.cells))
    if not (found.defect == Defect.NONE).any():
        raise BenchError(
            f"none of the {found.defect.size} cells has two states; check the contact to the chip, the read voltage, "
            "the gate voltages and the limits"
        )
    return DieMap(
        found.r_p,
        found.r_ap,
        found.defect,
        read,
        polarity,
        typical.switching,
        width,
        state=found.state,
        fixed=found.fixed,
    )


def _column(
    array: GatedArray, column: Column, cells: Sequence[Cell], typical: Typical, how: Probing, found: _Found
) -> None:
    """Both states of the cells of one column."""
    first = dict(zip(cells, read_column(array, column, cells, voltage=how.read), strict=True))
    left: list[Cell] = []
    for cell, reading in first.items():
        kind = _kind(reading, typical)
        if kind is Defect.NONE:
            left.append(cell)
        else:
            found.one(cell, reading, kind)
    amplitudes, scale = write_amplitudes(typical.switching), 1.0
    between = math.sqrt(typical.r_p * typical.r_ap)
    for attempt in range(_TRIES):
        fired: list[Cell] = []
        for cell in left:
            likely = State.P if first[cell].resistance < between else State.AP
            # An unusual cell may be taken for the wrong state: every other try goes the other way.
            target = likely.other if attempt % 2 == 0 else likely
            volts = how.polarity.sign(target) * scale * amplitudes.towards(target)
            pulse = Pulse(cell, volts, how.width, Scheme.GATED)
            if how.allowed(pulse):
                array.pulse(pulse)
                fired.append(cell)
        if not fired:
            break
        moved: set[Cell] = set()
        for after in read_column(array, column, fired, voltage=how.read):
            ratio = after.conductance / first[after.cell].conductance
            if not 1 / CONTRAST < ratio < CONTRAST:  # nan, of a reading in compliance, is a change: it is no state
                moved.add(after.cell)
                if math.isfinite(ratio):
                    found.two(after.cell, first[after.cell], after)
                else:
                    found.one(after.cell, first[after.cell], Defect.SHORT)
        left = [cell for cell in left if cell not in moved]
        scale *= _ESCALATION if attempt % 2 else 1.0
    for cell in left:
        found.one(cell, first[cell], Defect.STUCK)


def _kind(reading: Reading, typical: Typical) -> Defect:
    """Short or open, as far as one reading tells."""
    if reading.in_compliance or reading.conductance > SHORT / typical.r_p:
        return Defect.SHORT
    return Defect.OPEN if reading.conductance < _OPEN / typical.r_ap else Defect.NONE
