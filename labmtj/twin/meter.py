"""What a source-measure unit's ranges do to the truth: gain, offset, noise, overflow.

The errors of one instrument are fixed: normal with a third of the data sheet's one-year limit as
standard deviation (chosen: a limit is read as three sigma), addressed by seed, channel and range.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labmtj.config.model import SourceMeterModel
from labmtj.errors import InputError
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
    """The ranges of one function of one channel, with the gain (about 1) and offset that this one has on each.

    `ranges` begin with the smallest. `derating` has the data sheet's error [share of the range] by the shortest
    integration time that it holds for [periods of the mains]: a third of it is noise.
    """

    def __init__(
        self,
        ranges: Sequence[Range],
        *,
        seed: int,
        gain: Purpose,
        offset: Purpose,
        place: int,
        derating: Mapping[float, float] | None = None,
    ) -> None:
        self.ranges = tuple(ranges)
        self.errors = [
            (
                1 + normal(seed, int(gain), place + number, 0) * used.gain / 3,
                normal(seed, int(offset), place + number, 0) * used.offset / 3,
            )
            for number, used in enumerate(self.ranges)
        ]
        fulls = [used.full for used in self.ranges]
        if sorted(fulls) != fulls:
            raise InputError(f"the ranges of a data sheet begin with the smallest; these do not: {fulls}")
        # A value beyond them all is for the largest.
        self._holds = [full * (1 + 1e-9) for full in fulls[:-1]]
        self._derating = sorted((derating or {}).items(), reverse=True)
        self._nplc, self._rows = math.nan, list[tuple[float, float, float, float]]()

    def holding(self, value: float) -> float:
        """The full scale of the smallest range that holds `value`, or of the largest there is."""
        return self.ranges[bisect_left(self._holds, value)].full

    def forced(self, level: float, full: float) -> float:
        """What stands at the terminals when `level` is asked on the source range of this full scale."""
        gain, offset = self.errors[bisect_left(self._holds, full)]
        return level * gain + offset

    def shown(self, value: float, draw: float, *, nplc: float, full: float | None, lowest: float) -> float:
        """The reading for a value; `full` None is autorange with `lowest` as its smallest range.

        `draw` is a standard normal number.
        """
        if nplc != self._nplc:
            self._nplc, self._rows = nplc, self._integrating(nplc)
        size = abs(value)
        wanted = (size if size > lowest else lowest) if full is None else full
        end, gain, offset, noise = self._rows[bisect_left(self._holds, wanted)]
        if size > end:
            return math.copysign(OVERFLOW, value)
        return value * gain + offset + draw * noise

    def _integrating(self, nplc: float) -> list[tuple[float, float, float, float]]:
        """Of each range with this integration time: the largest value, gain, offset, rms noise."""
        excess = self._excess(nplc)
        return [
            (1.02 * used.full, gain, offset, used.noise / math.sqrt(nplc) + excess * used.full)
            for used, (gain, offset) in zip(self.ranges, self.errors, strict=True)
        ]

    def _excess(self, nplc: float) -> float:
        """Noise below one period of the mains as a share of the range."""
        if nplc >= 1 or not self._derating:
            return 0.0
        for least, error in self._derating:
            if nplc >= least:
                return error / 3
        return max(error for _, error in self._derating) / 3


class Errors:
    """Turns what is asked into what is forced, and what flows into what is shown, for one channel."""

    def __init__(self, seed: int, channel: int, model: SourceMeterModel) -> None:
        derating = {entry.nplc: entry.error for entry in model.derating}
        volts = [Range(r.range, r.gain, r.offset) for r in model.source_voltage]
        amperes = [Range(r.range, r.gain, r.offset, r.noise) for r in model.measure_current]
        forced = [Range(r.range, r.gain, r.offset) for r in model.source_current] or amperes
        # chosen: a voltmeter without a row of its own is as good as the source, with 5 ppm of noise.
        seen = [Range(r.range, r.gain, r.offset, r.noise) for r in model.measure_voltage] or [
            Range(r.full, r.gain, r.offset, 5e-6 * r.full) for r in volts
        ]

        def source(ranges: Sequence[Range], place: int) -> Scale:
            return Scale(ranges, seed=seed, gain=Purpose.SOURCE_GAIN, offset=Purpose.SOURCE_OFFSET, place=place)

        def meter(ranges: Sequence[Range], place: int) -> Scale:
            gain, offset = Purpose.METER_GAIN, Purpose.METER_OFFSET
            return Scale(ranges, seed=seed, gain=gain, offset=offset, place=place, derating=derating)

        place = channel * 100
        self.source_volts, self.meter_amperes = source(volts, place), meter(amperes, place)
        self.source_amperes, self.meter_volts = source(forced, place + _SECOND), meter(seen, place + _SECOND)
