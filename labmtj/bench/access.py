"""The array behind real instruments: reads, pulses and products of whole lines (labmtj.ports.ArrayAccess).

A read has its row on the driving source, its column on the sensing one, which is the ammeter at 0 V, and
every other line at ground. Where the same channels make the pulses one route serves both and no relay
moves between a pulse and its verify; where a generator makes them, row and column move over to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.bench.limits import Gate
from labmtj.bench.routing import Line, Router
from labmtj.errors import InputError
from labmtj.physics.schemes import two_channels
from labmtj.ports import CellModel, Clock, Journal, PulseSource, SensePair
from labmtj.records import Cell, Floats, Pulse, PulseOutcome, Reading, Role, Sample, Sum
from labmtj.runs.journal import product_entry, reading_entry, sum_entry


@dataclass(frozen=True)
class Waits:
    """Extra time for relays and sources to settle [s]."""

    after_relay: float
    after_source: float


class BenchArray:
    """An array on a matrix between a driving and a sensing source-measure channel, and a source of pulses."""

    analog = False

    def __init__(
        self,
        *,
        shape: tuple[int, int],
        reader: SensePair,
        pulser: PulseSource,
        router: Router,
        gate: Gate,
        waits: Waits,
        clock: Clock,
        journal: Journal,
    ) -> None:
        self._shape, self._clock = shape, clock
        self._reader, self._pulser, self._at_zero = reader, pulser, True
        self._router, self._gate, self._waits, self._journal = router, gate, waits, journal
        self._model: CellModel | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self._shape

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        return self._clock

    def trust(self, model: CellModel | None) -> None:
        """Hold pulses against the cell limit by what this model says that cells get."""
        self._model = model

    def check(self, pulse: Pulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit, or needs more sources than there are; touches nothing."""
        self._gate.limits.check_pulse(pulse, model=self._model, shape=self._shape)
        self._router.check(pulse)
        two_channels(pulse.scheme, pulse.amplitude)

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage and -voltage [V]; each reading is in the journal."""
        self._gate.limits.check_cell(voltage, "a read")
        readings: list[Reading] = []
        for cell in cells:
            self._select([cell.row], cell.col)
            current, limited = self._bipolar(voltage)
            reading = Reading(cell, voltage, current, self._clock.now(), limited)
            self._journal.record("read", reading_entry(reading))
            readings.append(reading)
        return readings

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one programming pulse; its intent is on disk before it leaves, its outcome after."""
        self.check(pulse)
        drive = two_channels(pulse.scheme, pulse.amplitude)
        roles = {Line(axis, n): drive.others for axis, n in self._lines}
        roles |= {Line("row", pulse.cell.row): drive.row} | {Line("col", col): drive.col for col in pulse.columns}
        self._go(roles)
        number = self._journal.intent(pulse)
        self._at_zero = False
        with self._gate.granted((*drive.volts, 0.0)):
            limited = self._pulser.pulse(drive.volts, pulse.width)
        self._at_zero = True
        outcome = PulseOutcome(pulse, self._clock.now(), limited)
        self._journal.outcome(number, outcome)
        return outcome

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """Currents [A] into `cols`, one after the other, with all of `rows` at the same of `volts` [V]; (cols,)."""
        voltage = one_voltage(volts)
        self._gate.limits.check_cell(voltage, "a product")
        currents = np.zeros(len(cols))
        for position, col in enumerate(cols if rows else ()):
            self._select(rows, col)
            current, limited = self._bipolar(voltage)
            currents[position] = np.nan if limited else current
            self._journal.record("product", product_entry(rows, col, volts, current, self._clock.now(), limited))
        return currents

    def total(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sum:
        """One current [A] of all of `rows` at +voltage and -voltage [V] into all of `cols` together."""
        self._gate.limits.check_cell(voltage, "a sum")
        self._select(rows, *cols)
        current, limited = self._bipolar(voltage)
        found = Sum(tuple(rows), tuple(cols), voltage, current, self._clock.now(), limited)
        self._journal.record("sum", sum_entry(found))
        return found

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """One integration with `rows` at `voltage` [V] and `cols` together on the ammeter, offsets included."""
        self._gate.limits.check_cell(voltage, "a sample")
        self._select(rows, *cols)
        self._at_zero = False
        current, limited = self._reader.sense(voltage, settle=self._waits.after_source)
        self._at_zero = True
        found = Sample(tuple(rows), tuple(cols), voltage, current, self._clock.now(), limited)
        self._journal.record("sample", sum_entry(found))
        return found

    def rest(self) -> None:
        """All lines to ground."""
        self._go({})

    @property
    def _lines(self) -> list[Line]:
        rows, cols = self._shape
        return [Line("row", n + 1) for n in range(rows)] + [Line("col", n + 1) for n in range(cols)]

    def _select(self, rows: Sequence[int], *cols: int) -> None:
        self._go({Line("col", col): Role.SENSE for col in cols} | {Line("row", row): Role.DRIVE for row in rows})

    def _go(self, roles: dict[Line, Role]) -> None:
        if not self._at_zero:
            # An operation before this one failed half-way: no relay moves until 0 V has been read back.
            self._reader.rest()
            self._pulser.rest()
            self._at_zero = True
        if self._router.take(self._router.route(roles)):
            self._clock.sleep(self._waits.after_relay)

    def _bipolar(self, voltage: float) -> tuple[float, bool]:
        """Half the difference of the sensed currents at +voltage and -voltage, and whether the source was limited.

        All current of the sensed line comes out of the driving source, so that one trips first.
        """
        self._at_zero = False
        plus, limited_plus = self._reader.sense(voltage, settle=self._waits.after_source)
        minus, limited_minus = self._reader.sense(-voltage, settle=self._waits.after_source)
        self._at_zero = True
        return 0.5 * (plus - minus), limited_plus or limited_minus


def one_voltage(volts: Sequence[float]) -> float:
    """The voltage [V] that all rows have; 0 for none. Raises InputError where they differ."""
    if len(set(volts)) > 1:
        raise InputError("this bench drives rows from one source: all of them have the same voltage")
    return volts[0] if len(volts) else 0.0
