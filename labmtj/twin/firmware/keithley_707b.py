"""Firmware of the Keithley 707B: a relay matrix under a script engine.

Channel names and functions follow the Models 707B and 708B Reference Manual, 707B-901-01 Rev. A (2010):
a channel is slot, row letter and two-digit column; a list may hold ranges; closing adds to what is closed.
"""

from __future__ import annotations

from labmtj.config.model import SwitchMatrixModel
from labmtj.twin.build import Place
from labmtj.twin.tsp.switch import TspSwitch, slot_attributes
from labmtj.twin.tsp.tables import TspError
from labmtj.twin.world import Crosspoint


class Keithley707B(TspSwitch):
    """One 707B whose relays are the world's."""

    between = ";"

    def __init__(self, place: Place, model: SwitchMatrixModel) -> None:
        # chosen: firmware and serial number of the cards
        idn = f"{model.cards.name},{model.rows}x{model.cards.columns} Matrix,01.00a,4447332"
        super().__init__(place, model, slots=slot_attributes(model, idn=idn))

    def name(self, crosspoint: Crosspoint) -> str:
        """Such as 1A01: slot, row letter, column of the card."""
        slot, column = divmod(crosspoint[1] - 1, self.model.cards.columns)
        return f"{slot + 1}{crosspoint[0]}{column + 1:02d}"

    def crosspoint(self, channel: str) -> Crosspoint | None:
        """Row letter and column of the matrix; None if there is no such channel."""
        cards = self.model.cards
        last_row = chr(ord("A") + self.model.rows - 1)
        if len(channel) == 4 and channel.isascii() and channel[0].isdigit() and channel[2:].isdigit():
            slot, row, column = int(channel[0]), channel[1], int(channel[2:])
            if 1 <= slot <= cards.count and "A" <= row <= last_row and 1 <= column <= cards.columns:
                return row, (slot - 1) * cards.columns + column
        return None

    def span(self, first: str, last: str) -> list[str]:
        """Channels of one row, also over several cards."""
        start, end = self.crosspoint(first), self.crosspoint(last)
        if start is None or end is None or start[0] != end[0] or end[1] < start[1]:
            raise TspError(1114, f"invalid channel range: {first}:{last}")
        return [self.name((start[0], column)) for column in range(start[1], end[1] + 1)]
