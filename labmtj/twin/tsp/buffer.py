"""Reading buffers of TSP instruments: `smua.nvbuffer1` and what `smua.makebuffer` makes.

Attributes: Series 2600B Reference Manual, 2600BS-901-01 Rev. F, section on reading buffers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from labmtj.twin.tsp.tables import Table, TspError, within

CAPACITY = 60_000  # unverified: readings with time stamps and source values that a dedicated buffer holds
COLUMNS = ("readings", "timestamps", "sourcevalues", "statuses")
_LONGEST_PLACE = 10  # chosen: digits; Python refuses to read thousands of them
LIMITED = 64  # status of a reading whose source was in compliance


class Entry(NamedTuple):
    """One stored reading; the time is of the bench [s]."""

    readings: float
    timestamps: float
    sourcevalues: float
    statuses: int


class ReadingBuffer:
    """Readings in the order in which they were taken; `capacity` of them at most."""

    luatype = "reading_buffer"
    attributes: Mapping[str, bool] = {
        "appendmode": True,
        "cachemode": True,
        "collectsourcevalues": True,
        "collecttimestamps": True,
        "fillmode": True,
        "fillcount": True,
        "timestampresolution": True,
        "basetimestamp": False,
        "capacity": False,
        "n": False,
    }

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._settings: dict[str, float] = {}
        self.entries: list[Entry] = []
        self.base = 0.0
        self.reset()

    def reset(self) -> None:
        """The defaults of a buffer, and nothing in it."""
        # unverified: whether time stamps and source values are collected by default
        self._settings = {"appendmode": 0, "cachemode": 1, "collectsourcevalues": 0, "collecttimestamps": 1}
        self._settings |= {"fillmode": 0, "fillcount": self._capacity, "timestampresolution": 1e-6}
        self.clear()

    def clear(self, *_: Any) -> None:
        """Drop all readings."""
        self.entries.clear()
        self.base = 0.0

    def begin(self) -> None:
        """A new measurement starts: without append mode it replaces what is there."""
        if not self._settings["appendmode"]:
            self.clear()

    def store(self, reading: float, *, time: float, source: float, status: int = 0) -> None:
        """Add a reading; a full buffer takes no more. `time` is of the bench [s]."""
        if len(self.entries) < self._capacity:
            if not self.entries:
                self.base = time
            self.entries.append(Entry(reading, time - self.base, source, status))

    def element(self, name: str, number: int) -> float | None:
        """Number `number` from 1 of one of `COLUMNS`; None where there is none or it was not collected."""
        collected = self._settings.get(f"collect{name}", 1)
        return getattr(self.entries[number - 1], name) if collected and 1 <= number <= len(self.entries) else None

    def column(self, name: str) -> list[float | None]:
        """One of `COLUMNS`; None where it was not collected."""
        return [self.element(name, number) for number in range(1, len(self.entries) + 1)]

    def get(self, key: str) -> float | None:
        """An attribute, or a reading by its number."""
        if (place := place_of(key)) is not None:
            return self.element("readings", place)
        match key:
            case "n":
                return len(self.entries)
            case "capacity":
                return self._capacity
            case "basetimestamp":
                return self.base
            case _:
                return self._settings.get(key)

    def set(self, key: str, value: Any) -> None:
        """Set an attribute; what is collected can be chosen for an empty buffer only."""
        if key not in self._settings:
            raise TspError(1101, f"Parameter {key}: no such attribute of a buffer, or it is read-only")
        most = {"fillcount": self._capacity, "timestampresolution": 100.0}.get(key, 1)
        found = within(key, value, 0, most)
        if key.startswith("collect") and self.entries and found != self._settings[key]:
            raise TspError(5047, f"The buffer must be empty to set {key}")  # number unverified
        self._settings[key] = found

    def tables(self, path: str) -> dict[str, Table]:
        """The buffer and its columns as tables, by their names."""
        found: dict[str, Table] = {path: self}
        found.update({f"{path}.{name}": Column(self, name) for name in COLUMNS})
        return found


class Column:
    """`buffer.readings` and its kin: elements by number."""

    luatype = "synchronous_table"
    attributes: Mapping[str, bool] = {}

    def __init__(self, buffer: ReadingBuffer, name: str) -> None:
        self.buffer, self.name = buffer, name

    def get(self, key: str) -> float | None:
        """One element; None beyond the last."""
        place = place_of(key)
        return None if place is None else self.buffer.element(self.name, place)

    def set(self, key: str, value: Any) -> None:
        """Refused: readings are measured."""
        raise TspError(1101, f"Parameter {self.name}[{key}]: it is read-only")


def place_of(key: str) -> int | None:
    """The number of a reading that a key is; None for one that is none, or beyond every buffer."""
    return int(key) if key.isascii() and key.isdigit() and len(key) < _LONGEST_PLACE else None


def elements(table: Table | None) -> list[Any]:
    """What `printbuffer` prints of a table. Raises TspError for one that holds no readings."""
    if isinstance(table, ReadingBuffer):
        return table.column("readings")
    if isinstance(table, Column):
        return table.buffer.column(table.name)
    raise TspError(1103, "Parameter buffer: expected a reading buffer")
