"""What a Keithley SourceMeter keeps about its source and its meters, and how that comes into the channel.

Sourcing is of one quantity at a time, "VOLTAGE" or "CURRENT", each with a level and a range of its own; the
meter of the sourced quantity is on the source's range. Ranges are full scales and hold 105 % of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from labmtj.twin.meter import OVERFLOW
from labmtj.twin.scpi.errors import ScpiError
from labmtj.twin.smu import BLOCKED, Smu

OVER = 1.05  # 2400 Series User's Manual, table 3-1; SPEC-2450 Rev. A page 3
QUANTITIES = ("VOLTAGE", "CURRENT")
TOO_LARGE = 9.9e37  # a reading beyond its range (2400 Series User's Manual, page 18-51)
NOT_A_NUMBER = 9.91e37  # what was neither sourced nor measured (same place)
_STEPS = {"VOLTAGE": 2.5e-5, "CURRENT": 5e-5}  # resolution of levels, of full scale: SPEC-2450 Rev. A page 2
_AT_RESET = {"VOLTAGE": 20.0, "CURRENT": 1e-4}  # [V, A] *RST: ranges of 21 V and 105 uA (2400, tables 18-6 and 18-7)


class Ranges:
    """The full scales of one function, smallest first."""

    def __init__(self, fulls: tuple[float, ...]) -> None:
        self.fulls = fulls

    @property
    def most(self) -> float:
        """The largest value that a range holds."""
        return OVER * self.fulls[-1]

    def holding(self, value: float) -> float:
        """The smallest range that holds a value; ScpiError -222 if none does."""
        for full in self.fulls:
            if abs(value) <= OVER * full * (1 + 1e-9):
                return full
        raise ScpiError(-222)

    def beside(self, full: float, step: int) -> float:
        """The range above (+1) or below (-1) this one; at the end the same again."""
        return self.fulls[min(max(self.fulls.index(full) + step, 0), len(self.fulls) - 1)]


@dataclass
class Sourced:
    """A source: level, range (full scale), and whether the range follows the level."""

    ranges: Ranges
    full: float
    level: float = 0.0
    auto: bool = True

    def set_level(self, level: float) -> None:
        """Take a level. Raises ScpiError -222 beyond a range that is fixed."""
        if self.auto:
            self.full = self.ranges.holding(level)
        elif abs(level) > OVER * self.full * (1 + 1e-9):
            raise ScpiError(-222)
        self.level = level

    def set_range(self, full: float) -> None:
        """Fix a range. Raises ScpiError -221 if it does not hold the level."""
        if abs(self.level) > OVER * full * (1 + 1e-9):
            raise ScpiError(-221)
        self.full, self.auto = full, False

    def set_auto(self, *, on: bool) -> None:
        """Let the range follow the level, or stay."""
        self.auto = on
        if on:
            self.full = self.ranges.holding(self.level)


@dataclass
class Metered:
    """A meter: range (full scale), whether it follows the reading, the smallest it may take; and the limit.

    `limit` is what the source of the other quantity may not exceed here: of "CURRENT" that of the voltage source.
    """

    ranges: Ranges
    full: float
    limit: float
    auto: bool = True
    lowest: float = 0.0

    @property
    def limit_range(self) -> float:
        """The range that holds the limit."""
        return self.ranges.holding(self.limit)


class Sample(NamedTuple):
    """What was measured: volts and amperes, or None; the level; whether a limit held it; bench time [s]."""

    volts: float | None
    amperes: float | None
    level: float
    limited: bool
    time: float

    @property
    def ohms(self) -> float:
        """Volts over amperes, where both were measured."""
        if self.volts is None or self.amperes is None:
            return NOT_A_NUMBER
        return ohms_of(self.volts, self.amperes)


@dataclass
class SourceMeter:
    """The settings of one instrument; `apply` brings them into its channel.

    `off_state` is NORMAL (0 V with the share `off_share` of the current range as limit), ZERO (0 V with the
    limit itself), HIMPEDANCE (the relay opens) or GUARD (0 A, which is open, too).
    """

    smu: Smu
    off_share: float
    volts: bool = True
    output: bool = False
    off_state: str = "NORMAL"
    nplc: float = 1.0
    autozero: bool = True
    remote: bool = False
    sourced: dict[str, Sourced] = field(init=False)
    metered: dict[str, Metered] = field(init=False)

    def __post_init__(self) -> None:
        errors = self.smu.errors
        sources = {"VOLTAGE": errors.source_volts, "CURRENT": errors.source_amperes}
        meters = {"VOLTAGE": errors.meter_volts, "CURRENT": errors.meter_amperes}
        self._sources = {what: Ranges(tuple(entry.full for entry in scale.ranges)) for what, scale in sources.items()}
        self._meters = {what: Ranges(tuple(entry.full for entry in scale.ranges)) for what, scale in meters.items()}
        self.reset()

    def reset(self) -> None:
        """Source 0 V with the output off; limits of 21 V and 105 uA; all ranges automatic."""
        self.volts, self.output, self.off_state = True, False, "NORMAL"
        self.nplc, self.autozero, self.remote = 1.0, True, False
        self.sourced = {what: Sourced(ranges, _AT_RESET[what]) for what, ranges in self._sources.items()}
        self.metered = {
            what: Metered(ranges, _AT_RESET[what], OVER * _AT_RESET[what]) for what, ranges in self._meters.items()
        }
        self.apply()

    @property
    def active(self) -> Sourced:
        """The source that is selected."""
        return self.sourced["VOLTAGE" if self.volts else "CURRENT"]

    @property
    def limiting(self) -> Metered:
        """The meter whose limit holds that source."""
        return self.metered["CURRENT" if self.volts else "VOLTAGE"]

    @property
    def limited(self) -> bool:
        """Whether its limit holds the source now."""
        return self.smu.limited

    def select(self, *, volts: bool) -> None:
        """Choose what is sourced; a change turns the output off."""
        if volts != self.volts:
            self.volts, self.output = volts, False
            self.apply(settle=True)

    def switch(self, *, on: bool) -> None:
        """Turn the output on or off."""
        if on and self.smu.blocked:
            raise ScpiError(*BLOCKED)
        if on != self.output:
            self.output = on
            self.apply(settle=True)

    def set_level(self, what: str, level: float) -> None:
        """Go to a level."""
        source = self.sourced[what]
        if level != source.level or source.auto:
            source.set_level(level)
            self.apply(settle=self.output)

    def apply(self, *, settle: bool = False) -> None:
        """Put the settings in force."""
        now, volts, amperes = self.smu.set, self.sourced["VOLTAGE"], self.sourced["CURRENT"]
        voltmeter, ammeter = self.metered["VOLTAGE"], self.metered["CURRENT"]
        self.output = self.output and not self.smu.blocked
        now.volts, now.output, now.remote = self.volts, self.output, self.remote
        now.nplc, now.autozero = self.nplc, self.autozero
        now.level_v, now.range_v, now.auto_v = _rounded(volts, "VOLTAGE"), volts.full, False
        now.level_i, now.range_i, now.auto_i = _rounded(amperes, "CURRENT"), amperes.full, False
        now.limit_i, now.limit_v = ammeter.limit, voltmeter.limit
        now.lowest_i = ammeter.lowest
        now.meter_v, now.meter_auto_v = (volts.full, False) if self.volts else (voltmeter.full, voltmeter.auto)
        now.meter_i, now.meter_auto_i = (ammeter.full, ammeter.auto) if self.volts else (amperes.full, False)
        now.off_open = self.off_state in ("HIMPEDANCE", "GUARD")
        # Off, the source stands on its current range: the meter's, which holds the limit where it is automatic.
        current_range = (ammeter.limit_range if ammeter.auto else ammeter.full) if self.volts else amperes.full
        now.off_limit = ammeter.limit if self.off_state == "ZERO" else self.off_share * current_range
        self.smu.apply()
        if settle:
            self.smu.settle()

    def convert(self, *, volts: bool, amperes: bool, repeats: int = 1) -> tuple[float, float, bool]:
        """Volts, amperes, whether a limit holds the source: measured one after the other, 0 for what is not asked.

        Each is the mean of so many conversions. That is done as one that is as much longer: it has the same noise and
        takes the same time.
        """
        smu = self.smu
        if repeats > 1:
            smu.set.nplc = self.nplc * repeats
            extra = (repeats - 1) * smu.model.timing.reading_overhead
            smu.world.sleep(extra * (volts + amperes))
        voltage, current, limited = smu.measure(volts=volts, amperes=amperes, apart=True)
        smu.set.nplc = self.nplc
        if abs(voltage) >= OVERFLOW or abs(current) >= OVERFLOW:
            voltage, current = _limited(voltage), _limited(current)
        return voltage, current, limited

    def sample(self, *, volts: bool, amperes: bool, repeats: int = 1) -> Sample:
        """The same with what belongs to it."""
        voltage, current, limited = self.convert(volts=volts, amperes=amperes, repeats=repeats)
        found = voltage if volts else None, current if amperes else None
        return Sample(*found, self.active.level, limited, self.smu.world.now())


def ohms_of(volts: float, amperes: float) -> float:
    """Volts over amperes as SourceMeters show it."""
    if TOO_LARGE in (abs(volts), abs(amperes)) or amperes == 0:
        return TOO_LARGE
    return volts / amperes


def _rounded(source: Sourced, what: str) -> float:
    """The level that the source's converter makes of what it was told."""
    step = _STEPS[what] * source.full
    return round(source.level / step) * step


def _limited(value: float) -> float:
    """An overflow as SourceMeters show it."""
    return value if abs(value) < OVERFLOW else math.copysign(TOO_LARGE, value)
