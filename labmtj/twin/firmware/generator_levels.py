"""Levels of a pulse generator's channels: high and low, or amplitude and offset, in volts into the stated load.

Rules of the 33500 series: a level that would pass the other moves it, an amplitude moves the offset, an offset
the amplitude, each with -221; what is beyond the output's range is taken to it with -222 (Agilent 33500 Series
Operating and Service Guide, VOLTage subsystem; texts of the errors unverified).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from labmtj.twin.firmware.generator_firmware import GeneratorFirmware
from labmtj.twin.scpi.engine import Call, ScpiError

_RMS = {"SIN": 1 / math.sqrt(8), "RAMP": 1 / math.sqrt(12), "TRI": 1 / math.sqrt(12)}  # of Vpp; others: a half
_UNITS = ("VPP", "VRMS", "DBM")
_SLACK = 1 + 1e-9
_MOST_DBM = 100.0  # chosen: 10 MW, beyond every output, so that the power of ten stays a number


class Levels:
    """The level commands of one generator, under a prefix such as "[:SOURce#]:VOLTage"."""

    def __init__(self, generator: GeneratorFirmware, prefix: str) -> None:
        self._g, self._kept = generator, generator.kept
        self._level, self._least = generator.model.level, generator.model.amplitude.minimum
        add, most = generator.engine.add, generator.model.level.maximum
        value = f"{prefix}[:LEVel][:IMMediate]"
        add(f"{value}[:AMPLitude]", set=self.set_amplitude, get=self._amplitude)
        add(f"{value}:OFFSet", set=self.set_offset, get=lambda call: self._shown(call, "middle"))
        add(f"{value}:HIGH", set=lambda call: self._set(call, "high"), get=lambda call: self._shown(call, "high"))
        add(f"{value}:LOW", set=lambda call: self._set(call, "low"), get=lambda call: self._shown(call, "low"))
        self._kept.word("unit", f"{prefix}:UNIT", "VPP", _UNITS, then=self._unit_changed)
        self._kept.boolean("limits", f"{prefix}:LIMit:STATe", False, then=self._limits_changed)
        for name, default in (("high", most), ("low", -most)):
            header = f"{prefix}:LIMit:{name.upper()}"
            self._kept.number(
                f"limit_{name}",
                header,
                default,
                bounds=(-most, most),
                unit="V",
                then=lambda n, w=name: self._limit_changed(n, w),
            )

    def _set(self, call: Call, which: str) -> None:
        """Set one level; the other makes way by at least the smallest amplitude."""
        n, wave, least = self._g.channel(call), self._g.wave(call), self._least
        value = self._volts(call, 0.0)
        high, low = (value, wave.low) if which == "high" else (wave.high, value)
        if high - low < least / _SLACK:
            other = "low" if which == "high" else "high"
            self._g.conflict(f"{other} level changed due to {which} level")
            if which == "high":
                high = max(high, self._level.minimum + least)
                low = high - least
            else:
                low = min(low, self._level.maximum - least)
                high = low + least
        most = self._g.model.amplitude.maximum
        if high - low > most * _SLACK:
            self._g.conflict("amplitude limited; the other level changed")
            high, low = (high, high - most) if which == "high" else (low + most, low)
        self._take(n, high, low)

    def set_amplitude(self, call: Call) -> None:
        """Set the amplitude in the unit that is sent, or in that of UNIT; the offset makes way."""
        n, bounds = self._g.channel(call), self._g.model.amplitude
        raw, between = call.raw(0).upper(), (bounds.minimum, bounds.maximum)
        if raw[0].isalpha():
            words = {"MIN": bounds.minimum, "MAX": bounds.maximum, "DEF": 0.2}
            value = call.number(0, words=words)
        else:
            unit = next((unit for unit in _UNITS if raw.endswith(unit)), self._kept.text("unit", n))
            peak = self._peak(n, unit)(call.number(0, unit=(*_UNITS, "V")))
            value = self._kept.within(round(peak / self._g.factor(n), 12), between)
        middle, room = self._g.wave(call).middle, self._level.maximum - value / 2
        if abs(middle) > room * _SLACK:
            self._g.conflict("offset changed due to amplitude")
            middle = math.copysign(room, middle)
        self._take(n, middle + value / 2, middle - value / 2)

    def set_offset(self, call: Call) -> None:
        """Set the offset; the amplitude makes way. For the shape DC the offset is all there is."""
        n, wave = self._g.channel(call), self._g.wave(call)
        least = 0.0 if wave.shape == "DC" else self._least
        middle, half = self._volts(call, least / 2), (wave.high - wave.low) / 2
        room = max(self._level.maximum - abs(middle), least / 2)
        if half > room * _SLACK:
            self._g.conflict("amplitude changed due to offset")
            half = room
        self._take(n, middle + half, middle - half)

    def _amplitude(self, call: Call) -> str:
        n, wave, bounds = self._g.channel(call), self._g.wave(call), self._g.model.amplitude
        words = {"MIN": bounds.minimum, "MAX": bounds.maximum}
        peak = (call.number(0, words=words) if call.has(0) else wave.high - wave.low) * self._g.factor(n)
        rms, unit = peak * _RMS.get(wave.shape, 0.5), self._kept.text("unit", n)
        if unit == "DBM":
            return self._g.rules.show(10 * math.log10(max(rms, 1e-9) ** 2 / self._g.loads[n] / 1e-3))
        return self._g.rules.show(peak if unit == "VPP" else rms)

    def _shown(self, call: Call, which: str) -> str:
        """One of high, low and middle."""
        wave, level = self._g.wave(call), self._level
        volts = {"high": wave.high, "low": wave.low, "middle": wave.middle}[which]
        if call.has(0):
            volts = call.number(0, words={"MIN": level.minimum, "MAX": level.maximum})
        return self._g.rules.show(round(volts * self._g.factor(self._g.channel(call)), 12) + 0.0)

    def _take(self, n: int, high: float, low: float) -> None:
        """Put levels [V] into an open circuit in force, within the limits that a user has set."""
        wave = self._g.terminals[n].wave
        if self._kept.flag("limits", n):
            bounds = self._level.minimum, self._level.maximum
            asked = (self._kept.real(name, n) / self._g.factor(n) for name in ("limit_high", "limit_low"))
            top, bottom = (_held(value, *bounds) for value in asked)
            slack = (top - bottom) * (_SLACK - 1)
            if high > top + slack or low < bottom - slack:
                self._g.conflict("value clipped to voltage limit")
                high, low = _held(high, bottom, top), _held(low, bottom, top)
        wave.high, wave.low = high, low
        self._g.show(n)

    def _limit_changed(self, n: int, which: str) -> None:
        """Limits do not pass each other: the other one makes way, with -221 (unverified)."""
        top, bottom = self._kept.real("limit_high", n), self._kept.real("limit_low", n)
        if top - bottom < self._least:
            self._g.engine.error(-221)
            if which == "high":
                self._kept.put("limit_low", n, top - self._least)
            else:
                self._kept.put("limit_high", n, bottom + self._least)
        self._limits_changed(n)

    def _limits_changed(self, n: int) -> None:
        """Limits that are turned on hold for the levels that stand; where they are refused they go off."""
        wave = self._g.terminals[n].wave
        try:
            self._take(n, wave.high, wave.low)
        except ScpiError:
            self._kept.put("limits", n, False)
            raise

    def _unit_changed(self, n: int) -> None:
        if self._kept.text("unit", n) == "DBM" and math.isinf(self._g.loads[n]):
            self._kept.put("unit", n, "VPP")
            self._g.conflict("amplitude units changed to Vpp due to high-Z load")

    def _volts(self, call: Call, room: float) -> float:
        """A programmed level as volts into an open circuit, `room` [V] inside the output's range."""
        scale, bounds = self._g.factor(self._g.channel(call)), (self._level.minimum + room, self._level.maximum - room)
        words = {"MIN": bounds[0] * scale, "MAX": bounds[1] * scale, "DEF": 0.0}
        return self._kept.within(round(call.number(0, unit="V", words=words) / scale, 12), bounds)

    def _peak(self, n: int, unit: str) -> Callable[[float], float]:
        """How a programmed amplitude in this unit becomes one in volts peak to peak."""
        share, load = _RMS.get(self._g.terminals[n].wave.shape, 0.5), self._g.loads[n]
        if unit == "DBM" and math.isinf(load):
            raise ScpiError(-221, "Settings conflict; amplitude units changed to Vpp due to high-Z load")
        if unit == "DBM":
            return lambda value: math.sqrt(1e-3 * 10 ** (min(value, _MOST_DBM) / 10) * load) / share
        return lambda value: value / share if unit == "VRMS" else value


def _held(value: float, low: float, high: float) -> float:
    """A value taken to the nearer of two bounds if it lies outside."""
    return min(max(value, low), high)
