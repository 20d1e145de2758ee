"""Settings of a B2200 card and what they make of its relays: rule, sequence, bias, ground and couple mode.

Agilent B2200 User's Guide: rule and sequence 3-14, bias mode Edition 2, 5-33, the other modes 3-15 and following
(unverified: from memory; the comments of the QCoDeS driver for the B2200 say the same).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from labmtj.twin.scpi.engine import ScpiError
from labmtj.twin.world import Crosspoint

INPUTS = 14
_BIAS_PORT, _GROUND_PORT = 10, 12  # at *RST; the QCoDeS driver says the same
_BLOCKED = (
    -220
)  # valid but not possible in this state: User's Guide Edition 2, 7-7; which code the modes use: unverified


@dataclass
class Tie:
    """The bias or the ground mode: its outputs are on the input `port` while no other input uses them; -1 is none."""

    port: int
    outputs: set[int]
    on: bool = False


@dataclass
class Card:
    """One card, or card 0 with all cards side by side; `columns` are its outputs as matrix columns."""

    number: int
    columns: range
    rule: str = "FREE"
    sequence: str = "BBM"
    couple: bool = False
    coupled: tuple[int, ...] = ()
    unused: tuple[int, ...] = ()
    ties: dict[str, Tie] = field(init=False)

    def __post_init__(self) -> None:
        self.ties = {"BIAS": Tie(_BIAS_PORT, set(self.columns)), "AGND": Tie(_GROUND_PORT, set(self.columns))}

    def switch(self, which: str, *, on: bool) -> None:
        """Switch the bias or the ground mode; only one of them can be on (User's Guide Edition 2, 5-33)."""
        if on and any(tie.on for name, tie in self.ties.items() if name != which):
            raise ScpiError(_BLOCKED)
        self.ties[which].on = on

    def connect(self, made: frozenset[Crosspoint], wanted: Iterable[Crosspoint]) -> frozenset[Crosspoint]:
        """Add connections, one after the other, by the rule; raises ScpiError for the port of a mode that is on."""
        for crosspoint in self._all(wanted):
            if self.rule == "SROU":  # each port has one connection: the new one takes it
                made = frozenset(c for c in made if not self._shares(c, crosspoint))
            made |= {crosspoint}
        return made

    def disconnect(self, made: frozenset[Crosspoint], wanted: Iterable[Crosspoint]) -> frozenset[Crosspoint]:
        """Take connections away; raises ScpiError for the port of a mode that is on."""
        return made - frozenset(self._all(wanted))

    def closed(self, made: frozenset[Crosspoint]) -> frozenset[Crosspoint]:
        """The relays of this card that are closed for these connections, with those of the modes."""
        own = {c for c in made if c[1] in self.columns}
        for tie in self.ties.values():
            if tie.on and tie.port > 0:
                row = letter(tie.port)
                own = {c for c in own if c[0] != row}
                used = {column for _, column in own}
                own |= {(row, column) for column in tie.outputs - used}
        return frozenset(own)

    def stages(self, before: frozenset[Crosspoint], after: frozenset[Crosspoint]) -> list[frozenset[Crosspoint]]:
        """What is closed one after the other, by the sequence, on the way from `before` to `after`."""
        between = {"NSEQ": after, "BBM": before & after, "MBBR": before | after}[self.sequence]
        return [after] if between in (before, after) else [between, after]

    def _all(self, wanted: Iterable[Crosspoint]) -> Iterator[Crosspoint]:
        """With the partners that couple mode adds: inputs n and n + 1 go to outputs m and m + 1, n and m odd."""
        ports = {letter(tie.port) for tie in self.ties.values() if tie.on and tie.port > 0}
        for row, column in wanted:
            if row in ports:  # it can only be controlled indirectly
                raise ScpiError(_BLOCKED)
            first = (number(row) - 1) // 2 * 2 + 1
            if self.couple and first in self.coupled:
                start = (column - self.columns.start) // 2 * 2 + self.columns.start
                yield letter(first), start
                if start + 1 in self.columns:
                    yield letter(first + 1), start + 1
            else:
                yield row, column

    def _shares(self, one: Crosspoint, other: Crosspoint) -> bool:
        return one != other and one[1] in self.columns and (one[0] == other[0] or one[1] == other[1])


def letter(port: int) -> str:
    """The matrix row of an input."""
    return chr(ord("A") + port - 1)


def number(row: str) -> int:
    """The input of a matrix row."""
    return ord(row) - ord("A") + 1
