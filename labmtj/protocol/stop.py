"""Signals during a run: the first asks it to stop after the cell in hand, the second stops it at once.

Both ways lead through the bench's context, which makes it safe; what a third one does there is in
labmtj.bench.safe_state. Every way ends with an entry in the journal, and the run can be continued.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

from labmtj.errors import LabmtjError
from labmtj.interrupts import shielded
from labmtj.ports import Ticker

_PATIENCE = 2.0  # [s] chosen: a person who pressed Ctrl-C waits so long before pressing it again
_CODES = {int(signal.SIGINT): 130, int(getattr(signal, "SIGHUP", 1)): 129}


class Stopped(LabmtjError):
    """A run was asked to stop; the bench is safe. The exit code says by which signal."""

    def __init__(self, message: str, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(message)


class StopRequest:
    """Whether somebody has asked the run to stop."""

    def __init__(self) -> None:
        self._signals: list[int] = []
        self._since = 0.0
        self.panic: Callable[[], None] = _nothing
        self.told: Callable[[], None] = _nothing
        """Hears of the first signal, in its handler."""

    def signalled(self, number: int, frame: FrameType | None) -> None:
        """Take note of a signal; the second one interrupts at once, and more of them do not interrupt what that began.

        They turn all outputs off at once (`panic`), without asking any instrument how it is.
        """
        self._signals.append(number)
        if len(self._signals) == 1:
            self._since = time.monotonic()
            self.told()
        elif len(self._signals) > 2:
            self.panic()
        else:
            shielded.interrupt(Stopped("stopped at once; the cell in hand may be half written", 131))

    @property
    def asked(self) -> bool:
        """Whether a signal has come."""
        return bool(self._signals)

    def check(self) -> None:
        """Raise Stopped if a signal has come."""
        if self._signals:
            raise Stopped("stopped after the cell in hand", _CODES.get(self._signals[0], 143))

    def check_late(self) -> None:
        """Raise Stopped if a signal came a while ago and no item has ended since; the journal knows where."""
        if self._signals and time.monotonic() - self._since > _PATIENCE:
            self.check()

    def wrap(self, tick: Ticker) -> Ticker:
        """A ticker that also looks for a stop request."""

        def checked(done: int = 1) -> None:
            tick(done)
            self.check()

        return checked


def _nothing() -> None:
    """No bench is open, or nobody listens."""


@contextmanager
def stop_on_signals() -> Generator[StopRequest, None, None]:
    """Catch Ctrl-C, SIGTERM and (where it exists) SIGHUP for the length of a `with` block in the main thread."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), request.signalled) for name in names}
    try:
        yield request
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
