"""One command as a firmware's handler sees it: its suffixes and its arguments, converted on demand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from labmtj.twin.scpi.errors import ScpiError
from labmtj.twin.scpi.numbers import number
from labmtj.twin.scpi.syntax import Argument, Kind, forms

_CHANNELS = re.compile(r"\(\s*+@(.*)\)", re.DOTALL)
_CHANNEL = re.compile(r"[\w!.]{1,32}+", re.ASCII)
_KEPT_LISTS = 64  # chosen: channel lists that are not read again; clients repeat a few
_MOST_CHANNELS = 10_000  # chosen: the largest matrix here has 4096 crosspoints
_WRONG_KIND = {Kind.STRING: -158, Kind.BLOCK: -168, Kind.EXPRESSION: -178}

Channel = str | tuple[str, str]


class Call:
    """A command's suffixes and arguments; positions are counted from 0.

    All methods raise ScpiError: -109 for an argument that is missing without a default, and the codes of
    SCPI-1999 for one of the wrong type or value.
    """

    __slots__ = ("_suffixes", "arguments", "choices", "header")

    def __init__(
        self, header: str, arguments: tuple[Argument, ...], suffixes: tuple[int, ...], choices: tuple[str, ...]
    ) -> None:
        self.header = header
        self.arguments = arguments
        self.choices = choices
        self._suffixes = suffixes

    @property
    def count(self) -> int:
        """Number of arguments that were sent."""
        return len(self.arguments)

    def suffix(self, position: int = 0, *, last: int | None = None) -> int:
        """Numeric suffix of the `position`-th # of the pattern, 1 if none was sent; -114 outside 1 ... `last`."""
        suffix = self._suffixes[position]
        if last is not None and not 1 <= suffix <= last:
            raise ScpiError(-114)
        return suffix

    def choice(self, position: int = 0) -> str:
        """Which of a pattern's alternatives (VOLTage|CURRent) was sent, long and in upper case; "" for none."""
        return self.choices[position]

    def has(self, position: int) -> bool:
        """Whether an argument was sent there."""
        return position < len(self.arguments) and self.arguments[position].kind is not Kind.EMPTY

    def raw(self, position: int) -> str:
        """The argument as it was sent, quotes and all."""
        return self._argument(position).raw

    def number(
        self,
        position: int,
        *,
        unit: str | Sequence[str] | None = None,
        default: float | None = None,
        bounds: tuple[float, float] | None = None,
        words: Mapping[str, float] | None = None,
    ) -> float:
        """A number in SI units; outside `bounds` is -222.

        `unit`: one or more that may follow, with a multiplier before. `words`: character data that is also
        accepted, {"AUTO": 1.0}; MIN and MAX mean the bounds unless `words` says otherwise. Values of words
        are not held against the bounds.
        """
        if default is not None and not self.has(position):
            return default
        argument = self._argument(position)
        if argument.kind is not Kind.WORD:
            raise ScpiError(-104)
        units = (unit,) if isinstance(unit, str) else tuple(unit or ())
        if bounds is None:
            return number(argument.value, units=units, words=words)
        if argument.value[0].isalpha():
            return number(argument.value, words={"MIN": bounds[0], "MAX": bounds[1], **(words or {})})
        value = number(argument.value, units=units, words=words)
        if not bounds[0] <= value <= bounds[1] and value not in (words or {}).values():
            raise ScpiError(-222)
        return value

    def integer(
        self,
        position: int,
        *,
        default: int | None = None,
        bounds: tuple[int, int],
        words: Mapping[str, int] | None = None,
    ) -> int:
        """A number rounded to an integer, as IEEE 488.2 asks of a listener; like `number` otherwise."""
        if default is not None and not self.has(position):
            return default
        known = {"MIN": bounds[0], "MAX": bounds[1], **(words or {})}
        value = round(self.number(position, words=known))
        if not bounds[0] <= value <= bounds[1] and value not in known.values():
            raise ScpiError(-222)
        return value

    def boolean(self, position: int, *, default: bool | None = None) -> bool:
        """ON, OFF or a number; one that rounds to zero is False (SCPI-1999 volume 1, section 7.3)."""
        if default is not None and not self.has(position):
            return default
        argument = self._argument(position)
        if argument.kind is not Kind.WORD:
            raise ScpiError(-104)
        return round(number(argument.value, words={"ON": 1.0, "OFF": 0.0})) != 0

    def word(self, position: int, choices: Sequence[str], *, default: str | None = None) -> str:
        """One of `choices` ("VOLTage", "CURRent"): its long form in upper case; others are -224.

        A default is given in that form too.
        """
        if default is not None and not self.has(position):
            return default
        argument = self._argument(position)
        if argument.kind is not Kind.WORD:
            raise ScpiError(_WRONG_KIND[argument.kind])
        sent = argument.value.upper()
        for choice in choices:
            if sent in forms(choice):
                return choice.upper()
        raise ScpiError(-224 if sent[0].isalpha() else -128)

    def text(self, position: int, *, default: str | None = None) -> str:
        """A string without its quotes, or character data as it was sent."""
        if default is not None and not self.has(position):
            return default
        argument = self._argument(position)
        if argument.kind not in (Kind.WORD, Kind.STRING):
            raise ScpiError(-104)
        return argument.value

    def block(self, position: int) -> bytes:
        """Data of a definite or indefinite block."""
        argument = self._argument(position)
        if argument.kind is not Kind.BLOCK:
            raise ScpiError(-104)
        return argument.value.encode("latin-1", errors="replace")

    def channels(self, position: int, *, default: Sequence[Channel] | None = None) -> list[Channel]:
        """Items of a channel list as they were sent: "101", "1!1!3", or a pair of them for a range."""
        if default is not None and not self.has(position):
            return list(default)
        argument = self._argument(position)
        if argument.kind is not Kind.EXPRESSION:
            raise ScpiError(-104)
        return list(_listed(argument.value))

    def channel_numbers(
        self, position: int, *, bounds: tuple[int, int], default: Sequence[int] | None = None
    ) -> list[int]:
        """A channel list of plain numbers, its ranges counted out, up or down; outside `bounds` is -222."""
        if default is not None and not self.has(position):
            return list(default)
        argument = self._argument(position)
        if argument.kind is not Kind.EXPRESSION:
            raise ScpiError(-104)
        return list(_numbered(argument.value, bounds))

    def _argument(self, position: int) -> Argument:
        if not self.has(position):
            raise ScpiError(-109)
        return self.arguments[position]


