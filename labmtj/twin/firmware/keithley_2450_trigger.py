"""The Keithley 2450's measurements and trigger models: READ?, MEASure?, TRACe:TRIGger, sweeps, SimpleLoop.

Model 2450 Reference Manual, 2450-901-01 Rev. B (2013), pages 6-4 to 6-8 and 6-79 to 6-90. A trigger
model is run at once in bench time by INITiate. Models that are built of blocks are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from labmtj.twin.firmware.keithley_2450_buffer import Buffer
from labmtj.twin.firmware.keithley_2450_sense import Sense
from labmtj.twin.firmware.keithley_2450_source import Source
from labmtj.twin.firmware.keithley_2450_trace import DEFAULT, Buffers
from labmtj.twin.firmware.sourcemeter import SourceMeter
from labmtj.twin.scpi.engine import Call, ScpiEngine, ScpiError
from labmtj.twin.scpi.stored import Stored

_MOST_ELEMENTS = 14
_MOST_POINTS = 1_000_000  # unverified
_MOST_RUN = 10_000  # chosen: readings of one run; more would hold a simulated bench for minutes
_AUTO = -1.0  # as the delay of a sweep: the source's own (unverified: from memory of page 6-81)
_DELAYS = (0.0, 10_000.0)  # [s]


@dataclass(frozen=True)
class _Sweep:
    """Levels of one quantity, each with a delay [s] (or that of the source) before its reading."""

    what: str
    levels: tuple[float, ...]
    delay: float
    count: int
    ranging: str
    abort: bool
    buffer: str


@dataclass(frozen=True)
class _Loop:
    """So many readings, with a delay [s] before each."""

    count: int
    delay: float
    buffer: str


class Triggers:
    """Takes readings into buffers."""

    def __init__(
        self, engine: ScpiEngine, stored: Stored, meter: SourceMeter, source: Source, sense: Sense, buffers: Buffers
    ) -> None:
        self._engine, self._stored, self._meter = engine, stored, meter
        self._source, self._sense, self._buffers = source, sense, buffers
        self._model: _Sweep | _Loop | None = None
        self._ended = "IDLE"
        add, most = engine.add, 1 + _MOST_ELEMENTS
        add(":READ", get=self._read, most=most)
        add(":FETCh", get=self._fetch, most=most)
        add(":MEASure[:VOLTage|CURRent|RESistance][:DC]", get=self._measure, most=most)
        add(":TRACe:TRIGger", set=lambda call: self._take(self._buffers.named(call, 0)))
        sweep = ":SOURce:SWEep:VOLTage|CURRent"
        add(f"{sweep}:LINear", set=self._linear, most=9)
        add(f"{sweep}:LINear:STEP", set=self._steps, most=9)
        add(f"{sweep}:LOG", set=self._logarithmic, most=10)
        add(f"{sweep}:LIST", set=self._listed, most=6)
        add(":TRIGger:LOAD", set=self._load, most=4)
        add(":TRIGger:STATe", get=lambda _: f"{self._ended};{self._ended};0", most=0)
        add(":INITiate[:IMMediate]", set=lambda _: self._start(), most=0)
        add(":ABORt", set=lambda _: None, most=0)  # every run has ended before the next message
        stored.choice(":TRIGger:CONTinuous", "continuous", ("OFF", "AUTO", "RESTart"))

    def reset(self) -> None:
        """No trigger model."""
        self._model, self._ended = None, "IDLE"

    # -- measuring -----------------------------------------------------------------------------------

    def _take(self, buffer: Buffer) -> None:
        """As many readings as SENSe:COUNt says."""
        count = self._stored.count("count")
        if count > _MOST_RUN:
            raise ScpiError(-221)
        sleep, delay, sense = self._meter.smu.world.sleep, self._source.delay, self._sense
        for number in range(count):
            sleep(delay)
            buffer.add(sense.measure(first=number == 0))

    def _read(self, call: Call) -> str:
        """Measure into a buffer; the last reading."""
        buffer = self._buffers.named(call, 0)
        self._take(buffer)
        return self._last(call, buffer)

    def _fetch(self, call: Call) -> str:
        return self._last(call, self._buffers.named(call, 0))

    def _measure(self, call: Call) -> str:
        """MEASure:<function>? changes the function; MEASure? keeps the one that is on."""
        if call.choice():
            self._sense.select(call.choice())
        return self._read(call)

    def _last(self, call: Call, buffer: Buffer) -> str:
        if not buffer.readings:
            raise ScpiError(-230)
        return self._buffers.reply([buffer.readings[-1]], buffer, call, 1)

    # -- trigger models ------------------------------------------------------------------------------

    def _linear(self, call: Call) -> None:
        start, stop = self._ends(call)
        points = call.integer(2, bounds=(2, _MOST_POINTS))
        self._sweep(call, 3, [start + (stop - start) * number / (points - 1) for number in self._few(points)])

    def _steps(self, call: Call) -> None:
        start, stop = self._ends(call)
        step = abs(self._source.level(call, 2))
        if step == 0 or start == stop:
            raise ScpiError(-222)
        points = math.floor(min(abs(stop - start) / step, _MOST_POINTS) + 1e-9) + 1
        self._sweep(call, 3, [start + math.copysign(step, stop - start) * number for number in self._few(points)])

    def _logarithmic(self, call: Call) -> None:
        start, stop = self._ends(call)
        points = call.integer(2, bounds=(2, _MOST_POINTS))
        zero = self._source.level(call, 9, default=0.0)
        low, high = start - zero, stop - zero
        if low * high <= 0:
            raise ScpiError(-222)
        shares = [number / (points - 1) for number in self._few(points)]
        self._sweep(call, 3, [zero + low * (high / low) ** share for share in shares])

    def _listed(self, call: Call) -> None:
        """From a place in the list on; there is no range among the arguments."""
        levels = self._source.lists[call.choice()]
        if not levels:
            raise ScpiError(-221)
        first = call.integer(0, default=1, bounds=(1, len(levels)))
        self._model = _Sweep(
            call.choice(),
            tuple(levels[first - 1 :]),
            self._delay(call, 1),
            self._repeats(call, 2),
            "AUTO",
            call.boolean(3, default=True),
            self._named(call, 4),
        )

    def _sweep(self, call: Call, position: int, levels: list[float]) -> None:
        """A sweep from the arguments that follow its levels: delay, count, range, abort, dual, buffer."""
        delay, count = self._delay(call, position), self._repeats(call, position + 1)
        ranging = call.word(position + 2, ("AUTO", "BEST", "FIXed"), default="BEST")
        stops = call.boolean(position + 3, default=True)
        if call.boolean(position + 4, default=False):
            levels = levels + levels[::-1]
        self._model = _Sweep(
            call.choice(), tuple(levels), delay, count, ranging, stops, self._named(call, position + 5)
        )

    def _ends(self, call: Call) -> tuple[float, float]:
        return self._source.level(call, 0), self._source.level(call, 1)

    def _few(self, points: int) -> range:
        if points > _MOST_RUN:
            raise ScpiError(-221)
        return range(points)

    def _delay(self, call: Call, position: int) -> float:
        delay = call.number(position, unit="S", default=_AUTO, bounds=(_AUTO, _DELAYS[1]))
        if _AUTO < delay < 0:
            raise ScpiError(-222)
        return delay

    def _repeats(self, call: Call, position: int) -> int:
        return call.integer(position, default=1, bounds=(1, 268_435_455))

    def _named(self, call: Call, position: int) -> str:
        """The name of a buffer that is there."""
        name = call.text(position, default=DEFAULT)
        self._buffers.find(name)
        return name

    def _load(self, call: Call) -> None:
        name = call.text(0).upper()
        if name == "EMPTY":
            self._model = None
        elif name == "SIMPLELOOP":
            count = call.integer(1, bounds=(1, 268_435_455))
            delay = call.number(2, unit="S", default=0.0, bounds=_DELAYS)
            self._model = _Loop(count, delay, self._named(call, 3))
        else:
            raise ScpiError(-224)

    def _start(self) -> None:
        """INITiate; without a model nothing happens, as captured."""
        model = self._model
        if model is None:
            return
        size = model.count * (len(model.levels) if isinstance(model, _Sweep) else 1)
        if size > _MOST_RUN:
            raise ScpiError(-221)
        buffer = self._buffers.find(model.buffer)
        self._ended = "IDLE"
        if isinstance(model, _Loop):
            for number in range(model.count):
                self._meter.smu.world.sleep(model.delay)
                buffer.add(self._sense.measure(first=number == 0))
        elif self._run(model, buffer):
            self._ended = "ABORTED"

    def _run(self, sweep: _Sweep, buffer: Buffer) -> bool:
        """Run a sweep; the output goes on before and off after it. True if a limit ended it."""
        meter = self._meter
        meter.select(volts=sweep.what == "VOLTAGE")
        source, largest = meter.active, max(map(abs, sweep.levels))
        if sweep.ranging == "FIXED" and largest > 1.05 * source.full:
            raise ScpiError(-221)
        if sweep.ranging == "BEST":
            source.full = source.ranges.holding(largest)
        buffer.readings.clear()
        delay = self._source.delay if sweep.delay == _AUTO else sweep.delay
        tripped = False
        for number in range(sweep.count * len(sweep.levels)):
            source.level = sweep.levels[number % len(sweep.levels)]
            if sweep.ranging == "AUTO":
                source.full = source.ranges.holding(source.level)
            meter.output = True
            meter.apply(settle=True)
            meter.smu.world.sleep(delay)
            buffer.add(self._sense.measure(first=number == 0))
            if sweep.abort and meter.limited:
                tripped = True
                break
        meter.switch(on=False)
        return tripped
