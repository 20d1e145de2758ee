"""Continuity of every line at a few millivolts: which relay or wire does not do what it should.

Each line takes each role while the other axis takes another, and the currents of both meters tell the
relay that is open from the one that is stuck. A pulse generator rests at 0 V meanwhile, so that a line on
it is as good as at ground. Lines are compared with their likes, since nobody knows
the junctions yet: a line whose current is a small share of the median has no contact, one that fills
its source is tied to something it should not be.

This is the long form, which names what is wrong; labmtj.bench.quick_lines shows in fewer looks that nothing is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.bench.routing import Line, Router
from labmtj.errors import RouteError
from labmtj.ports import Clock, PulseSource, SourceMeter
from labmtj.records import LineFault, Role

LEVEL = 10e-3  # [V] no junction is written, or disturbed in a minute, at this (physics.md, section 3)
LOWER = 0.1  # chosen: of the level, for a line that fills a meter: a shorted cell, if it no longer does then
LITTLE = 0.2  # chosen: of the median; a line of 15 cells in one state has 0.45 of one in the other
LEAST = 1e-4  # chosen: of a meter's range; less than this is noise, as with no die in the socket
_LOST = 1.0  # chosen: of the median; so much leaves a driven line for no cell's other end
_STUCK = 3.0  # chosen: of the median; more than this flows only past the cells
_TIED = 30.0  # chosen: of the median; a cell shorted by 10 ohm makes 5, a relay at both meters more than 100


@dataclass(frozen=True)
class Currents:
    """Amperes out of the driving meter and into the sensing one, at the level, half the difference of both signs."""

    out: float
    back: float


Looks = dict[Line, "Currents | str"]  # what a line carried in one role, or what its matrix said instead


class LineTester:
    """Puts lines on a driving and a sensing meter and compares what flows.

    `pulser` is a generator on matrix rows of its own, whose relays are examined as well; `level` [V]. Rows of
    `row_kinds` kinds take turns: only those of one kind are each other's likes.
    """

    def __init__(
        self,
        router: Router,
        drive: SourceMeter,
        sense: SourceMeter,
        clock: Clock,
        *,
        shape: tuple[int, int],
        settle: float,
        pulser: PulseSource | None = None,
        level: float = LEVEL,
        row_kinds: int = 1,
    ) -> None:
        self._row_kinds = row_kinds
        self._router, self._drive, self._sense, self._clock, self._settle = router, drive, sense, clock, settle
        self._pulser, self._level, self._least = pulser, level, 0.0
        counts = {"row": shape[0], "col": shape[1]}
        self._axes = {axis: [Line(axis, n) for n in range(1, count + 1)] for axis, count in counts.items()}

    @property
    def lines(self) -> list[Line]:
        """Every line of the array."""
        return [*self._axes["row"], *self._axes["col"]]

    def faults(self) -> Iterator[LineFault]:
        """Examine every line; ticks by yielding nothing for a good one. All lines are at ground after it."""
        pulsed: Looks = {}
        self._least = LEAST * self._sense.current_range
        try:
            if self._pulser is not None:
                self._pulser.rest()
            driven = self._look(Role.DRIVE, across=Role.SENSE)
            sensed = self._look(Role.SENSE, across=Role.DRIVE)
            grounded = self._look(Role.GROUND, across=Role.DRIVE, beside=Role.SENSE)
            if self._pulser is not None:
                pulsed = self._look(Role.PULSE_ROW, Role.PULSE_COL, across=Role.DRIVE, beside=Role.SENSE)
            alone = {line: self._measure({line: Role.SENSE}) for line in self.lines}
        finally:
            self._drive.source_voltage = 0.0
            self._router.take(self._router.route({}))
        # A relay that is stuck closed drains the meters: nothing is said of other lines before it is mended.
        for look in (self._drive_stuck, self._sense_stuck, self._ground_stuck):
            stuck = [fault for line in self.lines for fault in look(line, driven, alone)]
            if stuck:
                yield from stuck
                return
        for line in self.lines:
            yield from self._judge(line, driven, sensed, grounded, pulsed)

    def _look(self, role: Role, col: Role | None = None, *, across: Role, beside: Role = Role.GROUND) -> Looks:
        """Each line in `role` (columns in `col`), all of the other axis in `across`, its neighbours in `beside`."""
        found: Looks = {}
        for line in self.lines:
            other = "col" if line.axis == "row" else "row"
            roles = dict.fromkeys(self._axes[line.axis], beside) | dict.fromkeys(self._axes[other], across)
            found[line] = self._measure(roles | {line: col if col and line.axis == "col" else role})
        return found

    def _measure(self, roles: dict[Line, Role]) -> Currents | str:
        try:
            self._router.take(self._router.route(roles))
        except RouteError as error:
            return str(error)
        found = self._bipolar(self._level)
        if math.isfinite(found.out) and math.isfinite(found.back):
            return found
        lower = self._bipolar(LOWER * self._level)
        return Currents(lower.out / LOWER, lower.back / LOWER)

    def _bipolar(self, level: float) -> Currents:
        halves: list[tuple[float, float]] = []
        for volts in (level, -level):
            self._drive.source_voltage = volts
            self._clock.sleep(self._settle)
            halves.append((self._drive.measure_current(), -self._sense.measure_current()))
        self._drive.source_voltage = 0.0
        (out, back), (other_out, other_back) = halves
        return Currents(0.5 * (out - other_out), 0.5 * (back - other_back))

    def _typical(self, line: Line, driven: Looks) -> float:
        """Median current of this line and its likes when they are driven [A]; nan if none was measured."""
        kinds = self._row_kinds if line.axis == "row" else 1
        return _median(_good(driven, self._axes[line.axis][(line.number - 1) % kinds :: kinds]))

    def _drive_stuck(self, line: Line, driven: Looks, alone: Looks) -> Iterator[LineFault]:
        # Tied to the driving meter, it takes more than anything through a cell could; the others see its rest.
        everywhere = [abs(look.back) for look in alone.values() if isinstance(look, Currents)]
        single, most = alone[line], max(everywhere, default=0.0)
        enough = max(_STUCK * abs(self._typical(line, driven)), 1e-6)
        if isinstance(single, Currents) and abs(single.back) >= 0.5 * most > 0.5 * enough:
            text = f"carries {_amperes(single.back)} with no line driven: its drive relay is stuck closed"
            yield LineFault(line, text)

    def _sense_stuck(self, line: Line, driven: Looks, _alone: Looks) -> Iterator[LineFault]:
        # A shorted cell fills the meter from its row and from its column; a relay does so from one of them.
        if not self._tied(line, driven):
            return
        other = self._axes["col" if line.axis == "row" else "row"]
        if not any(self._tied(across, driven) for across in other):
            yield LineFault(line, "fills the sensing meter when it is driven: its sense relay is stuck closed")

    def _tied(self, line: Line, driven: Looks) -> bool:
        on = driven[line]
        return isinstance(on, Currents) and not on.back <= max(_TIED * abs(self._typical(line, driven)), self._least)

    def _ground_stuck(self, line: Line, driven: Looks, _alone: Looks) -> Iterator[LineFault]:
        on, typical = driven[line], self._typical(line, driven)
        if isinstance(on, Currents) and typical > 0 and not on.out - on.back <= _LOST * typical:
            relay = "ground relay" if self._pulser is None else "ground relay, or that to the generator,"
            yield LineFault(line, f"loses {_amperes(on.out - on.back)} to ground: its {relay} is stuck closed")

    def _judge(self, line: Line, driven: Looks, sensed: Looks, grounded: Looks, pulsed: Looks) -> Iterator[LineFault]:
        looks = driven[line], sensed[line], grounded[line], pulsed.get(line, grounded[line])
        if lies := next((look for look in looks if isinstance(look, str)), None):
            yield LineFault(line, f"the matrix does not report what it was asked for: {lies}")
            return
        on, into, ground, pulse = (look for look in looks if isinstance(look, Currents))
        typical = self._typical(line, driven)
        if not typical > self._least:
            text = "no line of its kind carries current: is the array in its socket, and do the relays move?"
            yield LineFault(line, text)
            return
        passes, is_sensed = on.back > LITTLE * typical, into.back > LITTLE * typical
        drained, is_pulsed = (look.out - look.back > LITTLE * typical for look in (ground, pulse))
        text = ""
        if not passes and not is_sensed:
            text = "carries no current in any role: its wire, its probe or all of its cells are open"
        elif not passes:
            text = "carries no current when it is driven: its drive relay does not close"
        elif not is_sensed:
            text = "carries no current when it is sensed: its sense relay does not close"
        elif not drained:
            text = "takes no current at ground: its ground relay does not close, it floats"
        elif not is_pulsed:
            text = "takes no current at the generator: its relay to the generator does not close"
        if text:
            yield LineFault(line, text, interrupted=True)


def _good(looks: Looks, lines: Sequence[Line]) -> list[float]:
    found = [look.back for look in (looks[line] for line in lines) if isinstance(look, Currents)]
    return [amperes for amperes in found if math.isfinite(amperes)]


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else math.nan


def _amperes(value: float) -> str:
    return f"{1e6 * value:.3g} uA" if math.isfinite(value) else "more than its range"
