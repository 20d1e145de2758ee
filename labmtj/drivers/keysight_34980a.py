"""Keysight 34980A switch unit with 34934A matrix modules as 16 x 32, SCPI.

Channel numbers: 34934A User's Guide 34980-90034, page 168; 800 numbers are shared out among the rows, so
row r and column c of 16 rows are 50 (r + 1) + c behind the slot: (@1103) is row 1, column 3 of slot 1, and
(@1170) row 2, column 20. Rows are letters A to P here; the first module is in slot 1, the next in slot 2.
"""

from __future__ import annotations

from labmtj.drivers.exchange import Meaning
from labmtj.drivers.scpi_matrix import Crosspoint, ScpiMatrix
from labmtj.errors import BadReply, BenchError

_NUMBERS = 800
_STATE = ":ROUT:CLOS?"


class Keysight34980A(ScpiMatrix):
    """A 34980A with its matrix modules side by side."""

    def name(self, row: int, card: int, column: int) -> str:
        """Slot and three-digit channel."""
        share = _NUMBERS // self.model.rows
        return f"{card}{share * row + column + 100 - share}"

    def setup(self) -> None:
        """Check the modules, take the protection resistors out of the rows, open every relay.

        The rows' 100 ohm would add up to 200 ohm to a path; only AUTO0 bypasses them (34934A User's Guide).
        A module whose terminal block is missing has its interlock open: its relays would not close.
        """
        self.link.forget()
        self.link.send("*CLS")
        self.link.run("*RST;*CLS", meaning=Meaning.SET)
        self.link.mark()
        for slot in range(1, self.model.cards.count + 1):
            kind, terminals = self.link.values([f":SYST:CTYP? {slot}", f":SYST:MOD:TERM:TYPE? {slot}"])
            if self.model.cards.name not in kind:
                raise BenchError(f"{self.link.name}: slot {slot} should hold a {self.model.cards.name}, it has {kind}")
            if terminals.strip('"') == "NONE":
                raise BenchError(f"{self.link.name}: the module in slot {slot} has no terminal block, so it is locked")
            self.link.confirm(f":SYST:MOD:ROW:PROT {slot},AUTO0", f":SYST:MOD:ROW:PROT? {slot}", "AUTO0")
        self.open_all()

    def closed(self) -> frozenset[Crosspoint]:
        """Get the crosspoints that are closed now: the instrument tells 0 or 1 of every channel, row by row."""
        rows, cards = self.model.rows, self.model.cards
        places = [(row, card) for card in range(1, cards.count + 1) for row in range(1, rows + 1)]
        lists = (f"{self.name(row, card, 1)}:{self.name(row, card, cards.columns)}" for row, card in places)
        query = f"{_STATE} (@{','.join(lists)})"
        reply = self.link.values([query])[0]
        states = [state.strip() for state in reply.split(",")]
        if len(states) != len(places) * cards.columns or set(states) - {"0", "1"}:
            raise BadReply(self.link.name, query, reply, f"{len(places) * cards.columns} times 0 or 1")
        return frozenset(
            self.crosspoint(query, reply, *places[number // cards.columns], number % cards.columns + 1)
            for number, state in enumerate(states)
            if state == "1"
        )
