"""Readings of the Keithley 2400 and how it writes them: elements, text or binary, byte order.

2400 Series User's Manual, 2400S-900-01 Rev. K: table 18-3 and pages 18-49 to 18-53.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from labmtj.twin.firmware.sourcemeter import NOT_A_NUMBER, TOO_LARGE, Sample, SourceMeter
from labmtj.twin.scpi.engine import Call, ScpiEngine, ScpiError
from labmtj.twin.scpi.syntax import forms

_ELEMENTS = ("VOLTage", "CURRent", "RESistance", "TIME", "STATus")
_ALL = tuple(name.upper() for name in _ELEMENTS)
_SINGLE = 32  # bits: the only length there is
# Status word, pages 18-50 and 18-51.
OVERFLOW, FILTER, FRONT, COMPLIANCE, AUTO_OHMS = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 10
VOLTS, AMPERES, OHMS, FORCES_VOLTS, FORCES_AMPERES = 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15
RANGE_COMPLIANCE, OFFSET_COMPENSATION, REMOTE = 1 << 16, 1 << 17, 1 << 22


class Reading(NamedTuple):
    """The five elements, in the order in which they are sent; time in seconds, status as a word of bits."""

    voltage: float
    current: float
    resistance: float
    time: float
    status: int

    def element(self, name: str) -> float:
        """One of them by its name."""
        return float(self[_ALL.index(name)])


def reading(sample: Sample, meter: SourceMeter, *, time: float, flags: int) -> Reading:
    """What the instrument makes of a sample: what was not measured is the level, or is not a number.

    `flags` are the bits of the status word that are settings, VOLTS, AMPERES and OHMS of the functions among them.
    """
    volts, amperes = sample.volts, sample.amperes
    if volts is None or not flags & (VOLTS | OHMS):
        volts = sample.level if meter.volts else NOT_A_NUMBER
    if amperes is None:
        amperes = NOT_A_NUMBER if meter.volts else sample.level
    ohms = sample.ohms if flags & OHMS else NOT_A_NUMBER
    status = flags | (FORCES_VOLTS if meter.volts else FORCES_AMPERES) | (REMOTE if meter.remote else 0)
    if TOO_LARGE in (abs(volts), abs(amperes), abs(ohms)):
        status |= OVERFLOW
    if sample.limited:
        held = meter.limiting
        by_range = not held.auto and held.limit > held.full * 1.05
        status |= COMPLIANCE | (RANGE_COMPLIANCE if by_range else 0)
    return Reading(volts, amperes, ohms, time, status)


class Format:
    """The FORMat subsystem: which elements of a reading are sent, and how."""

    def __init__(self, engine: ScpiEngine) -> None:
        self.elements = _ALL
        self._binary = self._swapped = False
        engine.add(
            ":FORMat:ELEMents[:SENSe]", set=self._set_elements, get=lambda _: self._listed(), most=len(_ELEMENTS)
        )
        engine.add(":FORMat[:DATA]", set=self._set_data, get=lambda _: "REAL,32" if self._binary else "ASC", most=2)
        engine.add(":FORMat:BORDer", set=self._set_order, get=lambda _: "SWAP" if self._swapped else "NORM")

    def reset(self) -> None:
        """All elements, as text, most significant byte first."""
        self.elements, self._binary, self._swapped = _ALL, False, False

    def readings(self, readings: Sequence[Reading]) -> str:
        """Readings with the chosen elements."""
        return self.values([found.element(name) for found in readings for name in self.elements])

    def values(self, values: Sequence[float]) -> str:
        """Numbers as text with their sign, or as a block of singles (`#0` and the bytes)."""
        if not self._binary:
            return ",".join(f"{value:+.6E}" for value in values)
        data = struct.pack(f"{'<' if self._swapped else '>'}{len(values)}f", *values)
        return "#0" + data.decode("latin-1")

    def _listed(self) -> str:
        return ",".join(forms(name)[0] for name in _ELEMENTS if name.upper() in self.elements)

    def _set_elements(self, call: Call) -> None:
        chosen = {call.word(position, _ELEMENTS) for position in range(max(1, call.count))}
        self.elements = tuple(name for name in _ALL if name in chosen)

    def _set_data(self, call: Call) -> None:
        kind = call.word(0, ("ASCii", "REAL", "SREal"))
        if kind == "REAL" and call.integer(1, default=_SINGLE, bounds=(0, 64)) != _SINGLE:
            raise ScpiError(-224)
        self._binary = kind != "ASCII"

    def _set_order(self, call: Call) -> None:
        self._swapped = call.word(0, ("NORMal", "SWAPped")) == "SWAPPED"
