"""A fault on a bench: since when, how often it has struck, what it holds on to."""

from __future__ import annotations

import math

from labmtj.twin.faults.file import Fault
from labmtj.twin.wiring import Channel
from labmtj.twin.world import Crosspoint

# Single replies, or single ends of a session; the other kinds last.
_SPOILS = ("timeout", "late", "garbage", "cut_block", "identity", "dead_socket")
_START = 10.0  # [s] chosen: what an instrument takes from its power switch to its first answer


class Active:
    """A fault that was put in at `since` [s]."""

    def __init__(self, number: int, fault: Fault, since: float) -> None:
        self.number, self.fault, self.since = number, fault, since
        self.messages = self.hits = 0
        self.begun: float | None = None
        self.over = False
        self.stuck: tuple[Crosspoint, ...] = ()
        self.blocked: tuple[Channel, ...] = ()

    def concerns(self, name: str) -> bool:
        """Whether it is on this instrument."""
        return self.fault.on in ("*", name)

    @property
    def lasts(self) -> bool:
        """Whether it goes on by itself once it has begun."""
        return self.fault.kind not in _SPOILS

    @property
    def ends(self) -> float:
        """When it ends [s], once it has begun."""
        usual = _START if self.fault.kind == "power_cycle" else math.inf
        return math.inf if self.begun is None else self.begun + (self.fault.duration or usual)

    @property
    def times(self) -> int:
        """How many replies it spoils; 0 is all until it ends."""
        fault = self.fault
        if fault.times is not None:
            return fault.times
        return 0 if self.lasts or fault.duration is not None else 1
