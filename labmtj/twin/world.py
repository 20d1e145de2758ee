"""The world that simulated instruments share: relays, sources, lines, time.

Instruments call in with what they do (force a voltage, close relays, wait, measure); the world works
out what every line is connected to and lets the array answer. It is also the bench's clock: whatever
takes time advances it, and the array ages with it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from labmtj.twin.electrics import GROUND, QUIET, Connections, Contact, Electrics, Hookup, OperatingPoint, Source
from labmtj.twin.wiring import Channel, Wiring

_KEPT = 512  # sets of relays whose connections are remembered
_HOT = 5e-3  # [V] chosen: a relay that moves with more than this on its source is switched hot


@dataclass
class Output:
    """What a source-measure channel does at its terminals now."""

    volts: float = 0.0
    limit: float = 1e-3
    connected: bool = True


class World:
    """Relays, sources and the array behind them, with one virtual clock and one lock."""

    def __init__(self, electrics: Electrics, wiring: Wiring) -> None:
        self.electrics, self.wiring = electrics, wiring
        self.lock = threading.RLock()
        self.closed: frozenset[tuple[str, int]] = frozenset()
        self.outputs: dict[Channel, Output] = {channel: Output() for channel in wiring.channels}
        self.violations: list[str] = []
        self._hookup: Hookup | None = None
        self._known: dict[tuple[frozenset[tuple[str, int]], tuple[Channel, ...]], Connections] = {}

    # -- the clock (labmtj.ports.Clock) ------------------------------------------------------------

    def now(self) -> float:
        """Virtual seconds in the life of this bench."""
        return self.electrics.state.clock

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass for everything on the bench."""
        if seconds > 0:
            with self.lock:
                if all(abs(output.volts) < QUIET for output in self.outputs.values()):
                    self.electrics.rest(seconds)
                else:
                    self.electrics.hold(self.hookup(), seconds)

    # -- what instruments do -----------------------------------------------------------------------

    def force(self, channel: Channel, output: Output) -> None:
        """Set what a channel does at its terminals."""
        if self.outputs[channel] != output:
            self.outputs[channel] = output
            self._hookup = None

    def set_relays(self, closed: Iterable[tuple[str, int]]) -> None:
        """Move relays to this set of closed crosspoints; hot switching and joined sources are noted."""
        after = frozenset(closed)
        moved = after ^ self.closed
        if not moved:
            return
        for row, col in sorted(moved):
            on = sorted(c for c in self._channels_on(col, after | self.closed) if abs(self.outputs[c].volts) > _HOT)
            if on:
                self.violations.append(f"t={self.now():.6f} s: relay {row}{col} moved with {on} on")
            self.electrics.state.cycles[ord(row) - ord("A"), col - 1] += 1
        for col in sorted({col for _, col in moved}):
            joined = sorted(self._channels_on(col, after))
            if len(joined) > 1:
                self.violations.append(f"t={self.now():.6f} s: column {col} joins {joined}")
        self.closed = after
        self._hookup = None

    def _channels_on(self, col: int, closed: Iterable[tuple[str, int]]) -> set[Channel]:
        """The channels that a matrix column hangs on with these crosspoints closed."""
        found = (self.wiring.role(row) for row, column in closed if column == col)
        return {channel for channel in found if channel is not None}

    def pulse(self, levels: dict[Channel, float], seconds: float) -> OperatingPoint:
        """Put these channels at these volts for `seconds`, all at once, then back; one draw a cell."""
        base = self.outputs
        during = {c: Output(levels[c], o.limit, o.connected) if c in levels else o for c, o in base.items()}
        point = self.electrics.pulse(self._connect(during), seconds)
        self.electrics.commit()
        return point

    def measure(self, channel: Channel, aperture: float) -> tuple[float, float]:
        """Current [A] out of a channel averaged over `aperture` [s], and a draw for the meter's own noise."""
        self.sleep(aperture)
        return self.electrics.measure(self.hookup(), self.wiring.channels.index(channel), aperture)

    def limited(self, channel: Channel) -> bool:
        """Whether a channel is in compliance now."""
        point = self.electrics.operating_point(self.hookup())
        return point.limited[self.wiring.channels.index(channel)]

    # -- who is connected to whom ------------------------------------------------------------------

    def hookup(self) -> Hookup:
        """The connections as they stand now."""
        if self._hookup is None:
            self._hookup = self._connect(self.outputs)
        return self._hookup

    def _connect(self, outputs: dict[Channel, Output]) -> Hookup:
        wiring = self.wiring
        off = tuple(c for c in wiring.channels if not outputs[c].connected)
        key = (self.closed, off)
        connections = self._known.get(key)
        if connections is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            connections = self._known[key] = self._connections(off)
        sources = tuple(Source(outputs[c].volts, outputs[c].limit) for c in wiring.channels)
        return Hookup(connections, sources)

    def _connections(self, off: tuple[Channel, ...]) -> Connections:
        wiring = self.wiring
        lines: list[list[Contact]] = [[] for _ in range(wiring.rows + wiring.cols)]
        for row, col in sorted(self.closed):
            line, source = wiring.line(col), wiring.source(row)
            if line is not None and source is not None and (source == GROUND or wiring.channels[source] not in off):
                lines[line].append(wiring.contact(row, col, source))
        return Connections(tuple(map(tuple, lines)), len(wiring.channels))
