"""The second door of a bench of neurons: the same object without instruments (labmtj.ports.NeuronAccess).

It makes the hookups that the bench's routes make, with the same contacts, source and meter errors and integration
times, so that readings agree within the digits that instruments send. Time passes for messages, moves of relays,
settling and one conversion a reading; instruments that convert more often than that take longer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from labmtj.config.bench import BenchFile
from labmtj.config.model import SourceMeterModel
from labmtj.errors import InputError
from labmtj.physics.stress import Limits, check_neuron
from labmtj.ports import Clock, Journal
from labmtj.records import NeuronReading
from labmtj.routes import Crosspoint, moves
from labmtj.runs.neuron_entry import neuron_entry
from labmtj.twin.access import TwinClock
from labmtj.twin.build import matrix_model, models, neuron_electrics, numbers, wiring
from labmtj.twin.hookup import Connections, Hookup
from labmtj.twin.meter import OVERFLOW, Errors
from labmtj.twin.sources import Source

_MESSAGES = 3  # a reading asks each meter whether its limit holds it


class _Meter:
    """One of the three source meters as its data sheet and its errors make it; it is to measure up to `reach` [A]."""

    def __init__(self, number: int, model: SourceMeterModel, errors: Errors, *, reach: float, limit: float) -> None:
        self.number, self.timing, self._errors = number, model.timing, errors
        self.range = errors.meter_amperes.holding(reach)
        self._limit = min(limit, model.range_compliance * self.range)

    def source(self, volts: float, *, full: float) -> Source:
        """What stands on its terminals when `volts` are asked for on the source range of this full scale."""
        return Source(self._errors.source_volts.forced(volts, full), self._limit)

    def shown(self, amperes: float, draw: float, *, nplc: float) -> float:
        """The reading for a current [A]; `draw` is a standard normal number."""
        return self._errors.meter_amperes.shown(amperes, draw, nplc=nplc, full=self.range, lowest=0.0)


class TwinNeurons:
    """Simulated neurons that routines use directly; `limits` are those of the bench file if they are not given."""

    def __init__(self, file: BenchFile, journal: Journal, *, limits: Limits | None = None) -> None:
        bench, sheets = file.bench, models(file)
        entry = bench.neurons
        if entry is None:
            raise InputError(f"{bench.title}: this bench has no neurons")
        self.electrics = neuron_electrics(file)
        self._count, self._matrix = entry.count, matrix_model(sheets)
        seed = self.electrics.truth.model.seed
        self._wiring = wiring(file, self._matrix, seed)
        self._limits, self._journal = limits or Limits(**dict(bench.limits)), journal
        self._measure, self._wait = bench.measure, bench.wait
        self._aperture = bench.measure.nplc / bench.mains
        self._ground = min(bench.ground_rows)
        self._clock = TwinClock(self.electrics)
        self._closed: frozenset[Crosspoint] = frozenset()
        self._routes: dict[int, Connections] = {}
        others = [letter for letter in sorted(bench.channels) if letter != entry.common]
        others = [letter for letter in others if isinstance(sheets[bench.channels[letter][0]], SourceMeterModel)]
        x = bench.use.drive or next(letter for letter in others if letter != bench.use.sense)
        z = bench.use.sense or next(letter for letter in others if letter != x)
        self._letters = x, z, entry.common
        most, numbered = self._limits.line_compliance, numbers(file)
        self._meters: list[_Meter] = []
        for letter, reach in zip(self._letters, (most, entry.range or bench.measure.range, most), strict=True):
            channel = bench.channels[letter]
            sheet = sheets[channel[0]]
            if not isinstance(sheet, SourceMeterModel):
                raise InputError(f"{sheet.title} cannot operate neurons")
            errors = Errors(seed, numbered[channel], sheet)
            number = self._wiring.channels.index(channel)
            self._meters.append(_Meter(number, sheet, errors, reach=reach, limit=most))

    @property
    def count(self) -> int:
        """How many there are; they count from 1."""
        return self._count

    @property
    def clock(self) -> Clock:
        """The die's own clock."""
        return self._clock

    def check(self, neuron: int, drives: Sequence[float], *, probe: float) -> None:
        """Raise LimitExceeded for what is above a limit, InputError for a neuron that is not there; touches nothing."""
        if not 1 <= neuron <= self._count:
            raise InputError(f"there is no neuron {neuron}: this bench has {self._count}, counted from 1")
        for drive in (0.0, *drives):
            check_neuron(self._limits, neuron, drive=drive, probe=probe)

    def operate(self, neuron: int, drives: Sequence[float], *, probe: float) -> list[NeuronReading]:
        """Put the x terminal at each of `drives` [V] in turn, the z terminal at `probe` [V], and read all three."""
        self.check(neuron, drives, probe=probe)
        found: list[NeuronReading] = []
        if not drives:
            return found
        connections = self._go(neuron)
        x, z, _ = self._meters
        self.electrics.rest(2 * z.timing.command)
        self.electrics.hold(self._hookup(connections, 0.0, probe), z.timing.source_settling)
        for drive in map(float, drives):
            hookup = self._hookup(connections, drive, probe)
            self.electrics.hold(hookup, x.timing.command + x.timing.source_settling + self._wait.after_source)
            reading = self._read(hookup, neuron, drive, probe)
            self._journal.record("neuron", neuron_entry(reading))
            found.append(reading)
        self.electrics.rest(_MESSAGES * x.timing.command)
        self.electrics.commit()
        return found

    def rest(self) -> None:
        """All terminals to ground."""
        lines = range(self._wiring.rows + self._wiring.cols)
        self._move(frozenset(self._wiring.crosspoint(line, self._ground) for line in lines))

    def _read(self, hookup: Hookup, neuron: int, drive: float, probe: float) -> NeuronReading:
        """The three currents as they stand; one beyond its range is that range, with its sign, and no reading."""
        shown: list[float] = []
        limited = False
        for meter in self._meters:
            self.electrics.hold(hookup, meter.timing.command + meter.timing.reading_overhead + self._aperture)
            amperes, draw = self.electrics.measure(hookup, meter.number, self._aperture)
            value = meter.shown(amperes, draw, nplc=self._measure.nplc)
            beyond = abs(value) >= OVERFLOW
            shown.append(math.copysign(meter.range, value) if beyond else value)
            limited = limited or beyond
        self.electrics.hold(hookup, sum(meter.timing.command for meter in self._meters))
        limited = limited or any(self.electrics.operating_point(hookup).limited)
        x, z, out = shown
        return NeuronReading(neuron, drive, probe, x, z, -out, self._clock.now(), limited)

    def _hookup(self, connections: Connections, drive: float, probe: float) -> Hookup:
        """All three sources at their volts, with the errors of the channels that they are."""
        sources = [Source(0.0, 0.0)] * len(self._wiring.channels)
        for meter, volts in zip(self._meters, (drive, probe, 0.0), strict=True):
            sources[meter.number] = meter.source(volts, full=self._measure.source_range)
        return Hookup(connections, tuple(sources))

    def _go(self, neuron: int) -> Connections:
        """Put a neuron's terminals on the three meters, all other lines at ground; what lines hang on then."""
        wires, (x, z, common) = self._wiring, self._letters
        found = [self._ground] * (wires.rows + wires.cols)
        found[2 * neuron - 2], found[2 * neuron - 1], found[wires.rows + neuron - 1] = x, z, common
        ends = [wires.crosspoint(line, letter) for line, letter in enumerate(found)]
        self._move(frozenset(ends))
        if neuron not in self._routes:
            sources = [wires.source(letter) for letter, _ in ends]
            ways = zip(ends, sources, strict=True)
            paths = [() if source is None else (wires.contact(*end, source),) for end, source in ways]
            self._routes[neuron] = Connections(tuple(paths), len(wires.channels))
        return self._routes[neuron]

    def _move(self, target: frozenset[Crosspoint]) -> None:
        """Pass the time, and count the cycles, of the relays on the way to a route."""
        if target == self._closed:
            return
        steps = moves(self._closed, target, ground=self._ground)
        for _, crosspoints in steps:
            for row, col in crosspoints:
                self.electrics.state.cycles[ord(row) - ord("A"), col - 1] += 1
        self._closed = target
        timing = self._matrix.timing.command + len(steps) * self._matrix.relay.settling
        self.electrics.rest(timing + self._wait.after_relay)
