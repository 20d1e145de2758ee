"""An array whose rows each have a source of their own (labmtj.ports.ArrayAccess, analog).

Row voltages come from a bank, all at once; columns pass the matrix to one or two ammeters at 0 V or to
ground, and to a channel of the same bank for the column's half of a pulse, so that both halves start and
end on one clock. Relays move with the whole bank at 0 V.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from labmtj.bench.access import Waits
from labmtj.bench.limits import Gate
from labmtj.bench.routing import Line, Router
from labmtj.bench.upkeep import Upkeep
from labmtj.errors import BadReply, LimitExceeded, NoReply, PowerLost
from labmtj.physics.schemes import levels, shared_level
from labmtj.ports import CellModel, Clock, Journal, SourceMeter, VoltageBank
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
_SENSES = (Role.SENSE, Role.SECOND_SENSE)


@dataclass(frozen=True)
class BankWiring:
    """Channels of the bank: one a row (from 1), and the one that reaches the selected column."""

    rows: Mapping[int, str]
    col: str


class ParallelArray:
    """An array with a bank of sources on its rows; `meters` sense one or two columns at a time."""

    analog = True
    own_levels = (True, False)

    def __init__(
        self,
        *,
        shape: tuple[int, int],
        bank: VoltageBank,
        wiring: BankWiring,
        meters: Sequence[SourceMeter],
        router: Router,
        gate: Gate,
        waits: Waits,
        clock: Clock,
        journal: Journal,
        upkeep: Upkeep | None = None,
    ) -> None:
        self._shape, self._clock = shape, clock
        self._upkeep = upkeep or Upkeep({}, clock, journal)
        self._bank, self._wiring, self._meters, self._at_zero = bank, wiring, tuple(meters), True
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
        """Raise LimitExceeded if `pulse` would pass a limit, or cannot be made here; touches nothing."""
        self._gate.limits.check_pulse(pulse, model=self._model, shape=self._shape)
        if pulse.scheme is Scheme.GATED:
            raise LimitExceeded("scheme: gated is for chips with a transistor in every cell; this array has none")
        self._router.check(pulse)
        if pulse.scheme is Scheme.FLOATING:
            raise LimitExceeded("floating lines: rows of this bench are wired to their channels and cannot float")

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage and -voltage [V]; each reading is in the journal."""
        self._gate.limits.check_cell(voltage, "a read")
        readings: list[Reading] = []
        for cell in cells:
            driven = {self._wiring.rows[cell.row]: voltage}
            ((current, limited),) = self._through({Line("col", cell.col): Role.SENSE}, driven)
            reading = Reading(cell, voltage, current, self._clock.now(), limited)
            self._journal.record("read", reading_entry(reading))
            readings.append(reading)
        return readings

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one programming pulse; its intent is on disk before it leaves, its outcome after."""
        self.check(pulse)
        volts = levels(pulse.scheme, pulse.amplitude)
        driven = {self._wiring.rows[pulse.cell.row]: volts.row}
        if volts.other_rows:
            driven = dict.fromkeys(self._wiring.rows.values(), volts.other_rows) | driven
        # One channel reaches columns: the selected ones, or all others where those are the ones that have a level.
        chosen = set(pulse.columns)
        if volts.other_cols:
            chosen = set(range(1, self._shape[1] + 1)) - chosen
        roles = {Line("col", col): Role.PULSE_COL for col in sorted(chosen)}
        self._look(lambda: self._ready(roles))
        number = self._journal.intent(pulse)
        uncertain = self._fire(roles, driven | {self._wiring.col: volts.other_cols or volts.col}, pulse.width)
        outcome = PulseOutcome(pulse, self._clock.now(), False, uncertain)
        self._journal.outcome(number, outcome)
        return outcome

    def check_lines(self, pulse: LinePulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit, or cannot be made here; touches nothing."""
        self._gate.limits.check_lines(pulse, shape=self._shape, model=self._model)
        self._router.check_lines(pulse)
        shared_level(pulse.col_volts, "columns")

    def pulse_lines(self, pulse: LinePulse) -> LineOutcome:
        """Fire one pulse on many lines at once; its intent is on disk before it leaves, its outcome after."""
        self.check_lines(pulse)
        asked = {self._wiring.rows[row]: volts for row, volts in zip(pulse.rows, pulse.row_volts, strict=True)}
        asked[self._wiring.col] = shared_level(pulse.col_volts, "columns")
        roles = {Line("col", col): Role.PULSE_COL for col in pulse.cols}
        self._look(lambda: self._ready(roles))
        number = self._journal.intent_lines(pulse)
        uncertain = self._fire(roles, asked, pulse.width)
        outcome = LineOutcome(pulse, self._clock.now(), False, uncertain)
        self._journal.outcome(number, outcome)
        return outcome

    def _fire(self, roles: dict[Line, Role], asked: Mapping[str, float], width: float) -> bool:
        """Pulse these channels at their volts on a route that stands; whether nobody saw the end."""

        def fire() -> None:
            self._at_zero = False
            with self._gate.granted((*asked.values(), 0.0)):
                self._bank.pulse(asked, width)
            self._at_zero = True

        try:
            try:
                fire()
            except PowerLost:  # nothing has left
                self._upkeep.mend()
                self._begin()
                self._ready(roles)
                fire()
        except (NoReply, BadReply):
            self._look(self._to_zero)
            return True
        return False

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """Currents [A] into `cols` with all of `rows` at their own of `volts` [V]; shape (cols,)."""
        for level in volts:
            self._gate.limits.check_cell(level, "a product")
        currents = np.zeros(len(cols))
        together = len(self._meters)
        levels = {self._wiring.rows[row]: level for row, level in zip(rows, volts, strict=True)}
        for first in range(0, len(cols) if rows else 0, together):
            group = cols[first : first + together]
            roles = {Line("col", col): role for col, role in zip(group, _SENSES, strict=False)}
            for number, (current, limited) in enumerate(self._through(roles, levels)):
                currents[first + number] = np.nan if limited else current
                entry = product_entry(rows, group[number], volts, current, self._clock.now(), limited)
                self._journal.record("product", entry)
        return currents

    def total(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sum:
        """One current [A] of all of `rows` at +voltage and -voltage [V] into all of `cols` together."""
        self._gate.limits.check_cell(voltage, "a sum")
        driven = {self._wiring.rows[row]: voltage for row in rows}
        ((current, limited), *_) = self._through({Line("col", col): Role.SENSE for col in cols}, driven, meters=1)
        found = Sum(tuple(rows), tuple(cols), voltage, current, self._clock.now(), limited)
        self._journal.record("sum", sum_entry(found))
        return found

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """One integration with `rows` at `voltage` [V] and `cols` together on the ammeter, offsets included."""
        self._gate.limits.check_cell(voltage, "a sample")

        def once() -> tuple[float, bool]:
            self._go({Line("col", col): Role.SENSE for col in cols})
            self._at_zero = False
            (found,) = self._sense({self._wiring.rows[row]: voltage for row in rows}, 1)
            self._to_zero()
            return found

        current, limited = self._look(once)
        found = Sample(tuple(rows), tuple(cols), voltage, current, self._clock.now(), limited)
        self._journal.record("sample", sum_entry(found))
        return found

    def rest(self) -> None:
        """All columns to ground, the bank at 0 V."""
        self._at_zero = False
        self._look(lambda: self._go({}))

    def _look(self, operation: Callable[[], T]) -> T:
        """Something that may be repeated: it is, from 0 V and a look at the relays, after a power cut."""
        return self._upkeep.through(operation, self._begin)

    def _begin(self) -> None:
        """Nothing is known of sources and relays."""
        self._at_zero = False
        self._router.doubt()

    def _to_zero(self) -> None:
        self._bank.rest()
        self._at_zero = True

    def _ready(self, roles: dict[Line, Role]) -> None:
        """The route of a pulse, and instruments that have not been off."""
        self._upkeep.confirm(moved=self._go(roles))

    def _go(self, roles: dict[Line, Role]) -> bool:
        """Take a route; whether a relay moved for it."""
        if not self._at_zero:
            # An operation before this one failed half-way: no relay moves until 0 V has been read back.
            self._to_zero()
        moved = self._router.take(self._router.route(roles))
        if moved:
            self._clock.sleep(self._waits.after_relay)
        return moved

    def _through(
        self, roles: dict[Line, Role], levels: Mapping[str, float], *, meters: int | None = None
    ) -> list[tuple[float, bool]]:
        """Currents, and whether they are limited, of `meters` columns (as many as there are roles) on this route."""

        def once() -> list[tuple[float, bool]]:
            self._go(roles)
            return self._bipolar(levels, meters or len(roles))

        return self._look(once)

    def _bipolar(self, levels: Mapping[str, float], columns: int) -> list[tuple[float, bool]]:
        """Half the difference of each sensed column's current at the levels and at their negatives, and its limit."""
        self._at_zero = False
        plus = self._sense(levels, columns)
        minus = self._sense({name: -volts for name, volts in levels.items()}, columns)
        self._to_zero()
        return [(0.5 * (p - m), lp or lm) for (p, lp), (m, lm) in zip(plus, minus, strict=True)]

    def _sense(self, levels: Mapping[str, float], columns: int) -> list[tuple[float, bool]]:
        self._bank.apply(levels)
        self._clock.sleep(self._waits.after_source)
        found: list[tuple[float, bool]] = []
        for meter in self._meters[:columns]:
            amperes = -meter.measure_current()
            if math.isfinite(amperes):
                found.append((amperes, meter.in_compliance))
            else:
                found.append((math.copysign(meter.current_range, amperes), True))
        return found
