"""A chip with a transistor in every cell behind real instruments (labmtj.ports.GatedArray).

All rows of the kernel on the lines hang on the driving source and the selected column on the sensing one, the ammeter
at 0 V; the other columns are at ground. So it is for reads and for pulses alike: which cell it is about the gates say,
and between the cells of a column no relay moves. A read is one message: gates, the current at its voltage less that at
0 V, since at the other sign of the voltage a transistor does not bound what a shorted cell draws. A pulse is on the
column's source, with the rows at 0 V, so that the transistors of both signs have the whole of the gate's voltage.
Gates on the rail of writes move with every source at 0 V; no relay moves with a gate open. After a power cut of the
instrument with the port, and after a reply that was lost, the register is written anew as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from labmtj.bench.access import Waits, one_voltage
from labmtj.bench.gates import LimitedGates
from labmtj.bench.limits import Gate
from labmtj.bench.routing import Line, Router
from labmtj.bench.upkeep import Upkeep
from labmtj.errors import BadReply, GatesClosed, InputError, LimitExceeded, NoReply, PowerLost
from labmtj.gate_register import PER_MESSAGE, Gates, mask
from labmtj.physics.schemes import gated_level, two_channels
from labmtj.ports import CellModel, Clock, Journal, SourceMeter
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
from labmtj.runs.journal import product_entry, products_entry, reading_entry, sum_entry

T = TypeVar("T")


class ChipArray:
    """Kernels of `lines` (rows, cols) on a matrix between two source-measure channels, one kernel at a time."""

    analog = False
    own_levels = (False, False)

    def __init__(
        self,
        *,
        lines: tuple[int, int],
        kernels: int,
        gates: LimitedGates,
        router: Router,
        gate: Gate,
        waits: Waits,
        clock: Clock,
        journal: Journal,
        upkeep: Upkeep | None = None,
    ) -> None:
        self._lines, self._kernels, self._clock = lines, kernels, clock
        self._upkeep = upkeep or Upkeep({}, clock, journal)
        self._gates, self._at_zero = gates, True
        self._sensed: tuple[int, ...] | None = None  # columns of the route that was taken last
        self._router, self._gate, self._waits, self._journal = router, gate, waits, journal

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of all kernels, one after the other."""
        return self._lines[0] * self._kernels, self._lines[1]

    @property
    def kernels(self) -> int:
        """How many kernels there are."""
        return self._kernels

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        return self._clock

    def trust(self, model: CellModel | None) -> None:
        """Nothing changes: a cell never gets more than its terminals, and the limit stays on these."""
        del model

    def check(self, pulse: Pulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit, or is not made so here; touches nothing."""
        self._gate.limits.check_pulse(pulse)
        if pulse.scheme is not Scheme.GATED:
            raise LimitExceeded(f"{pulse.scheme}: cells with a transistor each are written with scheme: gated")
        self._local([pulse.cell.row])
        self._columns(pulse.columns)
        if left_out := sorted({Line("row", pulse.cell.row), *self._on(pulse.columns)} & self._router.quarantined):
            raise LimitExceeded(f"no pulse on cell {pulse.cell}: {left_out[0]} is left out since the contact check")

    def check_lines(self, pulse: LinePulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit, or is not made so here; touches nothing.

        Its rows are those whose gates open, of one kernel and at 0 V; its columns have one voltage.
        """
        self._gate.limits.check_lines(pulse, shape=self.shape)
        gated_level(pulse)
        self._local(pulse.rows)
        self._router.check_lines(pulse)

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage [V]; each reading is in the journal."""
        self._gate.limits.check_cell(voltage, "a read")
        readings: list[Reading] = []
        for cell in cells:
            current, limited = self._through(voltage, [cell.row], [cell.col])
            reading = Reading(cell, voltage, current, self._clock.now(), limited)
            self._journal.record("read", reading_entry(reading))
            readings.append(reading)
        return readings

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one programming pulse; its intent is on disk before it leaves, its outcome after."""
        self.check(pulse)
        volts = two_channels(pulse.scheme, pulse.amplitude).volts
        gates = self._open([pulse.cell.row], write=True)
        self._look(lambda: self._ready(gates, pulse.columns))
        number = self._journal.intent(pulse)
        limited, uncertain = self._fire(gates, pulse.columns, volts, pulse.width)
        outcome = PulseOutcome(pulse, self._clock.now(), limited, uncertain)
        self._journal.outcome(number, outcome)
        return outcome

    def pulse_lines(self, pulse: LinePulse) -> LineOutcome:
        """Fire one pulse on some columns with the gates of some rows open; its intent is on disk before it leaves."""
        self.check_lines(pulse)
        gates, volts = self._open(pulse.rows, write=True), (0.0, gated_level(pulse))
        self._look(lambda: self._ready(gates, pulse.cols))
        number = self._journal.intent_lines(pulse)
        limited, uncertain = self._fire(gates, pulse.cols, volts, pulse.width)
        outcome = LineOutcome(pulse, self._clock.now(), limited, uncertain)
        self._journal.outcome(number, outcome)
        return outcome

    def _fire(self, gates: Gates, cols: Sequence[int], volts: tuple[float, float], width: float) -> tuple[bool, bool]:
        """Pulse both channels through gates that are open; whether one was limited, and whether nobody saw the end."""

        def fire() -> bool:
            self._at_zero = False
            with self._gate.granted((*volts, 0.0)):
                limited = self._gates.pulse(volts, width)
            self._at_zero = True
            return limited

        try:
            try:
                return fire(), False
            except (PowerLost, GatesClosed):  # nothing has left
                self._upkeep.mend()
                self._begin()
                self._ready(gates, cols)
                return fire(), False
        except (NoReply, BadReply):
            self._look(self._to_zero)
            self._begin()
            return False, True

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """Currents [A] into `cols`, one after the other, with the gates of `rows` of one kernel open; (cols,)."""
        voltage = one_voltage(volts)
        self._gate.limits.check_cell(voltage, "a product")
        currents = np.zeros(len(cols))
        for position, col in enumerate(cols if rows else ()):
            current, limited = self._through(voltage, rows, [col])
            currents[position] = np.nan if limited else current
            self._journal.record("product", product_entry(rows, col, volts, current, self._clock.now(), limited))
        return currents

    def multiply_each(self, kernel: int, patterns: NDArray[np.bool_], col: int, *, voltage: float) -> Floats:
        """Currents [A] into `col` of a kernel, (patterns,), each with a pattern (patterns, rows) of its gates open.

        The current with all gates closed is subtracted; nan where a range or a limit was reached. Raises InputError.
        """
        self._gate.limits.check_cell(voltage, "products")
        if not 1 <= kernel <= self._kernels or patterns.ndim != 2 or patterns.shape[1] != self._lines[0]:
            raise InputError(
                f"patterns {patterns.shape} of kernel {kernel}: this chip has {self._kernels} kernels of "
                f"{self._lines[0]} rows"
            )
        opened = [Gates(kernel, mask([int(row) + 1 for row in np.flatnonzero(pattern)])) for pattern in patterns]
        (nothing, off), *looks = self.looks([Gates(kernel, 0), *opened], [col], voltage=voltage)
        currents = np.array([np.nan if limited or off else current - nothing for current, limited in looks])
        now = self._clock.now()
        self._journal.record("products", products_entry(kernel, patterns, col, voltage, currents, now))
        return currents

    def looks(self, patterns: Sequence[Gates], cols: Sequence[int], *, voltage: float) -> list[tuple[float, bool]]:
        """Currents [A] into `cols` together at `voltage` [V] through one pattern of gates after the other.

        Each with whether a source was limited; offsets are in them, and nothing is written into the journal.
        """
        columns, found = self._columns(cols), list[tuple[float, bool]]()
        for first in range(0, len(patterns), PER_MESSAGE):
            some = patterns[first : first + PER_MESSAGE]
            found += self._look(lambda some=some: self._at(columns, lambda: self._gates.each(voltage, some)))
        return found

    def lost(self, gates: Gates, cols: Sequence[int], drive: SourceMeter, *, voltage: float) -> float:
        """Current [A] of the driving source `drive` at `voltage` [V] that does not come back through `cols`.

        Less the same at 0 V, since offsets of both meters are in it; nan where one was limited.
        """
        columns = self._columns(cols)

        def once() -> float:
            found: list[float] = []
            for volts in (voltage, 0.0):
                back, limited = self._at(columns, lambda volts=volts: self._gates.look(volts, gates))
                self._at_zero = False
                drive.source_voltage = volts
                self._clock.sleep(self._waits.after_source)
                found.append(math.nan if limited else drive.measure_current() - back)
                drive.source_voltage = 0.0
                self._at_zero = True
            return found[0] - found[1]

        return self._look(once)

    def total(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sum:
        """One current [A] of all of `rows`, of one kernel, at `voltage` [V] into all of `cols` together."""
        self._gate.limits.check_cell(voltage, "a sum")
        current, limited = self._through(voltage, rows, cols)
        found = Sum(tuple(rows), tuple(cols), voltage, current, self._clock.now(), limited)
        self._journal.record("sum", sum_entry(found))
        return found

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """One integration with `rows`, of one kernel, at `voltage` [V] and `cols` together, offsets included."""
        self._gate.limits.check_cell(voltage, "a sample")
        gates, columns = self._open(rows), self._columns(cols)
        current, limited = self._look(lambda: self._at(columns, lambda: self._gates.look(voltage, gates)))
        found = Sample(tuple(rows), tuple(cols), voltage, current, self._clock.now(), limited)
        self._journal.record("sample", sum_entry(found))
        return found

    def rest(self) -> None:
        """All lines to ground, then all gates closed."""

        def once() -> None:
            self._go({})
            if self._gates.register.open:
                self._gates.close()

        self._look(once)

    def _local(self, rows: Sequence[int]) -> tuple[int, list[int]]:
        """The kernel of these rows and their numbers in it. Raises InputError."""
        count = self._lines[0]
        kernels = {(row - 1) // count + 1 for row in rows}
        if len(kernels) > 1 or not kernels <= set(range(1, self._kernels + 1)):
            raise InputError(
                f"rows {min(rows)} to {max(rows)} are not of one kernel of this chip, which has {self._kernels} of "
                f"{count} rows each"
            )
        return min(kernels, default=1), [(row - 1) % count + 1 for row in rows]

    def _open(self, rows: Sequence[int], *, write: bool = False) -> Gates:
        """The gates of these rows on the rail of reads, or of writes."""
        kernel, numbers = self._local(rows)
        return Gates(kernel, mask(numbers), write)

    def _columns(self, cols: Sequence[int]) -> Sequence[int]:
        if not all(1 <= col <= self._lines[1] for col in cols):
            raise InputError(f"columns {sorted(cols)}: this chip has the columns 1 to {self._lines[1]}")
        return cols

    def _on(self, cols: Sequence[int]) -> list[Line]:
        return [Line("col", col) for col in cols]

    def _through(self, voltage: float, rows: Sequence[int], cols: Sequence[int]) -> tuple[float, bool]:
        gates, columns = self._open(rows), self._columns(cols)
        return self._look(lambda: self._at(columns, lambda: self._gates.read(voltage, gates)))

    def _at(self, cols: Sequence[int], reading: Callable[[], T]) -> T:
        """A reading with all rows on the driving source and these columns on the sensing one."""
        self._select(cols)
        self._at_zero = False
        found = reading()
        self._at_zero = True
        return found

    def _select(self, cols: Sequence[int]) -> bool:
        """The route of these columns; whether a relay moved."""
        if self._at_zero and self._sensed == tuple(cols):
            return False
        rows = dict.fromkeys((Line("row", n + 1) for n in range(self._lines[0])), Role.DRIVE)
        moved = self._go(rows | dict.fromkeys(self._on(cols), Role.SENSE))
        self._sensed = tuple(cols)
        return moved

    def _ready(self, gates: Gates, cols: Sequence[int]) -> None:
        """The route of a pulse, its gates, and instruments that have not been off."""
        moved = self._select(cols)
        self._gates.open(gates)
        self._upkeep.confirm(moved=moved)

    def _look(self, operation: Callable[[], T]) -> T:
        """Something that may be repeated: it is, from 0 V and with nothing known, after a power cut."""
        return self._upkeep.through(operation, self._begin)

    def _begin(self) -> None:
        """Nothing is known of sources, relays and gates."""
        self._at_zero, self._sensed = False, None
        self._router.doubt()
        self._gates.register.doubt()

    def _to_zero(self) -> None:
        self._gates.rest()
        self._at_zero = True

    def _go(self, roles: dict[Line, Role]) -> bool:
        """Take a route, with all gates closed before a relay moves; whether one moved."""
        if not self._at_zero:
            # An operation before this one failed half-way: nothing moves until 0 V has been read back.
            self._to_zero()
        route, self._sensed = self._router.route(roles), None
        if self._gates.register.open and not self._router.stands(route):
            self._gates.close()
        moved = self._router.take(route)
        if moved:
            self._clock.sleep(self._waits.after_relay)
        return moved
