"""Reading buffers of the Keithley 2450, and the elements that are read out of them.

Model 2450 Reference Manual, 2450-901-01 Rev. B (2013), pages 6-107 to 6-118.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from labmtj.twin.scpi.engine import ScpiError

SMALLEST, LARGEST = 1, 6_875_000  # the captured instrument took 5; chosen: a fill of one buffer of the 2461's size
DEFAULT_SIZE = 100_000  # of defbuffer1 and 2; unverified, from memory of section 3
_START = datetime(
    2026, 1, 1, tzinfo=UTC
)  # chosen: when a simulated bench's life begins, whatever the wall's clock says
_LATEST = 2e11  # [s] on a calendar of four digits
# Bits of the statuses of a reading (2461-901-01, page 6-11, and from memory of the 2450's; unverified for the source).
FRONT, FIRST = 8, 256
READ_BACK, LIMITED, FOUR_WIRE, ON = 8, 32, 64, 128
_UNITS = {"VOLTAGE": "Volt DC", "CURRENT": "Amp DC", "RESISTANCE": "Ohm"}
_SYMBOLS = {"VOLTAGE": "V", "CURRENT": "A", "RESISTANCE": "Ohm"}
_PREFIXES = ((1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"), (1e-12, "p"))


class Reading(NamedTuple):
    """One reading: of what, its value, what the source was and stood at, statuses, bench time [s]."""

    function: str
    value: float
    source: str
    level: float
    status: int
    source_status: int
    time: float


class Buffer:
    """Readings up to a size; a continuous one forgets the oldest for the newest."""

    def __init__(self, size: int, *, continuous: bool) -> None:
        self.continuous = continuous
        self.size = size
        self.readings: deque[Reading] = deque()
        self.zero = 0.0

    def add(self, reading: Reading) -> bool:
        """Keep a reading; False if there was no room."""
        if not self.readings:
            self.zero = reading.time
        if len(self.readings) >= self.size:
            if not self.continuous:
                return False
            self.readings.popleft()
        self.readings.append(reading)
        return True

    def resize(self, size: int) -> None:
        """Another size, and no readings."""
        self.size = size
        self.readings.clear()

    def part(self, first: int, last: int) -> list[Reading]:
        """Readings from `first` to `last`, counted from 1. Raises ScpiError -222 if they are not there."""
        if not 1 <= first <= last <= len(self.readings):
            raise ScpiError(-222)
        return [self.readings[number] for number in range(first - 1, last)]

    def statistic(self, work: Callable[[Sequence[float]], float]) -> float:
        """Statistics of all values; not a number for an empty buffer."""
        values = [reading.value for reading in self.readings]
        return work(values) if values else math.nan


STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "AVERAGE": statistics.fmean,
    "MAXIMUM": max,
    "MINIMUM": min,
    "PK2PK": lambda values: max(values) - min(values),
    "STDDEV": lambda values: statistics.stdev(values) if len(values) > 1 else 0.0,
}
_NUMBERS: dict[str, Callable[[Reading, Buffer], float]] = {
    "READING": lambda reading, _: reading.value,
    "SOURCE": lambda reading, _: reading.level,
    "RELATIVE": lambda reading, buffer: reading.time - buffer.zero,
}
_TEXTS: dict[str, Callable[[Reading], str]] = {
    "FORMATTED": lambda reading: _formatted(reading.value, reading.function),
    "SOURFORMATTED": lambda reading: _formatted(reading.level, reading.source),
    "STATUS": lambda reading: str(reading.status),
    "SOURSTATUS": lambda reading: str(reading.source_status),
    "UNIT": lambda reading: _UNITS[reading.function],
    "SOURUNIT": lambda reading: _UNITS[reading.source],
    "DATE": lambda reading: _when(reading).strftime("%m/%d/%Y"),
    "TIME": lambda reading: _when(reading).strftime("%H:%M:%S"),
    "TSTAMP": lambda reading: _when(reading).strftime("%m/%d/%Y %H:%M:%S.%f") + "000",
    "SECONDS": lambda reading: str(int(_when(reading).timestamp())),
    "FRACTIONAL": lambda reading: f"{reading.time % 1:.6E}",
}
ELEMENTS = (
    "READing",
    "SOURce",
    "RELative",
    "FORMatted",
    "STATus",
    "SOURFORMatted",
    "SOURSTATus",
    "SOURUNIT",
    "UNIT",
    "DATE",
    "TIME",
    "TSTamp",
    "SEConds",
    "FRACtional",
)


def numbers(readings: Sequence[Reading], buffer: Buffer, elements: Sequence[str]) -> list[float]:
    """Elements as numbers, for binary replies. Raises ScpiError -104 for one that is a text."""
    if any(element not in _NUMBERS for element in elements):
        raise ScpiError(-104)
    return [_NUMBERS[element](reading, buffer) for reading in readings for element in elements]


def texts(readings: Sequence[Reading], buffer: Buffer, elements: Sequence[str], form: str) -> list[str]:
    """Elements as text, numbers in a format such as ".6E"."""
    return [
        format(_NUMBERS[element](reading, buffer), form) if element in _NUMBERS else _TEXTS[element](reading)
        for reading in readings
        for element in elements
    ]


def _when(reading: Reading) -> datetime:
    return _START + timedelta(seconds=min(reading.time, _LATEST))


def _formatted(value: float, what: str) -> str:
    """A value as the front panel shows it."""
    if abs(value) >= 9.9e37:
        return "Overflow"
    scale, prefix = next((entry for entry in _PREFIXES if abs(value) >= entry[0]), (1.0, ""))
    return f"{value / scale:+.6g} {prefix}{_SYMBOLS[what]}"
