"""What makes a B2900 measure and pulse: MEASure, READ, INITiate with its arm and trigger counts, and the data.

An initiated channel does `arm count x trigger count` steps. At each step its source takes the next level (of its
list or sweep, or the triggered level) or makes a pulse to it from the immediate level, and it measures. Pulses of
both channels with the same delay and width are one pulse on the array; a measurement that is due before the
pulse ends is made in it. Trigger sources: AINT, TIM, BUS; with BUS each *TRG makes one step, with the arm source
BUS one *TRG makes all. Others (EXT, INT, LXI) are never seen: nothing is wired there.

Reference: Keysight B2961A/B2962A SCPI Command Reference, Edition 6 ([R]): FETCh 4-15 to 4-17, READ 4-82 to 4-84.
Pulses of a current source are left out: they are an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labmtj.twin.firmware.generator import Segment, play
from labmtj.twin.firmware.keysight_b2900_data import ELEMENTS, NAN, Data, Reading, metered
from labmtj.twin.meter import OVERFLOW
from labmtj.twin.scpi.engine import Call, ScpiError
from labmtj.twin.scpi.syntax import forms
from labmtj.twin.wiring import Channel

if TYPE_CHECKING:
    from labmtj.twin.firmware.keysight_b2900 import KeysightB2900

_KINDS = ("TRANSIENT", "ACQUIRE")
_NEEDS = {"CURRENT": ("CURR",), "VOLTAGE": ("VOLT",), "RESISTANCE": ("VOLT", "CURR", "RES")}
_MOST = 100_000  # B2900A data sheet: triggers and points of data
_SOURCES = ("AINT", "BUS", "TIMer", "INT1", "INT2", "LAN", "EXT1", "EXT2", "EXT3", "EXT4")


@dataclass
class Stage:
    """Count, source, timer [s] and delay [s] of an arm or a trigger."""

    count: int = 1
    source: str = "AINT"
    timer: float = 20e-6
    delay: float = 0.0


@dataclass
class Waiting:
    """Initiated channels that wait for the bus: the next step, and whether one trigger does all that are left."""

    channels: list[int]
    step: int
    all_at_once: bool


class Triggers:
    """The trigger system and the data of both channels."""

    def __init__(self, firmware: KeysightB2900) -> None:
        self._f, self._world = firmware, next(iter(firmware.smus.values())).world
        self._stages: dict[tuple[str, int, str], Stage] = {}
        self._data = Data(firmware.engine, firmware.kept)
        self._waiting: Waiting | None = None
        self._begun = 0.0
        self._add_measuring()
        self._add_stages()

    def reset(self) -> None:
        """*RST: one immediate step, no data, all elements as text."""
        layers = ("ARM", "TRIGGER")
        self._stages = {(layer, n, kind): Stage() for layer in layers for n in self._f.smus for kind in _KINDS}
        self._data.reset(self._f.smus)
        self._waiting = None
        self._begun = self._world.now()

    def abort(self, channels: Sequence[int]) -> None:
        """Drop what waits for a trigger on these channels."""
        if self._waiting is not None:
            left = [n for n in self._waiting.channels if n not in channels]
            self._waiting = Waiting(left, self._waiting.step, self._waiting.all_at_once) if left else None

    def bus(self) -> None:
        """*TRG. Raises ScpiError -211 if no channel waits for it."""
        waiting = self._waiting
        if waiting is None:
            raise ScpiError(-211)
        steps = self._steps(waiting.channels)
        last = steps if waiting.all_at_once else waiting.step + 1
        for step in range(waiting.step, last):
            self._step(waiting.channels, step)
        self._waiting = None if last >= steps else Waiting(waiting.channels, last, waiting.all_at_once)
        if self._waiting is None:
            self._finish(waiting.channels)

    # -- running -----------------------------------------------------------------------------------

    def _start(self, channels: list[int]) -> None:
        """INITiate: outputs that turn on by themselves do, old data is gone, steps that need no bus are made."""
        if self._waiting is not None:
            raise ScpiError(-213)
        if self._steps(channels) > _MOST:
            raise ScpiError(-221)
        for n in channels:
            if self._f.kept.text("shape", n) == "PULS" and self._f.kept.text("mode", n) == "CURR":
                raise ScpiError(-200, "Execution error; pulses of a current source are not simulated")
        for n in channels:
            self._data.readings[n] = []
            if self._f.kept.flag("on_auto", n):
                self._f.switch(n, on=True)
        armed = {self._stages["ARM", n, kind].source for n in channels for kind in _KINDS}
        fired = {self._stages["TRIGGER", n, kind].source for n in channels for kind in _KINDS}
        if armed | fired <= {"AINT", "TIM"}:
            for step in range(self._steps(channels)):
                self._step(channels, step)
            self._finish(channels)
        elif armed | fired <= {"AINT", "TIM", "BUS"}:
            self._waiting = Waiting(channels, 0, "BUS" not in fired)

    def _finish(self, channels: Sequence[int]) -> None:
        for n in channels:
            if self._f.kept.flag("off_auto", n):
                self._f.switch(n, on=False)

    def _count(self, n: int, kind: str) -> int:
        return self._stages["ARM", n, kind].count * self._stages["TRIGGER", n, kind].count

    def _steps(self, channels: Sequence[int]) -> int:
        return max(self._count(n, kind) for n in channels for kind in _KINDS)

    def _step(self, channels: Sequence[int], step: int) -> None:
        """One trigger of all channels: levels change or pulses are made together, then each measures."""
        world, f = self._world, self._f
        stages = [self._stages["TRIGGER", n, kind] for n in channels for kind in _KINDS]
        timers = [stage.timer for stage in stages if stage.source == "TIM"]
        begun = world.now()
        world.sleep(max(stage.delay for stage in stages[::2]))
        moving = [n for n in channels if step < self._count(n, "TRANSIENT")]
        pulsed = [n for n in moving if f.kept.text("shape", n) == "PULS" and f.smus[n].set.output]
        for n in moving:
            if n not in pulsed and self._sweeps(n):
                self._go(n, self._target(n, step))
        within = self._pulse(pulsed, step)
        for n in channels:
            if step < self._count(n, "ACQUIRE"):
                self._data.readings[n].append(within[n] if n in within else self._measure(n))
        if timers:
            world.sleep(begun + max(timers) - world.now())

    def _go(self, n: int, level: float) -> None:
        f = self._f
        volts = f.kept.text("mode", n) == "VOLT"
        f.check_level(n, level, volts=volts)
        if volts:
            f.smus[n].set.level_v = level
        else:
            f.smus[n].set.level_i = level
        f.apply(n)
        f.smus[n].settle()
        self._world.sleep(self._stages["TRIGGER", n, "ACQUIRE"].delay)

    def _sweeps(self, n: int) -> bool:
        """Whether a trigger changes the level: the immediate one is also the triggered one until that is set."""
        what = self._what(n)
        level = self._f.smus[n].set.level_v if what == "VOLTAGE" else self._f.smus[n].set.level_i
        kept = self._f.kept
        return kept.text(f"sweep_{what}", n) != "FIX" or kept.real(f"trig_{what}", n) != level

    def _what(self, n: int) -> str:
        return "VOLTAGE" if self._f.kept.text("mode", n) == "VOLT" else "CURRENT"

    def _target(self, n: int, step: int) -> float:
        """The level of a step; lists and sweeps begin again at their end."""
        kept, what = self._f.kept, self._what(n)
        mode = kept.text(f"sweep_{what}", n)
        if mode == "FIX":
            return kept.real(f"trig_{what}", n)
        if mode == "LIST":
            points = self._f.lists[n, what]
            return points[step % len(points)]
        return self._swept(n, what, step)

    def _swept(self, n: int, what: str, step: int) -> float:
        kept = self._f.kept
        start, stop = kept.real(f"start_{what}", n), kept.real(f"stop_{what}", n)
        points = round(max(kept.real(f"points_{what}", n), kept.real("points", n)))
        if kept.text("direction", n) == "DOWN":
            start, stop = stop, start
        place = step % (2 * points if kept.text("stairs", n) == "DOUB" else points)
        place = min(place, 2 * points - 1 - place)
        share = place / (points - 1) if points > 1 else 0.0
        if kept.text("spacing", n) == "LOG":
            if start * stop <= 0:
                raise ScpiError(-221)
            return math.copysign(math.exp((1 - share) * math.log(abs(start)) + share * math.log(abs(stop))), start)
        return start + share * (stop - start)

    # -- pulses and measurements -------------------------------------------------------------------

    def _pulse(self, channels: Sequence[int], step: int) -> dict[int, Reading]:
        """Pulse these channels together; the readings of those that measure before their pulse ends."""
        f, rest, peaks = self._f, dict[Channel, float](), dict[int, float]()
        tracks: dict[Channel, list[Segment]] = {}
        if not channels:
            return {}
        for n in channels:
            smu, peak = f.smus[n], self._target(n, step)
            f.check_level(n, peak, volts=True)
            delay, width = f.kept.real("pulse_delay", n), f.kept.real("width", n)
            rest[smu.channel] = smu.output().level
            peaks[n] = smu.output(peak).level
            tracks[smu.channel] = [(rest[smu.channel], delay)] * (delay > 0) + [(peaks[n], width)]
        begun = self._world.now()
        played = play(self._world, tracks, rest)
        readings: dict[int, Reading] = {}
        for n in channels:
            smu = f.smus[n]
            ends = f.kept.real("pulse_delay", n) + f.kept.real("width", n)
            if self._stages["TRIGGER", n, "ACQUIRE"].delay >= ends or smu.channel not in self._world.outputs:
                continue
            found = [point for levels, point in played if levels[smu.channel] == peaks[n] != rest[smu.channel]]
            if found:
                place = self._world.wiring.channels.index(smu.channel)
                amperes = smu.shown(float(found[-1].source_current[place]), 0.0)
                volts, limited = float(found[-1].source_volts[place]), bool(found[-1].limited[place])
                readings[n] = self._reading(n, volts, amperes, limited, begun, self._target(n, step))
                if limited and f.kept.flag("protection", n):
                    f.switch(n, on=False)
        return readings

    def _measure(self, n: int) -> Reading:
        """Measure what is on; a real one measures volts and amperes at the same time."""
        smu = self._f.smus[n]
        volts, amperes, limited = smu.measure(amperes=self._f.sensed[n] != {"VOLT"})
        level = smu.set.level_v if smu.set.volts else smu.set.level_i
        reading = self._reading(n, volts, amperes, limited, self._world.now(), level)
        self._f.protect(n)
        return reading

    def _reading(self, n: int, volts: float, amperes: float, limited: bool, time: float, source: float) -> Reading:
        sensed, over = self._f.sensed[n], abs(volts) >= OVERFLOW or abs(amperes) >= OVERFLOW
        shown_v = metered(volts) if sensed & {"VOLT", "RES"} else NAN
        shown_i = metered(amperes) if sensed & {"CURR", "RES"} else NAN
        # [R] table 1-2: bit 0 current source, bits 1 and 2 compliance, bit 13 beyond the measuring range.
        status = (not self._f.smus[n].set.volts) | limited << 1 | over << 13
        return Reading(shown_v, shown_i, time - self._begun, status, source)

    # -- commands ----------------------------------------------------------------------------------

    def _add_measuring(self) -> None:
        add = self._f.engine.add
        one = "|".join(ELEMENTS)
        add(":MEASure", get=self._spot)
        add(":MEASure:VOLTage|CURRent|RESistance[:DC]", get=lambda call: self._spot(call, call.choice()))
        for word, starts in (("READ", True), ("FETCh", False)):
            for whole, pattern in ((False, "[:SCALar]"), (True, ":ARRay")):
                add(f":{word}{pattern}", get=self._fetcher(starts=starts, whole=whole))
                add(f":{word}{pattern}:{one}", get=self._fetcher(starts=starts, whole=whole, one=True))
        add(":SENSe#:DATA", get=self._sensed, most=2)
        add(":SENSe#:DATA:LATest", get=lambda call: self._data.shown([self._f.channel(call)], whole=False), most=0)
        add(":SENSe#:DATA:CLEar", set=self._forget, most=0)
        for kinds in ("[:IMMediate][:ALL]", ":ACQuire", ":TRANsient", "[:IMMediate]:ACQuire", "[:IMMediate]:TRANsient"):
            add(f":INITiate{kinds}", set=lambda call: self._start(self._listed(call)), replace=True)
        add(":ABORt[:ALL|ACQuire|TRANsient]", set=lambda call: self.abort(self._listed(call, everything=True)))

    def _listed(self, call: Call, position: int = 0, *, everything: bool = False) -> list[int]:
        """Channels of a list, in order; without one the first ([R] 4-83), or all."""
        default = list(self._f.smus) if everything else [1]
        return sorted(set(call.channel_numbers(position, bounds=(1, len(self._f.smus)), default=default)))

    def _spot(self, call: Call, element: str = "") -> str:
        """MEASure: one measurement now, which is also the data; the output stays as it is."""
        channels = self._listed(call)
        for n in channels:
            self._f.sensed[n].update(_NEEDS.get(element, ()))
            self._data.readings[n] = [self._measure(n)]
        return self._data.shown(channels, whole=False, element=element)

    def _fetcher(self, *, starts: bool, whole: bool, one: bool = False) -> Callable[[Call], str]:
        def answer(call: Call) -> str:
            channels = self._listed(call)
            if starts:
                self._start(channels)
            return self._data.shown(channels, whole=whole, element=call.choice() if one else "")

        return answer

    def _sensed(self, call: Call) -> str:
        """SENSe:DATA? [offset[, size]]."""
        n = self._f.channel(call)
        data = self._data.readings[n]
        words = {"STARt": 0, "CURRent": max(0, len(data) - 1)}
        offset = call.integer(0, bounds=(0, _MOST), default=0, words=words)
        size = call.integer(1, bounds=(1, _MOST), default=_MOST)
        return self._data.written(data[offset : offset + size])

    def _forget(self, call: Call) -> None:
        self._data.readings[self._f.channel(call)] = []

    def _add_stages(self) -> None:
        """ARM and TRIGger: count, source, timer and delay, of the source, of the meter, or of both."""
        for layer in ("ARM", "TRIGger"):
            head = f":{layer}#[:ALL|ACQuire|TRANsient]"
            self._add_field(layer, "count", f"{head}:COUNt", _take_count)
            self._add_field(layer, "source", f"{head}:SOURce[:SIGNal]", _take_source)
            self._add_field(layer, "timer", f"{head}:TIMer", _take_timer)
            self._add_field(layer, "delay", f"{head}:DELay", _take_delay)

    def _add_field(self, layer: str, field: str, pattern: str, take: Callable[[Call], float | str]) -> None:
        layer = layer.upper()

        def choose(call: Call) -> None:
            value = take(call)
            for kind in (call.choice(),) if call.choice() in _KINDS else _KINDS:
                setattr(self._stages[layer, self._f.channel(call), kind], field, value)

        def answer(call: Call) -> str:
            kind = call.choice() if call.choice() in _KINDS else "ACQUIRE"
            value = getattr(self._stages[layer, self._f.channel(call), kind], field)
            if isinstance(value, str):
                return value
            return str(value) if isinstance(value, int) else f"{value:+.8E}"

        self._f.engine.add(pattern, set=choose, get=answer)


def _take_count(call: Call) -> int:
    return call.integer(0, bounds=(1, _MOST))


def _take_source(call: Call) -> str:
    return forms(next(name for name in _SOURCES if name.upper() == call.word(0, _SOURCES)))[0]


def _take_timer(call: Call) -> float:
    return call.number(0, unit="S", bounds=(10e-6, 1e5))


def _take_delay(call: Call) -> float:
    return call.number(0, unit="S", bounds=(0.0, 1e5))
