"""Learning on an array without transistors: layers in blocks of rows and columns, updates on many lines at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.network import pairs
from labmtj.ports import ArrayAccess
from labmtj.records import Amplitudes, Cell, DieMap, Floats, LinePulse, Placement, Pulse, Reading, Scheme, State
from labmtj.routines.in_situ.doors import Aimed, Devices
from labmtj.routines.in_situ.phases import Phase, drawn_lines
from labmtj.routines.infer import analog, bit_serial

RISE = 0.03  # chosen: of the amplitude, from the third pulse on, for the tail of the spread (routines.writing.settings)


@dataclass(frozen=True)
class Driving:
    """How an array is driven while it learns.

    `amplitudes` [V] between terminals write a cell for certain, `width` [s] is that of all pulses, `read` [V] the read
    voltage, `bits` those of inputs where one source drives all rows, `seed` that of chance, `line_current` [A] what a
    source that feeds several lines may give by calculation.
    """

    amplitudes: Amplitudes
    width: float
    read: float
    bits: int
    seed: int
    line_current: float


class CrossbarDoor:
    """An array without transistors (labmtj.routines.in_situ.doors.Door).

    Updates by chance: lines are drawn, and the cells between those that take part get a pulse that writes them for
    certain. It needs one level for all rows and one for all columns, and no knowledge of single cells.
    """

    coding = "chance"

    def __init__(self, array: ArrayAccess, *, die: DieMap, places: Sequence[Placement], how: Driving) -> None:
        self.array, self._die, self._places, self.how = array, die, tuple(places), how
        self.devices = tuple(
            Devices(*np.meshgrid(np.array(place.rows) - 1, np.array(place.cols) - 1, indexing="ij")) for place in places
        )
        # What a source has to give is told by cells in P: the most that they can take.
        self._siemens: Floats = np.where(die.good, 1.0 / die.r_p, die.conductance_p)

    def check(self) -> None:
        """Raise LimitExceeded if the pulses that write a cell would pass a limit."""
        for target in State:
            self.array.check(self.write_pulse(Cell(self._places[0].rows[0], self._places[0].cols[0]), target, 0))
            for place in self._places:
                self.array.check_lines(self._pulse(place.rows[:1], place.cols[:1], target))

    def conductances(self, layer: int, wanted: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
        """Read row after row, of each the columns that are wanted: all of them at once where the bench can."""
        place, volts = self._places[layer], self.how.read
        found = np.full(wanted.shape, np.nan)
        for row in np.flatnonzero(wanted.any(axis=1)).tolist():
            there = np.flatnonzero(wanted[row])
            cols = [place.cols[col] for col in there.tolist()]
            found[row, there] = self.array.multiply([place.rows[row]], cols, volts=[volts]) / volts
        return found, wanted

    def sums(self, layer: int, inputs: Floats) -> Floats:
        """Sums of the array: each row at its own voltage where it has one, else bit by bit, negative inputs after."""
        place = self._places[layer]
        if self.array.analog:
            found = analog(self.array, placement=place, inputs=inputs, voltage=self.how.read)
        else:
            found = bit_serial(self.array, placement=place, inputs=inputs, bits=self.how.bits, voltage=self.how.read)
        return pairs(found)

    def pulses(self, layer: int, rows: Floats, cols: Floats, *, update: int) -> Iterator[Aimed]:
        """Drawn lines, in as many pulses as the sources' currents need."""
        place = self._places[layer]
        for phase in drawn_lines(rows, cols, seed=self.how.seed, layer=layer, update=update):
            yield from self._within(phase, place)

    def _within(self, phase: Phase, place: Placement) -> Iterator[Aimed]:
        """One pulse, or halves of it where the current of a source would be too large."""
        inputs: list[int] = phase.inputs.tolist()
        columns: list[int] = phase.columns.tolist()
        rows, cols = tuple(place.rows[n] for n in inputs), tuple(place.cols[n] for n in columns)
        if self._current(rows, cols, phase.target) <= self.how.line_current or len(rows) == len(cols) == 1:
            yield Aimed(self._pulse(rows, cols, phase.target), phase.target)
            return
        if len(rows) >= len(cols):
            middle = len(rows) // 2
            parts = [replace(phase, inputs=part) for part in (phase.inputs[:middle], phase.inputs[middle:])]
        else:
            middle = len(cols) // 2
            parts = [
                replace(phase, outputs=phase.outputs[part], columns=phase.columns[part])
                for part in (slice(None, middle), slice(middle, None))
            ]
        for part in parts:
            yield from self._within(part, place)

    def _current(self, rows: Sequence[int], cols: Sequence[int], target: State) -> float:
        """Larger current [A] of the two sources, by cells in P: half of the amplitude on half-selected ones."""
        at_rows, at_cols = np.array(rows) - 1, np.array(cols) - 1
        selected = self._siemens[np.ix_(at_rows, at_cols)].sum()
        shared = self._siemens[at_rows].sum(), self._siemens[:, at_cols].sum()
        return 0.5 * self.how.amplitudes.towards(target) * float(max(shared) + selected)

    def _pulse(self, rows: Sequence[int], cols: Sequence[int], target: State) -> LinePulse:
        """Half of the write amplitude on the rows, the other half below zero on the columns."""
        half = 0.5 * self._die.polarity.sign(target) * self.how.amplitudes.towards(target)
        return LinePulse(tuple(rows), (half,) * len(rows), tuple(cols), (-half,) * len(cols), self.how.width)

    def write_pulse(self, cell: Cell, target: State, attempt: int) -> Pulse:
        """A pulse on one cell, a little higher from the third one on."""
        volts = self._die.polarity.sign(target) * self.how.amplitudes.towards(target)
        return Pulse(cell, volts * (1.0 + RISE) ** max(0, attempt - 1), self.how.width, Scheme.V_HALF)

    def look(self, cells: Sequence[Cell]) -> list[Reading]:
        """Read single cells."""
        return self.array.read(cells, voltage=self.how.read)

    def half_selected(self, pulse: LinePulse) -> NDArray[np.bool_]:
        """Cells of all driven lines."""
        found = np.zeros(self.array.shape, np.bool_)
        found[np.array(pulse.rows) - 1] = True
        found[:, np.array(pulse.cols) - 1] = True
        return found
