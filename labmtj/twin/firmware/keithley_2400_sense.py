"""The Keithley 2400's SENSe subsystem: functions, ranges, compliance, integration, filter.

2400 Series User's Manual, 2400S-900-01 Rev. K, table 18-6 and pages 18-61 to 18-68. Ohms are volts over amperes of
what is sourced, in both modes: automatic ohms, which would send currents of their own through the array, are not done.
"""

from __future__ import annotations

from collections import deque

from labmtj.twin.firmware.keithley_2400_source import Source, range_of
from labmtj.twin.firmware.sourcemeter import OVER, Metered, Sample, SourceMeter
from labmtj.twin.firmware.sourcemeter_functions import NAMES, function_of, mean
from labmtj.twin.scpi.engine import Call, ScpiEngine, ScpiError
from labmtj.twin.scpi.stored import Stored

_BOTH = "[:SENSe]:VOLTage|CURRent[:DC]"
_TOO_SMALL = 822, "Too small for sense range"
_BEYOND = 824, "Cannot exceed compliance range"
_SHARE = 1e-3  # of a measuring range: the smallest compliance; error 822 says so, the share is unverified
_LARGEST = {"VOLTAGE": 20.0, "CURRENT": 1e-4}  # [V, A] the ranges of *RST
_PROTECTIONS = {"VOLTAGE": 21.0, "CURRENT": 105e-6}  # [V, A] page 18-68
_MOST_FILTERED = 100  # readings of the filter; as PyMeasure 0.16 has it


