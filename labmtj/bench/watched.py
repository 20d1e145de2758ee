"""An array whose requests a guardian watches: each of them is a transaction (labmtj.bench.fence.Beat)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labmtj.bench.around import AroundArray
from labmtj.bench.fence import Beat
from labmtj.ports import ArrayAccess, Clock, ContactCheck, GatedArray, NeuronAccess
from labmtj.records import (
    Cell,
    Contact,
    Floats,
    LineOutcome,
    LinePulse,
    NeuronReading,
    Pulse,
    PulseOutcome,
    Reading,
    Sample,
    Sum,
)


class WatchedArray(AroundArray):
    """The same array (labmtj.ports.ArrayAccess); sources are at 0 V before and after each request."""

    def __init__(self, array: ArrayAccess, beat: Beat) -> None:
        super().__init__(array)
        self._beat = beat

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage and -voltage [V]."""
        with self._beat.transaction():
            return self._array.read(cells, voltage=voltage)

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one programming pulse."""
        with self._beat.transaction():
            return self._array.pulse(pulse)

    def pulse_lines(self, pulse: LinePulse) -> LineOutcome:
        """Fire one pulse on many lines at once."""
        with self._beat.transaction():
            return self._array.pulse_lines(pulse)

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """Currents [A] into `cols` with all of `rows` driven at once at `volts` [V], (cols,)."""
        with self._beat.transaction():
            return self._array.multiply(rows, cols, volts=volts)

    def total(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sum:
        """One current of all of `rows` at +voltage and -voltage [V] into all of `cols` together."""
        with self._beat.transaction():
            return self._array.total(rows, cols, voltage=voltage)

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """One integration with `rows` at `voltage` [V] and `cols` together on the ammeter."""
        with self._beat.transaction():
            return self._array.sense(rows, cols, voltage=voltage)

    def rest(self) -> None:
        """All lines to ground."""
        with self._beat.transaction():
            self._array.rest()


class WatchedChip(WatchedArray):
    """The same for a chip (labmtj.ports.GatedArray)."""

    def __init__(self, array: GatedArray, beat: Beat) -> None:
        super().__init__(array, beat)
        self._chip = array

    @property
    def kernels(self) -> int:
        """How many kernels there are."""
        return self._chip.kernels

    def multiply_each(self, kernel: int, patterns: NDArray[np.bool_], col: int, *, voltage: float) -> Floats:
        """Currents [A] into a column of a kernel, (patterns,), each with a pattern of its gates open."""
        with self._beat.transaction():
            return self._chip.multiply_each(kernel, patterns, col, voltage=voltage)


def watched(array: ArrayAccess, beat: Beat) -> WatchedArray:
    """This array with each request a transaction."""
    return WatchedChip(array, beat) if isinstance(array, GatedArray) else WatchedArray(array, beat)


class WatchedNeurons:
    """The same neurons (labmtj.ports.NeuronAccess), each request to them a transaction."""

    def __init__(self, neurons: NeuronAccess, beat: Beat) -> None:
        self._neurons, self._beat = neurons, beat

    @property
    def count(self) -> int:
        """How many there are; they count from 1."""
        return self._neurons.count

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        return self._neurons.clock

    def check(self, neuron: int, drives: Sequence[float], *, probe: float) -> None:
        """Raise LimitExceeded if `operate` would, InputError for a neuron that is not there; touches nothing."""
        self._neurons.check(neuron, drives, probe=probe)

    def operate(self, neuron: int, drives: Sequence[float], *, probe: float) -> list[NeuronReading]:
        """Put the x terminal at each of `drives` [V] in turn, the z terminal at `probe` [V], and read all three."""
        with self._beat.transaction():
            return self._neurons.operate(neuron, drives, probe=probe)

    def rest(self) -> None:
        """All terminals to ground, sources at 0 V."""
        with self._beat.transaction():
            self._neurons.rest()


class WatchedContact:
    """The same check of lines (labmtj.ports.ContactCheck)."""

    def __init__(self, check: ContactCheck, beat: Beat) -> None:
        self._check, self._beat = check, beat

    def __call__(self, *, level: float = 10e-3, quarantine: Literal["none", "open"] = "none") -> Contact:
        """Examine all lines at no more than `level` [V]."""
        with self._beat.transaction():
            return self._check(level=level, quarantine=quarantine)
