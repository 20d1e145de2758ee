"""Settings that a SCPI instrument keeps for each of its channels: set within bounds, answered, reset together.

Most settings of an instrument need no more than this; what they do is asked for where it matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from labmtj.twin.scpi.call import Call
from labmtj.twin.scpi.engine import ScpiEngine
from labmtj.twin.scpi.errors import ScpiError
from labmtj.twin.scpi.syntax import forms

Value = float | bool | str
Then = Callable[[int], None]


class Kept:
    """The settings of `channels` channels, by name and channel number from 1.

    `show` writes a number as the instrument does. With `clips`, a number outside its bounds is taken to the
    nearest one and -222 queued; else it is -222 and nothing changes. With `lists`, a channel list may follow
    the argument in place of the header's number. `lower`: words are answered in lower case. `then` of a
    setting is called with the channel's number once it has changed.
    """

    def __init__(
        self,
        engine: ScpiEngine,
        channels: int,
        show: Callable[[float], str],
        *,
        clips: bool = False,
        lists: bool = False,
        lower: bool = False,
    ) -> None:
        self._engine, self._channels, self._show = engine, channels, show
        self._clips, self._lists, self._lower = clips, lists, lower
        self._defaults: dict[str, Value] = {}
        self._values: dict[tuple[str, int], Value] = {}

    # -- what firmwares ask ------------------------------------------------------------------------

    def real(self, name: str, channel: int = 1) -> float:
        """A number, or a switch as 0 or 1."""
        return float(self._values.get((name, channel), self._defaults[name]))

    def flag(self, name: str, channel: int = 1) -> bool:
        """A switch."""
        return bool(self._values.get((name, channel), self._defaults[name]))

    def text(self, name: str, channel: int = 1) -> str:
        """A word in its short form and in upper case."""
        return str(self._values.get((name, channel), self._defaults[name]))

    def put(self, name: str, channel: int, value: Value) -> None:
        """Change a setting from within."""
        self._values[name, channel] = value

    def reset(self) -> None:
        """All settings to their defaults; nobody is told."""
        self._values.clear()

    # -- what they keep ----------------------------------------------------------------------------

    def number(
        self,
        name: str,
        pattern: str,
        default: float,
        *,
        bounds: tuple[float, float],
        unit: str | Sequence[str] = (),
        words: Mapping[str, float] | None = None,
        whole: bool = False,
        show: Callable[[float], str] | None = None,
        then: Then | None = None,
    ) -> None:
        """Keep a number in SI units; a query may ask for MIN, MAX and DEF. `whole`: rounded to an integer."""
        known = {"MIN": bounds[0], "MAX": bounds[1], "DEF": default, **(words or {})}
        shown = show or self._show

        def take(call: Call) -> Value:
            value = call.number(0, unit=unit, words=known)
            value = float(round(value)) if whole else value
            return value if value in known.values() else self.within(value, bounds)

        def answer(call: Call, channel: int) -> str:
            return shown(call.number(0, words=known) if self._asks_bound(call) else self.real(name, channel))

        self._add(name, pattern, default, take, answer, then)

    def boolean(self, name: str, pattern: str, default: bool, *, then: Then | None = None) -> None:
        """Keep a switch."""
        self._add(
            name,
            pattern,
            default,
            lambda call: call.boolean(0),
            lambda _, channel: str(int(self.flag(name, channel))),
            then,
        )

    def word(self, name: str, pattern: str, default: str, choices: Sequence[str], *, then: Then | None = None) -> None:
        """Keep one of `choices` ("VOLTage"), answered in its short form."""
        short = {forms(choice)[1]: forms(choice)[0] for choice in choices}

        def answer(_: Call, channel: int) -> str:
            found = self.text(name, channel)
            return found.lower() if self._lower else found

        self._add(name, pattern, default, lambda call: short[call.word(0, choices)], answer, then)

    def within(self, value: float, bounds: tuple[float, float]) -> float:
        """A number taken to its bounds as this instrument does it. Raises ScpiError -222 if it does not."""
        if bounds[0] <= value <= bounds[1]:
            return value
        if not self._clips:
            raise ScpiError(-222)
        side, nearest = ("upper", bounds[1]) if value > bounds[1] else ("lower", bounds[0])
        self._engine.error(-222, f"Data out of range; value clipped to {side} limit")
        return nearest

    def targets(self, call: Call, position: int, *, numbered: bool = True) -> list[int]:
        """The channels that a call is for: those of its list, else the one of its header, else the first."""
        if self._lists and call.has(position):
            return call.channel_numbers(position, bounds=(1, self._channels))
        return [call.suffix(last=self._channels) if numbered else 1]

    def _asks_bound(self, call: Call) -> bool:
        return call.has(0) and not call.raw(0).startswith("(")

    def _add(
        self,
        name: str,
        pattern: str,
        default: Value,
        take: Callable[[Call], Value],
        answer: Callable[[Call, int], str],
        then: Then | None,
    ) -> None:
        self._defaults[name] = default
        numbered = "#" in pattern

        def store(call: Call) -> None:
            channels, value = self.targets(call, 1, numbered=numbered), take(call)
            for channel in channels:
                self._values[name, channel] = value
                if then is not None:
                    then(channel)

        def get(call: Call) -> str:
            place = 1 if self._asks_bound(call) else 0
            return ",".join(answer(call, channel) for channel in self.targets(call, place, numbered=numbered))

        self._engine.add(pattern, set=store, get=get, most=2 if self._lists else 1)