class Sense:
    """The meter's commands; `measure` takes one reading with them in force."""

    def __init__(self, engine: ScpiEngine, stored: Stored, meter: SourceMeter, source: Source) -> None:
        self._meter, self._source, self._stored = meter, source, stored
        self._several = True
        self.functions: frozenset[str] = frozenset()
        self._past: deque[Sample] = deque(maxlen=_MOST_FILTERED)
        self.reset()
        self._add_functions(engine)
        self._add_ranges(engine)
        self._add_ohms(engine, stored)
        stored.switch("[:SENSe]:AVERage[:STATe]", "filter", default=False)
        stored.integer("[:SENSe]:AVERage:COUNt", "filter.count", 10, bounds=(1, _MOST_FILTERED))
        stored.choice("[:SENSe]:AVERage:TCONtrol", "filter.kind", ("REPeat", "MOVing"))

    def reset(self) -> None:
        """Amperes only, several functions at a time allowed."""
        self.functions, self._several = frozenset({"CURRENT"}), True
        self._past.clear()

    def begin(self) -> None:
        """A new set of readings: a moving filter is empty."""
        self._past.clear()

    def measure(self) -> Sample:
        """One reading: of volts if they are on, of amperes if they are, of both for ohms; filtered."""
        ohms = "RESISTANCE" in self.functions
        volts, amperes = ohms or "VOLTAGE" in self.functions, ohms or "CURRENT" in self.functions
        if not self._stored.on("filter"):
            return self._meter.sample(volts=volts, amperes=amperes)
        count = self._stored.count("filter.count")
        if self._stored.word("filter.kind") == "REPEAT":
            return self._meter.sample(volts=volts, amperes=amperes, repeats=count)
        self._past.append(self._meter.sample(volts=volts, amperes=amperes))
        used = list(self._past)[-count:]
        return used[-1]._replace(
            volts=_mean([sample.volts for sample in used]), amperes=_mean([sample.amperes for sample in used])
        )

    def configure(self, call: Call) -> None:
        """CONFigure: a function with its automatic range and 1 PLC; the limit stays, as the captured clients expect."""
        what = call.choice()
        if what:
            self._switch_on(frozenset({what}))
            self._meter.nplc = 1.0
            if what in self._meter.metered:
                self._meter.metered[what].auto = True
            self._meter.apply()

    def listed(self) -> str:
        """The functions that are on."""
        return ",".join(text for name, text in NAMES.items() if name in self.functions) or '""'

    # -- functions -----------------------------------------------------------------------------------

    def _add_functions(self, engine: ScpiEngine) -> None:
        add, header = engine.add, "[:SENSe]:FUNCtion"
        add(f"{header}[:ON]", set=self._set_on, get=lambda _: self.listed(), most=3)
        add(f"{header}:OFF", set=self._set_off, get=lambda _: self._unlisted(), most=3)
        add(f"{header}[:ON]:ALL", set=lambda _: self._switch_on(frozenset(NAMES)), most=0)
        add(f"{header}:OFF:ALL", set=lambda _: self._switch_off(frozenset(NAMES)), most=0)
        add(f"{header}[:ON]:COUNt", get=lambda _: str(len(self.functions)), most=0)
        add(f"{header}:OFF:COUNt", get=lambda _: str(len(NAMES) - len(self.functions)), most=0)
        add(f"{header}:STATe", get=lambda call: str(int(function_of(call) in self.functions)))
        add(f"{header}:CONCurrent", set=self._set_several, get=lambda _: str(int(self._several)))

    def _unlisted(self) -> str:
        return ",".join(text for name, text in NAMES.items() if name not in self.functions) or '""'

    def _set_on(self, call: Call) -> None:
        self._switch_on(frozenset(function_of(call, position) for position in range(max(1, call.count))))

    def _set_off(self, call: Call) -> None:
        self._switch_off(frozenset(function_of(call, position) for position in range(max(1, call.count))))

    def _switch_on(self, functions: frozenset[str]) -> None:
        """Turn functions on; those that were on stay so if several may be."""
        if not self._several and len(functions) > 1:
            raise ScpiError(-221)
        self.functions = self.functions | functions if self._several else functions
        self._past.clear()

    def _switch_off(self, functions: frozenset[str]) -> None:
        self.functions -= functions
        self._past.clear()

    def _set_several(self, call: Call) -> None:
        self._several = call.boolean(0)
        if not self._several:
            # What is left of several is the one that is not sourced (unverified).
            self.functions = frozenset({"CURRENT" if self._meter.volts else "VOLTAGE"})

    # -- ranges and limits ---------------------------------------------------------------------------

    def _add_ranges(self, engine: ScpiEngine) -> None:
        add = engine.add
        add(f"{_BOTH}:RANGe[:UPPer]", set=self._set_range, get=self._get_range)
        add(f"{_BOTH}:RANGe:AUTO", set=self._set_auto, get=lambda call: str(int(self._of(call).auto)))
        add(f"{_BOTH}:RANGe:AUTO:LLIMit", set=self._set_lowest, get=lambda call: f"{self._of(call).lowest:.6E}")
        add(f"{_BOTH}:RANGe:AUTO:ULIMit", get=lambda call: f"{OVER * self._of(call).limit_range:.6E}", most=0)
        add(f"{_BOTH}:PROTection[:LEVel]", set=self._set_limit, get=self._get_limit)
        add(f"{_BOTH}:PROTection:TRIPped", get=lambda call: str(int(self._tripped(call))), most=0)
        self._stored.switch("[:SENSe]:VOLTage[:DC]:PROTection:RSYNchronize", "sync.v", default=False)
        self._stored.switch("[:SENSe]:CURRent[:DC]:PROTection:RSYNchronize", "sync.i", default=False)
        # One integration time for all three functions, as captured: VOLT:NPLC? answers what CURR:NPLC set.
        add(
            "[:SENSe]:VOLTage|CURRent|RESistance[:DC]:NPLCycles",
            set=self._set_nplc,
            get=lambda call: f"{call.number(0, bounds=_NPLC, words={'DEF': 1.0}, default=self._meter.nplc):.2f}",
        )

    def _of(self, call: Call) -> Metered:
        return self._meter.metered[call.choice()]

    def _sourced(self, call: Call) -> bool:
        """Whether this is the meter of what is sourced: it is on the source's range (page 18-62, note 1)."""
        return (call.choice() == "VOLTAGE") == self._meter.volts

    def _set_range(self, call: Call) -> None:
        metered = self._of(call)
        full = range_of(call, metered.ranges, metered.full, default=_LARGEST[call.choice()])
        if self._sourced(call):
            return
        if full > metered.limit_range:
            raise ScpiError(*_BEYOND)
        metered.full, metered.auto = full, False
        self._meter.apply()

    def _get_range(self, call: Call) -> str:
        if self._sourced(call):
            return f"{self._source.shown_range(call.choice()):.6E}"
        return f"{OVER * self._of(call).full:.6E}"

    def _set_auto(self, call: Call) -> None:
        metered, on = self._of(call), call.boolean(0)
        if not self._sourced(call) and on != metered.auto:
            metered.auto = on
            self._meter.apply()

    def _set_lowest(self, call: Call) -> None:
        metered = self._of(call)
        most = metered.ranges.most
        metered.lowest = abs(call.number(0, unit=("V", "A"), bounds=(-most, most)))
        self._meter.apply()

    def _set_limit(self, call: Call) -> None:
        """Set a compliance; a measuring range beyond its range follows it down."""
        metered, what = self._of(call), call.choice()
        most = metered.ranges.most
        unit = "V" if what == "VOLTAGE" else "A"
        limit = abs(call.number(0, unit=unit, bounds=(-most, most), words={"DEF": _PROTECTIONS[what]}))
        least = _SHARE * (metered.ranges.fulls[0] if metered.auto else metered.full)
        if limit < least * (1 - 1e-9):
            raise ScpiError(*(_TOO_SMALL if not metered.auto else (-222, None)))
        if what == "CURRENT":
            self._source.check_power(volts=self._meter.sourced["VOLTAGE"].full, amperes=limit)
        metered.limit = limit
        if not metered.auto:
            metered.full = min(metered.full, metered.limit_range)
        self._meter.apply()

    def _get_limit(self, call: Call) -> str:
        metered = self._of(call)
        most = metered.ranges.most
        words = {"DEF": _PROTECTIONS[call.choice()]}
        return f"{call.number(0, bounds=(-most, most), words=words, default=metered.limit):.6E}"

    def _tripped(self, call: Call) -> bool:
        return self._meter.limited and not self._sourced(call)

    def _set_nplc(self, call: Call) -> None:
        self._meter.nplc = call.number(0, bounds=_NPLC, words={"DEF": 1.0})
        self._past.clear()
        self._meter.apply()

    # -- ohms ----------------------------------------------------------------------------------------

    def _add_ohms(self, engine: ScpiEngine, stored: Stored) -> None:
        header = "[:SENSe]:RESistance"
        stored.choice(f"{header}:MODE", "ohms.mode", ("AUTO", "MANual"))
        stored.switch(f"{header}:OCOMpensated", "ohms.compensated", default=False)
        stored.switch(f"{header}:RANGe:AUTO", "ohms.auto", default=True)
        stored.number(
            f"{header}:RANGe[:UPPer]",
            "ohms.range",
            2.1e5,
            bounds=(0.0, 2.1e8),
            unit="OHM",
            changed=lambda: stored.put("ohms.auto", 0),
        )
        engine.add(":CALCulate:STATe", get=lambda _: "0")  # math of its own is not simulated: it is off


_NPLC = (0.01, 10.0)  # table 18-6


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None
