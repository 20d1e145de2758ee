"""The third door into the twin: copies of a die in lockstep, on the bench that a bench file describes.

What `labmtj.twin.access.TwinArray` does for one array this does for many: the same contacts, errors of sources and
of the meter, moves of relays and times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labmtj.config.bench import BenchFile
from labmtj.config.model import SourceMeterModel
from labmtj.errors import InputError
from labmtj.physics.crossbar_batch import Arrays
from labmtj.physics.crossbar_stack import Crossbar
from labmtj.physics.lockstep_copies import Copies, Course, Ends, Start
from labmtj.physics.schemes import two_channels
from labmtj.physics.stress import Limits
from labmtj.physics.variation import DieTruth
from labmtj.ports import CellModel, Clock, Journal
from labmtj.records import (
    Cell,
    Floats,
    LineOutcome,
    LinePulse,
    Pulse,
    PulseOutcome,
    Reading,
    Sample,
    Scheme,
    State,
    Sum,
)
from labmtj.routes import moves
from labmtj.runs.journal import reading_entry
from labmtj.studies.records import Snapshot
from labmtj.twin.build import matrix_model, models, numbers, wiring
from labmtj.twin.meter import Errors


def bench_limits(file: BenchFile) -> Limits:
    """The limits that a bench file states."""
    return Limits(**dict(file.bench.limits))


def copies_of(file: BenchFile, truth: DieTruth, start: Snapshot, *, count: int, read: float) -> Copies:
    """Copies of a die that all begin at `start`, on a bench, read at `read` [V].

    Raises InputError for a bench that the array door does not know either.
    """
    bench, sheets = file.bench, models(file)
    matrix = matrix_model(sheets)
    wires = wiring(file, matrix, truth.model.seed)
    sources = sorted(row for row, channel in wires.roles.items() if channel is not None)
    grounds = sorted(row for row, channel in wires.roles.items() if channel is None)
    if len(sources) != 2 or not grounds or wires.direct:
        raise InputError("copies need a bench with two channels of one source meter and ground; this one has others")
    letters = (*sources, grounds[0])
    channels = [wires.roles[letter] for letter in sources]
    kinds = {channel[0] for channel in channels if channel is not None}
    smu = sheets[kinds.pop()]
    if kinds or not isinstance(smu, SourceMeterModel):
        raise InputError("copies need a bench whose two channels belong to one source meter")
    numbered = numbers(file)
    errors = [Errors(truth.model.seed, numbered[channel], smu) for channel in channels if channel is not None]
    lines = range(wires.rows + wires.cols)
    paths = [[wires.contact(*wires.crosspoint(line, letter), 0) for line in lines] for letter in letters]
    full, limits = bench.measure.source_range, bench_limits(file)
    offset = tuple(one.source_volts.forced(0.0, full) for one in errors)
    gain = tuple(one.source_volts.forced(1.0, full) - off for one, off in zip(errors, offset, strict=True))
    ends = Ends(
        np.array([[contact.ohms for contact in row] for row in paths]),
        np.array([[contact.emf for contact in row] for row in paths]),
        (gain[0], gain[1]),
        (offset[0], offset[1]),
        limits.line_compliance,
    )

    def route(row: int, col: int) -> frozenset[tuple[str, int]]:
        found = [letters[2]] * len(lines)
        found[row], found[wires.rows + col] = letters[0], letters[1]
        return frozenset(wires.crosspoint(line, letter) for line, letter in enumerate(found))

    def lasts(closed: frozenset[tuple[str, int]], target: frozenset[tuple[str, int]]) -> float:
        steps = len(moves(closed, target, ground=letters[2]))
        return matrix.timing.command + steps * matrix.relay.settling + bench.wait.after_relay

    timing = smu.timing
    meter, measure = errors[1].meter_amperes, bench.measure
    scale = meter.holding(measure.range)

    def shown(value: float, draw: float) -> float:
        return meter.shown(value, draw, nplc=measure.nplc, full=scale, lowest=0.0)

    zero = shown(0.0, 0.0)
    course = Course(
        command=timing.command,
        first_move=lasts(frozenset(), route(0, 0)),
        move=lasts(route(0, 0), route(0, 1)),
        settled=timing.source_settling + bench.wait.after_source + timing.reading_overhead,
        aperture=measure.nplc / bench.mains,
        settling=timing.source_settling,
        gain=(shown(scale, 0.0) - zero) / scale,
        offset=zero,
        noise=shown(0.0, 1.0) - zero,
        end=1.02 * scale,
    )
    begun = Start(
        start.state, start.hazard, start.flips, start.damage, start.broken, start.col_reads, start.pulses,
        start.clock, start.rest,
    )  # fmt: skip
    return Copies(truth, begun, count=count, ends=ends, course=course, read=read)


class CompiledModel:
    """A die map's crossbar behind compiled kernels (labmtj.ports.CellModel): the same voltages, sooner."""

    def __init__(self, model: Crossbar) -> None:
        self._model = model
        shape = (1, *model.r_p.shape)
        self._arrays = Arrays(
            np.zeros(shape, np.int8), r_p=model.r_p.reshape(shape), tmr0=model.tmr0.reshape(shape), r_wire=model.wire,
            v_h=model.v_h, k_p=model.k_p,
        )  # fmt: skip

    def cell_voltages(self, rows: Floats, cols: Floats, *, state: int) -> Floats:
        """Voltages of all cells [V], (biases, rows, cols), with all of them in `state`."""
        if not (np.isfinite(rows).all() and np.isfinite(cols).all()):
            raise InputError("a line's voltage is no number; every line is held at one here")
        self._arrays.state[:] = int(State(state))
        ends = (
            np.full((1, rows.shape[1]), self._model.row_contact),
            np.full((1, cols.shape[1]), self._model.col_contact),
        )
        of = np.zeros(len(rows), np.int64)
        return self._arrays.drive(rows, cols, of=of, r_row=ends[0], r_col=ends[1], fields=1).nodes[0]


