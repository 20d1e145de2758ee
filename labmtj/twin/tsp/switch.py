"""What the TSP switches have in common: the `channel` functions on the world's relays, and the `slot` tables.

Functions: Models 707B and 708B Reference Manual, 707B-901-01 Rev. A (2010), section 7, and Series 3700A
Reference Manual, 3700AS-901-01 Rev. D (2018), section 11. The models differ in how channels are named.
"""

from __future__ import annotations

import functools
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from labmtj.config.model import SwitchMatrixModel
from labmtj.twin.build import Place
from labmtj.twin.tsp import node as tsp_node
from labmtj.twin.tsp.engine import TspEngine
from labmtj.twin.tsp.firmware import TspFirmware
from labmtj.twin.tsp.tables import Fixed, TspError, within
from labmtj.twin.world import Crosspoint

SLOTS = 6
_RULES = {"BREAK_BEFORE_MAKE": 1, "MAKE_BEFORE_BREAK": 2, "OFF": 0, "ON": 1}
_BREAK, _MAKE = 1, 2
_MOST = 10_000  # chosen: channels of one list, the same one as often as it is named


class TspSwitch(TspFirmware, ABC):
    """A mainframe of matrix cards: its relays are the world's, its backplane relays its own."""

    between = ","
    """What stands between the values of `channel.getcount`."""

    def __init__(self, place: Place, model: SwitchMatrixModel, *, slots: dict[str, Any]) -> None:
        self.model, self._settling = model, model.relay.settling
        self._backplane: set[str] = set()  # closed backplane relays
        self._backplane_counts: dict[str, int] = {}
        self._forbidden: set[str] = set()
        self._delays: dict[str, float] = {}
        said = model.identity
        identity = ",".join([said.manufacturer, said.model, said.serial, said.firmware])
        attributes = tsp_node.attributes(identity, place.mains) | slots
        attributes |= {"channel.connectrule": 1, "channel.connectsequential": 0}
        attributes |= {f"channel.{name}": number for name, number in _RULES.items()}
        engine = TspEngine(
            identity,
            attributes,
            tsp_node.functions(now=place.world.now, sleep=place.world.sleep) | self._functions(),
            on_set=_checked,
            on_reset=self._reset,
            on_message=lambda: place.world.sleep(model.timing.command),
        )
        super().__init__(place.world, engine)
        # Names of 384 channels and more are asked for with every move: each is worked out once.
        self.name = functools.cache(self.name)
        self.crosspoint = functools.lru_cache(maxsize=4096)(self.crosspoint)
        self._every: list[str] = []

    def _functions(self) -> dict[str, Callable[..., Any]]:
        return {
            f"channel.{name}": function
            for name, function in {
                "close": self._close,
                "open": self._open,
                "exclusiveclose": self._exclusive_close,
                "exclusiveslotclose": self._exclusive_slot_close,
                "getclose": self._get_close,
                "getstate": self._get_state,
                "getcount": self._get_count,
                "reset": self._reset_channels,
                "setforbidden": self._set_forbidden,
                "clearforbidden": self._clear_forbidden,
                "getforbidden": self._get_forbidden,
                "setdelay": self._set_delay,
                "getdelay": self._get_delay,
            }.items()
        }

    # -- names -------------------------------------------------------------------------------------

    @abstractmethod
    def name(self, crosspoint: Crosspoint) -> str:
        """The channel of a crosspoint."""

    @abstractmethod
    def crosspoint(self, channel: str) -> Crosspoint | None:
        """The crosspoint of a channel; None if there is no such channel."""

    @abstractmethod
    def span(self, first: str, last: str) -> list[str]:
        """The channels of a range with both ends. Raises TspError."""

    def is_backplane(self, channel: str) -> bool:
        """Whether there is a backplane relay of this name."""
        return False

    def all(self) -> list[str]:
        """Every channel and backplane relay, slot by slot."""
        cards = self.model.cards
        rows = [chr(ord("A") + number) for number in range(self.model.rows)]
        self._every = self._every or sorted(
            self.name((row, column + 1)) for row in rows for column in range(cards.count * cards.columns)
        )
        return self._every

    def _one(self, name: str) -> str:
        wanted = name.strip().upper()
        if not self.is_backplane(wanted) and self.crosspoint(wanted) is None:
            raise TspError(1114, f"invalid channel specifier: {name.strip()}")
        return wanted

    def _list(self, text: Any, *, slots: bool) -> list[str]:
        """Channels that a list names, in its order; `slots`: "slotX" and "allslots" may stand in it."""
        if not isinstance(text, str):
            raise TspError(1103, "channel list: expected a string")
        found: list[str] = []
        for part in re.split("[,;]", text):
            item = part.strip()
            first, colon, last = item.partition(":")
            if slots and item == "allslots":
                found += self.all()
            elif slots and item.startswith("slot"):
                if item[4:] not in {str(slot) for slot in range(1, self.model.cards.count + 1)}:
                    raise TspError(1114, f"invalid channel specifier: {item}")
                found += [channel for channel in self.all() if channel[0] == item[4:]]
            elif colon:
                found += self.span(self._one(first), self._one(last))
            else:
                found.append(self._one(item))
            if len(found) > _MOST:
                raise TspError(1102, f"channel list: more than {_MOST} channels")
        return found

    # -- relays ------------------------------------------------------------------------------------

    def _closed(self) -> set[str]:
        """Channels and backplane relays that the instrument believes to be closed."""
        return {self.name(crosspoint) for crosspoint in self._world.asked} | self._backplane

    def _move(self, closed: Iterable[str], *, closing: int = 0) -> None:
        """Set which relays are closed, and incur the settling time: once, or for each if they close in turn."""
        wanted = set(closed)
        for relay in {c for c in wanted if self.is_backplane(c)} ^ self._backplane:
            self._backplane ^= {relay}
            self._backplane_counts[relay] = self._backplane_counts.get(relay, 0) + 1
        found = (self.crosspoint(channel) for channel in wanted)
        self._world.set_relays(crosspoint for crosspoint in found if crosspoint is not None)
        turns = closing if closing and self.engine.values["channel.connectsequential"] else 1
        self._world.sleep(self._settling * turns)

    def _close_these(self, channels: list[str], keep: set[str]) -> None:
        """Close channels and keep others; what is in neither opens, as the connection rule says."""
        refused = sorted(set(channels) & self._forbidden)
        if refused:
            raise TspError(1115, f"channel is forbidden to close: {','.join(refused)}")  # number unverified
        before, after = self._closed(), keep | set(channels)
        rule, opening = self.engine.values["channel.connectrule"], before - after
        if opening and rule == _BREAK:
            self._move(before & after)
        elif opening and rule == _MAKE:
            self._move(before | after, closing=len(after - before))
        self._move(after, closing=len(after - self._closed()))
        self._world.sleep(max((self._delays.get(channel, 0.0) for channel in channels), default=0.0))

    def _close(self, text: Any = None, *_: Any) -> None:
        self._close_these(self._list(text, slots=False), self._closed())

    def _open(self, text: Any = None, *_: Any) -> None:
        self._move(self._closed() - set(self._list(text, slots=True)))

    def _exclusive_close(self, text: Any = None, *_: Any) -> None:
        self._close_these([] if text == "" else self._list(text, slots=False), set())

    def _exclusive_slot_close(self, text: Any = None, *_: Any) -> None:
        channels = self._list(text, slots=False)
        slots = {channel[0] for channel in channels}
        self._close_these(channels, {channel for channel in self._closed() if channel[0] not in slots})

    def _reset_channels(self, text: Any = None, *_: Any) -> None:
        channels = set(self._list(text, slots=True))
        self._move(self._closed() - channels)
        self._forbidden -= channels
        self._delays = {channel: delay for channel, delay in self._delays.items() if channel not in channels}

    def _reset(self) -> None:
        self._forbidden.clear()
        self._delays.clear()
        self._move(())

    # -- questions ---------------------------------------------------------------------------------

    def _get_close(self, text: Any = None, *_: Any) -> str | None:
        return ";".join(sorted(self._closed() & set(self._list(text, slots=True)))) or None

    def _get_state(self, text: Any = None, *_: Any) -> str:
        closed = self._closed()
        return ",".join("1" if channel in closed else "0" for channel in self._list(text, slots=True))

    def _get_count(self, text: Any = None, *_: Any) -> str:
        return self.between.join(str(self._count(channel)) for channel in self._list(text, slots=True))

    def _count(self, channel: str) -> int:
        crosspoint = self.crosspoint(channel)
        if crosspoint is None:
            return self._backplane_counts.get(channel, 0)
        row, column = crosspoint
        return int(self._world.electrics.state.cycles[ord(row) - ord("A"), column - 1])

    # -- what channels are told --------------------------------------------------------------------

    def _set_forbidden(self, text: Any = None, *_: Any) -> None:
        channels = set(self._list(text, slots=True))
        if channels & self._closed():
            self._move(self._closed() - channels)
        self._forbidden |= channels

    def _clear_forbidden(self, text: Any = None, *_: Any) -> None:
        self._forbidden -= set(self._list(text, slots=True))

    def _get_forbidden(self, text: Any = None, *_: Any) -> str | None:
        return ",".join(sorted(self._forbidden & set(self._list(text, slots=True)))) or None

    def _set_delay(self, text: Any = None, seconds: Any = None, *_: Any) -> None:
        delay = within("delay", seconds, 0, 60)
        for channel in self._list(text, slots=True):
            if self.crosspoint(channel) is not None:
                self._delays[channel] = delay

    def _get_delay(self, text: Any = None, *_: Any) -> str:
        channels = [channel for channel in self._list(text, slots=True) if self.crosspoint(channel) is not None]
        return ",".join(f"{self._delays.get(channel, 0.0):g}" for channel in channels)


def slot_attributes(model: SwitchMatrixModel, *, idn: str, **more: float) -> dict[str, Any]:
    """The `slot` tables: `idn` for slots with a card, with what `more` says of it, the others are empty."""
    found: dict[str, Any] = {}
    for slot in range(1, SLOTS + 1):
        if slot > model.cards.count:
            found[f"slot[{slot}].idn"] = Fixed("Empty Slot")
            continue
        cells = {"rows.matrix": model.rows, "columns.matrix": model.cards.columns, "banks.matrix": 1}
        found[f"slot[{slot}].idn"] = Fixed(idn)
        found |= {f"slot[{slot}].{key}": Fixed(value) for key, value in (cells | more).items()}
    return found


def _checked(name: str, value: Any) -> Any:
    bounds = {"channel.connectrule": (0, 2), "channel.connectsequential": (0, 1)}.get(name)
    return value if bounds is None else within(name, value, *bounds)
