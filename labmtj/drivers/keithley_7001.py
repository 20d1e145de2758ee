"""Keithley 7001 switch system with 4 x 10 matrix cards, SCPI.

Commands: Model 7001 Instruction Manual, 7001-901-01, section 5 (unverified: from memory; the S46 driver of
QCoDeS speaks the same dialect). A channel is card!row!column; rows 1 to 4 are letters A to D here.
"""

from __future__ import annotations

import re

from labmtj.drivers.exchange import Meaning
from labmtj.drivers.scpi_matrix import Crosspoint, ScpiMatrix
from labmtj.errors import BadReply

_STATE = ":ROUT:CLOS:STAT?"
_ITEM = re.compile(r"(\d)!(\d)!(\d\d?)(?::(\d)!(\d)!(\d\d?))?", re.ASCII)


class Keithley7001(ScpiMatrix):
    """A 7001 with its two cards side by side."""

    OPEN_ALL = ":ROUT:OPEN ALL"

    def name(self, row: int, card: int, column: int) -> str:
        """Card, row and column with exclamation marks."""
        return f"{card}!{row}!{column}"

    def setup(self) -> None:
        """Drop old errors and settings, open every relay."""
        self.link.forget()
        self.link.send("*CLS")
        self.link.run("*RST;*CLS", meaning=Meaning.SET)
        self.link.mark()
        self.open_all()

    def closed(self) -> frozenset[Crosspoint]:
        """Get the crosspoints that are closed now; neighbours in a row may come as a range."""
        reply = self.link.values([_STATE])[0]
        if not (reply.startswith("(@") and reply.endswith(")")):
            raise BadReply(self.link.name, _STATE, reply, "channels such as (@1!1!1,1!2!3)")
        found: set[Crosspoint] = set()
        for text in filter(None, (item.strip() for item in reply[2:-1].split(","))):
            match = _ITEM.fullmatch(text)
            if match is None or (match[4] and match.group(4, 5) != match.group(1, 2)):
                raise BadReply(self.link.name, _STATE, reply, "channels such as (@1!1!1,1!2!3)")
            card, row, first = int(match[1]), int(match[2]), int(match[3])
            columns = range(first, int(match[6] or first) + 1)
            found |= {self.crosspoint(_STATE, reply, row, card, column) for column in columns}
        return frozenset(found)