class QuickArray:
    """The array door for readings and pulses of single cells, behind compiled kernels (labmtj.ports.ArrayAccess).

    States are those of `TwinArray`, readings too but for the last digits. Other requests raise InputError.
    """

    analog = False
    own_levels = (False, False)

    def __init__(self, file: BenchFile, truth: DieTruth, start: Snapshot, journal: Journal, *, read: float) -> None:
        self.copies = copies_of(file, truth, start, count=1, read=read)
        self.limits, self._journal = bench_limits(file), journal
        self._model: CellModel | None = None
        self._width = 0.0
        self._one = np.zeros(1, np.int64)
        self._clock = _CopyClock(self.copies)
        smu = next(sheet for sheet in models(file).values() if isinstance(sheet, SourceMeterModel))
        self._message = smu.timing.command

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.copies.shape

    @property
    def clock(self) -> Clock:
        """The die's own clock."""
        return self._clock

    def trust(self, model: CellModel | None) -> None:
        """Hold pulses against the cell limit by what this model says that cells get."""
        self._model = CompiledModel(model) if isinstance(model, Crossbar) else model

    def check(self, pulse: Pulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit; touches nothing."""
        self.limits.check_pulse(pulse, model=self._model, shape=self.shape)
        two_channels(pulse.scheme, pulse.amplitude)

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage and -voltage [V], which is that of the copies."""
        self.limits.check_cell(voltage, "a read")
        if voltage != self.copies.read_voltage:
            raise InputError(f"this array reads at {self.copies.read_voltage} V only, not at {voltage} V")
        none = np.zeros(self.shape[0] * self.shape[1])
        readings: list[Reading] = []
        for cell in cells:
            row, col = np.array([cell.row - 1]), np.array([[cell.col - 1]])
            shown = float(self.copies.look(self._one, row, col, threshold=none, guard=none, exact=True)[0, 0])
            current = 0.0 if np.isnan(shown) else shown * voltage
            readings.append(Reading(cell, voltage, current, self._clock.now(), bool(np.isnan(shown))))
            self._journal.record("read", reading_entry(readings[-1]))
        return readings

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one V/2 pulse, with its intent and outcome in the journal."""
        self.check(pulse)
        if pulse.scheme is not Scheme.V_HALF or pulse.cols:
            raise InputError("this array makes V/2 pulses on single cells only; use the twin's array door")
        number = self._journal.intent(pulse)
        extra = np.array([self._message if pulse.width != self._width else 0.0])
        self._width = pulse.width
        row, col = np.array([pulse.cell.row - 1]), np.array([pulse.cell.col - 1])
        amplitude = np.array([pulse.amplitude])
        limited = self.copies.pulse(self._one, row, col, amplitude=amplitude, width=pulse.width, extra=extra)
        outcome = PulseOutcome(pulse, self._clock.now(), bool(limited[0]))
        self._journal.outcome(number, outcome)
        return outcome

    def check_lines(self, pulse: LinePulse) -> None:
        """Refused: this door pulses single cells."""
        raise _refused("pulses on many lines")

    def pulse_lines(self, pulse: LinePulse) -> LineOutcome:
        """Refused."""
        raise _refused("pulses on many lines")

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """Refused: products come from `labmtj.studies.inference`."""
        raise _refused("products")

    def total(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sum:
        """Refused."""
        raise _refused("sums of cells")

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """Refused."""
        raise _refused("single integrations")

    def rest(self) -> None:
        """Refused."""
        raise _refused("routes without a cell")


def _refused(what: str) -> InputError:
    return InputError(f"the compiled door reads and pulses single cells; for {what} use labmtj.twin.access.TwinArray")


class _CopyClock:
    """The clock of a single copy: sleeping lets it age at rest."""

    def __init__(self, copies: Copies) -> None:
        self._copies = copies

    def now(self) -> float:
        """Seconds in the life of the die."""
        return float(self._copies.hidden.clock[0])

    def sleep(self, seconds: float) -> None:
        """Let time pass with all lines at ground."""
        self._copies.rest(np.zeros(1, np.int64), np.array([seconds]))
