"""An array whose requests a guardian watches: each of them is a transaction (labmtj.bench.fence.Beat)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from labmtj.bench.around import AroundArray
from labmtj.bench.fence import Beat
from labmtj.ports import ArrayAccess, ContactCheck
from labmtj.records import Cell, Contact, Floats, Pulse, PulseOutcome, Reading, Sample, Sum


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


class WatchedContact:
    """The same check of lines (labmtj.ports.ContactCheck)."""

    def __init__(self, check: ContactCheck, beat: Beat) -> None:
        self._check, self._beat = check, beat

    def __call__(self, *, level: float = 10e-3, quarantine: Literal["none", "open"] = "none") -> Contact:
        """Examine all lines at no more than `level` [V]."""
        with self._beat.transaction():
            return self._check(level=level, quarantine=quarantine)
