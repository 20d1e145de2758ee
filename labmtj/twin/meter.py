"""What a source-measure unit's ranges do to the truth: gain, offset, noise, overflow.

The errors of one instrument are fixed: normal with a third of the data sheet's one-year limit as
standard deviation (chosen: a limit is read as three sigma), addressed by seed, channel and range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from labmtj.physics.chance import Purpose, normal

OVERFLOW = 9.91e37  # what Keithley instruments return for a reading beyond the range


@dataclass(frozen=True)
class Range:
    """A range of the instrument: full scale, relative gain limit, offset limit, rms noise at 1 PLC."""

    full: float
    gain: float
    offset: float
    noise: float = 0.0


@dataclass(frozen=True)
class Errors:
    """Turns what is asked into what is forced, and what flows into what is shown, for one channel."""

    seed: int
    channel: int
    source_ranges: Sequence[Range]
    meter_ranges: Sequence[Range]

    def _error(self, gain: Purpose, offset: Purpose, ranges: Sequence[Range], number: int, value: float) -> float:
        place, used = self.channel * 100 + number, ranges[number]
        relative = normal(self.seed, int(gain), place, 0) * used.gain / 3
        return value * (1 + relative) + normal(self.seed, int(offset), place, 0) * used.offset / 3

    def forced(self, volts: float, full: float) -> float:
        """Volts at the terminals when `volts` are asked on the source range of this full scale."""
        number = pick(self.source_ranges, full)
        return self._error(Purpose.SOURCE_GAIN, Purpose.SOURCE_OFFSET, self.source_ranges, number, volts)

    def shown(self, amperes: float, draw: float, *, nplc: float, full: float | None, lowest: float) -> float:
        """The reading for a current; `full` None is autorange with `lowest` as its smallest range."""
        number = pick(self.meter_ranges, max(abs(amperes), lowest) if full is None else full)
        used = self.meter_ranges[number]
        if abs(amperes) > 1.02 * used.full:
            return math.copysign(OVERFLOW, amperes)
        reading = self._error(Purpose.METER_GAIN, Purpose.METER_OFFSET, self.meter_ranges, number, amperes)
        return reading + draw * used.noise / math.sqrt(nplc)


def pick(ranges: Sequence[Range], value: float) -> int:
    """The smallest range that holds `value`, or the largest there is."""
    for number, candidate in enumerate(ranges):
        if value <= candidate.full * (1 + 1e-9):
            return number
    return len(ranges) - 1
