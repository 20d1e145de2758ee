"""An array with a source on every line (labmtj.ports.ArrayAccess): no relays, all inputs and all outputs at once.

Rows hang on the channels of one bank of voltages, columns on those of another one, or of the same. What nothing drives
is a channel at 0 V. Currents are read by the sensors of the columns' channels, all of them over the same time, so that
a product of a whole array takes as long as that of one column.

Two banks have no common clock. Of a pulse the rows make the width, on one trigger; the columns stand at their level
before it and until it is over, some milliseconds. So a cell between driven lines gets its whole voltage for the width,
and cells of driven columns, whose rows are at 0 V, get the columns' part, about half, for longer. One bank on both
axes makes both parts on one trigger.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from labmtj.bench.access import Waits
from labmtj.bench.limits import Gate
from labmtj.bench.routing import LeftOut
from labmtj.bench.upkeep import Upkeep
from labmtj.errors import BadReply, LimitExceeded, NoReply, PowerLost
from labmtj.ports import CellModel, Clock, Journal, VoltageBank
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
    Sum,
)
from labmtj.runs.journal import product_entry, reading_entry, sum_entry

T = TypeVar("T")


@dataclass(frozen=True)
class LineBanks:
    """Banks of an array's rows and columns and their channels, in the order of the lines; `one`: both are the same.

    `nplc` periods of the mains is a reading long, `full_scale` [A] its range.
    """

    rows: VoltageBank
    cols: VoltageBank
    row_names: tuple[str, ...]
    col_names: tuple[str, ...]
    one: bool
    nplc: float
    full_scale: float

    def rest(self) -> None:
        """Every line to 0 V."""
        self.rows.rest()
        if not self.one:
            self.cols.rest()

    def row_levels(self, rows: Sequence[int], volts: Sequence[float]) -> dict[str, float]:
        """Channels of these rows (from 1) at their volts."""
        return {self.row_names[row - 1]: level for row, level in zip(rows, volts, strict=True)}

    def col_levels(self, cols: Sequence[int], volts: Sequence[float]) -> dict[str, float]:
        """Channels of these columns (from 1) at their volts."""
        return {self.col_names[col - 1]: level for col, level in zip(cols, volts, strict=True)}


class LineArray:
    """An array between two banks; columns are sensed at 0 V by their own channels."""

    analog = True
    own_levels = (True, True)

    def __init__(
        self,
        *,
        banks: LineBanks,
        left_out: LeftOut,
        gate: Gate,
        waits: Waits,
        clock: Clock,
        journal: Journal,
        upkeep: Upkeep | None = None,
    ) -> None:
        self._banks, self._left_out, self._clock = banks, left_out, clock
        self._upkeep = upkeep or Upkeep({}, clock, journal)
        self._gate, self._waits, self._journal, self._at_zero = gate, waits, journal, True
        self._model: CellModel | None = None
        self._left = False  # whether the trigger of the pulse in hand may have come

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return len(self._banks.row_names), len(self._banks.col_names)

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        return self._clock

    def trust(self, model: CellModel | None) -> None:
        """Hold pulses against the cell limit by what this model says that cells get."""
        self._model = model

    def check(self, pulse: Pulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit, or is not made here; touches nothing."""
        if pulse.scheme is not Scheme.V_HALF:
            raise LimitExceeded(
                f"{pulse.scheme}: columns of this bench stand before their rows, which only v_half bears; write "
                "scheme: v_half"
            )
        self._gate.limits.check_pulse(pulse, model=self._model, shape=self.shape)
        self._left_out.check(pulse)

    def check_lines(self, pulse: LinePulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit; touches nothing."""
        self._gate.limits.check_lines(pulse, shape=self.shape, model=self._model)
        self._left_out.check_lines(pulse)

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells at +voltage and -voltage [V]; those of one row that follow each other are read together."""
        self._gate.limits.check_cell(voltage, "a read")
        readings: list[Reading] = []
        for row, cols in _by_row(cells):
            currents, limited = self._bipolar([row], cols, [voltage])
            now = self._clock.now()
            for col, current, full in zip(cols, currents.tolist(), limited.tolist(), strict=True):
                readings.append(Reading(Cell(row, col), voltage, current, now, full))
                self._journal.record("read", reading_entry(readings[-1]))
        return readings

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one programming pulse; its intent is on disk before it leaves, its outcome after."""
        self.check(pulse)
        half, cols = 0.5 * pulse.amplitude, pulse.columns
        self._look(self._ready)
        number = self._journal.intent(pulse)
        uncertain = self._fire(LinePulse((pulse.cell.row,), (half,), cols, (-half,) * len(cols), pulse.width))
        outcome = PulseOutcome(pulse, self._clock.now(), False, uncertain)
        self._journal.outcome(number, outcome)
        return outcome

    def pulse_lines(self, pulse: LinePulse) -> LineOutcome:
        """Fire one pulse on many lines at once; its intent is on disk before it leaves, its outcome after."""
        self.check_lines(pulse)
        self._look(self._ready)
        number = self._journal.intent_lines(pulse)
        uncertain = self._fire(pulse)
        outcome = LineOutcome(pulse, self._clock.now(), False, uncertain)
        self._journal.outcome(number, outcome)
        return outcome

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """Currents [A] into `cols`, all at once, with all of `rows` at their own of `volts` [V]; shape (cols,)."""
        for level in volts:
            self._gate.limits.check_cell(level, "a product")
        if not len(rows) or not len(cols):
            return np.zeros(len(cols))
        self._gate.limits.check_cell(max(0.0, *volts) - min(0.0, *volts), "a product")
        currents, limited = self._bipolar(rows, cols, volts)
        now = self._clock.now()
        for col, current, full in zip(cols, currents.tolist(), limited.tolist(), strict=True):
            self._journal.record("product", product_entry(rows, col, volts, current, now, full))
        return np.where(limited, np.nan, currents)

    def total(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sum:
        """One current [A] of all of `rows` at +voltage and -voltage [V] into all of `cols` together."""
        self._gate.limits.check_cell(voltage, "a sum")
        currents, limited = self._bipolar(rows, cols, [voltage] * len(rows))
        now = self._clock.now()
        found = Sum(tuple(rows), tuple(cols), voltage, float(currents.sum()), now, bool(limited.any()))
        self._journal.record("sum", sum_entry(found))
        return found

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """One integration with `rows` at `voltage` [V] and `cols` at 0 V, their currents added, offsets included."""
        self._gate.limits.check_cell(voltage, "a sample")
        levels = self._banks.row_levels(rows, [voltage] * len(rows))

        def once() -> Floats:
            self._ground()
            self._at_zero = False
            found = self._sense(levels, cols)
            self._to_zero()
            return found

        currents, limited = _held(self._look(once), self._banks.full_scale)
        now = self._clock.now()
        found = Sample(tuple(rows), tuple(cols), voltage, float(currents.sum()), now, bool(limited.any()))
        self._journal.record("sample", sum_entry(found))
        return found

    def rest(self) -> None:
        """Every line to 0 V."""
        self._look(self._to_zero)

    # -- pulses ----------------------------------------------------------------------------------

    def _fire(self, pulse: LinePulse) -> bool:
        """Pulse these lines; whether nobody saw the end."""
        banks = self._banks
        rows = banks.row_levels(pulse.rows, pulse.row_volts)
        cols = banks.col_levels(pulse.cols, pulse.col_volts)

        def fire() -> None:
            self._at_zero = self._left = False
            with self._gate.granted((*rows.values(), *cols.values(), 0.0)):
                if banks.one:
                    banks.rows.pulse(rows | cols, pulse.width, meanwhile=self._standing({}))
                else:
                    banks.rows.pulse(rows, pulse.width, meanwhile=self._standing(cols))
            self._at_zero = True

        try:
            fire()
            return False
        except PowerLost:  # nothing has left
            self._upkeep.mend()
            self._begin()
        except (NoReply, BadReply):
            self._look(self._to_zero)
            if self._left:
                return True
        try:
            self._look(self._ready)
            fire()
        except (NoReply, BadReply):
            self._look(self._to_zero)
            if not self._left:
                raise
            return True
        return False

    @contextmanager
    def _standing(self, levels: Mapping[str, float]) -> Generator[None, None, None]:
        """The columns at their levels, read back, for as long as the rows pulse; the trigger comes next."""
        bank = self._banks.cols
        if not levels:
            self._left = True
            yield
            return
        try:
            bank.apply(levels)
            self._left = True
            yield
        finally:
            try:
                bank.rest()
            except PowerLost as error:
                if not self._left:
                    raise
                # The rows have pulsed, with or without them.
                raise NoReply("the bank of the columns", "its levels", error) from error

    def _ready(self) -> None:
        """Every line at 0 V, and instruments that have not been off."""
        self._ground()
        self._upkeep.confirm(moved=False)

    # -- readings --------------------------------------------------------------------------------

    def _bipolar(
        self, rows: Sequence[int], cols: Sequence[int], volts: Sequence[float]
    ) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        """Half the difference of each column's current [A] at the volts and at their negatives; where it was full."""
        levels = self._banks.row_levels(rows, volts)
        below = {name: -level for name, level in levels.items()}

        def once() -> tuple[Floats, Floats]:
            self._ground()
            self._at_zero = False
            found = self._sense(levels, cols), self._sense(below, cols)
            self._to_zero()
            return found

        plus, minus = (_held(found, self._banks.full_scale) for found in self._look(once))
        return 0.5 * (plus[0] - minus[0]), plus[1] | minus[1]

    def _sense(self, levels: Mapping[str, float], cols: Sequence[int]) -> Floats:
        """Currents [A] into these columns with rows at their levels; inf beyond the range."""
        banks = self._banks
        banks.rows.apply(levels)
        self._clock.sleep(self._waits.after_source)
        names = [banks.col_names[col - 1] for col in cols]
        return -np.array(banks.cols.measure_together(names, nplc=banks.nplc))

    # -- 0 V -------------------------------------------------------------------------------------

    def _look(self, operation: Callable[[], T]) -> T:
        """Something that may be repeated: it is, from 0 V, after a power cut."""
        return self._upkeep.through(operation, self._begin)

    def _begin(self) -> None:
        """Nothing is known of the sources."""
        self._at_zero = False

    def _ground(self) -> None:
        if not self._at_zero:
            self._to_zero()

    def _to_zero(self) -> None:
        self._banks.rest()
        self._at_zero = True


def _by_row(cells: Sequence[Cell]) -> Generator[tuple[int, list[int]], None, None]:
    """Runs of cells of one row, no column twice in one."""
    row, cols = 0, list[int]()
    for cell in cells:
        if cols and (cell.row != row or cell.col in cols):
            yield row, cols
            cols = []
        row = cell.row
        cols.append(cell.col)
    if cols:
        yield row, cols


def _held(currents: Floats, full_scale: float) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Currents [A] within the range, and where they were beyond it."""
    beyond = ~np.isfinite(currents)
    return np.where(beyond, full_scale * np.sign(currents), currents), beyond
