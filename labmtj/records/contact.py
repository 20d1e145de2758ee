"""Lines of an array, and what a contact check found out about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Line(NamedTuple):
    """A line of the array, counted from 1: axis "row" (word line) or "col" (bit line)."""

    axis: str
    number: int

    def __str__(self) -> str:
        return f"{self.axis} {self.number}"


@dataclass(frozen=True)
class LineFault:
    """What is wrong with a line, and what that most likely means.

    `interrupted` where current does not get through: such a line can be left out. One that is tied to something
    cannot.
    """

    line: Line
    text: str
    interrupted: bool = False

    def __str__(self) -> str:
        return f"{self.line} {self.text}"


@dataclass(frozen=True)
class Contact:
    """What a contact check measured, at no more than `level` [V], and what it found.

    `rows` and `cols` are the conductances [S] from each line to all of the other axis, nan where none could be
    measured. `quarantined` are lines that are left out from here on. `time` [s] when it ended, `seconds` [s] it took.
    """

    level: float
    rows: tuple[float, ...]
    cols: tuple[float, ...]
    faults: tuple[LineFault, ...]
    quarantined: tuple[Line, ...]
    time: float
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every line does what it should, or is left out."""
        return not self.serious

    @property
    def serious(self) -> tuple[LineFault, ...]:
        """Faults of lines that are not left out."""
        return tuple(fault for fault in self.faults if fault.line not in self.quarantined)
