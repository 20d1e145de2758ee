"""Keithley 707B relay matrix, TSP, and what its relatives share with it.

Commands: Models 707B and 708B Reference Manual, 707B-901-01 Rev. A (2010). A channel is slot, row
letter and two-digit column of the card; here a crosspoint is (row letter, matrix column from 1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from labmtj.config.model import SwitchMatrixModel
from labmtj.drivers.identity import check_identity
from labmtj.drivers.link import MARK, Meaning, TspLink
from labmtj.drivers.restoring import restore
from labmtj.errors import BadReply, BenchError, InputError

Crosspoint = tuple[str, int]
_OPEN_ALL = 'channel.open("allslots")'


class Keithley707B:
    """A 707B with its cards side by side as one matrix."""

    LINK = TspLink
    ROWS, CHANNEL = "ABCDEFGH", re.compile(r"([1-6])([A-H])(\d\d)", re.ASCII)

    def __init__(self, link: TspLink, model: SwitchMatrixModel) -> None:
        self.link, self.model = link, model
        self._rows = {chr(ord("A") + number): name for number, name in enumerate(self.ROWS[: model.rows])}

    def identify(self) -> str:
        """Check that this is the model it should be; return its serial number. Raises BenchError if it is not."""
        return check_identity(self.link, self.model)

    def setup(self) -> None:
        """Drop old errors, ask for numbers as text, open every relay."""
        self.link.forget()
        self.link.run(
            f"errorqueue.clear() format.data = format.ASCII format.asciiprecision = 16 {MARK} = true",
            meaning=Meaning.SET,
        )
        self.link.mark()
        self.open_all()

    def check_power(self) -> None:
        """Raise PowerLost if the matrix was switched off and on since it was set up: its relays are then open."""
        self.link.check_power()

    def restore(self) -> None:
        """After a power cut: the set-up again; every relay is open."""
        restore(self.link, self.setup)

    def switch(self, steps: Sequence[tuple[str, Sequence[Crosspoint]]]) -> frozenset[Crosspoint]:
        """Carry out `("close" | "open", crosspoints)` in this order; return what is closed when all has settled."""
        parts: list[str] = []
        for action, crosspoints in steps:
            if action not in ("close", "open"):
                raise InputError(f"a relay can be closed or opened, not {action!r}")
            if crosspoints:
                parts.append(f'channel.{action}("{self._names(crosspoints)}")')
        return self._closed(after=" ".join([*parts, "waitcomplete()"]))

    def closed(self) -> frozenset[Crosspoint]:
        """Get the crosspoints that are closed now."""
        return self._closed(after="")

    def open_all(self) -> None:
        """Open every relay and check that none is left closed."""
        left = self._closed(after=f"{_OPEN_ALL} waitcomplete()")
        if left:
            raise BenchError(f"{self.link.name}: relays {self._names(left)} are still closed after all were opened")

    def shutdown(self) -> None:
        """Open every relay, whatever is pending, and see that none is left closed."""
        self.link.silence("errorqueue.clear()", _OPEN_ALL)
        self._see()

    def panic(self) -> None:
        """The same at once: nothing is waited for before the relays are told to open."""
        self.link.panic([_OPEN_ALL], [_OPEN_ALL, "errorqueue.clear()"], self._see)

    def _see(self) -> None:
        left = self._closed(after="waitcomplete()")
        if left:
            raise BenchError(f"{self.link.name}: relays {self._names(left)} are still closed after all were opened")

    def _closed(self, *, after: str) -> frozenset[Crosspoint]:
        expression = 'channel.getclose("allslots")'
        meaning = Meaning.READ if after in ("", "waitcomplete()") else Meaning.ACT
        reply = self.link.ask(expression, after=after, meaning=meaning)[0]
        if reply == "nil":
            return frozenset()
        return frozenset(self._parse(expression, name) for name in reply.split(";"))

    def _names(self, crosspoints: Iterable[Crosspoint]) -> str:
        names: list[str] = []
        for row, column in sorted(crosspoints):
            slot, card_column = divmod(column - 1, self.model.cards.columns)
            if not (0 <= slot < self.model.cards.count and row in self._rows):
                raise InputError(f"{self.link.name} has no crosspoint of row {row} and column {column}")
            names.append(f"{slot + 1}{self._rows[row]}{card_column + 1:02d}")
        return ",".join(names)

    def _parse(self, command: str, name: str) -> Crosspoint:
        match, cards = self.CHANNEL.fullmatch(name), self.model.cards
        if match is None:
            raise BadReply(self.link.name, command, name, f"channels such as 1{self.ROWS[0]}01")
        slot, column = int(match[1]), int(match[3])
        letters = [letter for letter, row in self._rows.items() if row == match[2]]
        if not (letters and 1 <= slot <= cards.count and 1 <= column <= cards.columns):
            raise BadReply(
                self.link.name, command, name, f"a channel of {cards.count} cards of {cards.columns} columns"
            )
        return letters[0], (slot - 1) * cards.columns + column
