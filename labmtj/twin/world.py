"""The world that simulated instruments share: relays, sources, lines, time.

Instruments call in with what they do (force a voltage, close relays, wait, measure); the world works
out what every line is connected to and lets the array answer. Whatever takes time advances its clock,
and the array ages with it.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from labmtj.twin.clock import HostClock
from labmtj.twin.electrics import GROUND, Connections, Contact, Electrics, Hookup, OperatingPoint
from labmtj.twin.record import TwinLog
from labmtj.twin.sources import Source
from labmtj.twin.wiring import Channel, Wiring

Crosspoint = tuple[str, int]
_KEPT = 512  # sets of relays whose connections are remembered
_HOT = 5e-3  # [V] chosen: a relay that moves with more than this on its source is switched hot
_DRIVES = 5e-3  # [V] chosen: a line floats dangerously while a source drives more than this


@dataclass(frozen=True)
class Output:
    """What a channel does at its terminals now: see `labmtj.twin.sources.Source`; off and open if not connected."""

    level: float = 0.0
    limit: float = 1e-3
    connected: bool = True
    ohms: float = 0.0
    current: bool = False

    @property
    def hot(self) -> bool:
        """Whether a relay that moves with this on its contacts is switched hot."""
        return self.connected and (self.limit if self.current and self.level else abs(self.level)) > _HOT


@dataclass(frozen=True)
class Disturbance:
    """What is wrong with a channel: volts on top of what it forces, amperes on top of what flows, a lower limit."""

    volts: float = 0.0
    amperes: float = 0.0
    limit: float = math.inf


class World:
    """Relays, sources and the array behind them, with one virtual clock and one lock."""

    def __init__(
        self, electrics: Electrics, wiring: Wiring, *, log: TwinLog | None = None, realtime: bool = False
    ) -> None:
        self.electrics, self.wiring, self.log = electrics, wiring, log or TwinLog()
        self.lock = threading.RLock()
        self.closed: frozenset[Crosspoint] = frozenset()
        self.stuck: dict[Crosspoint, bool] = {}  # relays that do not move any more: True is closed
        self.outputs: dict[Channel, Output] = {channel: Output() for channel in wiring.channels}
        self.violations: list[str] = []
        self.interlocked: dict[Channel, bool] = {}  # source-measure channels, and whether they may not be on
        self._disturbed: dict[Channel, Disturbance] = {}
        self._asked: frozenset[Crosspoint] = frozenset()
        self._number = {channel: number for number, channel in enumerate(wiring.channels)}
        self._hookup: Hookup | None = None
        self._idle = True
        self._known: dict[tuple[object, ...], Connections] = {}
        self._extra_ohms = 0.0
        self.host = HostClock(self, realtime=realtime)

    # -- time --------------------------------------------------------------------------------------

    def now(self) -> float:
        """Virtual seconds in the life of this bench."""
        return self.electrics.state.clock

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass for everything on the bench."""
        if seconds > 0:
            with self.lock:
                if self._idle:
                    self.electrics.rest(seconds)
                else:
                    self.electrics.hold(self.hookup(), seconds)

    # -- what instruments do -----------------------------------------------------------------------

    def force(self, channel: Channel, output: Output) -> None:
        """Set what a channel does at its terminals; a channel that no wire leads to may do what it likes."""
        if self.outputs.get(channel) == output:
            return
        if channel not in self.outputs:
            return
        drove = self.outputs[channel].hot
        self.outputs[channel] = output
        self._outputs_changed()
        if output.hot and not drove:
            self._look_for_floating(channel)

    def disturb(self, channel: Channel, disturbance: Disturbance) -> None:
        """Let something be wrong with a channel, instead of what was wrong before; nothing by default."""
        self._disturbed[channel] = disturbance
        self._outputs_changed()

    def _outputs_changed(self) -> None:
        self._hookup = None
        self._idle = all(self._source(channel, output).quiet for channel, output in self.outputs.items())

    def _source(self, channel: Channel, o: Output) -> Source:
        wrong = self._disturbed.get(channel)
        if wrong is None or o.current:
            return Source(o.level, o.limit, o.ohms, o.current)
        return Source(o.level + wrong.volts, min(o.limit, wrong.limit), o.ohms)

    def set_relays(self, closed: Iterable[Crosspoint]) -> None:
        """Move relays to this set of closed crosspoints; hot switching and joined sources are noted."""
        self._asked = frozenset(closed)
        after = frozenset(c for c in self._asked | self.stuck.keys() if self.stuck.get(c, c in self._asked))
        moved = after ^ self.closed
        if not moved:
            return
        for row, col in sorted(moved):
            on = sorted(c for c in self._channels_on(col, after | self.closed) if self.outputs[c].hot)
            if on:
                self.violate(f"relay {row}{col} moved with {on} on")
            self.electrics.state.cycles[ord(row) - ord("A"), col - 1] += 1
        for col in sorted({col for _, col in moved}):
            joined = sorted(self._channels_on(col, after))
            if len(joined) > 1:
                self.violate(f"column {col} joins {joined}")
        for verb, group in (("close", after - self.closed), ("open", self.closed - after)):
            if group:
                self.log.write("relays", self.now(), **{verb: [f"{r}{c}" for r, c in sorted(group)]})
        self.closed = after
        self._hookup = None

    @property
    def asked(self) -> frozenset[Crosspoint]:
        """The crosspoints that the matrix believes to be closed, whatever its relays do."""
        return self._asked

    @property
    def extra_ohms(self) -> float:
        """Resistance [ohm] that the matrix has in series with every closed crosspoint; infinite: no path at all."""
        return self._extra_ohms

    @extra_ohms.setter
    def extra_ohms(self, ohms: float) -> None:
        self._extra_ohms, self._hookup = ohms, None

    def stick(self, crosspoint: Crosspoint, closed: bool | None) -> None:
        """Let a relay stick, closed or open, or (None) move again; it takes effect at once."""
        if closed is None:
            self.stuck.pop(crosspoint, None)
        else:
            self.stuck[crosspoint] = closed
        self.set_relays(self._asked)

    def violate(self, what: str) -> None:
        """Note that something was done that hurts contacts or junctions."""
        self.violations.append(f"t={self.now():.6f} s: {what}")
        self.log.write("violation", self.now(), what=what)

    def pulse(self, levels: Mapping[Channel, float], seconds: float) -> OperatingPoint:
        """Put these channels at these volts for `seconds`, all at once, then back; one draw a cell."""
        wired = {channel: volts for channel, volts in levels.items() if channel in self.outputs}
        base = self.outputs
        for channel in wired:
            self._look_for_floating(channel)
        during = {c: replace(o, level=wired[c], current=False) if c in wired else o for c, o in base.items()}
        point = self.electrics.pulse(self._connect(during), seconds)
        volts = {f"{name}.{which}": wired[name, which] for name, which in wired}
        self.log.write("pulse", self.now(), volts=volts, seconds=seconds, ordinal=self.electrics.state.pulses - 1)
        self.electrics.commit()
        return point

    def measure(self, channel: Channel, aperture: float, *, before: float = 0.0) -> tuple[float, float]:
        """Current [A] out of a channel averaged over `aperture` [s], and a draw for the meter's own noise.

        `before` [s] passes first: what else a reading takes.
        """
        self.sleep(before + aperture)
        if channel not in self._number:
            return 0.0, 0.0  # nothing is plugged in
        amperes, draw = self.electrics.measure(self.hookup(), self._number[channel], aperture)
        wrong = self._disturbed.get(channel)
        return (amperes if wrong is None else amperes + wrong.amperes), draw

    def limited(self, channel: Channel) -> bool:
        """Whether a channel's limit holds it now."""
        return channel in self._number and self._point().limited[self._number[channel]]

    def terminal(self, channel: Channel) -> float:
        """Volts at a channel's terminals now, behind its own resistance."""
        if channel not in self._number:
            return 0.0
        number, point = self._number[channel], self._point()
        inside = self.hookup().connections.folded.get(number, 0.0) * point.source_current[number]
        return point.source_volts[number] - inside

    # -- who is connected to whom ------------------------------------------------------------------

    def _point(self) -> OperatingPoint:
        return self.electrics.operating_point(self.hookup())

    def hookup(self) -> Hookup:
        """The connections as they stand now."""
        if self._hookup is None:
            self._hookup = self._connect(self.outputs)
        return self._hookup

    def _connect(self, outputs: Mapping[Channel, Output]) -> Hookup:
        wiring = self.wiring
        off = tuple(c for c in wiring.channels if not outputs[c].connected)
        ohms = tuple(outputs[c].ohms for c in wiring.channels)
        key = (self.closed, off, self._extra_ohms, ohms)
        connections = self._known.get(key)
        if connections is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            connections = self._known[key] = self._connections(off, ohms)
        sources = tuple(self._source(channel, outputs[channel]) for channel in wiring.channels)
        if connections.folded:
            sources = tuple(replace(s, ohms=0.0) if n in connections.folded else s for n, s in enumerate(sources))
        return Hookup(connections, sources)

    def _connections(self, off: tuple[Channel, ...], ohms: tuple[float, ...]) -> Connections:
        """The contacts of every line; the resistance of a source with one contact only is a part of that contact."""
        wiring = self.wiring
        lines: list[list[Contact]] = [[] for _ in range(wiring.rows + wiring.cols)]
        for line, channel in wiring.direct.items():
            if channel not in off:
                lines[line].append(wiring.wire(line, self._number[channel]))
        for row, col in sorted(self.closed):
            line, source = wiring.line(col), wiring.source(row)
            if line is not None and source is not None and (source == GROUND or wiring.channels[source] not in off):
                contact = wiring.contact(row, col, source)
                lines[line].append(replace(contact, ohms=contact.ohms + self._extra_ohms))
        counts = Counter(contact.source for contacts in lines for contact in contacts)
        folded = {n: value for n, value in enumerate(ohms) if value and counts[n] == 1}
        for contacts in lines:
            contacts[:] = [replace(c, ohms=c.ohms + folded.get(c.source, 0.0)) for c in contacts]
        return Connections(tuple(map(tuple, lines)), len(wiring.channels), folded)

    def _channels_on(self, col: int, closed: Iterable[Crosspoint]) -> set[Channel]:
        """The channels that a matrix column hangs on with these crosspoints closed."""
        found = (self.wiring.role(row) for row, column in closed if column == col)
        return {channel for channel in found if channel is not None}

    def _look_for_floating(self, channel: Channel) -> None:
        """Note lines that float while this channel drives others: its charge and sneak paths set their volts."""
        connections = self.hookup().connections
        if not connections.siemens[:, self._number[channel]].any():
            return
        floating = [self.wiring.name(n) for n, total in enumerate(connections.total.tolist()) if total == 0]
        if floating:
            shown = ", ".join(floating[:4]) + (f" and {len(floating) - 4} more" if len(floating) > 4 else "")
            self.violate(
                f"{channel[0]}.{channel[1]} drives the array while {shown} float{'' if len(floating) > 1 else 's'}"
            )
