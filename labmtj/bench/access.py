"""The array behind real instruments: reads, pulses and products of whole lines (labmtj.ports.ArrayAccess).

A read has its row on the driving source, its column on the sensing one, which is the ammeter at 0 V, and
every other line at ground. Where the same channels make the pulses one route serves both and no relay
moves between a pulse and its verify; where a generator makes them, row and column move over to it.

What only looks is done once more where an instrument was switched off and on meanwhile (labmtj.bench.upkeep). A
pulse is fired again only where it is certain that it has not left; one that nobody saw end is `uncertain`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from labmtj.bench.limits import Gate
from labmtj.bench.routing import Line, Router
from labmtj.bench.upkeep import Upkeep
from labmtj.errors import BadReply, InputError, LimitExceeded, NoReply, PowerLost
from labmtj.physics.schemes import shared_level, two_channels
from labmtj.ports import CellModel, Clock, Journal, PulseSource, SensePair
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
    Scheme,
    Sum,
)
from labmtj.runs.journal import product_entry, reading_entry, sum_entry

T = TypeVar("T")


@dataclass(frozen=True)
class Waits:
    """Extra time for relays and sources to settle [s]."""

    after_relay: float
    after_source: float


@dataclass
class Standing:
    """Whether sources are known to stand at 0 V; one for all that drive the same sources."""

    at_zero: bool = True


class BenchArray:
    """An array on a matrix between a driving and a sensing source-measure channel, and a source of pulses."""

    analog = False
    own_levels = (False, False)

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
        upkeep: Upkeep | None = None,
        standing: Standing | None = None,
    ) -> None:
        self._shape, self._clock = shape, clock
        self._upkeep = upkeep or Upkeep({}, clock, journal)
        self._reader, self._pulser, self._standing = reader, pulser, standing or Standing()
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
        if pulse.scheme is Scheme.GATED:
            raise LimitExceeded("scheme: gated is for chips with a transistor in every cell; this array has none")
        self._router.check(pulse)
        two_channels(pulse.scheme, pulse.amplitude)

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage and -voltage [V]; each reading is in the journal."""
        self._gate.limits.check_cell(voltage, "a read")
        readings: list[Reading] = []
        for cell in cells:
            current, limited = self._look(lambda cell=cell: self._through(voltage, [cell.row], cell.col))
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
        self._look(lambda: self._ready(roles))
        number = self._journal.intent(pulse)
        limited, uncertain = self._fire(roles, drive.volts, pulse.width)
        outcome = PulseOutcome(pulse, self._clock.now(), limited, uncertain)
        self._journal.outcome(number, outcome)
        return outcome

    def check_lines(self, pulse: LinePulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit, or needs more sources than there are; touches nothing."""
        self._gate.limits.check_lines(pulse, shape=self._shape, model=self._model)
        self._router.check_lines(pulse)
        shared_level(pulse.row_volts, "rows")
        shared_level(pulse.col_volts, "columns")

    def pulse_lines(self, pulse: LinePulse) -> LineOutcome:
        """Fire one pulse on many lines at once; its intent is on disk before it leaves, its outcome after."""
        self.check_lines(pulse)
        volts = shared_level(pulse.row_volts, "rows"), shared_level(pulse.col_volts, "columns")
        roles = {Line("row", row): Role.PULSE_ROW for row in pulse.rows}
        roles |= {Line("col", col): Role.PULSE_COL for col in pulse.cols}
        self._look(lambda: self._ready(roles))
        number = self._journal.intent_lines(pulse)
        limited, uncertain = self._fire(roles, volts, pulse.width)
        outcome = LineOutcome(pulse, self._clock.now(), limited, uncertain)
        self._journal.outcome(number, outcome)
        return outcome

    def _fire(self, roles: dict[Line, Role], volts: tuple[float, float], width: float) -> tuple[bool, bool]:
        """Pulse both channels on a route that stands; whether one was in compliance, and whether nobody saw the end."""

        def fire() -> bool:
            self._standing.at_zero = False
            with self._gate.granted((*volts, 0.0)):
                limited = self._pulser.pulse(volts, width)
            self._standing.at_zero = True
            return limited

        try:
            try:
                return fire(), False
            except PowerLost:  # nothing has left
                self._upkeep.mend()
                self._begin()
                self._ready(roles)
                return fire(), False
        except (NoReply, BadReply):
            self._look(self._to_zero)
            return False, True

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """Currents [A] into `cols`, one after the other, with all of `rows` at the same of `volts` [V]; (cols,)."""
        voltage = one_voltage(volts)
        self._gate.limits.check_cell(voltage, "a product")
        currents = np.zeros(len(cols))
        for position, col in enumerate(cols if rows else ()):
            current, limited = self._look(lambda col=col: self._through(voltage, rows, col))
            currents[position] = np.nan if limited else current
            self._journal.record("product", product_entry(rows, col, volts, current, self._clock.now(), limited))
        return currents

    def total(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sum:
        """One current [A] of all of `rows` at +voltage and -voltage [V] into all of `cols` together."""
        self._gate.limits.check_cell(voltage, "a sum")
        current, limited = self._look(lambda: self._through(voltage, rows, *cols))
        found = Sum(tuple(rows), tuple(cols), voltage, current, self._clock.now(), limited)
        self._journal.record("sum", sum_entry(found))
        return found

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """One integration with `rows` at `voltage` [V] and `cols` together on the ammeter, offsets included."""
        self._gate.limits.check_cell(voltage, "a sample")

        def once() -> tuple[float, bool]:
            self._select(rows, *cols)
            self._standing.at_zero = False
            found = self._reader.sense(voltage, settle=self._waits.after_source)
            self._standing.at_zero = True
            return found

        current, limited = self._look(once)
        found = Sample(tuple(rows), tuple(cols), voltage, current, self._clock.now(), limited)
        self._journal.record("sample", sum_entry(found))
        return found

    def rest(self) -> None:
        """All lines to ground."""
        self._look(lambda: self._go({}))

    @property
    def _lines(self) -> list[Line]:
        rows, cols = self._shape
        return [Line("row", n + 1) for n in range(rows)] + [Line("col", n + 1) for n in range(cols)]

    def _select(self, rows: Sequence[int], *cols: int) -> None:
        self._go({Line("col", col): Role.SENSE for col in cols} | {Line("row", row): Role.DRIVE for row in rows})

    def _look(self, operation: Callable[[], T]) -> T:
        """Something that may be repeated: it is, from 0 V and a look at the relays, after a power cut."""
        return self._upkeep.through(operation, self._begin)

    def _begin(self) -> None:
        """Nothing is known of sources and relays."""
        self._standing.at_zero = False
        self._router.doubt()

    def _to_zero(self) -> None:
        self._reader.rest()
        self._pulser.rest()
        self._standing.at_zero = True

    def _ready(self, roles: dict[Line, Role]) -> None:
        """The route of a pulse, and instruments that have not been off."""
        self._upkeep.confirm(moved=self._go(roles))

    def _go(self, roles: dict[Line, Role]) -> bool:
        """Take a route; whether a relay moved for it."""
        if not self._standing.at_zero:
            # An operation before this one failed half-way: no relay moves until 0 V has been read back.
            self._to_zero()
        moved = self._router.take(self._router.route(roles))
        if moved:
            self._clock.sleep(self._waits.after_relay)
        return moved

    def _through(self, voltage: float, rows: Sequence[int], *cols: int) -> tuple[float, bool]:
        self._select(rows, *cols)
        return self._bipolar(voltage)

    def _bipolar(self, voltage: float) -> tuple[float, bool]:
        """Half the difference of the sensed currents at +voltage and -voltage, and whether the source was limited.

        All current of the sensed line comes out of the driving source, so that one trips first.
        """
        self._standing.at_zero = False
        plus, limited_plus = self._reader.sense(voltage, settle=self._waits.after_source)
        minus, limited_minus = self._reader.sense(-voltage, settle=self._waits.after_source)
        self._standing.at_zero = True
        return 0.5 * (plus - minus), limited_plus or limited_minus


def one_voltage(volts: Sequence[float]) -> float:
    """The voltage [V] that all rows have; 0 for none. Raises InputError where they differ."""
    if len(set(volts)) > 1:
        raise InputError("this bench drives rows from one source: all of them have the same voltage")
    return volts[0] if len(volts) else 0.0
