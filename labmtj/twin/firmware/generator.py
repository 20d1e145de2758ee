"""What a function generator's output does to the array: its resting level, and bursts of pulses on a trigger.

Levels are kept here as volts of the source behind the output impedance, which are those into an open circuit:
what a user programs is meant for the load that the instrument was told of, and half of that for 50 ohm.

Pulses are rectangles of their width at half height; edges are not drawn. What a channel puts out without a
trigger, a continuous train, is not played: it is noted as a violation and the channel rests. The same holds
for shapes other than PULS, ARB and DC, and for bursts of more than `_MOST` segments.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labmtj.twin.operating_point import OperatingPoint
from labmtj.twin.wiring import Channel
from labmtj.twin.world import Output, World

Segment = tuple[float, float]  # volts, seconds
_MOST = 10_000  # chosen: segments of one burst; each is a pulse on the array and takes some 0.1 ms to work out
_LONGEST = 1e6  # [s] chosen: what a burst that is not played takes at most; 1e8 cycles of 1e6 s are more than all time
_TOGETHER = 1e-12  # [s] chosen: edges closer than this are one; no generator here places them finer
_LIMIT = 1.0  # [A] chosen: never reached; 10 V behind 50 ohm drive 0.2 A into a short


@dataclass
class Wave:
    """What a channel is set to: levels [V] into an open circuit, times [s].

    `samples` run from -1 to 1, each for the time `sample`, or with 0 all of them for the period.
    """

    shape: str = "SIN"
    high: float = 0.1
    low: float = -0.1
    width: float = 100e-6
    period: float = 1e-3
    inverted: bool = False
    on: bool = False
    samples: tuple[float, ...] = ()
    sample: float = 0.0

    @property
    def middle(self) -> float:
        """The offset, which is also the level of the shape DC."""
        return (self.high + self.low) / 2

    @property
    def rest(self) -> float:
        """The level between bursts: where the waveform begins."""
        if self.shape == "PULS":
            return self.high if self.inverted else self.low
        if self.shape == "ARB" and self.samples:
            return self._volts(self.samples[0])
        return self.middle

    def cycle(self) -> list[Segment] | None:
        """One cycle as it is played, None if it is not."""
        if self.shape == "PULS":
            active = self.low if self.inverted else self.high
            return [(active, self.width), (self.rest, max(0.0, self.period - self.width))]
        if self.shape == "ARB" and self.samples:
            runs = [(value, len(list(same))) for value, same in itertools.groupby(self.samples)]
            each = self.sample or self.period / len(self.samples)
            return [(self._volts(value), count * each) for value, count in runs]
        return [(self.middle, self.period)] if self.shape == "DC" else None

    def _volts(self, sample: float) -> float:
        """A sample's level; polarity turns it over about the offset (Agilent 33500 Series Guide, OUTPut:POLarity)."""
        half = (self.high - self.low) / 2
        return self.middle + (-half if self.inverted else half) * sample


class Terminal:
    """The output connector of one channel."""

    def __init__(self, world: World, channel: Channel, *, ohms: float) -> None:
        self._world, self.channel, self.ohms = world, channel, ohms
        self.wave = Wave()
        self._trains = False

    def show(self, *, armed: bool) -> None:
        """Put the resting level on the terminals; `armed` says that nothing comes without a trigger."""
        wave = self.wave
        self._world.force(self.channel, Output(wave.rest, _LIMIT, connected=wave.on, ohms=self.ohms))
        trains = wave.on and not armed and wave.shape != "DC"
        if trains and not self._trains:
            self.note(f"puts out a continuous {wave.shape}, which the twin does not play")
        self._trains = trains

    def track(self, cycles: float, delay: float) -> list[Segment]:
        """A burst of `cycles` after `delay` [s]; what is not played is noted, and its time passes at rest."""
        wave = self.wave
        cycle = wave.cycle()
        begin = [(wave.rest, delay)] if delay > 0 else []
        if math.isinf(cycles):
            self.note("begins a burst without end, which the twin does not play")
            return begin
        if cycle is None or len(cycle) * cycles > _MOST:
            what = f"a burst of {wave.shape}" if cycle is None else f"a burst of {cycles:g} cycles"
            self.note(f"puts out {what}, which the twin does not play")
            return [*begin, (wave.rest, min(cycles * wave.period, _LONGEST))]
        return begin + cycle * round(cycles)

    def note(self, what: str) -> None:
        """Note as a violation that the array did not get what the real instrument puts out, if it is on and wired."""
        if self.wave.on and self.channel in self._world.outputs:
            self._world.violate(f"{self.channel[0]}.{self.channel[1]} {what}")


def fire(world: World, bursts: Iterable[tuple[Terminal, float, float]]) -> None:
    """Play bursts (terminal, cycles, delay [s]) that begin together; where both act at once it is one pulse."""
    begun = list(bursts)
    tracks = {terminal.channel: terminal.track(cycles, delay) for terminal, cycles, delay in begun}
    on = {terminal.channel: terminal.wave.rest for terminal, _, _ in begun if terminal.wave.on}
    play(world, {channel: tracks[channel] for channel in on}, on)
    left = max((_length(track) for track in tracks.values()), default=0.0)
    world.sleep(left - max((_length(tracks[channel]) for channel in on), default=0.0))


def play(
    world: World, tracks: Mapping[Channel, Sequence[Segment]], rest: Mapping[Channel, float]
) -> list[tuple[dict[Channel, float], OperatingPoint]]:
    """Put the segments of all channels on the array, in the order of time; channels end at their rest [V].

    Between two edges the levels stand: that is one pulse of all channels together, or time passing if all rest.
    Returns the pulses with what flowed in each.
    """
    played: list[tuple[dict[Channel, float], OperatingPoint]] = []
    ends = {channel: list(itertools.accumulate(seconds for _, seconds in track)) for channel, track in tracks.items()}
    edges = [0.0]
    for edge in sorted(end for found in ends.values() for end in found):
        if edge - edges[-1] > _TOGETHER:
            edges.append(edge)
    for begin, end in itertools.pairwise(edges):
        middle = (begin + end) / 2
        levels = dict(rest)
        for channel, track in tracks.items():
            place = bisect_right(ends[channel], middle)
            if place < len(track):
                levels[channel] = track[place][0]
        if levels == dict(rest):
            world.sleep(end - begin)
        else:
            played.append((levels, world.pulse(levels, end - begin)))
    return played


def _length(track: Sequence[Segment]) -> float:
    return sum(seconds for _, seconds in track)
