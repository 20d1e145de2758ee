"""The trigger model of a Keithley 2600B: sweeps of both channels, events, timers, blenders, generators.

Layers and events: Series 2600B Reference Manual, 2600BS-901-01 Rev. F, section on the trigger model. A
channel passes its arm layer, then for each point source, measure and end-pulse actions, each after the
event that it waits for; events that come before are remembered. What happens at one instant happens on
all channels at once, so that two channels that one event starts and one timer ends make one pulse.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from labmtj.twin.firmware.keithley_2600_channel import Channel2600
from labmtj.twin.firmware.keithley_2600_names import (
    BLENDER,
    BLENDERS,
    CHANNEL,
    COMMAND,
    EVENTS,
    GENERATOR,
    GENERATORS,
    STIMULI,
    TIMER,
    TIMERS,
)
from labmtj.twin.firmware.keithley_2600_sweep import MOST, Plan, Running, Sweep, listed, ramp
from labmtj.twin.tsp.tables import TspError, within
from labmtj.twin.world import World

_LAYERS = ("arm", "source", "measure", "endpulse")
_TIMED = tuple((n, f"trigger.timer[{n}].stimulus") for n in range(1, TIMERS + 1))
_BLENDED = tuple(
    (n, tuple(f"trigger.blender[{n}].stimulus[{m}]" for m in range(1, STIMULI + 1))) for n in range(1, BLENDERS + 1)
)
_IDLE = 1000  # chosen: events in a row that move no channel; blenders that feed each other would never end


class TriggerModel:
    """Runs the sweeps of some channels; `channels` by name in the order of their event numbers."""

    def __init__(self, world: World, channels: dict[str, Channel2600]) -> None:
        self._world, self._channels = world, channels
        self._first = {name: CHANNEL * (n + 1) for n, name in enumerate(channels)}
        self._bits = {name: 2 << n for n, name in enumerate(channels)}
        self._plans = {name: Plan() for name in channels}
        self._sweeps: dict[str, Sweep] = {}
        self._timers: dict[int, Running] = {}
        self._events: deque[int] = deque()
        self._blended: dict[int, set[int]] = {}
        self._swept: set[str] = set()  # sweeps that ended, which nobody has asked about
        self._commanded = False

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Functions of the model, by full name."""
        found: dict[str, Callable[..., Any]] = {
            "waitcomplete": self._wait_complete,
            "trigger.clear": self._clear,
            "trigger.wait": self._wait,
        }
        for n in range(1, GENERATORS + 1):
            found[f"trigger.generator[{n}].assert"] = partial(self.fire, GENERATOR + n)
        for n in range(1, TIMERS + 1):
            found[f"trigger.timer[{n}].clear"] = found[f"trigger.timer[{n}].reset"] = partial(self._stop_timer, n)
        for n in range(1, BLENDERS + 1):
            found[f"trigger.blender[{n}].clear"] = found[f"trigger.blender[{n}].reset"] = partial(self._unblend, n)
        for name in self._channels:
            found |= {
                f"{name}.abort": partial(self.abort, name),
                f"{name}.trigger.initiate": partial(self._initiate, name),
            }
            for kind in ("v", "i"):
                found[f"{name}.trigger.source.list{kind}"] = partial(self._list, name, kind)
                found[f"{name}.trigger.source.linear{kind}"] = partial(self._ramp, name, kind, "linear")
                found[f"{name}.trigger.source.log{kind}"] = partial(self._ramp, name, kind, "log")
            for what in ("i", "v", "r", "p", "iv"):
                found[f"{name}.trigger.measure.{what}"] = partial(self._plan_measure, name, what)
            for layer in _LAYERS:
                found[f"{name}.trigger.{layer}.set"] = partial(self._force, name, layer)
        return found

    # -- plans -------------------------------------------------------------------------------------

    def _list(self, name: str, kind: str, given: Any = None, *_: Any) -> None:
        self._take(name, kind, listed(f"list{kind}", given))

    def _ramp(self, name: str, kind: str, how: str, *given: Any) -> None:
        self._take(name, kind, ramp(how, *given))

    def _take(self, name: str, kind: str, wanted: list[float]) -> None:
        if not all(map(math.isfinite, wanted)):  # a ramp between numbers that are far apart
            raise TspError(1102, f"Parameter list{kind} out of range")
        for level in (min(wanted), max(wanted)):
            self._channels[name].check_level(level, volts=kind == "v")
        self._plans[name].levels, self._plans[name].volts = wanted, kind == "v"

    def _plan_measure(self, name: str, what: str, *buffers: Any) -> None:
        plan = self._plans[name]
        plan.what, plan.buffers = what, [self._channels[name].buffer(b) for b in buffers if b is not None]

    def reset(self, name: str) -> None:
        """Forget what a channel should do."""
        self._sweeps.pop(name, None)
        self._plans[name] = Plan()
        self._swept.discard(name)

    def clear(self) -> None:
        """Forget timers and events."""
        self._timers.clear()
        self._events.clear()
        self._blended.clear()

    # -- what scripts call -------------------------------------------------------------------------

    def sweeping(self) -> int:
        """status.operation.sweeping.condition: bits of channels under way.

        A sweep is over when the message that started it is; since it took its time, the first look after it
        still finds it under way, as on an instrument where it runs beside the script.
        """
        found = sum(self._bits[name] for name in self._swept | self._sweeps.keys())
        self._swept.clear()
        return found

    def fire(self, event: int, *_: Any) -> None:
        """Let an event happen, and everything that follows from it."""
        self._events.append(event)
        self._run()

    def command(self) -> None:
        """*TRG."""
        self._commanded = True
        self.fire(COMMAND)

    def abort(self, name: str, *_: Any) -> None:
        """End a channel's sweep; the source goes to its level."""
        if self._sweeps.pop(name, None) is not None:
            self._channels[name].smu.apply()

    def _initiate(self, name: str, *_: Any) -> None:
        channel, plan = self._channels[name], self._plans[name]
        if channel.value("source.output") != 1:
            raise TspError(5042, "The output must be on to run a sweep")
        arms, points = int(channel.value("trigger.arm.count")), int(channel.value("trigger.count"))
        if channel.value("trigger.source.action"):
            if not plan.levels:
                raise TspError(5043, "No sweep is set up: give the source action its levels")
            if plan.volts != channel.smu.set.volts:
                raise TspError(5043, "The sweep that is set up is not one of the source's function")
        if not 1 <= arms * points <= MOST:
            raise TspError(5043, f"This sweep is not simulated: it must have 1 to {MOST} points")
        for buffer in plan.buffers:
            buffer.begin()
        self._swept.discard(name)
        self._sweeps[name] = Sweep(channel, plan, arms, points)
        self._tell(name, "SWEEPING")
        self._run()

    def _force(self, name: str, layer: str, *_: Any) -> None:
        if name in self._sweeps:
            self._sweeps[name].seen.add(layer)
            self._run()

    def _wait_complete(self, *_: Any) -> None:
        self._swept.clear()

    def _clear(self, *_: Any) -> None:
        self._commanded = False

    def _wait(self, seconds: Any = None, *_: Any) -> bool:
        """trigger.wait: whether *TRG came; the time passes if it did not."""
        limit, came = within("timeout", seconds, 0, 1e5), self._commanded
        self._commanded = False
        if not came:
            self._world.sleep(limit)
        return came

    def _stop_timer(self, place: int, *_: Any) -> None:
        self._timers.pop(place, None)

    def _unblend(self, place: int, *_: Any) -> None:
        self._blended.pop(place, None)

    # -- running -----------------------------------------------------------------------------------

    def _value(self, name: str) -> Any:
        return next(iter(self._channels.values())).engine.values[name]

    def _tell(self, name: str, event: str) -> None:
        self._events.append(self._first[name] + EVENTS.index(event))

    def _run(self) -> None:
        try:
            self._go_on()
        except BaseException:  # what is left of the sweeps must not go on with the next event
            self._sweeps.clear()
            self.clear()
            raise

    def _go_on(self) -> None:
        idle = 0
        while idle < _IDLE:
            if self._events:
                self._deliver(self._events.popleft())
                idle += 1
            elif self._step():
                idle = 0
            elif self._sweeps and self._wait_for_timer():
                idle += 1
            else:
                return
        raise TspError(5043, "The triggers set each other off without end")

    def _deliver(self, event: int) -> None:
        for sweep in self._sweeps.values():
            sweep.seen |= {layer for layer in _LAYERS if sweep.channel.value(f"trigger.{layer}.stimulus") == event}
        values = next(iter(self._channels.values())).engine.values
        for n, name in _TIMED:
            if values[name] == event:
                now = self._world.now()
                count = int(self._value(f"trigger.timer[{n}].count")) or MOST
                self._timers[n] = Running(now + float(self._value(f"trigger.timer[{n}].delay")), count, now)
                if self._value(f"trigger.timer[{n}].passthrough"):
                    self._events.append(TIMER + n)
        for n, names in _BLENDED:
            stimuli = {values[name] for name in names} - {0}
            if event not in stimuli:
                continue
            seen = self._blended.setdefault(n, set())
            seen.add(event)
            if self._value(f"trigger.blender[{n}].orenable") or seen == stimuli:
                seen.clear()
                self._events.append(BLENDER + n)

    def _ready(self, layer: str) -> list[str]:
        """Channels that wait in a layer for nothing any more, in a fixed order."""
        found: list[str] = []
        for name, sweep in sorted(self._sweeps.items()):
            stimulus = sweep.channel.value(f"trigger.{layer}.stimulus")
            if sweep.layer == layer and (stimulus == 0 or layer in sweep.seen):
                sweep.seen.discard(layer)
                found.append(name)
        return found

    def _step(self) -> bool:
        """Let every channel that can go on do so; whether one did."""
        armed = self._ready("arm")
        for name in armed:
            self._sweeps[name].layer, self._sweeps[name].point = "source", 0
            self._tell(name, "ARMED")
        if armed:
            return True
        starting = self._ready("source")
        if starting:
            pulsed = self._pulse(starting)
            self._source([name for name in starting if name not in pulsed])
            return True
        measuring = [n for n, s in sorted(self._sweeps.items()) if s.layer == "measure" and not self._measures(n)]
        for name in measuring:
            self._sweeps[name].layer = "endpulse"
        ready = self._ready("measure")
        for name in ready:
            self._measure(name)
        ending = [] if ready else self._ready("endpulse")
        for name in ending:
            self._end_pulse(name)
        return bool(measuring or ready or ending)

    def _wait_for_timer(self) -> bool:
        """Let time pass until the next timer ends; False if none runs."""
        if not self._timers:
            return False
        place = min(self._timers, key=lambda n: (self._timers[n].end, n))
        self._world.sleep(self._timers[place].end - self._world.now())
        self._expire(place)
        return True

    def _expire(self, place: int) -> None:
        running = self._timers[place]
        running.left -= 1
        if running.left:
            running.started, running.end = running.end, running.end + (running.end - running.started)
        else:
            del self._timers[place]
        self._events.append(TIMER + place)

    def _measures(self, name: str) -> bool:
        return self._sweeps[name].channel.value("trigger.measure.action") != 0

    # -- the actions -------------------------------------------------------------------------------

    def _level(self, name: str) -> float:
        sweep = self._sweeps[name]
        return sweep.plan.levels[sweep.point % len(sweep.plan.levels)]

    def _source(self, names: Sequence[str]) -> None:
        """Go to the levels of these channels at once, and let them settle."""
        for name in names:
            channel = self._sweeps[name].channel
            if channel.value("trigger.source.action") == 1:
                self._world.force(channel.smu.channel, channel.level(self._level(name)))
            self._sweeps[name].layer = "measure"
            self._tell(name, "SOURCE_COMPLETE")
        if names:
            slowest = max((self._sweeps[name].channel.smu for name in names), key=lambda smu: smu.set.delay)
            slowest.settle()

    def _measure(self, name: str) -> None:
        sweep, began = self._sweeps[name], self._world.now()
        sweep.channel.keep(sweep.plan.buffers, sweep.channel.take(sweep.plan.what), began)
        sweep.layer = "endpulse"
        self._tell(name, "MEASURE_COMPLETE")

    def _end_pulse(self, name: str) -> None:
        """The end of a point: back to the level if it was a pulse, then the next point or the end."""
        sweep = self._sweeps[name]
        if sweep.channel.value("trigger.endpulse.action") == 0:
            sweep.channel.smu.apply()
        self._tell(name, "PULSE_COMPLETE")
        sweep.point += 1
        sweep.layer = "source"
        if sweep.point < sweep.points:
            return
        sweep.arms -= 1
        self._tell(name, "SWEEP_COMPLETE")
        sweep.layer = "arm"
        if sweep.arms:
            return
        del self._sweeps[name]
        self._swept.add(name)
        self._tell(name, "IDLE")
        if sweep.channel.value("trigger.endsweep.action") == 0:
            sweep.channel.smu.apply()

    # -- pulses that a timer ends ------------------------------------------------------------------

    def _pulse(self, starting: Sequence[str]) -> list[str]:
        """Fire the channels whose pulse a timer of this very instant ends, all of one width at once."""
        widths: dict[str, float] = {}
        for name in starting:
            timer = self._pulse_timer(name)
            if timer is not None:
                widths[name] = self._timers[timer].end - self._timers[timer].started
        ended = {timer for timer in map(self._pulse_timer, widths) if timer is not None}
        for width in sorted(set(widths.values())):  # channels with equal widths are one pulse
            self._fire_pulse([name for name in widths if widths[name] == width], width)
        for timer in sorted(ended):
            self._expire(timer)
        while self._events:  # the timers' own events end nothing any more
            self._deliver(self._events.popleft())
        for name in widths:
            if name in self._sweeps:
                self._sweeps[name].seen.discard("endpulse")
        return list(widths)

    def _pulse_timer(self, name: str) -> int | None:
        """The timer that ends a channel's pulse, if the pulse begins now and nothing in it takes time."""
        channel = self._sweeps[name].channel
        timer = int(channel.value("trigger.endpulse.stimulus")) - TIMER
        if timer not in self._timers or self._timers[timer].started != self._world.now():
            return None
        waits = channel.value("trigger.measure.stimulus")
        sources = {0} | {first + EVENTS.index("SOURCE_COMPLETE") for first in self._first.values()}
        plain = channel.value("trigger.endpulse.action") == 0 and channel.smu.set.volts and not channel.smu.set.delay
        free = not self._measures(name) or (waits in sources and channel.value("measure.delay") <= 0)
        return timer if plain and free else None

    def _fire_pulse(self, names: Sequence[str], width: float) -> None:
        forced = {
            self._sweeps[name].channel.smu.channel: self._sweeps[name].channel.level(self._level(name)).level
            for name in names
            if self._sweeps[name].channel.value("trigger.source.action") == 1
        }
        point, wired = self._world.pulse(forced, width), self._world.wiring.channels
        for name in names:
            sweep = self._sweeps[name]
            place = wired.index(sweep.channel.smu.channel) if sweep.channel.smu.channel in wired else None
            self._tell(name, "SOURCE_COMPLETE")
            if self._measures(name):
                amperes = 0.0 if place is None else float(point.source_current[place])
                volts = (
                    forced.get(sweep.channel.smu.channel, 0.0) if place is None else float(point.source_volts[place])
                )
                found = sweep.channel.shown_pulse(sweep.plan.what, amperes, volts)
                sweep.channel.keep(sweep.plan.buffers, found, self._world.now() - width)
                self._tell(name, "MEASURE_COMPLETE")
            self._end_pulse(name)
