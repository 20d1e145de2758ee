"""The Keithley 2400's trigger model: arm and trigger layers around source-delay-measure cycles.

2400 Series User's Manual, 2400S-900-01 Rev. K, section 11, section 17 (READ?, FETCh?, MEASure?) and table 18-11.
A cycle is done at once in bench time; the model waits only for a bus trigger, or for lines on which nothing comes.
"""

from __future__ import annotations

import math

from labmtj.twin.firmware.keithley_2400_buffer import Buffer
from labmtj.twin.firmware.keithley_2400_reading import (
    AUTO_OHMS,
    FILTER,
    FRONT,
    OFFSET_COMPENSATION,
    OVERFLOW,
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
        stored = self._stored
        if self.waiting:
            raise ScpiError(-213)
        if not self._meter.output and not stored.on("source.clear.auto"):
            raise ScpiError(*_OFF)
        arms = stored.count("arm.count")
        if max(arms, 1) * stored.count("trigger.count") > _MOST:
            raise ScpiError(-221)
        self._levels = self._sweeps.levels()
        self._last, self._step = [], 0
        self._sense.begin()
        self._arms = math.inf if arms == _INFINITE else arms
        if not self._held():
            # An endless run of immediate arms is shown after one pass, as running until it is aborted.
            interval = stored.value("arm.timer") if stored.word("arm.source") == "TIMER" else 0.0
            while self._arms > 0:
                self._pass()
                if math.isinf(self._arms):
                    break
                if self._arms > 0:
                    self._meter.smu.world.sleep(interval)
        self._show()

    def trigger(self) -> None:
        """*TRG or a group execute trigger; without anything that waits for it, it is ignored without an error.

        That is how the captured instrument took it; the manual has error -211.
        """
        if self.waiting and self._stored.word("arm.source") == "BUS" and self._stored.word("trigger.source") != "TLINK":
            self._pass()
            self._show()

    def abort(self) -> None:
        """Back to idle."""
        self._arms = 0
        self._show()

    def _held(self) -> bool:
        """Whether something must come before a cycle can begin."""
        return (
            self._stored.word("arm.source") not in ("IMMEDIATE", "TIMER")
            or self._stored.word("trigger.source") == "TLINK"
        )

    def _show(self) -> None:
        """The operation register's condition."""
        held_below = self._stored.word("trigger.source") == "TLINK"
        running = _SWEEPING if self._levels is not None else 0
        self._operation.change(((_WAITS_TRIGGER if held_below else _WAITS_ARM) | running) if self.waiting else _IDLE)

    def _pass(self) -> None:
        """One pass of the arm layer: as many cycles as the trigger layer counts."""
        self._arms -= 1
        self._source.trigger()
        early = self._stored.word("sweep.abort")
        for _ in range(self._stored.count("trigger.count")):
            found = self._cycle()
            if found and self._levels is not None and early != "NEVER":
                self._arms = 0
                break
        if self._stored.on("source.clear.auto"):
            self._meter.switch(on=False)

    def _cycle(self) -> bool:
        """Source, delay, measure; whether the source was in compliance."""
        stored, meter = self._stored, self._meter
        sleep = meter.smu.world.sleep
        sleep(stored.value("trigger.delay"))
        if self._levels is not None:
            self._sweeps.go(self._levels[self._step % len(self._levels)], self._levels)
            self._step += 1
        if stored.on("source.clear.auto"):
            meter.switch(on=True)
        sleep(self._source.delay)
        sample = self._sense.measure()
        found = reading(sample, meter, self._sense.functions, time=sample.time - self._zero, flags=self._flags())
        if stored.on("source.clear.auto") and stored.word("source.clear.mode") == "ALWAYS":
            meter.switch(on=False)
        self._last.append(found)
        conditions = self._measurement.condition & ~(_READY | _TOO_LARGE | _COMPLIANCE)
        self._measurement.change(conditions)  # every reading is a new event
        conditions |= (_TOO_LARGE if found.status & OVERFLOW else 0) | (_COMPLIANCE if sample.limited else 0)
        self._measurement.change(conditions | _READY)
        self._buffer.offer(found)
        return sample.limited

    def _flags(self) -> int:
        """The bits of the status word that are settings."""
        stored = self._stored
        return (
            (FRONT if stored.word("terminals") == "FRONT" else 0)
            | (FILTER if stored.on("filter") else 0)
            | (AUTO_OHMS if stored.word("ohms.mode") == "AUTO" and "RESISTANCE" in self._sense.functions else 0)
            | (OFFSET_COMPENSATION if stored.on("ohms.compensated") else 0)
        )

    # -- what is asked -------------------------------------------------------------------------------

    def _read(self) -> str:
        """READ?: ABORt, INITiate, FETCh?."""
        self.abort()
        if self._stored.count("arm.count") == _INFINITE:
            raise ScpiError(*_ENDLESS)
        if self._held():
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
