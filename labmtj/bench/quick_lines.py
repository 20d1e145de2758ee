"""Few looks at a few millivolts that show whether all relays and wires of an array are as they should be.

What each look proves, with the array's own currents as the measure:

* Each line alone on the driving meter, its neighbours at ground, all of the other axis on the sensing meter: its
  drive relay and its wire conduct; it is not tied to the sensing meter, which it would fill, and not to ground,
  which would take the driving source to its limit; nor is any other line tied to the driving meter, for the same
  reason.
* The sums of what rows and what columns pass so are the same number, by reciprocity. A line whose sense relay does
  not close is missing from one of them.
* All of one axis driven, a few lines of the other at ground (or at the generator), the others sensed: what does not
  come back is what these few take, which is known from their own looks. A ground relay that does not close takes
  nothing; a line that is tied to the generator takes more.

A doubt is all that comes out of it: labmtj.bench.lines then looks at every relay by itself and names the line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.bench.lines import LEAST, LEVEL, LITTLE, LOWER
from labmtj.bench.routing import Line, Router
from labmtj.ports import Clock, PulseSource, SensePair, SourceMeter
from labmtj.records import Floats, Role

_HALF = 0.5  # a sum is off by half of its smallest line: that line may be missing
_SHARE = 0.7  # chosen: of a meter's range or a source's limit, for all lines together
_TOGETHER = 4  # chosen: so one is a quarter, and the resistance of shared wires, some per cent, does not pass for it
_NPLC = 0.1  # chosen: a look takes a tenth of a reading; hum and noise are far below a line's current
_PULSED = 2  # chosen: behind the generator's 50 ohm, one of two is still seen


@dataclass(frozen=True)
class Meters:
    """Two meters by themselves and as a pair; the pair's reads tell, too, whether a source was limited.

    `settle` and `relay` [s] are waited after a level and after relays; `compliance` [A] limits the driving one,
    `range` [A] is that of the sensing one, and `nplc` what readings of a run integrate over.
    """

    pair: SensePair
    drive: SourceMeter
    sense: SourceMeter
    clock: Clock
    settle: float
    relay: float
    compliance: float
    range: float
    nplc: float


@dataclass(frozen=True)
class Block:
    """Rows and columns (from 0) that have cells with each other and with no others."""

    rows: slice
    cols: slice


WHOLE = (Block(slice(None), slice(None)),)


class QuickLines:
    """Looks at the lines; `pulser` is a generator behind `ohms` on matrix rows of its own.

    `blocks` are the parts that the array consists of: what their rows and their columns pass is compared one by one.
    Rows of `row_kinds` kinds take turns, and only those of one kind are each other's likes.
    """

    def __init__(
        self,
        router: Router,
        meters: Meters,
        *,
        shape: tuple[int, int],
        level: float = LEVEL,
        pulser: PulseSource | None = None,
        ohms: float = 0.0,
        blocks: Sequence[Block] = WHOLE,
        row_kinds: int = 1,
    ) -> None:
        self._blocks, self._kinds = blocks, {"row": row_kinds, "col": 1}
        self._router, self._meters, self._level = router, meters, level
        self._pulser, self._ohms = pulser, ohms
        counts = {"row": shape[0], "col": shape[1]}
        self._axes = {axis: [Line(axis, n) for n in range(1, count + 1)] for axis, count in counts.items()}
        self.siemens: dict[str, Floats] = {axis: np.full(len(lines), np.nan) for axis, lines in self._axes.items()}

    def doubts(self) -> Iterator[str]:
        """What does not fit; nothing if every line is as it should be. All lines are at ground after it.

        Raises LineFaulty where the matrix does not report what it was asked for.
        """
        meters = self._meters
        try:
            meters.pair.rest()
            if self._pulser is not None:
                self._pulser.rest()
            meters.sense.current_range = meters.range
            self._integrate(min(_NPLC, meters.nplc))
            sums: list[tuple[tuple[Line, ...], float, float]] = []
            for axis, other in (("row", "col"), ("col", "row")):
                for line in self._axes[axis]:
                    if (found := self._alone(line, other)) is None:
                        self._router.take(self._router.route({}))
                        yield f"{line} takes a meter or a source to its limit"
                        return
                    self.siemens[axis][line.number - 1] = found
                # What the other axis takes is known once its lines have been driven, too.
                sums += self._sums(axis, other)
        finally:
            meters.pair.rest()
            self._integrate(meters.nplc)
        self._router.take(self._router.route({}))
        yield from self._missing()
        for lines, ohms, found in sums:
            yield from self._unlike(lines, ohms, found)

    def _integrate(self, periods: float) -> None:
        for meter in (self._meters.drive, self._meters.sense):
            meter.nplc = periods

    def _missing(self) -> Iterator[str]:
        for axis, found in self.siemens.items():
            kinds = self._kinds[axis]
            typical = [float(np.median(found[kind::kinds])) for kind in range(kinds)]
            if not min(typical) * self._level > LEAST * self._meters.range:
                yield f"no {axis} carries current"
            for number, (line, value) in enumerate(zip(self._axes[axis], found.tolist(), strict=True)):
                if not value > LITTLE * typical[number % kinds]:
                    yield f"{line} carries no current"
        for block in self._blocks:
            own = self.siemens["row"][block.rows], self.siemens["col"][block.cols]
            rows, cols = (float(found.sum()) for found in own)
            if not abs(rows - cols) < _HALF * min(float(found.min()) for found in own):
                yield f"rows pass {1e3 * rows:.3g} mS and columns {1e3 * cols:.3g} mS to each other"

    def _unlike(self, lines: Sequence[Line], ohms: float, found: float) -> Iterator[str]:
        own = [float(self.siemens[line.axis][line.number - 1]) for line in lines]
        whole, part = sum(own), sum(own) - min(own)
        expected, less = (value / (1.0 + ohms * value) for value in (whole, part))
        if not abs(found - expected) < _HALF * (expected - less):
            names = ", ".join(map(str, lines))
            yield f"{names} together take {1e3 * found:.3g} mS where {1e3 * expected:.3g} mS were expected"

    # -- looks -----------------------------------------------------------------------------------

    def _go(self, roles: Mapping[Line, Role]) -> None:
        if self._router.take(self._router.route(roles)):
            self._meters.clock.sleep(self._meters.relay)

    def _alone(self, line: Line, other: str) -> float | None:
        """Siemens from a line to all of the other axis; None if a meter or a source came to its limit."""
        self._go({line: Role.DRIVE} | dict.fromkeys(self._axes[other], Role.SENSE))
        for level in (self._level, LOWER * self._level):
            plus, limited = self._meters.pair.sense(level, settle=self._meters.settle)
            minus, also = self._meters.pair.sense(-level, settle=self._meters.settle)
            if not (limited or also):
                return (plus - minus) / (2.0 * level)
        return None

    def _sums(self, axis: str, other: str) -> Iterator[tuple[tuple[Line, ...], float, float]]:
        """Groups of lines of the other axis at ground (or the generator): the lines, the ohms there, and siemens."""
        driven = dict.fromkeys(self._axes[axis], Role.DRIVE)
        sensed = dict.fromkeys(self._axes[other], Role.SENSE)
        pulsed = Role.PULSE_COL if other == "col" else Role.PULSE_ROW
        total = float(np.abs(self.siemens[axis]).sum())
        most = _SHARE * min(self._meters.range, self._meters.compliance)
        level = min(self._level, most / total) if total > 0 else self._level
        for role, ohms, count in ((Role.GROUND, 0.0, _TOGETHER), (pulsed, self._ohms, _PULSED)):
            if role is pulsed and self._pulser is None:
                continue
            lines = self._axes[other]
            for first in range(0, len(lines), count):
                group = tuple(lines[first : first + count])
                self._go(driven | sensed | dict.fromkeys(group, role))
                yield group, ohms, self._lost(level)

    def _lost(self, level: float) -> float:
        """Siemens of what leaves the driving meter and does not come back to the sensing one; nan beyond a range."""
        meters, halves = self._meters, list[float]()
        for volts in (level, -level):
            meters.drive.source_voltage = volts
            meters.clock.sleep(meters.settle)
            halves.append(meters.drive.measure_current() + meters.sense.measure_current())
        meters.drive.source_voltage = 0.0
        found = (halves[0] - halves[1]) / (2.0 * level)
        return found if math.isfinite(found) else math.nan
