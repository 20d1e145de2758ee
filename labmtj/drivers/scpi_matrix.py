"""What relay matrices with SCPI have in common: steps in their order, each awaited, and what is closed after them.

A crosspoint is (row letter, matrix column from 1) with the cards side by side; each model writes its own
channel numbers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from labmtj.config.model import SwitchMatrixModel
from labmtj.drivers.identity import check_identity
from labmtj.drivers.restoring import restore
from labmtj.drivers.scpi_link import ScpiLink
from labmtj.errors import BadReply, BenchError, InputError

Crosspoint = tuple[str, int]


class ScpiMatrix(ABC):
    """A matrix of which subclasses know the channel numbers and the words."""

    LINK = ScpiLink
    CLOSE, OPEN, OPEN_ALL = ":ROUT:CLOS", ":ROUT:OPEN", ":ROUT:OPEN:ALL"

    def __init__(self, link: ScpiLink, model: SwitchMatrixModel) -> None:
        self.link, self.model = link, model

    @abstractmethod
    def name(self, row: int, card: int, column: int) -> str:
        """The channel of a row, a card and a column of that card, all counted from 1."""

    @abstractmethod
    def setup(self) -> None:
        """Bring the instrument to what the bench relies on, and open every relay."""

    @abstractmethod
    def closed(self) -> frozenset[Crosspoint]:
        """Get the crosspoints that are closed now."""

    def identify(self) -> str:
        """Check that this is the model it should be; return its serial number. Raises BenchError if it is not."""
        return check_identity(self.link, self.model)

    def switch(self, steps: Sequence[tuple[str, Sequence[Crosspoint]]]) -> frozenset[Crosspoint]:
        """Carry out `("close" | "open", crosspoints)` in this order; return what is closed when all has settled."""
        commands: list[str] = []
        for action, crosspoints in steps:
            if action not in ("close", "open"):
                raise InputError(f"a relay can be closed or opened, not {action!r}")
            if crosspoints:
                word = self.CLOSE if action == "close" else self.OPEN
                commands.append(f"{word} (@{self.names(crosspoints)})")
        for command in commands:
            self.act(command)
        return self.closed()

    def open_all(self) -> None:
        """Open every relay and check that none is left closed."""
        self.act(self.OPEN_ALL)
        self._see()

    def check_power(self) -> None:
        """Raise PowerLost if the matrix was switched off and on since it was set up: its relays are then open."""
        self.link.check_power()

    def restore(self) -> None:
        """After a power cut: the set-up again; every relay is open."""
        restore(self.link, self.setup)

    def shutdown(self) -> None:
        """Open every relay, whatever is pending, and see that none is left closed."""
        self.link.silence("*CLS", self.OPEN_ALL)
        self._see()

    def panic(self) -> None:
        """The same at once: nothing is waited for before the relays are told to open."""
        self.link.panic([self.OPEN_ALL], [self.OPEN_ALL, "*CLS"], self._see)

    def _see(self) -> None:
        left = self.closed()
        if left:
            raise BenchError(f"{self.link.name}: relays {self.names(left)} are still closed after all were opened")

    def act(self, command: str) -> None:
        """Move relays, and return when they have settled."""
        self.link.complete(command)

    def names(self, crosspoints: Iterable[Crosspoint]) -> str:
        """Channels of crosspoints, separated by commas. Raises InputError for one that is not there."""
        cards, names = self.model.cards, list[str]()
        for letter, place in sorted(crosspoints):
            row = ord(letter) - ord("A") + 1 if len(letter) == 1 else 0
            card, column = divmod(place - 1, cards.columns)
            if not (1 <= row <= self.model.rows and 0 <= card < cards.count):
                raise InputError(f"{self.link.name} has no crosspoint of row {letter} and column {place}")
            names.append(self.name(row, card + 1, column + 1))
        return ",".join(names)

    def crosspoint(self, query: str, reply: str, row: int, card: int, column: int) -> Crosspoint:
        """What a row, a card and a column of it in a reply mean; BadReply if the matrix has none such."""
        cards = self.model.cards
        if not (1 <= row <= self.model.rows and 1 <= card <= cards.count and 1 <= column <= cards.columns):
            raise BadReply(self.link.name, query, reply, f"channels of {cards.count} cards of {cards.columns} columns")
        return chr(ord("A") + row - 1), (card - 1) * cards.columns + column
