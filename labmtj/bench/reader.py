"""A driving and a sensing source meter that know nothing of each other (labmtj.ports.SensePair)."""

from __future__ import annotations

import math

from labmtj.ports import Clock, SourceMeter


class TwoMeters:
    """The first meter drives, the second holds 0 V and measures what comes out of the array.

    A host that dies between the two leaves the read voltage on, which is why a pair of one instrument
    does the same in one message where it can.
    """

    def __init__(self, drive: SourceMeter, sense: SourceMeter, clock: Clock) -> None:
        self._drive, self._sense, self._clock = drive, sense, clock

    def sense(self, volts: float, *, settle: float) -> tuple[float, bool]:
        """Current [A] that flows from the first meter's lines into the second, and whether one of them was limited.

        A second meter in compliance is no virtual ground, so such a reading is none either.
        """
        self._drive.source_voltage = volts
        try:
            self._clock.sleep(settle)
            amperes = -self._sense.measure_current()
            limited = self._drive.in_compliance or self._sense.in_compliance
        finally:
            self._drive.source_voltage = 0.0
        if not math.isfinite(amperes):
            return math.copysign(self._sense.current_range, amperes), True
        return amperes, limited

    def rest(self) -> None:
        """Both to 0 V."""
        for meter in (self._drive, self._sense):
            meter.source_voltage = 0.0