def block(data: bytes) -> str:
    """A definite block, as a reply carries it."""
    length = str(len(data))
    return f"#{len(length)}{length}{data.decode('latin-1')}"


@lru_cache(maxsize=_KEPT_LISTS)
def _listed(text: str) -> tuple[Channel, ...]:
    """The items of a channel list."""
    found = _CHANNELS.fullmatch(text)
    if found is None:
        raise ScpiError(-171)
    items = found.group(1).split(",", _MOST_CHANNELS)
    if len(items) > _MOST_CHANNELS:
        raise ScpiError(-223)
    if len(items) == 1 and not items[0].strip():
        return ()
    return tuple(_channel(item) for item in items)


@lru_cache(maxsize=_KEPT_LISTS)
def _numbered(text: str, bounds: tuple[int, int]) -> tuple[int, ...]:
    """The numbers of a channel list."""
    found: list[int] = []
    for item in _listed(text):
        first, last = item if isinstance(item, tuple) else (item, item)
        if not (first.isdigit() and last.isdigit()):
            raise ScpiError(-171)
        start, stop = int(first), int(last)
        if not (bounds[0] <= start <= bounds[1] and bounds[0] <= stop <= bounds[1]):
            raise ScpiError(-222)
        step = 1 if stop >= start else -1
        found += range(start, stop + step, step)
        if len(found) > _MOST_CHANNELS:
            raise ScpiError(-223)
    return tuple(found)


def _channel(item: str) -> Channel:
    parts = [part.strip() for part in item.split(":", 2)]
    if len(parts) > 2 or not all(_CHANNEL.fullmatch(part) for part in parts):
        raise ScpiError(-171)
    return (parts[0], parts[1]) if len(parts) == 2 else parts[0]
