"""Outputs of a QDAC-II: levels, ranges, lists, sweeps and square waves, and the triggers that start them.

All generators that wait for one trigger begin together, and are played while its message is carried out: a list
is over when the reply to a later query can be read. Each dwell of a list is one pulse on the array where its
level differs from the last one, which stays. Rules that the QCoDeS driver does not show are marked unverified.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from labmtj.config.model import VoltageBankModel
from labmtj.physics.chance import Purpose
from labmtj.twin.build import Place
from labmtj.twin.firmware.generator import Segment, play
from labmtj.twin.meter import Range, Scale
from labmtj.twin.scpi.engine import ScpiError
from labmtj.twin.wiring import Channel
from labmtj.twin.world import Output, World

FASTEST = 2e7  # [V/s] unverified: the slew rate that "inf" means
_STEPS = 10  # chosen: a slow ramp is drawn in steps of a tenth
_MOST = 10_000  # chosen: segments that are played, as in labmtj.twin.firmware.generator


@dataclass
class Sequencer:
    """What steps a channel's DC level: mode FIX, LIST or SWE, with dwell [s] and count (below 0: for ever).

    `delay` [s] passes between the trigger and the first level.
    """

    mode: str = "FIX"
    points: list[float] = field(default_factory=lambda: [0.0])
    dwell: float = 1e-3
    delay: float = 0.0
    count: int = 1
    stepped: bool = False
    down: bool = False
    start: float = 0.0
    stop: float = 0.0
    steps: int = 10
    done: int = 0

    def levels(self) -> list[float]:
        """The levels of one cycle, in order."""
        found = self.points
        if self.mode == "SWE":
            share = (self.stop - self.start) / max(1, self.steps - 1)
            found = [self.start + share * n for n in range(self.steps)]
        return found[::-1] if self.down else list(found)


@dataclass
class Square:
    """A square wave on top of the DC level; `kind` is SYMM, POS or NEG about the offset, `delay` [s] precedes it."""

    period: float = 1e-3
    delay: float = 0.0
    duty: float = 50.0
    kind: str = "SYMM"
    inverted: bool = False
    span: float = 0.2
    offset: float = 0.0
    count: int = -1

    def cycle(self, level: float) -> list[Segment]:
        """One cycle above a DC level."""
        top, bottom = {"SYMM": (0.5, -0.5), "POS": (1.0, 0.0), "NEG": (0.0, -1.0)}[self.kind]
        sign, share = (-1 if self.inverted else 1), self.duty / 100
        high, low = (level + self.offset + sign * self.span * part for part in (top, bottom))
        return [(high, share * self.period), (low, (1 - share) * self.period)]


@dataclass
class Line:
    """One channel: its level now, the pending one, and its generators with what they wait for."""

    channel: Channel
    scale: Scale
    level: float = 0.0
    pending: float = 0.0
    high: bool = True
    slew: float = FASTEST
    dc: Sequencer = field(default_factory=Sequencer)
    square: Square = field(default_factory=Square)
    waits: dict[str, bool] = field(default_factory=lambda: {"DC": False, "SQU": False})
    source: dict[str, str] = field(default_factory=lambda: {"DC": "IMM", "SQU": "IMM"})
    again: dict[str, bool] = field(default_factory=lambda: {"DC": False, "SQU": False})


class Outputs:
    """All channels, numbered from 1."""

    def __init__(self, place: Place, model: VoltageBankModel) -> None:
        self._world: World = place.world
        self._model, self._place = model, place
        ranges = [Range(entry.range, entry.gain, entry.offset) for entry in model.source_voltage]
        ranges.sort(key=lambda entry: entry.full)
        self.fulls = ranges[0].full, ranges[-1].full
        self._ranges = ranges
        self.lines: dict[int, Line] = {}
        self.reset()

    def reset(self) -> None:
        """All channels at 0 V on the high range, fixed, nothing waiting."""
        for n, name in enumerate(self._model.channels, start=1):
            place = self._place.number(name) * 100
            scale = Scale(
                self._ranges,
                seed=self._place.seed,
                gain=Purpose.SOURCE_GAIN,
                offset=Purpose.SOURCE_OFFSET,
                place=place,
            )
            self.lines[n] = Line(self._place.channel(name), scale)
        self._put(dict.fromkeys(self.lines, 0.0))

    # -- levels ------------------------------------------------------------------------------------

    def check(self, n: int, volts: float) -> float:
        """A level that the channel's range holds. Raises ScpiError -222."""
        if not abs(volts) <= self.fulls[self.lines[n].high]:
            raise ScpiError(-222)
        return volts

    def set_levels(self, channels: Sequence[int], volts: float) -> None:
        """Put channels at a level together. Raises ScpiError -221 while a list or a sweep has the level."""
        for n in channels:
            self.check(n, volts)
            if self.lines[n].dc.mode != "FIX":
                raise ScpiError(-221)
        self._ramp(dict.fromkeys(channels, volts))

    def set_range(self, n: int, *, high: bool) -> None:
        """Choose a range. Raises ScpiError -221 if it does not hold the level (unverified)."""
        if abs(self.lines[n].level) > self.fulls[high]:
            raise ScpiError(-221)
        self.lines[n].high = high
        self._put({n: self.lines[n].level})

    def _forced(self, n: int, volts: float) -> float:
        """What stands at the terminals of a channel that is at these volts."""
        return self.lines[n].scale.forced(volts, self.fulls[self.lines[n].high])

    def _put(self, levels: dict[int, float]) -> None:
        for n, volts in levels.items():
            self.lines[n].level = volts
            limit, ohms = self._model.current_limit, self._model.output_impedance
            self._world.force(self.lines[n].channel, Output(self._forced(n, volts), limit, ohms=ohms))

    def _ramp(self, levels: dict[int, float]) -> None:
        """Go to these levels together, no faster than each slew rate says."""
        begin = {n: self.lines[n].level for n in levels}
        longest = max((abs(levels[n] - begin[n]) / self.lines[n].slew for n in levels), default=0.0)
        if any(self.lines[n].slew < FASTEST for n in levels) and longest > 0:
            for step in range(1, _STEPS):
                passed = longest * step / _STEPS
                reach = {n: passed * self.lines[n].slew for n in levels}
                self._put({n: begin[n] + _towards(levels[n] - begin[n], reach[n]) for n in levels})
                self._world.sleep(longest / _STEPS)
            self._world.sleep(longest / _STEPS)
        self._put(levels)

    # -- triggers ----------------------------------------------------------------------------------

    def initiate(self, channels: Iterable[int], kind: str) -> None:
        """Have generators ("DC" or "SQU") wait for their trigger; those with IMM begin at once, together."""
        now: list[tuple[int, str]] = []
        for n in channels:
            self.lines[n].waits[kind] = True
            self.lines[n].dc.done = 0
            if self.lines[n].source[kind] == "IMM":
                now.append((n, kind))
        self._begin(now)

    def abort(self, channels: Iterable[int], *kinds: str) -> None:
        """Have generators wait for nothing any more."""
        for n in channels:
            for kind in kinds:
                self.lines[n].waits[kind] = False

    def trigger(self, source: str) -> bool:
        """Begin what waits for this source; False if nothing does."""
        waiting = [
            (n, kind)
            for n, line in self.lines.items()
            for kind in ("DC", "SQU")
            if line.waits[kind] and line.source[kind] == source
        ]
        self._begin(waiting)
        return bool(waiting)

    def _begin(self, started: Sequence[tuple[int, str]]) -> None:
        """Begin generators together: levels that are due change at once, then lists and waves are played."""
        due: dict[int, float] = {}
        tracks: dict[int, list[Segment]] = {}
        passed = min((self._delay(n, kind) for n, kind in started), default=0.0)
        self._world.sleep(passed)
        for n, kind in started:
            line = self.lines[n]
            line.waits[kind] = line.again[kind]
            if kind == "DC" and line.dc.mode == "FIX":
                due[n] = line.pending
            elif kind == "DC" and line.dc.stepped:
                self._next(n, due)
            else:
                if n in tracks:
                    self._world.violate(f"{line.channel[0]}.{n} adds two waves, which the twin does not play")
                later = self._delay(n, kind) - passed
                track = self._track(n, kind)
                tracks[n] = [(line.level, later), *track] if track and later > 0 else track
        for delay in sorted({self._delay(n, "DC") for n in due}):
            self._world.sleep(delay - passed)
            self._ramp({n: volts for n, volts in due.items() if self._delay(n, "DC") == delay})
            passed = delay
        self._play({n: track for n, track in tracks.items() if track})

    def _delay(self, n: int, kind: str) -> float:
        """Seconds between the trigger and the first level of a generator."""
        return self.lines[n].square.delay if kind == "SQU" else self.lines[n].dc.delay

    def _next(self, n: int, due: dict[int, float]) -> None:
        """The next point of a list that takes a trigger a step; it waits for the one after it."""
        line = self.lines[n]
        levels = line.dc.levels()
        due[n] = self.check(n, levels[line.dc.done % len(levels)])
        line.dc.done += 1
        line.waits["DC"] = line.again["DC"] or line.dc.count < 0 or line.dc.done < line.dc.count * len(levels)

    def _track(self, n: int, kind: str) -> list[Segment]:
        line = self.lines[n]
        cycle = line.square.cycle(line.level) if kind == "SQU" else [(v, line.dc.dwell) for v in line.dc.levels()]
        count = line.square.count if kind == "SQU" else line.dc.count
        for volts, _ in cycle:
            self.check(n, volts)
        if count < 0 or count * len(cycle) > _MOST:
            what = "without end" if count < 0 else f"of {count} cycles"
            self._world.violate(f"{line.channel[0]}.{n} begins a sequence {what}, which the twin does not play")
            return []
        if kind == "DC":
            line.dc.done = count * len(cycle)
        return cycle * count

    def _play(self, tracks: dict[int, list[Segment]]) -> None:
        """Play what the channels do; a list leaves its last point behind, a square wave the level before it."""
        if not tracks:
            return
        listed = {n for n in tracks if self.lines[n].dc.mode != "FIX"}
        self._put({n: tracks[n][-1][0] for n in listed})
        rest = {self.lines[n].channel: self._forced(n, self.lines[n].level) for n in tracks}
        forced = {
            self.lines[n].channel: [(self._forced(n, volts), seconds) for volts, seconds in track]
            for n, track in tracks.items()
        }
        play(self._world, forced, rest)

    def cycles_left(self, n: int) -> int:
        """Cycles of a channel's list or sweep that have not been played."""
        dc = self.lines[n].dc
        if not self.lines[n].waits["DC"] or dc.count < 0:
            return dc.count if self.lines[n].waits["DC"] else 0
        return dc.count - dc.done // len(dc.levels())


def _towards(distance: float, reach: float) -> float:
    return math.copysign(min(abs(distance), reach), distance)
