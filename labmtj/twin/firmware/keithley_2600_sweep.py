"""What a sweep of a Keithley 2600B is: its levels, what it measures, and how far it has come."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, cast

from labmtj.twin.firmware.keithley_2600_channel import Channel2600
from labmtj.twin.tsp.buffer import ReadingBuffer
from labmtj.twin.tsp.tables import TspError, number, within

MOST = 10_000  # chosen: points of a sweep


@dataclass
class Plan:
    """What a channel's sweep does: levels in volts or amperes, what it measures and into which buffers."""

    levels: list[float] = field(default_factory=list[float])
    volts: bool = True
    what: str = "i"
    buffers: list[ReadingBuffer] = field(default_factory=list[ReadingBuffer])


@dataclass
class Sweep:
    """A channel under way: its layer, what is left, and the events that its detectors remember."""

    channel: Channel2600
    plan: Plan
    arms: int
    points: int
    layer: str = "arm"
    point: int = 0
    seen: set[str] = field(default_factory=set[str])


@dataclass
class Running:
    """A timer under way: when it ends [s of the bench], and how often after that."""

    end: float
    left: int
    started: float


def listed(name: str, given: Any) -> list[float]:
    """The levels of a list sweep. Raises TspError for what is no table of numbers."""
    if not isinstance(given, list) or not given:
        raise TspError(1103, f"Parameter {name}: expected a table of numbers")
    return [number(name, value) for value in cast("list[Any]", given)]


def ramp(
    how: str, start: Any = None, stop: Any = None, points: Any = None, asymptote: Any = None, *_: Any
) -> list[float]:
    """The levels of a "linear" or "log" sweep with both ends. Raises TspError for a sweep that has none."""
    first, last = number("start", start), number("stop", stop)
    count = int(within("points", points, 1, MOST))
    if count == 1:
        return [first]
    if how == "linear":
        return [first + (last - first) * n / (count - 1) for n in range(count)]
    offset = 0.0 if asymptote is None else number("asymptote", asymptote)
    if not (first - offset) * (last - offset) > 0 or not math.isfinite((last - offset) / (first - offset)):
        raise TspError(1102, "Parameter asymptote out of range: it must lie outside of the sweep")
    ratio = math.log((last - offset) / (first - offset)) / (count - 1)
    return [offset + (first - offset) * math.exp(ratio * n) for n in range(count)]
