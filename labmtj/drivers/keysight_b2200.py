"""Agilent/Keysight B2200A and B2201A relay matrices, SCPI.

Commands: Agilent B2200 User's Guide, Edition 2 (bias mode: 5-33; rules and sequences: 3-14; channel lists:
4-5). In the auto configuration the cards form one matrix, which is card 0: a channel is 0, the two-digit
input port and the two-digit output port. Inputs 1 to 14 are rows A to N, outputs are columns.
"""

from __future__ import annotations

import re

from labmtj.drivers.exchange import Meaning
from labmtj.drivers.scpi_link import EVENTS
from labmtj.drivers.scpi_matrix import Crosspoint, ScpiMatrix
from labmtj.errors import BadReply, BenchError

_STATE = ":ROUT:CLOS:CARD? 0"
_LIST = re.compile(r"\(@((?:\d{5}(?:, ?\d{5})*)?)\)", re.ASCII)


class KeysightB2200(ScpiMatrix):
    """A B2200A or B2201A with its cards as one matrix."""

    OPEN_ALL = ":ROUT:OPEN:CARD 0"

    def name(self, row: int, card: int, column: int) -> str:
        """Card 0, two-digit input, two-digit output."""
        return f"0{row:02d}{(card - 1) * self.model.cards.columns + column:02d}"

    def setup(self) -> None:
        """One matrix; every relay as it is told.

        The free rule lets a port have several connections (the single-route rule would open them by itself),
        no sequence moves relays in an order of its own, and no mode ties an unused output to bias, ground or
        its neighbour. Opens every relay.
        """
        self.link.forget()
        self.link.send("*CLS")
        self.link.run("*RST;*CLS", meaning=Meaning.SET)
        self.link.mark()
        for command, query, expected in (
            (":ROUT:FUNC ACON", ":ROUT:FUNC?", "ACON"),
            (":ROUT:CONN:RULE 0,FREE", ":ROUT:CONN:RULE? 0", "FREE"),
            (":ROUT:CONN:SEQ 0,NSEQ", ":ROUT:CONN:SEQ? 0", "NSEQ"),
            (":ROUT:BIAS 0,0", ":ROUT:BIAS? 0", "0"),
            (":ROUT:AGND 0,0", ":ROUT:AGND? 0", "0"),
            (":ROUT:COUP 0,0", ":ROUT:COUP? 0", "0"),
        ):
            self.link.confirm(command, query, expected)
        self.open_all()

    def act(self, command: str) -> None:
        """Move relays between two *ESR?, of which the second tells of an error even where the queue does not.

        The first tells of a power cut: closing what is wanted then meets relays that are open.
        """
        before, done, status = self.link.ask(EVENTS, f"{command};*OPC?", EVENTS)
        self.link.see_power(before)
        if done != "1" or self.link.parse("*ESR?", status) != 0:
            raise BenchError(f"{self.link.name} answers {done} and event status {status} to {command!r}")

    def closed(self) -> frozenset[Crosspoint]:
        """Get the crosspoints that are closed now."""
        reply = self.link.values([_STATE])[0]
        match = _LIST.fullmatch(reply)
        if match is None:
            raise BadReply(self.link.name, _STATE, reply, "channels such as (@00103,00220)")
        found: set[Crosspoint] = set()
        for text in re.findall(r"\d{5}", match[1]):
            card, column = divmod(int(text[3:]) - 1, self.model.cards.columns)
            found.add(self.crosspoint(_STATE, reply, int(text[1:3]) if text[0] == "0" else 0, card + 1, column + 1))
        return frozenset(found)
