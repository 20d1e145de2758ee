"""The second door: the same array object without instruments (labmtj.ports.ArrayAccess).

It makes the hookups that a bench's routes make, with the same contacts, source and meter errors and
integration times, so that states are exactly those of the wire level and readings agree within the
digits that instruments send. What it leaves out are messages and the relays' own motion.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labmtj.config.bench import BenchFile
from labmtj.config.model import SourceMeterModel
from labmtj.errors import InputError
from labmtj.physics.schemes import halves
from labmtj.physics.stress import Limits
from labmtj.ports import Clock, Journal
from labmtj.records import Cell, Floats, Pulse, PulseOutcome, Reading
from labmtj.runs.journal import reading_entry
from labmtj.twin.build import electrics, matrix_model, models, wiring
from labmtj.twin.electrics import GROUND, Connections, Hookup, Source
from labmtj.twin.meter import Errors, Range
from labmtj.twin.wiring import Wiring

_SOURCE_RANGE = 2.0  # [V] the range on which the bench's sources stay


class TwinArray:
    """A simulated array that routines use directly; its limits are those of its bench file."""

    def __init__(self, file: BenchFile, journal: Journal) -> None:
        bench = file.bench
        sheets = models(file)
        matrix = matrix_model(sheets)
        self.electrics = electrics(file)
        seed = self.electrics.truth.model.seed
        self._wiring = wiring(file, matrix, seed)
        self._letters = _letters(self._wiring)
        smu = sheets[self._wiring.channels[0][0]]
        if not isinstance(smu, SourceMeterModel):
            raise InputError(f"{smu.title} cannot drive an array")
        ranges = [Range(r.range, r.gain, r.offset) for r in smu.source_voltage]
        meter = [Range(r.range, r.gain, r.offset, r.noise) for r in smu.measure_current]
        self._errors = [Errors(seed, smu.channels.index(c[1]), ranges, meter) for c in self._wiring.channels]
        self._nplc, self._aperture = bench.measure.nplc, bench.measure.nplc / bench.mains
        self._settle = bench.wait.after_source + smu.timing.source_settling + smu.timing.reading_overhead
        self._limit = bench.limits.line_compliance
        self._limits, self._journal = Limits(**dict(bench.limits)), journal
        self._clock = _TwinClock(self)
        self._known: dict[tuple[tuple[int, ...], int], Connections] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self._wiring.rows, self._wiring.cols

    @property
    def clock(self) -> Clock:
        """The die's own clock."""
        return self._clock

    def check(self, pulse: Pulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit; touches nothing."""
        self._limits.check_pulse(pulse)

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage and -voltage [V]."""
        self._limits.check_cell(voltage, "a read")
        readings: list[Reading] = []
        for cell in cells:
            current, limited = self._bipolar([cell.row], cell.col, voltage)
            reading = Reading(cell, voltage, current, self._clock.now(), limited)
            self._journal.record("read", reading_entry(reading))
            readings.append(reading)
        return readings

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one programming pulse, with its intent and outcome in the journal."""
        self.check(pulse)
        number = self._journal.intent(pulse)
        hookup = self._hookup([pulse.cell.row], pulse.cell.col, halves(pulse.scheme, pulse.amplitude))
        point = self.electrics.pulse(hookup, pulse.width)
        self.electrics.commit()
        outcome = PulseOutcome(pulse, self._clock.now(), any(point.limited))
        self._journal.outcome(number, outcome)
        return outcome

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Floats:
        """Currents [A] into `cols`, one after the other, with all of `rows` driven at `voltage` [V]; shape (cols,)."""
        self._limits.check_cell(voltage, "a product")
        currents = np.zeros(len(cols))
        for position, col in enumerate(cols if rows else ()):
            current, limited = self._bipolar(rows, col, voltage)
            currents[position] = np.nan if limited else current
        return currents

    def rest(self) -> None:
        """All lines to ground: nothing to do here, since a hookup lasts as long as its operation."""

    def _bipolar(self, rows: Sequence[int], col: int, voltage: float) -> tuple[float, bool]:
        found: list[float] = []
        limited = False
        for level in (voltage, -voltage):
            hookup = self._hookup(rows, col, (level, 0.0))
            self.electrics.hold(hookup, self._settle + self._aperture)
            amperes, draw = self.electrics.measure(hookup, 1, self._aperture)
            found.append(-self._errors[1].shown(amperes, draw, nplc=self._nplc, full=None, lowest=1e-5))
            limited = any(self.electrics.operating_point(hookup).limited)
        self.electrics.commit()
        return 0.5 * (found[0] - found[1]), limited

    def _hookup(self, rows: Sequence[int], col: int, volts: tuple[float, float]) -> Hookup:
        key = (tuple(rows), col)
        connections = self._known.get(key)
        if connections is None:
            if len(self._known) >= 512:
                self._known.clear()
            connections = self._known[key] = self._connections(set(rows), col)
        sources = tuple(
            Source(errors.forced(v, _SOURCE_RANGE), self._limit) for errors, v in zip(self._errors, volts, strict=True)
        )
        return Hookup(connections, sources)

    def _connections(self, selected: set[int], col: int) -> Connections:
        drive, sense, ground = self._letters
        wires, lines = self._wiring, []
        for n in range(wires.rows + wires.cols):
            letter = drive if n + 1 in selected and n < wires.rows else sense if n - wires.rows + 1 == col else ground
            source = GROUND if letter == ground else self._number(letter)
            lines.append((wires.contact(*wires.crosspoint(n, letter), source),))
        return Connections(tuple(lines), len(wires.channels))

    def _number(self, letter: str) -> int:
        number = self._wiring.source(letter)
        if number is None:
            raise InputError(f"nothing is plugged into matrix row {letter}")
        return number


class _TwinClock:
    """The die's clock: sleeping lets the array age at rest."""

    def __init__(self, array: TwinArray) -> None:
        self._array = array

    def now(self) -> float:
        """Seconds in the life of the die."""
        return self._array.electrics.state.clock

    def sleep(self, seconds: float) -> None:
        """Let time pass with all lines at ground."""
        self._array.electrics.rest(seconds)


def _letters(wires: Wiring) -> tuple[str, str, str]:
    """Matrix rows of the driving source, of the sensing source and of ground."""
    sources = sorted(row for row, channel in wires.roles.items() if channel is not None)
    grounds = sorted(row for row, channel in wires.roles.items() if channel is None)
    if len(sources) != 2 or not grounds:
        raise InputError("a bench needs two source channels and one ground row; see roles in its file")
    return sources[0], sources[1], grounds[0]
