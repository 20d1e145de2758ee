"""Firmware of the Keithley 3706A with matrix cards: a relay matrix under a script engine.

Channel names and functions follow the Series 3700A Reference Manual, 3700AS-901-01 Rev. D (2018): a channel
is slot, row and two-digit column (1103), an analog backplane relay slot, 9, bank and relay (1911). Closing
takes the settling time once, with `channel.connectsequential` on once for each relay (page 5-15).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labmtj.config.model import SwitchMatrixModel
from labmtj.twin.build import Place
from labmtj.twin.tsp.switch import TspSwitch, slot_attributes
from labmtj.twin.tsp.tables import TspError
from labmtj.twin.world import Crosspoint

_INTERLOCKS = 3  # slot[n].interlock.state: both are engaged
_BACKPLANE = tuple(f"91{relay}" for relay in range(1, 7))


class Keithley3706A(TspSwitch):
    """One 3706A whose matrix relays are the world's; nothing hangs on its backplane."""

    def __init__(self, place: Place, model: SwitchMatrixModel) -> None:
        self._planes: dict[str, str] = {}
        # chosen: firmware and serial number of the cards
        idn = f"{model.cards.name},{model.rows}x{model.cards.columns} High Density Matrix,01.40h,4447332"
        more = {"interlock.state": _INTERLOCKS, "poles.two": 1, "maxvoltage": 300.0}
        super().__init__(place, model, slots=slot_attributes(model, idn=idn, **more))

    def _functions(self) -> dict[str, Callable[..., Any]]:
        more = {"channel.setbackplane": self._set_backplane, "channel.getbackplane": self._get_backplane}
        return super()._functions() | more

    def name(self, crosspoint: Crosspoint) -> str:
        """Such as 1103: slot, row, column of the card."""
        slot, column = divmod(crosspoint[1] - 1, self.model.cards.columns)
        return f"{slot + 1}{ord(crosspoint[0]) - ord('A') + 1}{column + 1:02d}"

    def crosspoint(self, channel: str) -> Crosspoint | None:
        """Row letter and column of the matrix; None if there is no such channel."""
        cards = self.model.cards
        if len(channel) == 4 and channel.isascii() and channel.isdigit():
            slot, row, column = int(channel[0]), int(channel[1]), int(channel[2:])
            if 1 <= slot <= cards.count and 1 <= row <= self.model.rows and 1 <= column <= cards.columns:
                return chr(ord("A") + row - 1), (slot - 1) * cards.columns + column
        return None

    def is_backplane(self, channel: str) -> bool:
        """Relays 911 to 916 of each card."""
        return channel[1:] in _BACKPLANE and channel[0] in map(str, range(1, self.model.cards.count + 1))

    def all(self) -> list[str]:
        """Every channel and backplane relay, slot by slot."""
        slots = range(1, self.model.cards.count + 1)
        return sorted([*super().all(), *(f"{slot}{relay}" for slot in slots for relay in _BACKPLANE)])

    def span(self, first: str, last: str) -> list[str]:
        """Channels of one card in the order of their numbers, row after row."""
        found = [name for name in self.all() if first <= name <= last and not self.is_backplane(name)]
        if first[0] != last[0] or last < first or self.is_backplane(first) or self.is_backplane(last):
            raise TspError(1114, f"invalid channel range: {first}:{last}")
        return found

    def _set_backplane(self, text: Any = None, planes: Any = None, *_: Any) -> None:
        relays = self._list(planes, slots=False)
        if not all(map(self.is_backplane, relays)):
            raise TspError(1114, f"invalid backplane specifier: {planes}")
        for channel in self._list(text, slots=True):
            if not self.is_backplane(channel):
                self._planes[channel] = ",".join(relays)

    def _get_backplane(self, text: Any = None, *_: Any) -> str | None:
        channels = self._list(text, slots=True)
        return ";".join(self._planes.get(channel, "") for channel in channels if not self.is_backplane(channel))
