"""What a source-measure unit's ranges do to the truth: gain, offset, noise, overflow.

The errors of one instrument are fixed: normal with a third of the data sheet's one-year limit as
standard deviation (chosen: a limit is read as three sigma), addressed by seed, channel and range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labmtj.config.model import SourceMeterModel
from labmtj.physics.chance import Purpose, normal

OVERFLOW = 9.91e37  # what Keithley instruments return for a reading beyond the range
_SECOND = 50  # added to the range's number in addresses of current sources and voltmeters


@dataclass(frozen=True)
class Range:
    """A range of the instrument: full scale, relative gain limit, offset limit, rms noise at 1 PLC."""

    full: float
    gain: float
    offset: float
    noise: float = 0.0


class Scale:
    """The ranges of one function of one channel, with the gain (about 1) and offset that this one has on each."""

    def __init__(self, ranges: Sequence[Range], *, seed: int, gain: Purpose, offset: Purpose, place: int) -> None:
        self.ranges = tuple(ranges)
        self.errors = [
            (
                1 + normal(seed, int(gain), place + number, 0) * used.gain / 3,
                normal(seed, int(offset), place + number, 0) * used.offset / 3,
            )
            for number, used in enumerate(self.ranges)
        ]

    def forced(self, level: float, full: float) -> float:
        """What stands at the terminals when `level` is asked on the source range of this full scale."""
        gain, offset = self.errors[pick(self.ranges, full)]
        return level * gain + offset

    def shown(
        self, value: float, draw: float, *, nplc: float, full: float | None, lowest: float, excess: float
    ) -> float:
        """The reading for a value; `full` None is autorange with `lowest` as its smallest range.

        `draw` is a standard normal number, `excess` a share of the range that is added to the noise.
        """
        number = pick(self.ranges, max(abs(value), lowest) if full is None else full)
        used = self.ranges[number]
        if abs(value) > 1.02 * used.full:
            return math.copysign(OVERFLOW, value)
        gain, offset = self.errors[number]
        return value * gain + offset + draw * (used.noise / math.sqrt(nplc) + excess * used.full)


class Errors:
    """Turns what is asked into what is forced, and what flows into what is shown, for one channel."""

    def __init__(self, seed: int, channel: int, model: SourceMeterModel) -> None:
        self._derating: Mapping[float, float] = dict(
            sorted(((entry.nplc, entry.error) for entry in model.derating), reverse=True)
        )
        volts = [Range(r.range, r.gain, r.offset) for r in model.source_voltage]
        amperes = [Range(r.range, r.gain, r.offset, r.noise) for r in model.measure_current]
        forced = [Range(r.range, r.gain, r.offset) for r in model.source_current] or amperes
        # chosen: a voltmeter without a row of its own is as good as the source, with 5 ppm of noise.
        seen = [Range(r.range, r.gain, r.offset, r.noise) for r in model.measure_voltage] or [
            Range(r.full, r.gain, r.offset, 5e-6 * r.full) for r in volts
        ]
        place, source, meter = (
            channel * 100,
            (Purpose.SOURCE_GAIN, Purpose.SOURCE_OFFSET),
            (
                Purpose.METER_GAIN,
                Purpose.METER_OFFSET,
            ),
        )
        self.source_volts = Scale(volts, seed=seed, gain=source[0], offset=source[1], place=place)
        self.meter_amperes = Scale(amperes, seed=seed, gain=meter[0], offset=meter[1], place=place)
        self.source_amperes = Scale(forced, seed=seed, gain=source[0], offset=source[1], place=place + _SECOND)
        self.meter_volts = Scale(seen, seed=seed, gain=meter[0], offset=meter[1], place=place + _SECOND)

    def forced(self, volts: float, full: float) -> float:
        """Volts at the terminals when `volts` are asked on the source range of this full scale."""
        return self.source_volts.forced(volts, full)

    def shown(self, amperes: float, draw: float, *, nplc: float, full: float | None, lowest: float) -> float:
        """The reading for a current; `full` None is autorange with `lowest` as its smallest range."""
        excess = self.excess(nplc)
        return self.meter_amperes.shown(amperes, draw, nplc=nplc, full=full, lowest=lowest, excess=excess)

    def excess(self, nplc: float) -> float:
        """Noise below one period of the mains as a share of the range: a third of the data sheet's derating."""
        if nplc >= 1 or not self._derating:
            return 0.0
        for least, error in self._derating.items():
            if nplc >= least:
                return error / 3
        return max(self._derating.values()) / 3


def pick(ranges: Sequence[Range], value: float) -> int:
    """The smallest range that holds `value`, or the largest there is."""
    for number, candidate in enumerate(ranges):
        if value <= candidate.full * (1 + 1e-9):
            return number
    return len(ranges) - 1
