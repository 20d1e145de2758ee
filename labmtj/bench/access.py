"""The array behind real instruments: reads, pulses and products of whole lines (labmtj.ports.ArrayAccess).

One route serves a read and a pulse of the same cell: its row on the first source, its column on the
second, which is also the ammeter at 0 V, and every other line at ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.bench.limits import Limits
from labmtj.bench.routing import Line, Router
from labmtj.physics.schemes import halves
from labmtj.ports import Clock, Journal, PulseSource, SourceMeter
from labmtj.records import Cell, Floats, Pulse, PulseOutcome, Reading, Role
from labmtj.runs.journal import reading_entry


@dataclass(frozen=True)
class Waits:
    """Extra time for relays and sources to settle [s]."""

    after_relay: float
    after_source: float


class BenchArray:
    """An array on a matrix between a driving and a sensing source-measure channel."""

    def __init__(
        self,
        *,
        shape: tuple[int, int],
        drive: SourceMeter,
        sense: SourceMeter,
        pulses: PulseSource,
        router: Router,
        limits: Limits,
        waits: Waits,
        clock: Clock,
        journal: Journal,
    ) -> None:
        self._shape, self._clock = shape, clock
        self._drive, self._sense, self._pulses = drive, sense, pulses
        self._router, self._limits, self._waits, self._journal = router, limits, waits, journal

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self._shape

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        return self._clock

    def check(self, pulse: Pulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit; touches nothing."""
        self._limits.check_pulse(pulse)

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage and -voltage [V]; each reading is in the journal."""
        self._limits.check_cell(voltage, "a read")
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
        self._limits.check_pulse(pulse)
        self._select([pulse.cell.row], pulse.cell.col)
        number = self._journal.intent(pulse)
        limited = self._pulses.pulse(halves(pulse.scheme, pulse.amplitude), pulse.width)
        outcome = PulseOutcome(pulse, self._clock.now(), limited)
        self._journal.outcome(number, outcome)
        return outcome

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Floats:
        """Currents [A] into `cols`, one after the other, with all of `rows` driven at `voltage` [V]; shape (cols,)."""
        self._limits.check_cell(voltage, "a product")
        currents = np.zeros(len(cols))
        for position, col in enumerate(cols if rows else ()):
            self._select(rows, col)
            current, limited = self._bipolar(voltage)
            currents[position] = np.nan if limited else current
            self._journal.record(
                "product", {"rows": list(rows), "col": col, "v": voltage, "i": current, "t": round(self._clock.now(), 9)}
            )
        return currents

    def rest(self) -> None:
        """All lines to ground."""
        self._go({})

    def _select(self, rows: Sequence[int], col: int) -> None:
        self._go({Line("col", col): Role.SENSE} | {Line("row", row): Role.DRIVE for row in rows})

    def _go(self, roles: dict[Line, Role]) -> None:
        # The sources rest at 0 V between operations; _bipolar and the pulse model return them there, read back.
        if self._router.take(self._router.route(roles)):
            self._clock.sleep(self._waits.after_relay)

    def _bipolar(self, voltage: float) -> tuple[float, bool]:
        """Half the difference of the sensed currents at +voltage and -voltage, and whether a source was limited."""
        found: list[float] = []
        try:
            for level in (voltage, -voltage):
                self._drive.source_voltage = level
                self._clock.sleep(self._waits.after_source)
                found.append(-self._sense.measure_current())
            # All current of the sensed line comes out of the driving source, so that one trips first.
            limited = self._drive.in_compliance
        finally:
            self._drive.source_voltage = 0.0
        return 0.5 * (found[0] - found[1]), limited
