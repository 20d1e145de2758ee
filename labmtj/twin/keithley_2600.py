"""Firmware of the Keithley 2600B family: source-measure channels under a script engine.

Commands and trigger objects follow the Series 2600B Reference Manual, 2600BS-901-01 Rev. F (2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
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
    "trigger.SOURCE_COMPLETE_EVENT_ID": 2,
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
_TRIGGERS: dict[str, Any] = {f"trigger.generator[{n}].EVENT_ID": _GENERATOR + n for n in (1, 2)} | {
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
        self._buffers: dict[str, list[float]] = {smu: [] for smu in self._channels}
        attributes = dict(_TRIGGERS) | {"localnode.linefreq": int(mains)}
        functions: dict[str, Callable[..., Any]] = {
            f"trigger.generator[{n}].assert": partial(self._fire, _GENERATOR + n) for n in (1, 2)
        }
        functions["delay"] = self._delay
        for smu in self._channels:
            attributes |= {f"{smu}.{key}": value for key, value in _ATTRIBUTES.items()}
            attributes |= {f"{smu}.source.compliance": False, f"status.measurement.instrument.{smu}.condition": 0}
            functions |= {
                f"{smu}.measure.i": partial(self._measure_current, smu),
                f"{smu}.measure.v": partial(self._measure_voltage, smu),
                f"{smu}.measure.r": partial(self._measure_resistance, smu),
                f"{smu}.reset": partial(self._reset_channel, smu),
                f"{smu}.trigger.source.listv": partial(self._set_list, smu),
                f"{smu}.trigger.measure.i": partial(self._set_buffer, smu),
                f"{smu}.trigger.initiate": partial(self._initiate, smu),
                f"{smu}.abort": partial(self._armed.discard, smu),
                f"{smu}.nvbuffer1.clear": partial(self._clear_buffer, smu),
            }
        identity = model.identity
        self.engine = TspEngine(
            ", ".join([identity.manufacturer, identity.model, identity.serial, identity.firmware]),
            attributes,
            functions,
            on_set=self._set,
            on_get=self._get,
            on_reset=self._reset,
            on_message=lambda: world.sleep(model.timing.command),
        )
        self._reset()

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
        if key.startswith("nvbuffer1") and smu in self._channels:
            return self._buffered(self._buffers[smu], key.removeprefix("nvbuffer1"))
        return None

    def _delay(self, seconds: Any) -> None:
        self._world.sleep(_number("delay", seconds))

    def _set_buffer(self, smu: str, _buffer: Any = None) -> None:
        """Where a triggered measurement goes: there is one buffer here, and it is emptied for it."""
        self._buffers[smu].clear()

    def _clear_buffer(self, smu: str, *_: Any) -> None:
        self._buffers[smu].clear()

    def _buffered(self, readings: list[float], key: str) -> float | None:
        """`.n` or `[1]`, `[2]` ... of a buffer."""
        if key == ".n":
            return float(len(readings))
        number = int(key[1:-1]) if key.startswith("[") else 0
        return readings[number - 1] if 1 <= number <= len(readings) else None

    def _set(self, name: str, value: Any) -> Any:
        smu, _, key = name.partition(".")
        if smu not in self._channels:
            return value
        number = _number(name, value)
        if number == self.engine.values[name] and key in ("measure.nplc", "measure.count", "source.limiti"):
            return number  # nothing changes
        if (
            key == "measure.rangei"
            and number == self.engine.values[name]
            and not self._value(smu, "measure.autorangei")
        ):
            return number
        self._check(name, key, number, smu)
        if key == "source.rangev":
            number = self._ranges[pick(self._ranges, abs(number))].full
            self.engine.values[f"{smu}.source.autorangev"] = 0
        elif key == "measure.rangei":
            number = self._model.measure_current[pick(self._errors[smu].meter_ranges, abs(number))].range
            self.engine.values[f"{smu}.measure.autorangei"] = 0
        self.engine.values[name] = number
        if key.startswith(("source.", "measure.range", "measure.autorange")):
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
            limit = self._value(smu, "source.limiti")
            if not self._value(smu, "measure.autorangei"):
                limit = min(limit, self._model.range_compliance * self._value(smu, "measure.rangei"))
            return Output(self._errors[smu].forced(level, full), limit)
        # Output off: NORMAL and ZERO hold 0 V with a small current, HIGH_Z opens the output relay.
        connected = self._value(smu, "source.offmode") != 2 and self._value(smu, "source.output") != 2
        return Output(self._errors[smu].forced(0.0, full), self._value(smu, "source.offlimiti"), connected)

    def _apply(self, smu: str) -> None:
        self._world.force(self._channels[smu], self._output(smu, self._value(smu, "source.levelv")))

    def _reset(self) -> None:
        for smu in self._channels:
            self._reset_channel(smu)

    def _reset_channel(self, smu: str) -> None:
        self.engine.values.update({f"{smu}.{key}": value for key, value in _ATTRIBUTES.items()})
        self._armed.discard(smu)
        self._lists.pop(smu, None)
        self._apply(smu)

    # -- measuring ---------------------------------------------------------------------------------

    def _measure_current(self, smu: str, _buffer: Any = None) -> float:
        nplc = self._value(smu, "measure.nplc")
        # With autozero in AUTO, reference and zero are converted with every reading.
        conversions = 3 if self._value(smu, "measure.autozero") == 2 else 1
        self._world.sleep(self._model.timing.reading_overhead + (conversions - 1) * nplc / self._mains)
        amperes, draw = self._world.measure(self._channels[smu], nplc / self._mains)
        if self._value(smu, "source.output") != 1:
            amperes = 0.0
        return self._shown(smu, amperes, draw)

    def _shown(self, smu: str, amperes: float, draw: float) -> float:
        """A current as this channel's meter shows it."""
        auto = self._value(smu, "measure.autorangei")
        return self._errors[smu].shown(
            amperes,
            draw,
            nplc=self._value(smu, "measure.nplc"),
            full=None if auto else self._value(smu, "measure.rangei"),
            lowest=self._value(smu, "measure.lowrangei"),
        )

    def _measure_voltage(self, smu: str, _buffer: Any = None) -> float:
        self._world.sleep(self._model.timing.reading_overhead + self._value(smu, "measure.nplc") / self._mains)
        return float(self._value(smu, "source.levelv")) if self._value(smu, "source.output") == 1 else 0.0

    def _measure_resistance(self, smu: str, _buffer: Any = None) -> float:
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
            for smu in together:
                if self._value(smu, "trigger.measure.action") == 1:
                    amperes = point.source_current[self._world.wiring.channels.index(self._channels[smu])]
                    self._buffers[smu].append(self._shown(smu, amperes, 0.0))


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TspError(1103, f"Parameter {split(name)[-1]}: expected a number")
    if not math.isfinite(value):
        raise TspError(1102, f"Parameter {split(name)[-1]} out of range")
    return float(value)
