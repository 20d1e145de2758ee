"""A scenario: what is done to a run, and what must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from labmtj.chaos.served import Link
from labmtj.chaos.stage import Stage


@dataclass(frozen=True)
class Scenario:
    """A row of the reliability table as it is played; `play` returns the figure that `measures` names, if any.

    It raises NotHeld for what did not hold. `realtime`: the bench's time passes as at a bench; `link`: how its
    instruments are reached.
    """

    name: str
    row: int
    title: str
    play: Callable[[Stage], float | None]
    measures: str = ""
    realtime: bool = False
    link: Link = "hislip"
