"""Faults of a simulated bench: they begin, spoil what they are made for, and end.

    bench.faults.add("late", on="smu", delay="3 s")
    bench.faults.load(Path("bad-day.yaml"))
    bench.faults.clear()

What is drawn is addressed by the seed, the fault's number and the message's: the same messages meet the same faults.
Nothing stands between instruments and links before the first fault is put in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from labmtj.errors import InputError
from labmtj.physics.chance import Purpose, uniform
from labmtj.twin.faults.active import Active
from labmtj.twin.faults.file import Fault, load_faults, one_fault
from labmtj.twin.faults.wrapped import DRAWS, FaultyFirmware
from labmtj.twin.instrument import Firmware, Instrument
from labmtj.twin.scpi.engine import ScpiEngine
from labmtj.twin.smu import BLOCKED
from labmtj.twin.state import MATRIX_COLS, MATRIX_ROWS
from labmtj.twin.tsp.engine import TspEngine
from labmtj.twin.wiring import Channel
from labmtj.twin.world import Disturbance, World


class Faults:
    """The faults of one bench; `instruments` by their names there, `power_on` makes a firmware as if switched on."""

    def __init__(
        self,
        world: World,
        instruments: Mapping[str, Instrument],
        *,
        power_on: Callable[[str], Firmware] | None = None,
        seed: int = 0,
    ) -> None:
        self.world, self.instruments, self.seed = world, instruments, seed
        self._power_on = power_on
        self.switched_on: list[Callable[[str], None]] = []  # told the name of an instrument that was off and on
        self._active: list[Active] = []
        self._count = 0

    # -- for users ---------------------------------------------------------------------------------

    def add(self, kind: str, **fields: Any) -> int:
        """Put a fault in, its fields written as in a file; its number. Raises InputError."""
        return self.put(one_fault({"kind": kind, **fields}, instruments=self.instruments))

    def load(self, path: Path) -> list[int]:
        """Put in all faults of a file, and take its seed. Raises InputError with everything that is wrong."""
        file = load_faults(path, instruments=self.instruments)
        self.seed = file.seed
        return [self.put(fault) for fault in file.faults]

    def put(self, fault: Fault) -> int:
        """Put a fault in. Raises InputError for one that this bench cannot have."""
        with self.world.lock:
            self._check(fault)
            self._count += 1
            active = Active(self._count, fault, self.world.now())
            self._active.append(active)
            for name, instrument in self.instruments.items():
                if instrument.tamper is None:
                    faulty = FaultyFirmware(self, name, instrument)
                    instrument.firmware, instrument.tamper = faulty, faulty.deliver
            return active.number

    def clear(self, number: int | None = None) -> None:
        """Take a fault away, or all; what they did to the world ends. Raises InputError for one that is not there."""
        with self.world.lock:
            chosen = [active for active in self._active if number in (None, active.number)]
            if number is not None and not chosen:
                raise InputError(f"there is no fault {number}; these are: {[a.number for a in self._active]}")
            for active in chosen:
                self._end(active)

    def listed(self) -> list[dict[str, Any]]:
        """What there is: number, kind, instrument, messages seen, replies spoilt, whether it has begun."""
        with self.world.lock:
            return [
                {
                    "number": active.number,
                    "kind": active.fault.kind,
                    "on": active.fault.on,
                    "messages": active.messages,
                    "hits": active.hits,
                    "begun": active.begun is not None,
                }
                for active in self._active
            ]

    # -- for firmwares -----------------------------------------------------------------------------

    def meet(self, name: str) -> list[Active]:
        """The faults that a message to this instrument meets; they begin and end here."""
        now, met = self.world.now(), list[Active]()
        for active in list(self._active):
            here = active.concerns(name)
            active.messages += here
            if active.begun is not None and now >= active.ends:
                self._end(active)
            elif active.lasts and active.begun is not None:
                if here:
                    met.append(active)
            elif self._due(active, now, here=here):
                if active.lasts:
                    self._begin(active, name)
                if here:
                    met.append(active)
        return met

    def draw(self, active: Active, place: int) -> float:
        """The place-th number in (0, 1) that this fault draws for this message."""
        return uniform(self.seed, int(Purpose.FAULT), active.number, active.messages * DRAWS + place)

    def hit(self, active: Active, name: str) -> None:
        """Note that a fault has done something to an instrument; the last time ends it."""
        active.hits += 1
        now = self.world.now()
        if active.begun is None:
            active.begun = now
        self.world.log.write("fault", now, number=active.number, fault=active.fault.kind, instrument=name)
        if 0 < active.times <= active.hits:
            self._end(active)

    def keeps_session(self, name: str) -> bool:
        """Whether this instrument does not notice that a client of its raw socket has gone."""
        with self.world.lock:
            for active in list(self._active):
                fault = active.fault
                ready = self.world.now() >= active.since + fault.at and active.messages >= fault.after
                mine = fault.kind == "dead_socket" and active.concerns(name)
                if mine and ready and self.draw(active, 0) < fault.probability:
                    self.hit(active, name)
                    return True
        return False

    def cleared(self, name: str) -> None:
        """A device clear ends the hangs that wait for one."""
        for active in list(self._active):
            fault = active.fault
            if active.begun is not None and active.concerns(name) and fault.kind == "hang" and fault.until == "cleared":
                self._end(active)

    # -- beginning and end -------------------------------------------------------------------------

    def _check(self, fault: Fault) -> None:
        if fault.kind in ("offset", "compliance") and (fault.on, fault.channel) not in self.world.outputs:
            known = sorted(channel for name, channel in self.world.outputs if name == fault.on)
            raise InputError(f"nothing is wired to channel {fault.channel} of {fault.on}; channels: {known}")
        if fault.kind == "interlock" and not self._lockable(fault.on):
            raise InputError(f"{fault.on} has no output that an interlock switches off")
        if fault.kind == "power_cycle" and self._power_on is None:
            raise InputError("the instruments of this bench have no power switch")

    def _lockable(self, on: str) -> tuple[Channel, ...]:
        return tuple(channel for channel in self.world.interlocked if on in ("*", channel[0]))

    def _due(self, active: Active, now: float, *, here: bool) -> bool:
        fault = active.fault
        if now < active.since + fault.at:
            return False
        if not here:  # time alone makes some begin
            return active.lasts and fault.after == 0 and fault.probability == 1.0
        return active.messages > fault.after and self.draw(active, 0) < fault.probability

    def _begin(self, active: Active, name: str) -> None:
        fault, world = active.fault, self.world
        self.hit(active, name)
        match fault.kind:
            case "stuck" if fault.relay is not None:
                world.stick(fault.relay, fault.closed)
                active.stuck = (fault.relay,)
            case "lie" if fault.of == "relays":
                every = ((chr(ord("A") + row), col + 1) for row in range(MATRIX_ROWS) for col in range(MATRIX_COLS))
                active.stuck = tuple(relay for relay in every if relay not in world.stuck)
                world.stuck.update({relay: relay in world.closed for relay in active.stuck})
            case "interlock":
                active.blocked = self._lockable(fault.on)
                world.interlocked.update(dict.fromkeys(active.blocked, True))
                for blocked in {channel[0] for channel in active.blocked}:
                    names = [channel for instrument, channel in active.blocked if instrument == blocked]
                    _switch_off(self.instruments[blocked].firmware, names)
            case "offset" | "compliance":
                self._disturb((fault.on, fault.channel))
            case "power_cycle":
                for each in [each for each in self.instruments if active.concerns(each)]:
                    self._cycle(each)
            case _:
                pass  # what it does, it does to messages

    def _end(self, active: Active) -> None:
        if active.over:
            return
        active.over = True
        self._active.remove(active)
        for relay in active.stuck:
            self.world.stuck.pop(relay, None)
        if active.stuck:
            self.world.set_relays(self.world.asked)
        for channel in active.blocked:
            self.world.interlocked[channel] = any(channel in other.blocked for other in self._active)
        if active.fault.kind in ("offset", "compliance"):
            self._disturb((active.fault.on, active.fault.channel))

    def _disturb(self, channel: Channel) -> None:
        """What all faults together do to a channel."""
        found = [a.fault for a in self._active if a.begun is not None and (a.fault.on, a.fault.channel) == channel]
        wrong = [fault for fault in found if fault.kind in ("offset", "compliance")]
        self.world.disturb(
            channel,
            Disturbance(
                volts=sum(fault.volts or 0.0 for fault in wrong),
                amperes=sum(fault.amperes or 0.0 for fault in wrong),
                limit=min((fault.limit or math.inf for fault in wrong), default=math.inf),
            ),
        )

    def _cycle(self, name: str) -> None:
        """Off and on again: settings of power-on, the power-on bit, outputs off, relays open, nothing to be read."""
        instrument = self.instruments[name]
        faulty = instrument.firmware
        assert self._power_on is not None
        assert isinstance(faulty, FaultyFirmware)
        fresh = self._power_on(name)
        fresh.execute("*RST")  # puts into force on the lines what the new firmware believes
        instrument.restart(fresh)
        faulty.inner = fresh
        instrument.firmware = faulty
        for tell in self.switched_on:
            tell(name)


def _switch_off(firmware: Firmware, channels: list[str]) -> None:
    """Switch outputs off as a hand at the front panel would, and say why in the instrument's error queue."""
    inner = firmware.inner if isinstance(firmware, FaultyFirmware) else firmware
    engine = getattr(inner, "engine", None)
    if isinstance(engine, TspEngine):
        inner.execute(" ".join(f"smu{channel}.source.output = 0" for channel in channels))
        engine.queue(*BLOCKED)
    elif isinstance(engine, ScpiEngine):
        numbers = channels if len(channels) > 1 else [""]
        inner.execute(";".join(f":OUTP{number} OFF" for number in numbers))
        engine.error(*BLOCKED)
