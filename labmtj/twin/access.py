"""The second door: the same array object without instruments (labmtj.ports.ArrayAccess).

It makes the hookups that a bench's routes make, with the same contacts, source and meter errors and
integration times, so that states are exactly those of the wire level and readings agree within the
digits that instruments send. Time passes as it does there: a message, the moves of relays, settling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labmtj.config.bench import BenchFile
from labmtj.config.model import InstrumentModel, SourceMeterModel, SwitchMatrixModel
from labmtj.errors import InputError
from labmtj.physics.schemes import shared_level, two_channels
from labmtj.physics.stress import Limits
from labmtj.ports import CellModel, Clock, Journal
from labmtj.records import (
    Cell,
    Floats,
    LineOutcome,
    LinePulse,
    Pulse,
    PulseOutcome,
    Reading,
    Role,
    Sample,
    Sum,
)
from labmtj.routes import Crosspoint, moves
from labmtj.runs.journal import product_entry, reading_entry, sum_entry
from labmtj.twin.build import electrics, matrix_model, models, numbers, wiring
from labmtj.twin.chip_electrics import ChipElectrics
from labmtj.twin.electrics import Electrics
from labmtj.twin.hookup import Connections, Hookup
from labmtj.twin.meter import OVERFLOW, Errors
from labmtj.twin.operating_point import OperatingPoint
from labmtj.twin.sources import Source
from labmtj.twin.wiring import Wiring

if TYPE_CHECKING:
    from labmtj.twin.neuron_electrics import NeuronElectrics

_AT_LIMIT = 0.995  # share of the compliance that the drivers count as reached
_KEPT = 512  # routes whose connections are remembered
_READ = (Role.DRIVE, Role.SENSE, Role.GROUND)
_PULSE = (Role.PULSE_ROW, Role.PULSE_COL, Role.GROUND)


class TwinArray:
    """A simulated array that routines use directly; `limits` are those of its bench file if they are not given."""

    analog = False
    own_levels = (False, False)

    def __init__(self, file: BenchFile, journal: Journal, *, limits: Limits | None = None) -> None:
        bench, sheets = file.bench, models(file)
        self._matrix, self.electrics = self._relays(sheets), self._die(file)
        seed = self.electrics.truth.model.seed
        self._wiring = wiring(file, self._matrix, seed)
        self._letters = _letters(self._wiring)
        self._drive, self._sense = (self._number(letter) for letter in self._letters[:2])
        smu = sheets[self._wiring.channels[self._drive][0]]
        if not isinstance(smu, SourceMeterModel):
            raise InputError(f"{smu.title} cannot drive an array")
        self._timing, self._wait, self._measure = smu.timing, bench.wait, bench.measure
        numbered = numbers(file)
        self._errors = [Errors(seed, numbered[channel], smu) for channel in self._wiring.channels]
        self._limits, self._journal = limits or Limits(**dict(bench.limits)), journal
        self._compliance = self._most = self._limits.line_compliance  # of the sensing source, and of the driving one
        self._range = self._errors[0].meter_amperes.holding(bench.measure.range)
        self._read_limit = min(self._compliance, smu.range_compliance * self._range)
        self._aperture = bench.measure.nplc / bench.mains
        self._clock = TwinClock(self.electrics)
        self._model: CellModel | None = None
        self._width = 0.0  # of the last pulse [s]
        self._closed: frozenset[Crosspoint] = frozenset()
        self._known: dict[tuple[tuple[int, ...], tuple[int, ...], tuple[str, ...]], Connections] = {}

    def _die(self, file: BenchFile) -> Electrics | ChipElectrics:
        return electrics(file)

    def _relays(self, sheets: dict[str, InstrumentModel]) -> SwitchMatrixModel:
        return matrix_model(sheets)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self._wiring.rows, self._wiring.cols

    @property
    def clock(self) -> Clock:
        """The die's own clock."""
        return self._clock

    def trust(self, model: CellModel | None) -> None:
        """Hold pulses against the cell limit by what this model says that cells get."""
        self._model = model

    def check(self, pulse: Pulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit, or needs more sources than there are; touches nothing."""
        self._limits.check_pulse(pulse, model=self._model, shape=self.shape)
        two_channels(pulse.scheme, pulse.amplitude)

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage and -voltage [V]."""
        self._limits.check_cell(voltage, "a read")
        readings: list[Reading] = []
        for cell in cells:
            current, limited = self._bipolar([cell.row], (cell.col,), voltage)
            reading = Reading(cell, voltage, current, self._clock.now(), limited)
            self._journal.record("read", reading_entry(reading))
            readings.append(reading)
        return readings

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one programming pulse, with its intent and outcome in the journal."""
        self.check(pulse)
        drive = two_channels(pulse.scheme, pulse.amplitude)
        connections = self._ready([pulse.cell.row], pulse.columns, (drive.row, drive.col, drive.others))
        number = self._journal.intent(pulse)
        limited = self._fire(connections, drive.volts, pulse.width)
        outcome = PulseOutcome(pulse, self._clock.now(), limited)
        self._journal.outcome(number, outcome)
        return outcome

    def check_lines(self, pulse: LinePulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit, or needs more sources than there are; touches nothing."""
        self._limits.check_lines(pulse, shape=self.shape, model=self._model)
        shared_level(pulse.row_volts, "rows")
        shared_level(pulse.col_volts, "columns")

    def pulse_lines(self, pulse: LinePulse) -> LineOutcome:
        """Fire one pulse on many lines at once, with its intent and outcome in the journal."""
        self.check_lines(pulse)
        volts = shared_level(pulse.row_volts, "rows"), shared_level(pulse.col_volts, "columns")
        connections = self._ready(pulse.rows, pulse.cols, _PULSE)
        number = self._journal.intent_lines(pulse)
        limited = self._fire(connections, volts, pulse.width)
        outcome = LineOutcome(pulse, self._clock.now(), limited)
        self._journal.outcome(number, outcome)
        return outcome

    def _ready(self, rows: Sequence[int], cols: Sequence[int], roles: tuple[Role, Role, Role]) -> Connections:
        """The route of a pulse, and the look at instruments before it."""
        before = self._closed
        connections = self._go(rows, cols, roles)
        if self._closed == before:
            self.electrics.rest(self._matrix.timing.command)  # the matrix is asked whether it still has its relays
        return connections

    def _fire(self, connections: Connections, volts: tuple[float, float], width: float) -> bool:
        """Pulse both sources at their `volts`; whether one was in compliance."""
        if width != self._width:
            self.electrics.rest(self._timing.command)  # a width is set, and read back, once
            self._width = width
        self.electrics.rest(self._timing.command)
        point = self.electrics.pulse(self._hookup(connections, volts, self._compliance), width)
        self.electrics.commit()
        return self._reached(point)

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """Currents [A] into `cols`, one after the other, with all of `rows` at the same of `volts` [V]; (cols,)."""
        if len(set(volts)) > 1:
            raise InputError("this array drives rows from one source: all of them have the same voltage")
        voltage = volts[0] if len(volts) else 0.0
        self._limits.check_cell(voltage, "a product")
        currents = np.zeros(len(cols))
        for position, col in enumerate(cols if rows else ()):
            current, limited = self._bipolar(rows, (col,), voltage)
            currents[position] = np.nan if limited else current
            self._journal.record("product", product_entry(rows, col, volts, current, self._clock.now(), limited))
        return currents

    def total(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sum:
        """One current [A] of all of `rows` at +voltage and -voltage [V] into all of `cols` together."""
        self._limits.check_cell(voltage, "a sum")
        current, limited = self._bipolar(rows, cols, voltage)
        found = Sum(tuple(rows), tuple(cols), voltage, current, self._clock.now(), limited)
        self._journal.record("sum", sum_entry(found))
        return found

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """One integration with `rows` at `voltage` [V] and `cols` together on the ammeter, offsets included."""
        self._limits.check_cell(voltage, "a sample")
        current, limited = self._integrate(self._go(rows, cols), voltage)
        self.electrics.commit()
        found = Sample(tuple(rows), tuple(cols), voltage, current, self._clock.now(), limited)
        self._journal.record("sample", sum_entry(found))
        return found

    def rest(self) -> None:
        """All lines to ground."""
        self._move(frozenset(self._wiring.crosspoint(n, self._letters[2]) for n in range(self._lines)))

    def _reached(self, point: OperatingPoint) -> bool:
        limits = {self._drive: self._most, self._sense: self._compliance}
        return any(abs(point.source_current[n]) >= _AT_LIMIT * most for n, most in limits.items())

    @property
    def _lines(self) -> int:
        return self._wiring.rows + self._wiring.cols

    def _bipolar(self, rows: Sequence[int], cols: Sequence[int], voltage: float) -> tuple[float, bool]:
        """Half the difference of the sensed currents at +voltage and -voltage, and whether a source was limited."""
        connections = self._go(rows, cols)
        (plus, over), (minus, under) = (self._integrate(connections, level) for level in (voltage, -voltage))
        self.electrics.commit()
        return 0.5 * (plus - minus), over or under

    def _integrate(self, connections: Connections, level: float) -> tuple[float, bool]:
        """Current [A] into the sensing source with the driving one at `level` [V], and whether one was limited."""
        timing = self._timing
        hookup = self._hookup(connections, (level, 0.0), self._read_limit)
        self.electrics.rest(timing.command)
        settled = timing.source_settling + self._wait.after_source + timing.reading_overhead
        self.electrics.hold(hookup, settled + self._aperture)
        amperes, draw = self.electrics.measure(hookup, self._sense, self._aperture)
        shown = -self._errors[self._sense].meter_amperes.shown(
            amperes, draw, nplc=self._measure.nplc, full=self._range, lowest=0.0
        )
        limited = self.electrics.operating_point(hookup).limited[self._drive] or abs(shown) >= OVERFLOW
        self.electrics.rest(timing.source_settling)
        return math.copysign(self._range, shown) if abs(shown) >= OVERFLOW else shown, limited

    def _go(self, rows: Sequence[int], cols: Sequence[int], roles: tuple[Role, Role, Role] = _READ) -> Connections:
        """Take the route with these rows, these columns and all other lines in their roles; what lines hang on then."""
        letters = {Role.GROUND: self._letters[2], Role.FLOAT: ""}
        letters |= dict.fromkeys((Role.DRIVE, Role.PULSE_ROW), self._letters[0])
        letters |= dict.fromkeys((Role.SENSE, Role.PULSE_COL), self._letters[1])
        row, col, other = (letters[role] for role in roles)
        wires, chosen, sensed = self._wiring, set(rows), set(cols)
        found = [row if n + 1 in chosen else other for n in range(wires.rows)]
        found += [col if n + 1 in sensed else other for n in range(wires.cols)]
        self._move(frozenset(wires.crosspoint(n, letter) for n, letter in enumerate(found) if letter))
        key = (tuple(rows), tuple(cols), (row, col, other))
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            paths = [
                (wires.contact(*wires.crosspoint(n, x), self._number(x)),) if x else () for n, x in enumerate(found)
            ]
            self._known[key] = Connections(tuple(paths), len(wires.channels))
        return self._known[key]

    def _move(self, target: frozenset[Crosspoint]) -> None:
        """Pass the time, and count the cycles, of the relays on the way to a route."""
        if target == self._closed:
            return
        steps = moves(self._closed, target, ground=self._letters[2])
        for _, crosspoints in steps:
            for row, col in crosspoints:
                self.electrics.state.cycles[ord(row) - ord("A"), col - 1] += 1
        self._closed = target
        self.electrics.rest(
            self._matrix.timing.command + len(steps) * self._matrix.relay.settling + self._wait.after_relay
        )

    def _hookup(self, connections: Connections, volts: tuple[float, float], sense_limit: float) -> Hookup:
        """Both sources at their volts (drive, sense), with the errors of the channels that they are."""
        asked = {self._drive: (volts[0], self._most), self._sense: (volts[1], sense_limit)}
        full = self._measure.source_range
        sources = tuple(
            Source(errors.source_volts.forced(asked[n][0], full), asked[n][1]) for n, errors in enumerate(self._errors)
        )
        return Hookup(connections, sources)

    def _number(self, letter: str) -> int:
        number = self._wiring.source(letter)
        if number is None:
            raise InputError(f"nothing is plugged into matrix row {letter}")
        return number


class TwinClock:
    """The die's clock: sleeping lets it age at rest."""

    def __init__(self, electrics: Electrics | ChipElectrics | NeuronElectrics) -> None:
        self._electrics = electrics

    def now(self) -> float:
        """Seconds in the life of the die."""
        return self._electrics.state.clock

    def sleep(self, seconds: float) -> None:
        """Let time pass with all lines at ground."""
        self._electrics.rest(seconds)


def _letters(wires: Wiring) -> tuple[str, str, str]:
    """Matrix rows of the driving source, of the sensing source and of ground."""
    sources = sorted(row for row, channel in wires.roles.items() if channel is not None)
    grounds = sorted(row for row, channel in wires.roles.items() if channel is None)
    one = len({channel[0] for channel in wires.channels}) == 1
    if len(sources) != 2 or not grounds or wires.direct or not one:
        raise InputError("the array door knows benches with two channels of one source meter; this one has other roles")
    return sources[0], sources[1], grounds[0]
