"""Time on a simulated bench: the world's clock, and how far a host has come on it.

The world carries a message out at once and its clock runs on to the moment when the instrument has done
it; a host that waits for the reply comes there later, or gives up before. In real time the host's clock
is the wall's, and what the host has not waited for makes the world wait.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Aging(Protocol):
    """The world, as its clocks see it."""

    lock: threading.RLock

    def now(self) -> float:
        """Seconds in its life."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass for everything on the bench; with the lock held."""
        ...


class HostClock:
    """A host's time on a bench [s] (labmtj.ports.Clock); never ahead of its `world`'s."""

    def __init__(self, world: Aging, *, realtime: bool = False) -> None:
        self.world, self._realtime = world, realtime
        self._now = self._start = world.now()
        self._wall = time.monotonic()

    @property
    def realtime(self) -> bool:
        """Whether waiting takes time here, too."""
        return self._realtime

    def now(self) -> float:
        """How far the host has come."""
        if self._realtime:
            return self._start + time.monotonic() - self._wall
        return self._now

    def sleep(self, seconds: float) -> None:
        """Wait; whatever instruments still do goes on meanwhile."""
        self.wait_until(self.now() + max(0.0, seconds))

    def wait_until(self, when: float) -> None:
        """Wait for a moment on the world's clock; the world follows if nothing has brought it there."""
        if self._realtime:
            time.sleep(max(0.0, when - self.now()))
            self.catch_up()
        elif when > self._now:
            self._now = when
            if when > self.world.now():
                self.catch_up()

    def reach(self, when: float, *, within: float) -> bool:
        """Wait for a moment that comes within so many seconds; False, without waiting, if it does not.

        In real time the moment must have come.
        """
        if when > (self.now() if self._realtime else self._now + within):
            return False
        self.wait_until(when)
        return True

    def catch_up(self) -> None:
        """Let the world age as far as the host has come; called before it carries out a message."""
        behind = self.now() - self.world.now()
        if behind > 0:
            with self.world.lock:
                self.world.sleep(behind)
