"""The readings of a B2900: elements, formats, and the data that FETCh and READ give.

Reference: Keysight B2961A/B2962A SCPI Command Reference, Edition 6 ([R]): FORMat 4-20 and 4-21, data formats and
status bits 1-12 to 1-14 (bits as in the B2900 SCPI Command Reference, Edition 2, table 1-2).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from labmtj.twin.meter import OVERFLOW
from labmtj.twin.scpi.engine import Call, ScpiEngine, ScpiError, block
from labmtj.twin.scpi.kept import Kept
from labmtj.twin.scpi.syntax import forms

NAN, INF = 9.91e37, 9.9e37  # [R] 1-12: not a number, infinity
ELEMENTS = ("VOLTage", "CURRent", "RESistance", "TIME", "STATus", "SOURce")  # [R] 4-21, in this order
_LONG = tuple(name.upper() for name in ELEMENTS)


class Reading(NamedTuple):
    """One measurement [V], [A], [ohm], [s]; NAN where a function is off. `source` is the level."""

    volts: float
    amperes: float
    time: float
    status: int
    source: float

    def element(self, name: str) -> float:
        """One of the elements, by its long name in upper case."""
        if name == "RESISTANCE":
            if NAN in (self.volts, self.amperes):
                return NAN
            return self.volts / self.amperes if self.amperes and abs(self.amperes) < INF else INF
        return self[_PLACES[name]]


_PLACES = {"VOLTAGE": 0, "CURRENT": 1, "TIME": 2, "STATUS": 3, "SOURCE": 4}  # of the elements in a reading
_NOTHING = Reading(NAN, NAN, NAN, 0, NAN)


class Data:
    """The readings of both channels and how they are written."""

    def __init__(self, engine: ScpiEngine, kept: Kept) -> None:
        self._kept = kept
        self.readings: dict[int, list[Reading]] = {}
        self._elements = _LONG
        self._bits = 0  # of a real number; 0 is text
        engine.add(":FORMat[:DATA]", set=self._set_format, get=self._format, most=2)
        engine.add(":FORMat:ELEMents:SENSe", set=self._set_elements, get=self._written_elements, most=len(ELEMENTS))
        kept.word("border", ":FORMat:BORDer", "NORM", ["NORMal", "SWAPped"])

    def reset(self, channels: Iterable[int]) -> None:
        """*RST: no data, all elements, as text."""
        self.readings = {n: [] for n in channels}
        self._elements, self._bits = _LONG, 0

    def shown(self, channels: Sequence[int], *, whole: bool, element: str = "") -> str:
        """The latest data, or the whole step by step; the channels of a step stand side by side ([R] 4-83)."""
        taken = [self.readings[n] for n in channels]
        if whole:
            steps = range(max(1, *map(len, taken)))
            rows = [data[step] if step < len(data) else _NOTHING for step in steps for data in taken]
        else:
            rows = [data[-1] if data else _NOTHING for data in taken]
        return self.written(rows, element)

    def written(self, readings: Sequence[Reading], element: str = "") -> str:
        """Readings in the format that was chosen, one element of each or those that were chosen."""
        elements = (element,) if element else self._elements
        values = [reading.element(name) for reading in readings for name in elements] or [NAN]
        if not self._bits:
            return ",".join([f"{value:+.6E}" for value in values])
        meant = [math.nan if v == NAN else math.copysign(math.inf, v) if abs(v) == INF else v for v in values]
        order = ">" if self._kept.text("border") == "NORM" else "<"
        return block(struct.pack(f"{order}{len(meant)}{'f' if self._bits == 32 else 'd'}", *meant))

    def _set_format(self, call: Call) -> None:
        kind = call.word(0, ["ASCii", "REAL"])
        bits = call.integer(1, bounds=(32, 64), default=64)
        if bits not in (32, 64):
            raise ScpiError(-224)
        self._bits = bits if kind == "REAL" else 0

    def _format(self, _: Call) -> str:
        return f"REAL,{self._bits}" if self._bits else "ASC"

    def _set_elements(self, call: Call) -> None:
        wanted = {call.word(place, ELEMENTS) for place in range(max(1, call.count))}
        self._elements = tuple(name for name in _LONG if name in wanted)

    def _written_elements(self, _: Call) -> str:
        return ",".join(forms(name)[0] for name in ELEMENTS if name.upper() in self._elements)


def metered(value: float) -> float:
    """A meter's overflow as this instrument shows it."""
    return math.copysign(INF, value) if abs(value) >= OVERFLOW else value
