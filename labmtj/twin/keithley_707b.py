"""Firmware of the Keithley 707B: a relay matrix under a script engine.

Channel names and functions follow the Models 707B and 708B Reference Manual, 707B-901-01 Rev. A (2010):
a channel is slot, row letter and two-digit column; a list may hold ranges; closing adds to what is closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labmtj.config.model import SwitchMatrixModel
from labmtj.twin.tsp import TspEngine, TspError
from labmtj.twin.world import World

Crosspoint = tuple[str, int]


class Keithley707B:
    """One 707B whose relays are the world's."""

    def __init__(self, world: World, model: SwitchMatrixModel) -> None:
        self._world, self._model = world, model
        identity = model.identity
        rules = {"BREAK_BEFORE_MAKE": 1, "MAKE_BEFORE_BREAK": 2, "OFF": 0}
        self.engine = TspEngine(
            ",".join([identity.manufacturer, identity.model, identity.serial, identity.firmware]),
            {"channel.connectrule": 1} | {f"channel.{name}": number for name, number in rules.items()},
            {
                "channel.close": self._close,
                "channel.open": self._open,
                "channel.getclose": self._closed,
                "channel.getcount": self._counts,
            },
            on_set=lambda _name, value: value,
            on_reset=lambda: self._move(frozenset()),
            on_message=lambda: world.sleep(model.timing.command),
        )

    def execute(self, message: str) -> list[str]:
        """Carry out one message; the die's state is stored before its reply can be read."""
        with self._world.lock:
            replies = self.engine.execute(message)
            self._world.electrics.commit()
            return replies

    def clear(self) -> None:
        """Device clear."""
        self.engine.clear()

    # -- channel names -----------------------------------------------------------------------------

    def _name(self, crosspoint: Crosspoint) -> str:
        slot, column = divmod(crosspoint[1] - 1, self._model.cards.columns)
        return f"{slot + 1}{crosspoint[0]}{column + 1:02d}"

    def _one(self, name: str) -> Crosspoint:
        cards = self._model.cards
        last_row = chr(ord("A") + self._model.rows - 1)
        if len(name) == 4 and name.isascii() and name[0].isdigit() and name[2:].isdigit():
            slot, row, column = int(name[0]), name[1].upper(), int(name[2:])
            if 1 <= slot <= cards.count and "A" <= row <= last_row and 1 <= column <= cards.columns:
                return row, (slot - 1) * cards.columns + column
        raise TspError(1114, f"invalid channel specifier: {name}")

    def _list(self, text: Any) -> list[Crosspoint]:
        if not isinstance(text, str):
            raise TspError(1103, "channel list: expected a string")
        found: list[Crosspoint] = []
        for part in text.split(","):
            first, colon, last = part.strip().partition(":")
            start = self._one(first.strip())
            end = self._one(last.strip()) if colon else start
            if start[0] != end[0] or end[1] < start[1]:
                raise TspError(1114, f"invalid channel range: {part.strip()}")
            found += [(start[0], column) for column in range(start[1], end[1] + 1)]
        return found

    def _within(self, text: Any) -> frozenset[Crosspoint]:
        """What "allslots", "slotN" or a list names, of the closed crosspoints."""
        closed = self._world.closed
        if text == "allslots":
            return closed
        if isinstance(text, str) and text.startswith("slot"):
            if text[4:] not in {str(slot) for slot in range(1, self._model.cards.count + 1)}:
                raise TspError(1114, f"invalid channel specifier: {text}")
            return frozenset(c for c in closed if self._name(c)[0] == text[4:])
        return closed & frozenset(self._list(text))

    # -- functions ---------------------------------------------------------------------------------

    def _move(self, closed: Iterable[Crosspoint]) -> None:
        self._world.set_relays(closed)
        self._world.sleep(self._model.relay.settling)

    def _close(self, text: Any) -> None:
        self._move(self._world.closed | frozenset(self._list(text)))

    def _open(self, text: Any) -> None:
        self._move(self._world.closed - self._within(text))

    def _closed(self, text: Any) -> str | None:
        return ";".join(sorted(self._name(c) for c in self._within(text))) or None

    def _counts(self, text: Any) -> str:
        cycles = self._world.electrics.state.cycles
        return ";".join(str(int(cycles[ord(row) - ord("A"), column - 1])) for row, column in self._list(text))
