"""The Keithley 2400's SOURce subsystem: functions, levels, ranges, delay (sweeps have a module of their own).

2400 Series User's Manual, 2400S-900-01 Rev. K, table 18-7 and page 18-72. Source memory is left out.
"""

from __future__ import annotations

from labmtj.twin.firmware.sourcemeter import OVER, QUANTITIES, Ranges, Sourced, SourceMeter
from labmtj.twin.scpi.engine import Call, ScpiEngine, ScpiError
from labmtj.twin.scpi.stored import Stored

_BOTH = ":SOURce:VOLTage|CURRent"
_AUTO_DELAY = 1e-3  # [s] of the source delay while it is automatic; unverified, from memory of section 3
_POWER = 826, "Attempt to exceed power limit"
_LOW_VOLTS, _HIGH_AMPERES = 20.0, 0.105  # above the 20 V range at most 105 mA: SPEC-2400 Rev. H page 1
_PROTECTIONS = (20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 160.0, 161.0)  # [V]; unverified; the last one is none
_DEFAULTS = {"VOLTAGE": 20.0, "CURRENT": 1e-4}  # [V, A] ranges of *RST


class Source:
    """The source's commands, and the delay between it and a measurement."""

    def __init__(self, engine: ScpiEngine, stored: Stored, meter: SourceMeter) -> None:
        self._stored, self._meter = stored, meter
        self._shown: dict[str, float] = {}  # ranges as they are answered
        self._triggered: dict[str, float] = {}  # levels that wait for a trigger
        self._protection = _PROTECTIONS[-1]
        self.reset()
        self._add_levels(engine)
        stored.switch(":SOURce:DELay:AUTO", "source.delay.auto", default=True)
        stored.number(
            ":SOURce:DELay",
            "source.delay",
            0.0,
            bounds=(0.0, 9999.999),
            unit="S",
            changed=lambda: stored.put("source.delay.auto", 0),
        )
        engine.add(":SOURce:CLEar[:IMMediate]", set=lambda _: meter.switch(on=False), most=0)
        stored.switch(":SOURce:CLEar:AUTO", "source.clear.auto", default=False)
        stored.choice(":SOURce:CLEar:AUTO:MODE", "source.clear.mode", ("ALWays", "TCOunt"))

    def reset(self) -> None:
        """Ranges are answered with their 105 %, as in the manual's tables of defaults."""
        self._shown = {what: OVER * self._meter.sourced[what].full for what in QUANTITIES}
        self._triggered, self._protection = {}, _PROTECTIONS[-1]

    @property
    def delay(self) -> float:
        """From source to measurement [s]."""
        return _AUTO_DELAY if self._stored.on("source.delay.auto") else self._stored.value("source.delay")

    def shown_range(self, what: str) -> float:
        """A source range as it is answered: as full scale if it was chosen, as captured, else with the 5 % above it."""
        source = self._meter.sourced[what]
        return OVER * source.full if source.auto else self._shown[what]

    def trigger(self) -> None:
        """Go to the level that waits for a trigger."""
        what = "VOLTAGE" if self._meter.volts else "CURRENT"
        if what in self._triggered:
            self._meter.set_level(what, self._triggered.pop(what))

    def check_power(self, *, volts: float, amperes: float) -> None:
        """Raise ScpiError 826 for a source range [V] and a limit [A] that do not go together."""
        if volts > _LOW_VOLTS and amperes > _HIGH_AMPERES * (1 + 1e-9):
            raise ScpiError(*_POWER)

    def _add_levels(self, engine: ScpiEngine) -> None:
        meter, add = self._meter, engine.add
        add(":SOURce:FUNCtion[:MODE]", set=self._set_function, get=lambda _: "VOLT" if meter.volts else "CURR")
        self._stored.choice(":SOURce:FUNCtion:SHAPe", "source.shape", ("DC",))
        add(f"{_BOTH}[:LEVel][:IMMediate][:AMPLitude]", set=self._set_level, get=self._get_level)
        add(f"{_BOTH}[:LEVel]:TRIGgered[:AMPLitude]", set=self._set_triggered, get=self._get_triggered)
        add(f"{_BOTH}:RANGe", set=self._set_range, get=lambda call: f"{self.shown_range(call.choice()):.6E}")
        add(f"{_BOTH}:RANGe:AUTO", set=self._set_auto, get=lambda call: str(int(self._of(call).auto)))
        header = ":SOURce:VOLTage:PROTection"
        add(f"{header}[:LEVel]", set=self._set_protection, get=lambda _: f"{self._protection:.6E}")
        add(f"{header}:TRIPped", get=lambda _: "0", most=0)

    def _of(self, call: Call) -> Sourced:
        return self._meter.sourced[call.choice()]

    def _set_function(self, call: Call) -> None:
        self._meter.select(volts=call.word(0, ("VOLTage", "CURRent")) == "VOLTAGE")

    def _set_level(self, call: Call) -> None:
        source, what = self._of(call), call.choice()
        level = level_of(call, source)
        if source.auto and what == "VOLTAGE" and self._meter.volts:
            self.check_power(volts=source.ranges.holding(level), amperes=self._meter.metered["CURRENT"].limit)
        self._triggered.pop(what, None)
        self._meter.set_level(what, level)

    def _get_level(self, call: Call) -> str:
        source = self._of(call)
        return f"{level_of(call, source, default=source.level):.6E}"

    def _set_triggered(self, call: Call) -> None:
        self._triggered[call.choice()] = level_of(call, self._of(call))

    def _get_triggered(self, call: Call) -> str:
        return f"{self._triggered.get(call.choice(), self._of(call).level):.6E}"

    def _set_range(self, call: Call) -> None:
        source, what = self._of(call), call.choice()
        full = range_of(call, source.ranges, source.full, default=_DEFAULTS[what])
        if what == "VOLTAGE":
            self.check_power(volts=full, amperes=self._meter.metered["CURRENT"].limit)
        source.set_range(full)
        self._shown[what] = full
        self._meter.apply()

    def _set_auto(self, call: Call) -> None:
        source = self._of(call)
        source.set_auto(on=call.boolean(0))
        self._shown[call.choice()] = OVER * source.full
        self._meter.apply()

    def _set_protection(self, call: Call) -> None:
        """The limit takes the next of its steps."""
        asked = abs(call.number(0, unit="V", bounds=(-210.0, 210.0), words={"NONE": 161.0}))
        self._protection = next((limit for limit in _PROTECTIONS if asked <= limit), _PROTECTIONS[-1])


def level_of(call: Call, source: Sourced, position: int = 0, *, default: float | None = None) -> float:
    """A level that a source can reach, from an argument; `default` without one."""
    most = source.ranges.most
    unit = "V" if call.choice() == "VOLTAGE" else "A"
    return call.number(position, unit=unit, bounds=(-most, most), words={"DEF": 0.0}, default=default)


def range_of(call: Call, ranges: Ranges, full: float, *, default: float) -> float:
    """The full scale that an argument names: a value to hold, UP, DOWN, MIN, MAX or DEF."""
    if call.raw(0).upper() in ("UP", "DOWN"):
        return ranges.beside(full, 1 if call.raw(0).upper() == "UP" else -1)
    return ranges.holding(call.number(0, unit=("V", "A"), bounds=(-ranges.most, ranges.most), words={"DEF": default}))
