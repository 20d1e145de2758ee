"""What a writing algorithm asks of an array, so that one algorithm runs on a bench and on many dies in lockstep.

An algorithm is a generator: it yields requests and is sent their answers. `converse` answers them with an array;
others may answer for a hundred simulated dies at once.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from labmtj.errors import LimitExceeded
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Cell, Ints, Pulse


@dataclass(frozen=True)
class Look:
    """Read cells one after the other; the answer is a list of `Reading`."""

    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Add:
    """One current of all of `rows` into all of `cols` together; the answer is a `Sum`."""

    rows: tuple[int, ...]
    cols: tuple[int, ...]


@dataclass(frozen=True)
class Ground:
    """All lines to ground; no answer."""


@dataclass(frozen=True)
class Done:
    """Items of the progress bar that are finished; no answer."""

    count: int


Request = Look | Add | Ground | Done | Pulse
"""A `Pulse` is answered with its `PulseOutcome`."""
Result = TypeVar("Result")
Talk = Generator[Request, Any, Result]


class Tally(Protocol):
    """Told while cells are written; may raise to end it."""

    def __call__(self, tried: Sequence[Cell], failed: Sequence[Cell], states: Ints) -> None:
        """These cells were written, and `failed` of them given up; `states` (rows, cols) are known, -1 where not."""
        ...


def no_tally(tried: Sequence[Cell], failed: Sequence[Cell], states: Ints) -> None:
    """A tally for callers that count nothing."""
    del tried, failed, states


def converse(array: ArrayAccess, talk: Talk[Result], *, voltage: float, tick: Ticker = no_ticks) -> Result:
    """Answer an algorithm with this array, reading at `voltage` [V], until it has its result."""
    answer: Any = None
    while True:
        try:
            request = talk.send(answer)
        except StopIteration as end:
            return end.value
        answer = None
        match request:
            case Look(cells):
                answer = array.read(cells, voltage=voltage)
            case Add(rows, cols):
                answer = array.total(rows, cols, voltage=voltage)
            case Pulse():
                answer = array.pulse(request)
            case Ground():
                array.rest()
            case Done(count):
                tick(count)


def allowed(array: ArrayAccess, pulse: Pulse) -> bool:
    """Whether the limits leave room for a pulse."""
    try:
        array.check(pulse)
    except LimitExceeded:
        return False
    return True
