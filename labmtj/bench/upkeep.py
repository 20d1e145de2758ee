"""Instruments that were switched off and on in the middle of a run: noticed, set up again, and written down.

What was read between the last time that an instrument was known to be up and the gap that is journalled may have
been read through open relays or an output that was off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from labmtj.errors import BadReply, BenchError, Fenced, GatesClosed, InterlockOpen, NoReply, PowerLost
from labmtj.ports import Clock, Journal

T = TypeVar("T")


class Restorable(Protocol):
    """An instrument that knows whether it was switched off, and what it was told."""

    def check_power(self) -> None:
        """Raise PowerLost if it was switched off and on since it was set up."""
        ...

    def restore(self) -> None:
        """Make every setting that was in force again, and verify it; sources stay at 0 V, relays open."""
        ...


class Upkeep:
    """Looks after the instruments of an array: `matrix` has its relays, `pulser` looks after itself when it fires."""

    def __init__(
        self,
        instruments: Mapping[str, Restorable],
        clock: Clock,
        journal: Journal,
        *,
        matrix: str | None = None,
        pulser: str | None = None,
    ) -> None:
        self._instruments, self._clock, self._journal, self._matrix = instruments, clock, journal, matrix
        self._asked = [name for name in instruments if name != pulser]
        self._up = dict.fromkeys(instruments, clock.now())

    def confirm(self, *, moved: bool) -> None:
        """Before a pulse, on a route for which relays `moved` just now: nothing has been off. Raises PowerLost."""
        for name in self._asked:
            if not (moved and name == self._matrix):  # a matrix without power would not have answered with its route
                self._instruments[name].check_power()
            self._up[name] = self._clock.now()

    def mend(self) -> bool:
        """Restore what was switched off and on; True if something was. Each gap is in the journal.

        Raises BenchError for an instrument that does not answer, or does not take its settings again.
        """
        lost: list[str] = []
        for name, instrument in self._instruments.items():
            try:
                instrument.check_power()
            except PowerLost:
                lost.append(name)
        for name in lost:
            self._instruments[name].restore()
            now = self._clock.now()
            gap = {"instrument": name, "t": round(now, 9), "since": round(self._up[name], 9)}
            self._journal.record("gap", gap)
        self._up = dict.fromkeys(self._instruments, self._clock.now())
        return bool(lost)

    def through(self, operation: Callable[[], T], begin: Callable[[], None]) -> T:
        """What an operation that may be repeated gives; once more, after `begin`, where a reply was lost or garbage.

        So, too, whatever went wrong, if it turns out that an instrument was switched off and on meanwhile.
        """
        try:
            return operation()
        except (Fenced, InterlockOpen):
            raise
        except BenchError as error:
            if not self.mend() and not isinstance(error, NoReply | BadReply | GatesClosed):
                raise
        begin()
        return operation()
