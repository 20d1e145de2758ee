"""Signals during a run: the first asks it to stop after the item in hand, the second stops it at once.

Both ways lead through the bench's context, which makes it safe.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from labmtj.errors import LabmtjError
from labmtj.ports import Ticker


class Stopped(LabmtjError):
    """A run was asked to stop; the bench is safe. The exit code says by which signal."""

    def __init__(self, message: str, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(message)


class StopRequest:
    """Whether somebody has asked the run to stop."""

    def __init__(self) -> None:
        self._signals: list[int] = []

    def signalled(self, number: int, frame: FrameType | None) -> None:
        """Take note of a signal; the second one interrupts at once."""
        self._signals.append(number)
        if len(self._signals) > 1:
            raise Stopped("stopped at once; the cell in hand may be half written", 131)

    def check(self) -> None:
        """Raise Stopped if a signal has come."""
        if self._signals:
            terminated = self._signals[0] != signal.SIGINT
            raise Stopped("stopped after the cell in hand", 143 if terminated else 130)

    def wrap(self, tick: Ticker) -> Ticker:
        """A ticker that also looks for a stop request."""

        def checked(done: int = 1) -> None:
            tick(done)
            self.check()

        return checked


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
