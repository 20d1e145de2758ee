"""What a TSP engine and its firmware share: errors, attributes that cannot be set, tables, arguments from Lua."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

_LONGEST = 1000  # chosen: characters of a text attribute


class TspError(Exception):
    """An error for the instrument's queue: its number and text."""

    def __init__(self, code: int, text: str) -> None:
        self.code, self.text = code, text
        super().__init__(text)


@dataclass(frozen=True)
class Fixed:
    """Default of an attribute that scripts can read but not set."""

    value: float | str | bool | None


@dataclass(frozen=True)
class Reference:
    """An instrument's table as an argument of a function: its name."""

    path: str


class Table(Protocol):
    """A table with state of its own, such as a reading buffer or a status register set.

    `luatype` is what scripts find in its metatable, `attributes` says of each name whether it can be set.
    """

    @property
    def luatype(self) -> str:
        """The kind of the table."""
        ...

    @property
    def attributes(self) -> Mapping[str, bool]:
        """Names of attributes; True for one that can be set."""
        ...

    def get(self, key: str) -> Any:
        """Value of an attribute; None for what is not there."""
        ...

    def set(self, key: str, value: Any) -> None:
        """Set an attribute. Raises TspError."""
        ...


def argument(value: Any) -> Any:
    """An argument as Lua sent it: instrument tables become references, copies of other tables lists."""
    if isinstance(value, str) and value.startswith("\0"):
        return Reference(value[1:])
    if value is None or isinstance(value, str | int | float):
        return value
    return [value[n] for n in range(1, len(value) + 1)]


def number(name: str, value: Any) -> float:
    """A finite number for the parameter `name`. Raises TspError 1103 or 1102."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TspError(1103, f"Parameter {name}: expected a number")
    if not math.isfinite(value):
        raise TspError(1102, f"Parameter {name} out of range")
    return float(value)


def fitting(name: str, default: Any, value: Any) -> Any:
    """A value of the kind of an attribute's default. Raises TspError 1103 or 1102."""
    if isinstance(default, bool):
        return value if isinstance(value, bool) else number(name, value) != 0
    if isinstance(default, int | float):
        return number(name, value)
    if not isinstance(value, str):
        raise TspError(1103, f"Parameter {name}: expected a string")
    if len(value) > _LONGEST:
        raise TspError(1102, f"Parameter {name} out of range: more than {_LONGEST} characters")
    return value


def within(name: str, value: Any, least: float, most: float) -> float:
    """A number between two bounds. Raises TspError 1103 or 1102."""
    found = number(name, value)
    if not least <= found <= most:
        raise TspError(1102, f"Parameter {name} out of range: {found:g} is not in {least:g} to {most:g}")
    return found
