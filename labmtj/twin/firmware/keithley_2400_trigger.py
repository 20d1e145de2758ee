"""The Keithley 2400's trigger model: arm and trigger layers around source-delay-measure cycles.

2400 Series User's Manual, 2400S-900-01 Rev. K, section 11, section 17 (READ?, FETCh?, MEASure?) and table 18-11.
A cycle is done at once in bench time; the model waits only for a bus trigger, or for lines on which nothing comes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from labmtj.twin.firmware.keithley_2400_buffer import Buffer
from labmtj.twin.firmware.keithley_2400_reading import (
    AMPERES,
    AUTO_OHMS,
    FILTER,
    FRONT,
    OFFSET_COMPENSATION,
    OHMS,
    OVERFLOW,
    VOLTS,
    Format,
    Reading,
    reading,
)
from labmtj.twin.firmware.keithley_2400_sense import Sense
from labmtj.twin.firmware.keithley_2400_source import Source
from labmtj.twin.firmware.keithley_2400_sweep import Sweeps
from labmtj.twin.firmware.sourcemeter import SourceMeter
from labmtj.twin.scpi.engine import Call, ScpiEngine, ScpiError
from labmtj.twin.scpi.stored import Stored

_MOST = 2500  # readings of one run: arm count times trigger count, as PyMeasure 0.16 has it
_INFINITE = 0  # as arm count
_OFF = 803, "Not permitted with OUTPUT off"
_ENDLESS = 830, "Invalid with INF ARM:COUNT"
# Measurement and operation conditions (pages 15-13 and 15-14).
_READY, _TOO_LARGE, _COMPLIANCE = 1 << 6, 1 << 7, 1 << 14
_SWEEPING, _WAITS_TRIGGER, _WAITS_ARM, _IDLE = 1 << 3, 1 << 5, 1 << 6, 1 << 10


class _Run(NamedTuple):
    """What settings make of a run.

    `arms` passes (infinite for an endless one) of `cycles`; `held`: something must come before they begin.
    Between passes `interval` [s], before each cycle `delay`, before its measurement `wait`. `stops`: compliance ends
    a sweep; `clears`: the output goes on and off with each pass, `at_once`: with each cycle. `flags`: the bits of the
    status word that are settings.
    """

    arms: float
    cycles: int
    held: bool
    interval: float
    delay: float
    wait: float
    stops: bool
    clears: bool
    at_once: bool
    flags: int


class TriggerModel:
    """Takes readings into `last` and the buffer when it is started, or when the bus trigger comes."""

    def __init__(
        self,
        engine: ScpiEngine,
        stored: Stored,
        meter: SourceMeter,
        parts: tuple[Source, Sweeps, Sense, Buffer, Format],
    ) -> None:
        self._stored, self._meter = stored, meter
        self._source, self._sweeps, self._sense, self._buffer, self._form = parts
        self._measurement, self._operation = (engine.status.registers[name] for name in ("measurement", "operation"))
        self._known: tuple[int, frozenset[str]] | None = None  # the settings that the run was worked out from
        self._run: _Run
        self._last: list[Reading] = []
        self._arms = 0.0  # passes of the arm layer that are left
        self._levels: list[float] | None = None
        self._step = 0
        self._zero = meter.smu.world.now()
        self._add_layers(engine, stored)
        add = engine.add
        add(":INITiate[:IMMediate]", set=lambda _: self.start(), most=0)
        add(":ABORt", set=lambda _: self.abort(), most=0)
        add(":READ", get=lambda _: self._read(), most=0)
        add(":FETCh", get=lambda _: self._fetch(), most=0)
        add("[:SENSe]:DATA[:LATest]", get=lambda _: self._latest(), most=0)
        functions = "[:VOLTage|CURRent|RESistance][:DC]"
        add(f":MEASure{functions}", get=self._measure, most=0)
        add(f":CONFigure{functions}", set=self._configure, get=lambda _: self._sense.listed(), most=0)
        add(":SYSTem:TIME:RESet", set=lambda _: self._reset_time(), most=0)
        self.abort()

    def _add_layers(self, engine: ScpiEngine, stored: Stored) -> None:
        lines, seconds = (1, 4), (0.0, 999.9999)
        bus = ("IMMediate", "TIMer", "MANual", "BUS", "TLINk", "NSTest", "PSTest", "BSTest")
        arm, trigger = ":ARM[:SEQuence][:LAYer]", ":TRIGger[:SEQuence]"
        stored.integer(f"{arm}:COUNt", "arm.count", 1, bounds=(1, _MOST), words={"INF": _INFINITE})
        stored.choice(f"{arm}:SOURce", "arm.source", bus)
        stored.number(f"{arm}:TIMer", "arm.timer", 0.1, bounds=(0.001, 99999.99), unit="S")
        stored.choice(f"{arm}[:TCONfigure]:DIRection", "arm.direction", ("ACCeptor", "SOURce"))
        stored.choice(f"{arm}[:TCONfigure]:OUTPut", "arm.output", ("NONE", "TENTer", "TEXit"))
        stored.integer(f"{arm}[:TCONfigure]:ILINe", "arm.in", 1, bounds=lines)
        stored.integer(f"{arm}[:TCONfigure]:OLINe", "arm.out", 2, bounds=lines)
        stored.integer(f"{trigger}:COUNt", "trigger.count", 1, bounds=(1, _MOST))
        stored.number(f"{trigger}:DELay", "trigger.delay", 0.0, bounds=seconds, unit="S")
        stored.choice(f"{trigger}:SOURce", "trigger.source", ("IMMediate", "TLINk"))
        stored.choice(f"{trigger}[:TCONfigure]:DIRection", "trigger.direction", ("ACCeptor", "SOURce"))
        stored.choice(f"{trigger}[:TCONfigure]:INPut", "trigger.input", ("NONE", "SOURce", "DELay", "SENSe"))
        stored.choice(f"{trigger}[:TCONfigure]:OUTPut", "trigger.output", ("NONE", "SOURce", "DELay", "SENSe"))
        stored.integer(f"{trigger}[:TCONfigure]:ILINe", "trigger.in", 1, bounds=lines)
        stored.integer(f"{trigger}[:TCONfigure]:OLINe", "trigger.out", 2, bounds=lines)
        engine.add(":TRIGger:CLEar", set=lambda _: None, most=0)  # no line ever has an edge

    @property
    def waiting(self) -> bool:
        """Whether it has been started and has not come to its end."""
        return self._arms > 0

    def start(self) -> None:
        """INITiate. Raises ScpiError -213 if it runs, 803 with the output off, -221 if counts are too large."""
        run = self._settled()
        if self.waiting:
            raise ScpiError(-213)
        if not self._meter.output and not run.clears:
            raise ScpiError(*_OFF)
        if (1 if math.isinf(run.arms) else run.arms) * run.cycles > _MOST:
            raise ScpiError(-221)
        self._levels = self._sweeps.levels()
        self._last, self._step = [], 0
        self._sense.begin()
        self._arms = run.arms
        if not run.held:
            # An endless run of immediate arms is shown after one pass, as running until it is aborted.
            while self._arms > 0:
                self._pass(run)
                if math.isinf(self._arms):
                    break
                if self._arms > 0:
                    self._meter.smu.world.sleep(run.interval)
        self._show()

    def trigger(self) -> None:
        """*TRG or a group execute trigger; without anything that waits for it, it is ignored without an error.

        That is how the captured instrument took it; the manual has error -211.
        """
        if self.waiting and self._stored.word("arm.source") == "BUS" and self._stored.word("trigger.source") != "TLINK":
            self._pass(self._settled())
            self._show()

    def abort(self) -> None:
        """Back to idle."""
        self._arms = 0
        self._show()

    def _settled(self) -> _Run:
        """What the settings as they stand make of a run; worked out once."""
        known = self._stored.changes, self._sense.functions
        if known != self._known:
            self._known, self._run = known, self._work_out(self._stored, self._sense.functions)
        return self._run

    def _work_out(self, stored: Stored, functions: frozenset[str]) -> _Run:
        arms, source = stored.count("arm.count"), stored.word("arm.source")
        clears = stored.on("source.clear.auto")
        flags = (VOLTS if "VOLTAGE" in functions else 0) | (AMPERES if "CURRENT" in functions else 0)
        if "RESISTANCE" in functions:
            flags |= OHMS | (AUTO_OHMS if stored.word("ohms.mode") == "AUTO" else 0)
        return _Run(
            arms=math.inf if arms == _INFINITE else arms,
            cycles=stored.count("trigger.count"),
            held=source not in ("IMMEDIATE", "TIMER") or stored.word("trigger.source") == "TLINK",
            interval=stored.value("arm.timer") if source == "TIMER" else 0.0,
            delay=stored.value("trigger.delay"),
            wait=self._source.delay,
            stops=stored.word("sweep.abort") != "NEVER",
            clears=clears,
            at_once=clears and stored.word("source.clear.mode") == "ALWAYS",
            flags=flags
            | (FRONT if stored.word("terminals") == "FRONT" else 0)
            | (FILTER if stored.on("filter") else 0)
            | (OFFSET_COMPENSATION if stored.on("ohms.compensated") else 0),
        )

    def _show(self) -> None:
        """The operation register's condition."""
        if self._arms <= 0:
            self._operation.change(_IDLE)
            return
        held_below = self._stored.word("trigger.source") == "TLINK"
        running = _SWEEPING if self._levels is not None else 0
        self._operation.change((_WAITS_TRIGGER if held_below else _WAITS_ARM) | running)

    def _pass(self, run: _Run) -> None:
        """One pass of the arm layer: as many cycles as the trigger layer counts."""
        self._arms -= 1
        self._source.trigger()
        for _ in range(run.cycles):
            found = self._cycle(run)
            if found and self._levels is not None and run.stops:
                self._arms = 0
                break
        if run.clears:
            self._meter.switch(on=False)

    def _cycle(self, run: _Run) -> bool:
        """Source, delay, measure; whether the source was in compliance."""
        meter, sleep = self._meter, self._meter.smu.world.sleep
        sleep(run.delay)
        if self._levels is not None:
            self._sweeps.go(self._levels[self._step % len(self._levels)], self._levels)
            self._step += 1
        if run.clears:
            meter.switch(on=True)
        sleep(run.wait)
        sample = self._sense.measure()
        found = reading(sample, meter, time=sample.time - self._zero, flags=run.flags)
        if run.at_once:
            meter.switch(on=False)
        self._last.append(found)
        conditions = self._measurement.condition & ~(_READY | _TOO_LARGE | _COMPLIANCE)
        self._measurement.change(conditions)  # every reading is a new event
        conditions |= (_TOO_LARGE if found.status & OVERFLOW else 0) | (_COMPLIANCE if sample.limited else 0)
        self._measurement.change(conditions | _READY)
        self._buffer.offer(found)
        return sample.limited

    # -- what is asked -------------------------------------------------------------------------------

    def _read(self) -> str:
        """READ?: ABORt, INITiate, FETCh?."""
        self.abort()
        run = self._settled()
        if math.isinf(run.arms):
            raise ScpiError(*_ENDLESS)
        if run.held:
            raise ScpiError(-214)
        self.start()
        return self._fetch()

    def _fetch(self) -> str:
        if not self._last:
            raise ScpiError(-230)
        return self._form.readings(self._last)

    def _latest(self) -> str:
        if not self._last:
            raise ScpiError(-230)
        return self._form.readings(self._last[-1:])

    def _configure(self, call: Call) -> None:
        """A function for one reading; the output goes on."""
        self.abort()
        self._sense.configure(call)
        self._one_reading()
        self._meter.switch(on=True)

    def _measure(self, call: Call) -> str:
        """MEASure?: CONFigure, which turns the output on, and READ?; it is left on."""
        self._configure(call)
        return self._read()

    def _one_reading(self) -> None:
        for name in ("arm.count", "trigger.count"):
            self._stored.put(name, 1)
        self._stored.put("trigger.delay", 0)
        for name in ("arm.source", "trigger.source"):
            self._stored.choose(name, "IMMEDIATE")

    def _reset_time(self) -> None:
        self._zero = self._meter.smu.world.now()
