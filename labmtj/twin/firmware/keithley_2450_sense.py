"""The Keithley 2450's SENSe subsystem: one function at a time, each with its own range, integration time and filter.

Model 2450 Reference Manual, 2450-901-01 Rev. B (2013), section 6 ([:SENSe[1]] from page 6-35 on, and appendix D).
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from labmtj.twin.firmware.keithley_2450_buffer import FIRST, FOUR_WIRE, FRONT, LIMITED, ON, READ_BACK, Reading
from labmtj.twin.firmware.keithley_2450_source import NUMBER, Source, number, range_of
from labmtj.twin.firmware.sourcemeter import NOT_A_NUMBER, Metered, SourceMeter, ohms_of
from labmtj.twin.firmware.sourcemeter_functions import NAMES, function_of, mean
from labmtj.twin.scpi.engine import Call, ScpiEngine
from labmtj.twin.scpi.stored import Stored

FUNCTIONS = ("VOLTAGE", "CURRENT", "RESISTANCE")
_ALL, _BOTH = "[:SENSe]:VOLTage|CURRent|RESistance[:DC]", "[:SENSe]:VOLTage|CURRent[:DC]"
_UNITS = {"VOLTAGE": ("VOLT", "OHM", "WATT"), "CURRENT": ("AMP", "OHM", "WATT"), "RESISTANCE": ("OHM", "AMP", "WATT")}
_NPLC = (0.01, 10.0)  # unverified, from memory of section 6
_MOST_FILTERED, _MOST_COUNTED = 100, 300_000  # unverified, from memory of section 6
_USER_DELAYS = 5


class _Way(NamedTuple):
    """What settings make of a reading: what is measured, whether it is read back, the filter, bits of its statuses."""

    volts: bool
    amperes: bool
    back: bool
    filtered: int
    moving: bool
    source: str
    status: int
    source_status: int


class Sense:
    """The meter's commands; `measure` takes one reading with them in force."""

    def __init__(self, engine: ScpiEngine, stored: Stored, meter: SourceMeter, source: Source) -> None:
        self._stored, self._meter, self._source = stored, meter, source
        self.function = "CURRENT"
        self._nplc: dict[str, float] = dict.fromkeys(FUNCTIONS, 1.0)
        self._past: deque[float] = deque(maxlen=_MOST_FILTERED)
        self._settings: tuple[str, bool, int] | None = None
        self._way: _Way  # worked out from these settings
        add = engine.add
        add("[:SENSe]:FUNCtion[:ON]", set=self._set_function, get=lambda _: NAMES[self.function])
        stored.integer("[:SENSe]:COUNt", "count", 1, bounds=(1, _MOST_COUNTED))
        add("[:SENSe]:AZERo:ONCE", set=lambda _: self._zero_once(), most=0)
        add(f"{_BOTH}:RANGe[:UPPer]", set=self._set_range, get=self._get_range)
        add(f"{_BOTH}:RANGe:AUTO", set=self._set_auto, get=lambda call: str(int(self._of(call).auto)))
        add(f"{_BOTH}:RANGe:AUTO:LLIMit", set=self._set_lowest, get=lambda call: number(self._of(call).lowest))
        add(f"{_BOTH}:RANGe:AUTO:ULIMit", get=lambda call: number(self._of(call).limit_range), most=0)
        add(f"{_ALL}:NPLCycles", set=self._set_nplc, get=self._get_nplc)
        self._add_each(stored)
        self._add_ohms(stored)
        self._add_user_delays(engine)

    def reset(self) -> None:
        """Amperes, 1 PLC."""
        self.function = "CURRENT"
        self._nplc = dict.fromkeys(FUNCTIONS, 1.0)
        self._past.clear()

    def select(self, function: str) -> None:
        """Measure this from now on."""
        self.function = function
        self._apply()

    def measure(self, *, first: bool) -> Reading:
        """One reading of the function that is on, filtered; not a number while the output is off.

        `first` says that it is the first one of a group.
        """
        meter, function = self._meter, self.function
        settings = function, meter.volts, self._stored.changes
        if settings != self._settings:
            self._settings, self._way = settings, self._work_out()
        volts, amperes, back, count, moving, source, status, source_status = self._way
        voltage, current, limited = meter.convert(volts=volts, amperes=amperes, repeats=1 if moving else count)
        if not meter.output:
            value = NOT_A_NUMBER
        elif function == "CURRENT":
            value = current
        else:
            value = voltage if function == "VOLTAGE" else ohms_of(voltage, current)
        if moving:
            if first:
                self._past.clear()
            self._past.append(value)
            value = mean(list(self._past)[-count:])
        level = (voltage if meter.volts else current) if back else meter.active.level
        return Reading(
            function,
            value,
            source,
            level,
            status | (FIRST if first else 0),
            source_status
            | (LIMITED if limited else 0)
            | (FOUR_WIRE if meter.remote else 0)
            | (ON if meter.output else 0),
            meter.smu.world.now(),
        )

    def _work_out(self) -> _Way:
        """How readings are taken with the settings as they stand."""
        stored, function, sourced = self._stored, self.function, self._meter.volts
        ohms, back = function == "RESISTANCE", self._source.read_back
        filtered = stored.on(f"{function}.filter")
        return _Way(
            volts=ohms or function == "VOLTAGE" or (back and sourced),
            amperes=ohms or function == "CURRENT" or (back and not sourced),
            back=back,
            filtered=stored.count(f"{function}.filter.count") if filtered else 1,
            moving=filtered and stored.word(f"{function}.filter.kind") == "MOVING",
            source=self._source.quantity,
            status=FRONT if stored.word("terminals") == "FRONT" else 0,
            source_status=READ_BACK if back else 0,
        )

    def _apply(self) -> None:
        """Put the settings of the function that is on in force."""
        name, stored, meter = self.function, self._stored, self._meter
        meter.nplc = self._nplc[name]
        meter.autozero, meter.remote = stored.on(f"{name}.autozero"), stored.on(f"{name}.remote")
        self._past.clear()
        meter.apply()

    # -- commands ------------------------------------------------------------------------------------

    def _add_each(self, stored: Stored) -> None:
        for name in ("VOLTage[:DC]", "CURRent[:DC]", "RESistance"):
            what, header = name.partition("[")[0].upper(), f"[:SENSe]:{name}"
            stored.switch(f"{header}:AZERo[:STATe]", f"{what}.autozero", default=True, changed=self._apply)
            stored.switch(f"{header}:RSENse", f"{what}.remote", default=False, changed=self._apply)
            stored.switch(f"{header}:AVERage[:STATe]", f"{what}.filter", default=False)
            stored.integer(f"{header}:AVERage:COUNt", f"{what}.filter.count", 10, bounds=(1, _MOST_FILTERED))
            stored.choice(f"{header}:AVERage:TCONtrol", f"{what}.filter.kind", ("REPeat", "MOVing"))
            stored.choice(f"{header}:UNIT", f"{what}.unit", _UNITS[what])
            stored.choice(f"{header}:OCOMpensated", f"{what}.compensated", ("OFF", "ON"))

    def _add_ohms(self, stored: Stored) -> None:
        stored.switch("[:SENSe]:RESistance:RANGe:AUTO", "ohms.auto", default=True)
        stored.number(
            "[:SENSe]:RESistance:RANGe[:UPPer]",
            "ohms.range",
            2e5,
            bounds=(20.0, 200e6),
            unit="OHM",
            shown=NUMBER,
            changed=lambda: stored.put("ohms.auto", 0),
        )

    def _add_user_delays(self, engine: ScpiEngine) -> None:
        user = dict.fromkeys(range(1, _USER_DELAYS + 1), 0.0)

        def set_user(call: Call) -> None:
            user[call.suffix(last=_USER_DELAYS)] = call.number(0, unit="S", bounds=(0.0, 1e4))

        def get_user(call: Call) -> str:
            return number(user[call.suffix(last=_USER_DELAYS)])

        engine.add(f"{_ALL}:DELay:USER#", set=set_user, get=get_user)

    def _of(self, call: Call) -> Metered:
        return self._meter.metered[call.choice()]

    def _sourced(self, call: Call) -> bool:
        """Whether this is the meter of what is sourced: it is on the source's range."""
        return (call.choice() == "VOLTAGE") == self._meter.volts

    def _set_function(self, call: Call) -> None:
        self.select(function_of(call))

    def _zero_once(self) -> None:
        """Reference and zero are converted: two conversions."""
        smu = self._meter.smu
        smu.world.sleep(2 * self._meter.nplc / smu.mains)

    def _set_range(self, call: Call) -> None:
        metered = self._of(call)
        full = range_of(call, metered.ranges, default=metered.ranges.fulls[0])
        if not self._sourced(call):
            metered.full, metered.auto = full, False
            self._meter.apply()

    def _get_range(self, call: Call) -> str:
        return number(self._meter.sourced[call.choice()].full if self._sourced(call) else self._of(call).full)

    def _set_auto(self, call: Call) -> None:
        on = call.boolean(0)
        if not self._sourced(call):
            self._of(call).auto = on
            self._meter.apply()

    def _set_lowest(self, call: Call) -> None:
        metered = self._of(call)
        metered.lowest = range_of(call, metered.ranges, default=metered.ranges.fulls[0])
        self._meter.apply()

    def _set_nplc(self, call: Call) -> None:
        self._nplc[call.choice()] = call.number(0, bounds=_NPLC, words={"DEF": 1.0})
        self._apply()

    def _get_nplc(self, call: Call) -> str:
        return number(call.number(0, bounds=_NPLC, words={"DEF": 1.0}, default=self._nplc[call.choice()]))
