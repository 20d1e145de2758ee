"""Firmware of the Keithley 2600B family: source-measure channels under a script engine.

Commands and trigger objects follow the Series 2600B Reference Manual, 2600BS-901-01 Rev. F (2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from labmtj.config.model import SourceMeterModel
from labmtj.twin.meter import Errors, Range, pick
from labmtj.twin.tsp import TspEngine, TspError, split
from labmtj.twin.wiring import Channel
from labmtj.twin.world import Output, World

_GENERATOR = 28  # event numbers: any distinct values will do, scripts use the names
_TIMER = 20
_ATTRIBUTES: dict[str, Any] = {
    "sense": 0,
    "source.func": 1,
    "source.levelv": 0.0,
    "source.leveli": 0.0,
    "source.limitv": 20.0,
    "source.limiti": 0.1,
    "source.rangev": 0.2,
    "source.rangei": 0.1,
    "source.autorangev": 1,
    "source.autorangei": 1,
    "source.output": 0,
    "source.offmode": 0,
    "source.offlimiti": 1e-3,
    "source.settling": 0,
    "source.delay": 0.0,
    "measure.nplc": 1.0,
    "measure.autozero": 2,
    "measure.autorangei": 1,
    "measure.lowrangei": 1e-6,
    "measure.rangei": 0.1,
    "measure.autorangev": 1,
    "measure.rangev": 0.2,
    "measure.count": 1,
    "measure.delay": 0.0,
    "measure.filter.enable": 0,
    "trigger.count": 1,
    "trigger.arm.count": 1,
    "trigger.arm.stimulus": 0,
    "trigger.source.action": 0,
    "trigger.source.stimulus": 0,
    "trigger.source.limiti": 0,
    "trigger.measure.action": 0,
    "trigger.measure.stimulus": 0,
    "trigger.endpulse.action": 1,
    "trigger.endpulse.stimulus": 0,
    "trigger.endsweep.action": 0,
    "OUTPUT_DCAMPS": 0,
    "OUTPUT_DCVOLTS": 1,
    "OUTPUT_OFF": 0,
    "OUTPUT_ON": 1,
    "OUTPUT_HIGH_Z": 2,
    "OUTPUT_NORMAL": 0,
    "OUTPUT_ZERO": 1,
    "AUTORANGE_OFF": 0,
    "AUTORANGE_ON": 1,
    "AUTOZERO_OFF": 0,
    "AUTOZERO_ONCE": 1,
    "AUTOZERO_AUTO": 2,
    "SENSE_LOCAL": 0,
    "SENSE_REMOTE": 1,
    "SOURCE_IDLE": 0,
    "SOURCE_HOLD": 1,
    "ENABLE": 1,
    "DISABLE": 0,
}
_TRIGGERS: dict[str, Any] = {
    f"trigger.generator[{n}].EVENT_ID": _GENERATOR + n for n in (1, 2)
} | {
    f"trigger.timer[{n}].{name}": value
    for n in range(1, 9)
    for name, value in {"delay": 1e-5, "count": 1, "stimulus": 0, "passthrough": False, "EVENT_ID": _TIMER + n}.items()
}


class Keithley2600:
    """One 2600B: its channels on the world's sources, its script engine, its trigger model."""

    def __init__(self, world: World, name: str, model: SourceMeterModel, *, mains: float, seed: int) -> None:
        self._world, self._model, self._mains = world, model, mains
        self._channels: dict[str, Channel] = {f"smu{c}": (name, c) for c in model.channels}
        source_ranges = [Range(r.range, r.gain, r.offset) for r in model.source_voltage]
        meter_ranges = [Range(r.range, r.gain, r.offset, r.noise) for r in model.measure_current]
        self._errors = {
            smu: Errors(seed, number, source_ranges, meter_ranges) for number, smu in enumerate(self._channels)
        }
        self._ranges = source_ranges
        self._armed: set[str] = set()
        self._lists: dict[str, list[float]] = {}
        self._latched = 0
        attributes = dict(_TRIGGERS) | {"localnode.linefreq": int(mains)}
        functions: dict[str, Callable[..., Any]] = {
            f"trigger.generator[{n}].assert": lambda n=n: self._fire(_GENERATOR + n) for n in (1, 2)
        }
        attributes |= {"status.measurement.current_limit.SMUA": 2, "status.measurement.current_limit.SMUB": 4}
        attributes["status.measurement.current_limit.event"] = 0
        for smu in self._channels:
            attributes |= {f"{smu}.{key}": value for key, value in _ATTRIBUTES.items()}
            attributes |= {f"{smu}.source.compliance": False, f"status.measurement.instrument.{smu}.condition": 0}
            functions |= {
                f"{smu}.measure.i": lambda _buffer=None, smu=smu: self._measure_current(smu),
                f"{smu}.measure.v": lambda _buffer=None, smu=smu: self._measure_voltage(smu),
                f"{smu}.measure.r": lambda _buffer=None, smu=smu: self._measure_resistance(smu),
                f"{smu}.reset": lambda smu=smu: self._reset_channel(smu),
                f"{smu}.trigger.source.listv": lambda levels, smu=smu: self._set_list(smu, levels),
                f"{smu}.trigger.initiate": lambda smu=smu: self._initiate(smu),
            }
        self.engine = TspEngine(
            ", ".join([model.identity.manufacturer, model.identity.model, model.identity.serial, model.identity.firmware]),
            attributes,
            functions,
            on_set=self._set,
            on_get=self._get,
            on_reset=self._apply_all,
            on_message=lambda: world.sleep(model.timing.command),
        )
        self._apply_all()

    def execute(self, message: str) -> list[str]:
        """Carry out one message; the die's state is stored before its reply can be read."""
        with self._world.lock:
            replies = self.engine.execute(message)
            self._world.electrics.commit()
            return replies

    def clear(self) -> None:
        """Device clear."""
        self.engine.clear()

    # -- attributes --------------------------------------------------------------------------------

    def _value(self, smu: str, key: str) -> Any:
        return self.engine.values[f"{smu}.{key}"]

    def _get(self, name: str) -> Any:
        smu, _, key = name.partition(".")
        if key == "source.compliance" and smu in self._channels:
            return self._world.limited(self._channels[smu])
        if name == "status.measurement.current_limit.event":
            latched, self._latched = self._latched, 0
            return latched
        return None

    def _set(self, name: str, value: Any) -> Any:
        smu, _, key = name.partition(".")
        if smu not in self._channels:
            return value
        number = _number(name, value)
        self._check(name, key, number, smu)
        if key == "source.rangev":
            number = self._ranges[pick(self._ranges, abs(number))].full
            self.engine.values[f"{smu}.source.autorangev"] = 0
        elif key == "measure.rangei":
            number = self._model.measure_current[pick(self._errors[smu].meter_ranges, abs(number))].range
            self.engine.values[f"{smu}.measure.autorangei"] = 0
        self.engine.values[name] = number
        if key.startswith("source."):
            self._apply(smu)
            if key in ("source.levelv", "source.output"):
                self._world.sleep(self._model.timing.source_settling)
        return number

    def _check(self, name: str, key: str, number: float, smu: str) -> None:
        model = self._model
        bounds = {
            "source.limiti": (model.compliance.minimum, model.compliance.maximum),
            "measure.nplc": (model.nplc.minimum, model.nplc.maximum),
            "source.rangev": (-self._ranges[-1].full, self._ranges[-1].full),
            "source.levelv": (-self._ranges[-1].full, self._ranges[-1].full),
        }.get(key)
        if bounds is not None and not bounds[0] <= number <= bounds[1]:
            raise TspError(1102, f"Parameter {name} out of range: {number:g} is not in {bounds[0]:g} to {bounds[1]:g}")
        if key == "source.levelv" and not self._value(smu, "source.autorangev"):
            full = self._value(smu, "source.rangev")
            if abs(number) > 1.01 * full:
                raise TspError(5007, f"Source level {number:g} exceeds the range {full:g}")

    def _output(self, smu: str, level: float) -> Output:
        on = self._value(smu, "source.output") == 1
        auto = self._value(smu, "source.autorangev")
        full = abs(level) if auto else self._value(smu, "source.rangev")
        if on:
            return Output(self._errors[smu].forced(level, full), self._value(smu, "source.limiti"))
        # Output off: NORMAL and ZERO hold 0 V with a small current, HIGH_Z opens the output relay.
        connected = self._value(smu, "source.offmode") != 2 and self._value(smu, "source.output") != 2
        return Output(self._errors[smu].forced(0.0, full), self._value(smu, "source.offlimiti"), connected)

    def _apply(self, smu: str) -> None:
        self._world.force(self._channels[smu], self._output(smu, self._value(smu, "source.levelv")))

    def _apply_all(self) -> None:
        for smu in self._channels:
            self._apply(smu)

    def _reset_channel(self, smu: str) -> None:
        self.engine.values.update({f"{smu}.{key}": value for key, value in _ATTRIBUTES.items()})
        self._apply(smu)

    # -- measuring ---------------------------------------------------------------------------------

    def _measure_current(self, smu: str) -> float:
        nplc = self._value(smu, "measure.nplc")
        # With autozero in AUTO, reference and zero are converted with every reading.
        conversions = 3 if self._value(smu, "measure.autozero") == 2 else 1
        self._world.sleep(self._model.timing.reading_overhead + (conversions - 1) * nplc / self._mains)
        amperes, draw = self._world.measure(self._channels[smu], nplc / self._mains)
        if self._value(smu, "source.output") != 1:
            amperes = 0.0
        auto = self._value(smu, "measure.autorangei")
        return self._errors[smu].shown(
            amperes,
            draw,
            nplc=nplc,
            full=None if auto else self._value(smu, "measure.rangei"),
            lowest=self._value(smu, "measure.lowrangei"),
        )

    def _measure_voltage(self, smu: str) -> float:
        self._world.sleep(self._model.timing.reading_overhead + self._value(smu, "measure.nplc") / self._mains)
        return float(self._value(smu, "source.levelv")) if self._value(smu, "source.output") == 1 else 0.0

    def _measure_resistance(self, smu: str) -> float:
        current = self._measure_current(smu)
        return self._measure_voltage(smu) / current if current else math.copysign(9.91e37, current)

    # -- the trigger model -------------------------------------------------------------------------

    def _set_list(self, smu: str, levels: Any) -> None:
        volts = [_number("listv", value) for value in dict(levels).values()]
        full = self._value(smu, "source.rangev")
        for level in volts:
            if abs(level) > 1.01 * full:
                raise TspError(5007, f"Source level {level:g} exceeds the range {full:g}")
        self._lists[smu] = volts

    def _initiate(self, smu: str) -> None:
        if self._value(smu, "source.output") != 1:
            raise TspError(5042, "The output must be on to run a sweep")
        if len(self._lists.get(smu, [])) != 1 or self._value(smu, "trigger.count") != 1:
            raise TspError(5043, "This sweep is not simulated: one point a list and a count of 1 are")
        self._armed.add(smu)
        if self._value(smu, "trigger.source.stimulus") == 0:
            self._fire(0)

    def _fire(self, event: int) -> None:
        """Start every armed channel that waits for `event`; all of them end when the timer they wait for does."""
        values = self.engine.values
        started = sorted(smu for smu in self._armed if self._value(smu, "trigger.source.stimulus") == event)
        if not started:
            return
        widths: dict[str, float] = {}
        for smu in started:
            end = self._value(smu, "trigger.endpulse.stimulus")
            timer = f"trigger.timer[{int(end) - _TIMER}]"
            if self._value(smu, "trigger.endpulse.action") != 0 or values.get(f"{timer}.stimulus") != event:
                raise TspError(5044, "This sweep is not simulated: pulses that a timer of the same event ends are")
            widths[smu] = float(values[f"{timer}.delay"])
        self._armed -= set(started)
        for width in sorted(set(widths.values())):  # channels with equal widths are one pulse
            together = [smu for smu in started if widths[smu] == width]
            levels = {
                self._channels[smu]: self._output(smu, self._lists[smu][0]).volts
                for smu in together
                if self._value(smu, "trigger.source.action") == 1
            }
            point = self._world.pulse(levels, width)
            for number, smu in enumerate(self._channels):
                if point.limited[self._world.wiring.channels.index(self._channels[smu])]:
                    self._latched |= 2 << number


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TspError(1103, f"Parameter {split(name)[-1]}: expected a number")
    if not math.isfinite(value):
        raise TspError(1102, f"Parameter {split(name)[-1]} out of range")
    return float(value)
