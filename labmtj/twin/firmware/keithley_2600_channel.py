"""One channel of a Keithley 2600B: its attributes on a source-measure channel, its measurements, its buffers.

Error numbers: Series 2600B Reference Manual, 2600BS-901-01 Rev. F, error summary; 5047 and 1101 to 1103 unverified.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from labmtj.config.model import SourceMeterModel
from labmtj.twin.firmware.keithley_2600_names import BOUNDS, LIMIT_BITS, WHOLE
from labmtj.twin.meter import OVERFLOW
from labmtj.twin.smu import BLOCKED, Smu
from labmtj.twin.tsp.buffer import LIMITED, ReadingBuffer
from labmtj.twin.tsp.engine import TspEngine
from labmtj.twin.tsp.tables import TspError, number, within
from labmtj.twin.world import Output

_LEAST_LIMIT = 0.01  # [V] smallest voltage limit; unverified
_HIGH_Z = 2
_CLEAR = 0.9  # share of the limit below which a measured current says that the source is not in compliance
_RANGES = {
    "source.rangev": "source_volts",
    "source.rangei": "source_amperes",
    "measure.rangei": "meter_amperes",
    "measure.rangev": "meter_volts",
}
# Which setting of the channel an attribute is, and how.
_PASSED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "source.func": ("volts", bool),
    "source.levelv": ("level_v", float),
    "source.leveli": ("level_i", float),
    "source.limiti": ("limit_i", float),
    "source.limitv": ("limit_v", float),
    "source.rangev": ("range_v", float),
    "source.rangei": ("range_i", float),
    "source.autorangev": ("auto_v", bool),
    "source.autorangei": ("auto_i", bool),
    "source.offlimiti": ("off_limit", float),
    "source.output": ("output", lambda state: state == 1),
    "source.delay": ("delay", lambda seconds: max(float(seconds), 0.0)),
    "measure.rangei": ("meter_i", float),
    "measure.rangev": ("meter_v", float),
    "measure.autorangei": ("meter_auto_i", bool),
    "measure.autorangev": ("meter_auto_v", bool),
    "measure.lowrangei": ("lowest_i", float),
    "measure.nplc": ("nplc", float),
    "measure.autozero": ("autozero", lambda mode: mode == 2),
    "sense": ("remote", lambda mode: mode == 1),
}


class Channel2600:
    """`smua` or `smub`: what scripts set, and what they measure. `bit` is its bit in summary registers."""

    def __init__(self, name: str, smu: Smu, model: SourceMeterModel, *, bit: int) -> None:
        self.name, self.smu, self._bit = name, smu, bit
        self.buffers = {f"nvbuffer{n}": ReadingBuffer() for n in (1, 2)}
        self.engine: TspEngine  # the firmware's, which needs this channel's names first
        self._bits = 0
        self._last = 0.0, 0.0  # amperes and volts of the last measurement
        self._bounds = self._limits(model)

    def _limits(self, model: SourceMeterModel) -> dict[str, tuple[float, float]]:
        """What each attribute may be."""
        volts, amperes = self.smu.largest("source_volts"), self.smu.largest("source_amperes")
        meter_i, meter_v = self.smu.largest("meter_amperes"), self.smu.largest("meter_volts")
        return {
            **BOUNDS,
            "source.limiti": (model.compliance.minimum, model.compliance.maximum),
            "source.limitv": (_LEAST_LIMIT, volts),
            "source.offlimiti": (model.compliance.minimum, model.compliance.maximum),
            "measure.nplc": (model.nplc.minimum, model.nplc.maximum),
            "source.rangev": (-volts, volts),
            "source.levelv": (-volts, volts),
            "source.rangei": (-amperes, amperes),
            "source.leveli": (-amperes, amperes),
            "measure.rangei": (-meter_i, meter_i),
            "measure.rangev": (-meter_v, meter_v),
        }

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Functions of the channel, by full name."""
        found: dict[str, Callable[..., Any]] = {f"{self.name}.makebuffer": self._make_buffer}
        for what in ("i", "v", "r", "p", "iv"):
            found[f"{self.name}.measure.{what}"] = partial(self._measure, what)
            found[f"{self.name}.measure.overlapped{what}"] = partial(self._overlapped, what)
            found[f"{self.name}.measure{what}andstep"] = partial(self._and_step, what)
        return found

    def _make_buffer(self, size: Any = None, *_: Any) -> str:
        return self.engine.make_buffer(int(within("bufferSize", size, 1, 200_000)))

    def value(self, key: str) -> Any:
        """An attribute of the channel as it stands."""
        return self.engine.values[f"{self.name}.{key}"]

    # -- attributes --------------------------------------------------------------------------------

    def get(self, key: str) -> Any:
        """What is computed instead of looked up; None for the rest."""
        match key:
            case "source.compliance":
                limited = self.smu.limited
                self._report(limited=limited, overflow=bool(self._bits & LIMIT_BITS["reading_overflow"]))
                return limited
            case "source.output" if self.smu.blocked:
                return 0
            case "source.rangev" if self.value("source.autorangev"):
                return self.smu.range_for("source_volts", self.value("source.levelv"))
            case "source.rangei" if self.value("source.autorangei"):
                return self.smu.range_for("source_amperes", self.value("source.leveli"))
            case "measure.rangei" if self.value("measure.autorangei"):
                return self.smu.range_for("meter_amperes", max(abs(self._last[0]), self.value("measure.lowrangei")))
            case "measure.rangev" if self.value("measure.autorangev"):
                return self.smu.range_for("meter_volts", self._last[1])
            case _:
                return None

    def set(self, key: str, value: Any) -> float:
        """Check and take a value; what is kept of it. Raises TspError."""
        name = f"{self.name}.{key}"
        found = number(key, value)
        if found == self.engine.values[name] and key in ("measure.nplc", "measure.count", "source.limiti"):
            return found  # nothing changes
        if key == "measure.rangei" and found == self.engine.values[name] and not self.value("measure.autorangei"):
            return found
        self._check(name, key, found)
        if key in _RANGES:
            found = self.smu.range_for(_RANGES[key], abs(found))
            auto = key.replace("range", "autorange")
            self.engine.values[f"{self.name}.{auto}"] = 0
            self._pass_on(auto)
        self.engine.values[name] = found
        self._pass_on(key)
        if key.startswith(("source.", "measure.range", "measure.autorange")):
            self.smu.apply()
            if key in ("source.levelv", "source.leveli", "source.output"):
                self.smu.settle()
        return found

    def _check(self, name: str, key: str, value: float) -> None:
        bounds = self._bounds.get(key)
        if bounds is not None and not bounds[0] <= value <= bounds[1]:
            raise TspError(1102, f"Parameter {name} out of range: {value:g} is not in {bounds[0]:g} to {bounds[1]:g}")
        if key in WHOLE and value != int(value):
            raise TspError(1103, f"Parameter {name}: expected a whole number")
        if key == "source.output" and value == 1 and self.smu.blocked:
            raise TspError(*BLOCKED)
        if key in ("source.levelv", "source.leveli"):
            self.check_level(value, volts=key == "source.levelv")
        if key == "source.output" and value == 1 and self.smu.blocked:
            raise TspError(*BLOCKED)

    def check_level(self, level: float, *, volts: bool) -> None:
        """Refuse a level [V or A] beyond the source range. Raises TspError 5007."""
        what = "v" if volts else "i"
        largest = self.smu.largest("source_volts" if volts else "source_amperes")
        full = largest if self.value(f"source.autorange{what}") else self.value(f"source.range{what}")
        if abs(level) > 1.01 * full:
            raise TspError(5007, f"Source level {level:g} exceeds the range {full:g}")

    def _pass_on(self, key: str) -> None:
        """Hand an attribute to the channel that forces and measures."""
        passed = _PASSED.get(key)
        if passed is not None:
            setattr(self.smu.set, passed[0], passed[1](self.value(key)))
        if key in ("source.output", "source.offmode"):
            # Output off: NORMAL and ZERO hold 0 V with a small current, HIGH_Z opens the output relay.
            self.smu.set.off_open = _HIGH_Z in (self.value("source.offmode"), self.value("source.output"))

    def reset(self, defaults: dict[str, Any]) -> None:
        """Back to the defaults, output off, buffers empty."""
        self.engine.values.update(defaults)
        for key, what in _RANGES.items():
            self.engine.values[f"{self.name}.{key}"] = self.smu.range_for(what, defaults[f"{self.name}.{key}"])
        for buffer in self.buffers.values():
            buffer.reset()
        for key in _PASSED:
            self._pass_on(key)
        self.smu.apply()
        self._report(limited=False, overflow=False)

    # -- measuring ---------------------------------------------------------------------------------

    def _measure(self, what: str, *buffers: Any) -> tuple[float, ...]:
        """Take `measure.count` measurements; the last one. Buffers for "iv" are that of i, then that of v."""
        taking, count = [self.buffer(b) for b in buffers if b is not None], int(self.value("measure.count"))
        for buffer in taking:
            buffer.begin()
        found: tuple[float, ...] = ()
        for left in range(count - 1, -1, -1):
            began = self.smu.world.now()
            found = self.take(what)
            self.keep(taking, found, began)
            if left:
                self.smu.world.sleep(self.value("measure.interval") - (self.smu.world.now() - began))
        return found

    def take(self, what: str) -> tuple[float, ...]:
        """One measurement: amperes, volts, ohms or watts, or ("iv") amperes and volts."""
        smu, now = self.smu, self.smu.set
        smu.world.sleep(self.value("measure.delay"))
        amperes, volts = self._last
        shown_v, shown_i, _ = smu.measure(volts=what != "i", amperes=what != "v", limit=False)
        if what != "v":
            amperes = shown_i
        if what != "i":
            volts = shown_v if now.output else 0.0
        self._last = amperes, volts
        clear = now.volts and what != "v" and abs(amperes) < _CLEAR * min(now.limit_i, now.meter_i)
        limited = not clear and smu.limited  # asking the network takes longer than seeing that it cannot be
        self._report(limited=limited, overflow=OVERFLOW in (abs(amperes), abs(volts)))
        return self._shown(what, amperes, volts)

    def _shown(self, what: str, amperes: float, volts: float) -> tuple[float, ...]:
        match what:
            case "i":
                return (amperes,)
            case "v":
                return (volts,)
            case "r":
                return (volts / amperes if self.smu.set.output and amperes else OVERFLOW,)
            case "p":
                return (volts * amperes if OVERFLOW not in (abs(amperes), abs(volts)) else OVERFLOW,)
            case _:
                return amperes, volts

    def shown_pulse(self, what: str, amperes: float, volts: float) -> tuple[float, ...]:
        """What a measurement within a pulse shows of a true current [A] and volts: no noise, it is averaged."""
        return self._shown(what, self.smu.shown(amperes, 0.0), volts)

    def buffer(self, argument: Any) -> ReadingBuffer:
        """The reading buffer that an argument names. Raises TspError."""
        found = self.engine.resolve(argument)
        if not isinstance(found, ReadingBuffer):
            raise TspError(1103, "Parameter buffer: expected a reading buffer")
        return found

    def keep(self, buffers: list[ReadingBuffer], found: tuple[float, ...], time: float) -> None:
        """Store a measurement that began at `time` [s]."""
        if not buffers:
            return
        status = LIMITED if self._bits & (LIMIT_BITS["current_limit"] | LIMIT_BITS["voltage_limit"]) else 0
        source = self.value("source.levelv") if self.smu.set.volts else self.value("source.leveli")
        for buffer, reading in zip(buffers, found, strict=False):
            buffer.store(reading, time=time, source=source, status=status)
        self._report(limited=bool(status), overflow=bool(self._bits & LIMIT_BITS["reading_overflow"]))

    def _overlapped(self, what: str, *buffers: Any) -> None:
        """Measure in the background, which here is done when the next statement runs."""
        self._measure(what, *buffers)

    def _and_step(self, what: str, *given: Any) -> tuple[float, ...]:
        """Measure, then set the source to the last argument."""
        if not given:
            raise TspError(1103, "Parameter sourcevalue: expected a number")
        found = self._measure(what, *given[:-1])
        self.engine.assign(f"{self.name}.source.{'levelv' if self.smu.set.volts else 'leveli'}", given[-1])
        return found

    def level(self, value: float) -> Output:
        """What stands at the terminals when the sweep is at this level [V or A]. Raises TspError 5007."""
        self.check_level(value, volts=self.smu.set.volts)  # the function may have changed under a sweep that waits
        if self.smu.set.volts:
            return self.smu.output(value)
        kept, self.smu.set.level_i = self.smu.set.level_i, value
        found = self.smu.output()
        self.smu.set.level_i = kept
        return found

    # -- status ------------------------------------------------------------------------------------

    def _report(self, *, limited: bool, overflow: bool) -> None:
        """Bring the measurement registers up to date; the instrument does so with each measurement."""
        bits = LIMIT_BITS["current_limit" if self.smu.set.volts else "voltage_limit"] if limited else 0
        bits |= LIMIT_BITS["reading_overflow"] if overflow else 0
        first, second = self.buffers.values()
        bits |= LIMIT_BITS["buffer_available"] if first.entries or second.entries else 0
        if bits == self._bits:
            return
        self._bits = bits
        tree = self.engine.status
        tree.change(f"measurement.instrument.{self.name}", bits)
        for name, bit in LIMIT_BITS.items():
            others = tree.read(f"measurement.{name}", "condition") & ~self._bit
            tree.change(f"measurement.{name}", others | (self._bit if bits & bit else 0))
