"""An array that counts what its cells take, and refuses what would be too much for their lives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labmtj.bench.around import AroundArray
from labmtj.bench.life import LifeGate
from labmtj.ports import ArrayAccess, GatedArray
from labmtj.records import Cell, Floats, LineOutcome, LinePulse, Pulse, PulseOutcome, Reading, Sample, Sum


class LivingArray(AroundArray):
    """An array whose pulses and reads a `LifeGate` admits and counts (labmtj.ports.ArrayAccess)."""

    def __init__(self, array: ArrayAccess, gate: LifeGate) -> None:
        super().__init__(array)
        self._gate = gate

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage and -voltage [V]."""
        rows, volts = [cell.row for cell in cells], [voltage] * len(cells)
        self._gate.check_read(rows, volts)
        self._gate.add_read(rows, volts)
        return self._array.read(cells, voltage=voltage)

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one programming pulse; one that fails half-way counts."""
        self._array.check(pulse)
        self._gate.check_pulse(pulse)
        self._gate.add_pulse(pulse)
        return self._array.pulse(pulse)

    def pulse_lines(self, pulse: LinePulse) -> LineOutcome:
        """Fire one pulse on many lines at once; one that fails half-way counts."""
        self._array.check_lines(pulse)
        self._gate.check_lines(pulse)
        self._gate.add_lines(pulse)
        return self._array.pulse_lines(pulse)

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """Currents [A] into `cols` with all of `rows` at their own of `volts` [V]; every look counts."""
        looks = len(cols)  # the most that there can be: some arrays look at two columns at a time
        self._gate.check_read(rows, volts, times=looks)
        self._gate.add_read(rows, volts, times=looks)
        return self._array.multiply(rows, cols, volts=volts)

    def total(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sum:
        """One current [A] of all of `rows` at +voltage and -voltage [V] into all of `cols` together."""
        self._gate.check_read(rows, [voltage] * len(rows))
        self._gate.add_read(rows, [voltage] * len(rows))
        return self._array.total(rows, cols, voltage=voltage)

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """One integration with `rows` at `voltage` [V] and `cols` together on the ammeter, offsets included."""
        self._gate.check_read(rows, [voltage] * len(rows), signs=1)
        self._gate.add_read(rows, [voltage] * len(rows), signs=1)
        return self._array.sense(rows, cols, voltage=voltage)

    def rest(self) -> None:
        """All lines to ground, sources at 0 V."""
        self._array.rest()


class LivingChip(LivingArray):
    """The same for a chip (labmtj.ports.GatedArray)."""

    def __init__(self, array: GatedArray, gate: LifeGate) -> None:
        super().__init__(array, gate)
        self._chip = array

    @property
    def kernels(self) -> int:
        """How many kernels there are."""
        return self._chip.kernels

    def multiply_each(self, kernel: int, patterns: NDArray[np.bool_], col: int, *, voltage: float) -> Floats:
        """Currents [A] into a column of a kernel; every pattern counts, once, for the rows whose gates it opens."""
        count = self._chip.shape[0] // self._chip.kernels
        rows = np.repeat(np.arange(count) + (kernel - 1) * count + 1, patterns.sum(axis=0)).tolist()
        self._gate.check_read(rows, [voltage] * len(rows), signs=1)
        self._gate.add_read(rows, [voltage] * len(rows), signs=1)
        return self._chip.multiply_each(kernel, patterns, col, voltage=voltage)


def living(array: ArrayAccess, gate: LifeGate) -> LivingArray:
    """This array with a count of what its cells take."""
    return LivingChip(array, gate) if isinstance(array, GatedArray) else LivingArray(array, gate)
