"""The Keithley 2400's buffer: the TRACe subsystem, and CALCulate3, which has statistics of what lies in it.

2400 Series User's Manual, 2400S-900-01 Rev. K, tables 18-2 and 18-10, pages 18-115 and 18-116. *RST leaves
TRACe alone (note to table 18-10) and, unverified, CALCulate3.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from labmtj.twin.firmware.keithley_2400_reading import Format, Reading
from labmtj.twin.firmware.sourcemeter import NOT_A_NUMBER, TOO_LARGE
from labmtj.twin.scpi.engine import Call, ScpiEngine, ScpiError
from labmtj.twin.scpi.stored import Stored

if TYPE_CHECKING:
    from labmtj.twin.status import Register

LARGEST = 2500  # readings (page 18-115)
AVAILABLE, FULL = 1 << 8, 1 << 9  # bits of the measurement register (page 15-14)
_BYTES = 24  # chosen: five singles and their number
_STORING = 800, "Illegal with storage active"
_MEASURED = ("VOLTAGE", "CURRENT", "RESISTANCE")
_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "MEAN": statistics.fmean,
    "SDEVIATION": statistics.stdev,
    "MAXIMUM": max,
    "MINIMUM": min,
    "PKPK": lambda values: max(values) - min(values),
}


class Buffer:
    """Keeps readings from FEED:CONTrol NEXT on until as many have come as it holds."""

    def __init__(self, engine: ScpiEngine, stored: Stored, form: Format) -> None:
        self._register: Register = engine.status.registers["measurement"]
        self._stored, self._form = stored, form
        self._readings: list[Reading] = []
        self._points, self._active = 100, False
        add, root = engine.add, ":TRACe|DATA"
        add(f"{root}:DATA", get=lambda _: form.readings(self._stamped()), most=0)
        add(f"{root}:CLEar", set=lambda _: self._clear(), most=0)
        add(f"{root}:FREE", get=lambda _: self._free(), most=0)
        add(f"{root}:POINts", set=self._set_points, get=self._get_points)
        add(f"{root}:POINts:ACTual", get=lambda _: str(len(self._readings)), most=0)
        add(f"{root}:FEED:CONTrol", set=self._set_control, get=lambda _: "NEXT" if self._active else "NEV")
        stored.choice(f"{root}:FEED", "trace.feed", ("SENSe", "CALCulate", "CALCulate2"), kept=True)
        stored.choice(f"{root}:TSTamp:FORMat", "trace.stamp", ("ABSolute", "DELTa"), kept=True)
        choices = ("MEAN", "SDEViation", "MAXimum", "MINimum", "PKPK")
        stored.choice(":CALCulate3:FORMat", "calculate3", choices, kept=True)
        add(":CALCulate3:DATA", get=lambda _: self._statistics(), most=0)

    def offer(self, reading: Reading) -> None:
        """Take a reading, if it is filling."""
        if not self._active:
            return
        self._readings.append(reading)
        condition = self._register.condition | (AVAILABLE if len(self._readings) > 1 else 0)
        if len(self._readings) >= self._points:
            self._active = False
            condition |= FULL
        self._register.change(condition)

    def _clear(self) -> None:
        self._readings = []
        self._register.change(self._register.condition & ~(AVAILABLE | FULL))

    def _stamped(self) -> list[Reading]:
        """The readings, their times counted from the first, or from one to the next."""
        if not self._readings:
            raise ScpiError(-230)
        zero = self._readings[0].time
        if self._stored.word("trace.stamp") == "ABSOLUTE":
            return [reading._replace(time=reading.time - zero) for reading in self._readings]
        before = [zero, *(reading.time for reading in self._readings)]
        return [
            reading._replace(time=reading.time - last) for reading, last in zip(self._readings, before, strict=False)
        ]

    def _free(self) -> str:
        used = _BYTES * len(self._readings)
        return f"{_BYTES * LARGEST - used},{used}"

    def _set_points(self, call: Call) -> None:
        if self._active:
            raise ScpiError(*_STORING)
        self._points = call.integer(0, bounds=(1, LARGEST), words={"DEF": 100})
        self._clear()

    def _get_points(self, call: Call) -> str:
        return str(call.integer(0, bounds=(1, LARGEST), words={"DEF": 100}, default=self._points))

    def _set_control(self, call: Call) -> None:
        self._active = call.word(0, ("NEXT", "NEVer")) == "NEXT"
        if self._active:
            self._clear()

    def _statistics(self) -> str:
        """One number for each measured element that is sent, not a number where that was not measured."""
        if not self._readings:
            raise ScpiError(-230)
        work = _STATISTICS[self._stored.word("calculate3")]
        found: list[float] = []
        for name in _MEASURED:
            if name not in self._form.elements:
                continue
            values = [reading.element(name) for reading in self._readings]
            known = max(map(abs, values)) < TOO_LARGE and (work is not statistics.stdev or len(values) > 1)
            found.append(work(values) if known else NOT_A_NUMBER)
        return self._form.values(found)
