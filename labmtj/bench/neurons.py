"""Neurons behind real instruments: a source meter on each kind of terminal (labmtj.ports.NeuronAccess).

The x terminal of a neuron is on the driving meter, its z terminal on the sensing one, its common terminal on a third,
which holds 0 V; all other lines are at ground. All three measure, so that what does not come back through the common
terminal is seen. Sources stand at a level only within one call, and relays move with all of them at 0 V.

After each reading all instruments are asked whether they have been off: only then is it one, and in the journal. Where
one has been, it is set up again (labmtj.bench.upkeep) and the sweep goes on where it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from labmtj.bench.access import Standing, Waits
from labmtj.bench.limits import Gate, GatedSource
from labmtj.bench.routing import Line, Router
from labmtj.bench.upkeep import Upkeep
from labmtj.errors import InputError
from labmtj.physics.stress import check_neuron
from labmtj.ports import Clock, Journal, PulseSource
from labmtj.records import NeuronReading, Role
from labmtj.runs.neuron_entry import neuron_entry


@dataclass(frozen=True)
class Ends:
    """The source meters on the x, the z and the common terminals; `pulser` is what else may stand on their lines.

    `range` [A] is that of the z terminal's meter, which serves other readings on another one.
    """

    x: GatedSource
    z: GatedSource
    common: GatedSource
    pulser: PulseSource
    range: float

    def rest(self) -> None:
        """All to 0 V, read back."""
        for meter in (self.x, self.z, self.common):
            meter.source_voltage = 0.0
        self.pulser.rest()


class BenchNeurons:
    """`count` neurons on a matrix: rows 2n - 1 and 2n of the array, and its column n, are the terminals of neuron n."""

    def __init__(
        self,
        count: int,
        *,
        ends: Ends,
        standing: Standing,
        router: Router,
        gate: Gate,
        waits: Waits,
        clock: Clock,
        journal: Journal,
        upkeep: Upkeep,
    ) -> None:
        self._count, self._ends, self._standing = count, ends, standing
        self._router, self._gate, self._waits = router, gate, waits
        self._clock, self._journal, self._upkeep = clock, journal, upkeep

    @property
    def count(self) -> int:
        """How many there are; they count from 1."""
        return self._count

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        return self._clock

    def check(self, neuron: int, drives: Sequence[float], *, probe: float) -> None:
        """Raise LimitExceeded for what is above a limit, InputError for a neuron that is not there; touches nothing."""
        if not 1 <= neuron <= self._count:
            raise InputError(f"there is no neuron {neuron}: this bench has {self._count}, counted from 1")
        for drive in (0.0, *drives):
            check_neuron(self._gate.limits, neuron, drive=drive, probe=probe)

    def operate(self, neuron: int, drives: Sequence[float], *, probe: float) -> list[NeuronReading]:
        """Put the x terminal at each of `drives` [V] in turn, the z terminal at `probe` [V], and read all three."""
        self.check(neuron, drives, probe=probe)
        found: list[NeuronReading] = []
        if drives:
            self._upkeep.through(lambda: self._sweep(neuron, drives, probe, found), self._begin)
        return found

    def rest(self) -> None:
        """All terminals to ground, sources at 0 V."""
        self._upkeep.through(lambda: self._go({}), self._begin)

    def _sweep(self, neuron: int, drives: Sequence[float], probe: float, found: list[NeuronReading]) -> None:
        """Read at those of `drives` that nothing was found at yet; sources are at 0 V after it, however it ends."""
        x, z = Line("row", 2 * neuron - 1), Line("row", 2 * neuron)
        self._go({x: Role.DRIVE, z: Role.SENSE, Line("col", neuron): Role.SECOND_SENSE})
        self._ends.z.current_range = self._ends.range
        self._standing.at_zero = False
        try:
            self._ends.z.source_voltage = probe
            for drive in map(float, drives[len(found) :]):
                self._ends.x.source_voltage = drive
                self._clock.sleep(self._waits.after_source)
                reading = self._read(neuron, drive, probe)
                self._upkeep.confirm(moved=False)
                self._journal.record("neuron", neuron_entry(reading))
                found.append(reading)
        finally:
            self._to_zero()

    def _read(self, neuron: int, drive: float, probe: float) -> NeuronReading:
        """The three currents as they stand; one beyond its range is that range, with its sign, and no reading."""
        meters = (self._ends.x, self._ends.z, self._ends.common)
        amperes = [meter.measure_current() for meter in meters]
        limited = [meter.in_compliance for meter in meters]
        beyond = [not math.isfinite(value) for value in amperes]
        x, z, out = (
            math.copysign(meter.current_range, value) if over else value
            for meter, value, over in zip(meters, amperes, beyond, strict=True)
        )
        return NeuronReading(neuron, drive, probe, x, z, -out, self._clock.now(), any(limited) or any(beyond))

    def _begin(self) -> None:
        """Nothing is known of sources and relays."""
        self._standing.at_zero = False
        self._router.doubt()

    def _to_zero(self) -> None:
        self._ends.rest()
        self._standing.at_zero = True

    def _go(self, roles: dict[Line, Role]) -> None:
        """Take a route, all other lines at ground; no relay moves until 0 V has been read back."""
        if not self._standing.at_zero:
            self._to_zero()
        if self._router.take(self._router.route(roles)):
            self._clock.sleep(self._waits.after_relay)
