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


class Errors:
    """Turns what is asked into what is forced, and what flows into what is shown, for one channel."""

    def __init__(self, seed: int, channel: int, source_ranges: Sequence[Range], meter_ranges: Sequence[Range]) -> None:
        self.source_ranges, self.meter_ranges = source_ranges, meter_ranges

        def drawn(gain: Purpose, offset: Purpose, ranges: Sequence[Range]) -> list[tuple[float, float]]:
            """Gain (about 1) and offset of each range."""
            return [
                (
                    1 + normal(seed, int(gain), channel * 100 + number, 0) * used.gain / 3,
                    normal(seed, int(offset), channel * 100 + number, 0) * used.offset / 3,
                )
                for number, used in enumerate(ranges)
            ]

        self._source = drawn(Purpose.SOURCE_GAIN, Purpose.SOURCE_OFFSET, source_ranges)
        self._meter = drawn(Purpose.METER_GAIN, Purpose.METER_OFFSET, meter_ranges)

    def forced(self, volts: float, full: float) -> float:
        """Volts at the terminals when `volts` are asked on the source range of this full scale."""
        gain, offset = self._source[pick(self.source_ranges, full)]
        return volts * gain + offset

    def shown(self, amperes: float, draw: float, *, nplc: float, full: float | None, lowest: float) -> float:
        """The reading for a current; `full` None is autorange with `lowest` as its smallest range."""
        number = pick(self.meter_ranges, max(abs(amperes), lowest) if full is None else full)
        used = self.meter_ranges[number]
        if abs(amperes) > 1.02 * used.full:
            return math.copysign(OVERFLOW, amperes)
        gain, offset = self._meter[number]
        return amperes * gain + offset + draw * used.noise / math.sqrt(nplc)


def pick(ranges: Sequence[Range], value: float) -> int:
    """The smallest range that holds `value`, or the largest there is."""
    for number, candidate in enumerate(ranges):
        if value <= candidate.full * (1 + 1e-9):
            return number
    return len(ranges) - 1
