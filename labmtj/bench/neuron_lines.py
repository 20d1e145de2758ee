"""The relays to the meter on the common terminals of neurons, which no look between the other two meters shows.

Each neuron's x terminal is driven at a few millivolts while its common terminal is on that meter: what goes in has to
come out there.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from labmtj.bench.contact import Examine
from labmtj.bench.lines import LEAST, LEVEL, LineTester
from labmtj.bench.routing import Line, Router
from labmtj.errors import RouteError
from labmtj.ports import Clock, SourceMeter
from labmtj.records import Floats, LineFault, Role

_HALF = 0.5  # chosen: of what goes in; through a relay all of it comes out, without one nothing
_NPLC = 0.1  # chosen: as in labmtj.bench.quick_lines


@dataclass(frozen=True)
class CommonRelays:
    """Looks at the relays of `count` neurons; `x` and `common` are on at 0 V, `settle` [s] is waited at each level."""

    router: Router
    x: SourceMeter
    common: SourceMeter
    clock: Clock
    count: int
    settle: float

    def faults(self, level: float = LEVEL, *, besides: Collection[Line] = ()) -> Iterator[LineFault]:
        """Examine every neuron at `level` [V], but those on lines that something is wrong with `besides`.

        All lines are at ground after it.
        """
        meters = (self.x, self.common)
        before = [meter.nplc for meter in meters]
        try:
            for meter in meters:
                meter.nplc = min(_NPLC, meter.nplc)
            for neuron in range(1, self.count + 1):
                x, common = Line("row", 2 * neuron - 1), Line("col", neuron)
                if x not in besides and common not in besides:
                    yield from self._look(x, common, level)
        finally:
            self.x.source_voltage = 0.0
            for meter, periods in zip(meters, before, strict=True):
                meter.nplc = periods
            self.router.take(self.router.route({}))

    def _look(self, x: Line, common: Line, level: float) -> Iterator[LineFault]:
        try:
            self.router.take(self.router.route({x: Role.DRIVE, common: Role.SECOND_SENSE}))
        except RouteError as error:
            yield LineFault(common, f"the matrix does not report what it was asked for: {error}")
            return
        into = out = 0.0
        for volts in (level, -level):
            self.x.source_voltage = volts
            self.clock.sleep(self.settle)
            into += math.copysign(0.5, volts) * self.x.measure_current()
            out -= math.copysign(0.5, volts) * self.common.measure_current()
        self.x.source_voltage = 0.0
        # A shorted neuron fills the ranges of both meters, which then do not tell; one that is open carries nothing.
        if math.isfinite(into) and into > LEAST * self.x.current_range and not out > _HALF * into:
            text = "carries no current to the common terminals' meter: its relay there does not close"
            yield LineFault(common, text, interrupted=True)


@dataclass(frozen=True)
class NeuronLines:
    """The lines of neurons: those of any array, then the relays on the common terminals (labmtj.bench.contact)."""

    lines: Examine
    relays: CommonRelays

    def __call__(self, level: float) -> tuple[list[LineFault], Floats, Floats]:
        """Examine them (labmtj.bench.contact.Examine)."""
        found, rows, cols = self.lines(level)
        return [*found, *self.relays.faults(level, besides={fault.line for fault in found})], rows, cols


class NeuronTester:
    """The same in the long form that a doctor takes (labmtj.bench.doctor.Tester)."""

    def __init__(self, tester: LineTester, relays: CommonRelays) -> None:
        self._tester, self._relays = tester, relays

    @property
    def lines(self) -> list[Line]:
        """Every line of the array."""
        return self._tester.lines

    def faults(self) -> Iterator[LineFault]:
        """Examine every line; nothing for a good one."""
        found: set[Line] = set()
        for fault in self._tester.faults():
            found.add(fault.line)
            yield fault
        yield from self._relays.faults(besides=found)
