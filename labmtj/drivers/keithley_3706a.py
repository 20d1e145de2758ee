"""Keithley 3706A switch with 3730 matrix cards (6 x 16), TSP.

Commands: Series 3700A Reference Manual, 3700AS-901-01 Rev. D. The 707B's commands, but a row is a digit:
channel 1103 is slot 1, row 1, column 3. Rows 1 to 6 are letters A to F here. Backplane relays (9xx) stay
open.
"""

from __future__ import annotations

import re

from labmtj.drivers.keithley_707b import Keithley707B
from labmtj.errors import BenchError


class Keithley3706A(Keithley707B):
    """A 3706A with its cards side by side as one matrix."""

    ROWS, CHANNEL = "12345678", re.compile(r"([1-6])([1-8])(\d\d)", re.ASCII)

    def setup(self) -> None:
        """Drop old errors, open every relay, see that the cards are those of the data sheet."""
        super().setup()
        cards = self.model.cards
        found = self.link.values([f"slot[{slot}].idn" for slot in range(1, cards.count + 1)])
        for slot, card in enumerate(found, start=1):
            if card.split(",")[0] != cards.name:
                raise BenchError(f"{self.link.name}: slot {slot} should hold a {cards.name} card, it has {card!r}")
