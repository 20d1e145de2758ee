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
from typing import TYPE_CHECKING

from labmtj.gate_register import Gates
from labmtj.twin.chip_electrics import ChipElectrics
from labmtj.twin.chip_register import GateCard
from labmtj.twin.clock import HostClock
from labmtj.twin.coil import Coil
from labmtj.twin.electrics import Electrics
from labmtj.twin.hookup import GROUND, Connections, Contact, Hookup
from labmtj.twin.operating_point import OperatingPoint
from labmtj.twin.record import KEPT, TwinLog
from labmtj.twin.sources import Source
from labmtj.twin.wiring import Channel, Wiring

if TYPE_CHECKING:
    from labmtj.twin.neuron_electrics import NeuronElectrics

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
        self,
        electrics: Electrics | ChipElectrics | NeuronElectrics,
        wiring: Wiring,
        *,
        log: TwinLog | None = None,
        realtime: bool = False,
        card: GateCard | None = None,
    ) -> None:
        self.electrics, self.wiring, self.log, self.card = electrics, wiring, log or TwinLog(), card
        self.lock = threading.RLock()
        self.closed: frozenset[Crosspoint] = frozenset()
        self.stuck: dict[Crosspoint, bool] = {}  # relays that do not move any more: True is closed
        self.outputs: dict[Channel, Output] = {channel: Output() for channel in wiring.channels}
        self.violations: list[str] = []
        self.coils: dict[str, Coil] = {}  # what hangs on supplies of magnets, by the instrument's name
        self.interlocked: dict[Channel, bool] = {}  # source-measure channels, and whether they may not be on
        self._disturbed: dict[Channel, Disturbance] = {}
        self._asked: frozenset[Crosspoint] = frozenset()
        self._number = {channel: number for number, channel in enumerate(wiring.channels)}
        self._hookup: Hookup | None = None
        self._sources = {channel: self._source(channel, output) for channel, output in self.outputs.items()}
        self._idle = True
        self._known: dict[tuple[object, ...], Connections] = {}
        self._extra_ohms = 0.0
        self.host = HostClock(self, realtime=realtime)
        self.effort = electrics.effort

    # -- time --------------------------------------------------------------------------------------

    def now(self) -> float:
        """Virtual seconds in the life of this bench."""
        return self.electrics.state.clock

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass for everything on the bench; with the lock held."""
        if seconds > 0:
            if self._idle:
                self.electrics.rest(seconds)
            else:
                self.electrics.hold(self._hookup or self.hookup(), seconds)

    # -- what instruments do -----------------------------------------------------------------------

    def force(self, channel: Channel, output: Output) -> None:
        """Set what a channel does at its terminals; a channel that no wire leads to may do what it likes."""
        if self.outputs.get(channel) == output:
            return
        if channel not in self.outputs:
            return
        self.effort.spend(2)
        drove, level = self.outputs[channel].hot, self._volts(channel)
        self.outputs[channel] = output
        self._output_changed(channel)
        if self.log.kept and self._volts(channel) != level:
            self.log.write("output", self.now(), channel=f"{channel[0]}.{channel[1]}", volts=self._volts(channel))
        if output.hot and not drove:
            self._look_for_floating(channel)

    def _volts(self, channel: Channel) -> float:
        """What a channel forces at its terminals (amperes, for one that forces a current); 0 where it is off."""
        output = self.outputs[channel]
        return output.level if output.connected else 0.0

    def take(self, electrics: Electrics | ChipElectrics | NeuronElectrics) -> None:
        """Have something else on the lines from now on (labmtj.twin.hands), at the clock that it brings."""
        self.electrics, self.effort, self._hookup = electrics, electrics.effort, None

    def disturb(self, channel: Channel, disturbance: Disturbance) -> None:
        """Let something be wrong with a channel, instead of what was wrong before; nothing by default."""
        self._disturbed[channel] = disturbance
        if channel in self.outputs:
            self._output_changed(channel)

    def _output_changed(self, channel: Channel) -> None:
        self._hookup = None
        self._sources[channel] = self._source(channel, self.outputs[channel])
        self._idle = all(source.quiet for source in self._sources.values())

    def _source(self, channel: Channel, o: Output) -> Source:
        wrong = self._disturbed.get(channel)
        if wrong is None or o.current:
            return Source(o.level, o.limit, o.ohms, o.current)
        return Source(o.level + wrong.volts, min(o.limit, wrong.limit), o.ohms)

    def set_relays(self, closed: Iterable[Crosspoint]) -> None:
        """Move relays to this set of closed crosspoints; hot switching and joined sources are noted."""
        self._asked = frozenset(closed)
        self.effort.spend(1 + len(self._asked))
        after = frozenset(c for c in self._asked | self.stuck.keys() if self.stuck.get(c, c in self._asked))
        moved = after ^ self.closed
        if not moved:
            return
        columns = {col for _, col in moved}
        touched = self._channels_by_column(after | self.closed, columns)
        hot = {channel for channel, output in self.outputs.items() if output.hot}
        for row, col in sorted(moved):
            on = sorted(touched[col] & hot)
            if on:
                self.violate(f"relay {row}{col} moved with {on} on")
            self.electrics.state.cycles[ord(row) - ord("A"), col - 1] += 1
        for col, joined in sorted(self._channels_by_column(after, columns).items()):
            if len(joined) > 1:
                self.violate(f"column {col} joins {sorted(joined)}")
        for verb, group in (("close", after - self.closed), ("open", self.closed - after)):
            if group:
                self.log.write("relays", self.now(), **{verb: [f"{r}{c}" for r, c in sorted(group)]})
        self.closed = after
        self._hookup = None

    def digital(self, instrument: str, level: int) -> None:
        """Put an instrument's digital lines at this level: on some benches they open the gates of a chip."""
        card = self.card
        if card is None or card.port != instrument:
            return
        before, after = card.take(level)
        if before != after:
            self.effort.spend(1)
            self._gates_moved(before, after)
            self._hookup = None

    def _gates_moved(self, before: Gates | None, after: Gates | None) -> None:
        """Note gates that move while a source drives, unless transistors on the rail of reads bound what flows."""
        writes = any(gates is not None and gates.write and gates.rows for gates in (before, after))
        moved = before is None or after is None or (before.kernel, before.write) != (after.kernel, after.write)
        if (writes or (moved and before is not None and after is not None)) and (on := self.driven()):
            self.violate(f"gates went from {before} to {after} with {on} on")
        if moved or self.log.kept:
            shown = None if after is None else {"kernel": after.kernel, "rows": f"{after.rows:x}", "write": after.write}
            self.log.write("gates", self.now(), gates=shown)

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
        if len(self.violations) < KEPT:  # the first ones tell what went wrong
            self.violations.append(f"t={self.now():.6f} s: {what}")
        self.log.write("violation", self.now(), what=what)

    def pulse(self, levels: Mapping[Channel, float], seconds: float) -> OperatingPoint:
        """Put these channels at these volts for `seconds`, all at once, then back; one draw a cell."""
        self.effort.spend(12 + len(levels))
        wired = {channel: volts for channel, volts in levels.items() if channel in self.outputs}
        base = self.outputs
        for channel in wired:
            self._look_for_floating(channel)
        during = {c: replace(o, level=wired[c], current=False) if c in wired else o for c, o in base.items()}
        point = self.electrics.pulse(self._connect(during), seconds)
        beside = {c: o.level for c, o in base.items() if c not in wired and o.hot and not o.current}
        volts = {f"{name}.{which}": level for (name, which), level in {**beside, **wired}.items()}
        self.log.write("pulse", self.now(), volts=volts, seconds=seconds, ordinal=self.electrics.state.pulses - 1)
        self.electrics.commit()
        return point

    def measure(
        self, channel: Channel, aperture: float, *, before: float = 0.0, passes: bool = True
    ) -> tuple[float, float]:
        """Current [A] out of a channel averaged over `aperture` [s], and a draw for the meter's own noise.

        `before` [s] passes first: what else a reading takes. Nothing `passes` for one of several meters that read at
        the same time: it has for the first of them.
        """
        self.effort.spend(4)
        self.sleep(before + aperture if passes else 0.0)
        number = self._number.get(channel)
        if number is None:
            return 0.0, 0.0  # nothing is plugged in
        amperes, draw = self.electrics.measure(self._hookup or self.hookup(), number, aperture)
        wrong = self._disturbed.get(channel)
        return (amperes if wrong is None else amperes + wrong.amperes), draw

    def standing(self, channel: Channel) -> tuple[float, bool]:
        """Volts at a channel's terminals now, behind its own resistance, and whether its limit holds it."""
        number = self._number.get(channel)
        if number is None:
            return 0.0, False
        point = self.electrics.operating_point(self._hookup or self.hookup())
        return point.source_volts[number], point.limited[number]

    def driven(self) -> list[str]:
        """Channels that put more than 5 mV, or a current, on what they are connected to now."""
        return [f"{instrument}.{name}" for (instrument, name), output in self.outputs.items() if output.hot]

    def terminal(self, channel: Channel) -> float:
        """Volts at a channel's terminals now."""
        return self.standing(channel)[0]

    def limited(self, channel: Channel) -> bool:
        """Whether a channel's limit holds it now."""
        return self.standing(channel)[1]

    # -- who is connected to whom ------------------------------------------------------------------

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
        sources = [
            self._sources[channel]
            if outputs[channel] is self.outputs[channel]
            else self._source(channel, outputs[channel])
            for channel in wiring.channels
        ]
        for number in connections.folded:
            sources[number] = sources[number]._replace(ohms=0.0)
        return Hookup(connections, tuple(sources), None if self.card is None else self.card.open)

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

    def _channels_by_column(self, closed: Iterable[Crosspoint], columns: Iterable[int]) -> dict[int, set[Channel]]:
        """The channels that each of these matrix columns hangs on with these crosspoints closed."""
        found: dict[int, set[Channel]] = {column: set() for column in columns}
        for row, column in closed:
            if column in found:
                channel = self.wiring.role(row)
                if channel is not None:
                    found[column].add(channel)
        return found

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
