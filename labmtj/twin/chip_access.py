"""The second door of a chip with a transistor in every cell: the same object without instruments.

It passes the same times, and opens the same gates, as the messages of a bench do (labmtj.ports.GatedArray): states are
exactly those of the wire level, and readings agree within the digits that instruments send.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labmtj.config.bench import BenchFile
from labmtj.errors import InputError, LimitExceeded
from labmtj.gate_register import PER_MESSAGE, Gates, mask
from labmtj.physics.schemes import gated_level, two_channels
from labmtj.physics.stress import Limits
from labmtj.ports import CellModel, Journal
from labmtj.records import Floats, LineOutcome, LinePulse, Pulse, PulseOutcome, Sample, Scheme
from labmtj.routes import Crosspoint
from labmtj.runs.journal import products_entry, sum_entry
from labmtj.twin.access import TwinArray
from labmtj.twin.build import chip_electrics, gate_card
from labmtj.twin.chip_electrics import ChipElectrics
from labmtj.twin.hookup import Connections, Hookup
from labmtj.twin.meter import OVERFLOW


class TwinChip(TwinArray):
    """A simulated chip that routines use directly; `limits` are those of its bench file if they are not given."""

    def __init__(self, file: BenchFile, journal: Journal, *, limits: Limits | None = None) -> None:
        card = gate_card(file)
        if card is None:
            raise InputError(f"{file.bench.title}: this bench has no chip with a transistor in every cell")
        self._card = card
        super().__init__(file, journal, limits=limits)
        self._most = self._limits.of_many  # through the gates of a row its source feeds the cells of all columns
        self._kernels = file.bench.array.kernels or 1
        self._gates: Gates | None = None  # those that are open
        self._routes: dict[tuple[int, ...], frozenset[Crosspoint]] = {}
        self._connections = Connections((), 0)  # of the route that stands

    def _die(self, file: BenchFile) -> ChipElectrics:
        return chip_electrics(file)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of all kernels, one after the other."""
        return self._wiring.rows * self._kernels, self._wiring.cols

    @property
    def kernels(self) -> int:
        """How many kernels there are."""
        return self._kernels

    def trust(self, model: CellModel | None) -> None:
        """Nothing changes: a cell never gets more than its terminals, and the limit stays on these."""
        del model

    def check(self, pulse: Pulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit, or is not made so here; touches nothing."""
        self._limits.check_pulse(pulse)
        if pulse.scheme is not Scheme.GATED:
            raise LimitExceeded(f"{pulse.scheme}: cells with a transistor each are written with scheme: gated")
        self._opened([pulse.cell.row], write=True)
        self._check_columns(pulse.columns)

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one programming pulse, with its intent and outcome in the journal."""
        self.check(pulse)
        connections = self._write_route(self._opened([pulse.cell.row], write=True), pulse.columns)
        number = self._journal.intent(pulse)
        limited = self._fire(connections, two_channels(pulse.scheme, pulse.amplitude).volts, pulse.width)
        outcome = PulseOutcome(pulse, self._clock.now(), limited)
        self._journal.outcome(number, outcome)
        return outcome

    def check_lines(self, pulse: LinePulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit, or is not made so here; touches nothing.

        Its rows are those whose gates open, of one kernel and at 0 V; its columns have one voltage.
        """
        self._limits.check_lines(pulse, shape=self.shape)
        gated_level(pulse)
        self._opened(pulse.rows, write=True)

    def pulse_lines(self, pulse: LinePulse) -> LineOutcome:
        """Fire one pulse on some columns with the gates of some rows open, with its intent and outcome."""
        self.check_lines(pulse)
        connections = self._write_route(self._opened(pulse.rows, write=True), pulse.cols)
        number = self._journal.intent_lines(pulse)
        limited = self._fire(connections, (0.0, gated_level(pulse)), pulse.width)
        outcome = LineOutcome(pulse, self._clock.now(), limited)
        self._journal.outcome(number, outcome)
        return outcome

    def _write_route(self, gates: Gates, cols: Sequence[int]) -> Connections:
        """Take the route of these columns and open these gates; what lines hang on then."""
        before = self._closed
        connections = self._column(cols)
        if self._gates != gates:
            self._message()
            self._open(gates)
        if self._closed == before:
            self.electrics.rest(self._matrix.timing.command)  # the matrix is asked whether it still has its relays
        return connections

    def multiply_each(self, kernel: int, patterns: NDArray[np.bool_], col: int, *, voltage: float) -> Floats:
        """Currents [A] into `col` of a kernel, (patterns,), each with a pattern (patterns, rows) of its gates open.

        The current with all gates closed is subtracted; nan where a range or a limit was reached. Raises InputError.
        """
        self._limits.check_cell(voltage, "products")
        rows = self._wiring.rows
        if not 1 <= kernel <= self._kernels or patterns.ndim != 2 or patterns.shape[1] != rows:
            raise InputError(
                f"patterns {patterns.shape} of kernel {kernel}: this chip has {self._kernels} kernels of {rows} rows"
            )
        self._check_columns([col])
        steps = [Gates(kernel, 0)]
        steps += [Gates(kernel, mask([int(row) + 1 for row in np.flatnonzero(pattern)])) for pattern in patterns]
        found: list[tuple[float, bool]] = []
        for first in range(0, len(steps), PER_MESSAGE):
            found += self._each(self._column([col]), steps[first : first + PER_MESSAGE], voltage)
        (nothing, off), *looks = found
        currents = np.array([np.nan if limited or off else current - nothing for current, limited in looks])
        entry = products_entry(kernel, patterns, col, voltage, currents, self._clock.now())
        self._journal.record("products", entry)
        return currents

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """One integration with `rows`, of one kernel, at `voltage` [V] and `cols` together, offsets included."""
        self._limits.check_cell(voltage, "a sample")
        gates = self._opened(rows)
        current, limited = self._each(self._column(cols), [gates], voltage)[0]
        found = Sample(tuple(rows), tuple(cols), voltage, current, self._clock.now(), limited)
        self._journal.record("sample", sum_entry(found))
        return found

    def rest(self) -> None:
        """All lines to ground, then all gates closed."""
        self._shut_for(frozenset(self._wiring.crosspoint(n, self._letters[2]) for n in range(self._lines)))
        super().rest()
        if self._gates is not None:
            self._close()

    def _bipolar(self, rows: Sequence[int], cols: Sequence[int], voltage: float) -> tuple[float, bool]:
        """The sensed current at `voltage` less that at 0 V, and whether a source was limited."""
        gates, connections = self._opened(rows), self._column(cols)
        self._message()
        self._open(gates)
        at, over = self._look(connections, voltage)
        self.electrics.rest(self._timing.source_settling)
        nothing, also = self._look(connections, 0.0, driven=False)
        self.electrics.commit()
        return at - nothing, over or also

    def _each(self, connections: Connections, steps: Sequence[Gates], voltage: float) -> list[tuple[float, bool]]:
        """What one message reads: currents [A] with one step of gates after the other open, and who was limited."""
        self._message()
        found: list[tuple[float, bool]] = []
        for number, gates in enumerate(steps):
            self._open(gates)
            found.append(self._look(connections, voltage, settled=number > 0))
        self.electrics.rest(self._timing.source_settling)
        self.electrics.commit()
        return found

    def _look(
        self, connections: Connections, level: float, *, settled: bool = False, driven: bool = True
    ) -> tuple[float, bool]:
        """Current [A] into the sensing source at `level` [V] of the driving one, and whether one was limited.

        A level that was `settled` before stands already; at 0 V only the meter's range counts as limited.
        """
        timing, hookup = self._timing, self._hookup(connections, (level, 0.0), self._read_limit)
        if driven and not settled:
            self.electrics.hold(hookup, timing.source_settling)
        self.electrics.hold(hookup, self._wait.after_source)
        self.electrics.hold(hookup, timing.reading_overhead + self._aperture)
        amperes, draw = self.electrics.measure(hookup, self._sense, self._aperture)
        shown = -self._errors[self._sense].meter_amperes.shown(
            amperes, draw, nplc=self._measure.nplc, full=self._range, lowest=0.0
        )
        if abs(shown) >= OVERFLOW:
            return math.copysign(self._range, shown), True
        return shown, driven and self.electrics.operating_point(hookup).limited[self._drive]

    def _hookup(self, connections: Connections, volts: tuple[float, float], sense_limit: float) -> Hookup:
        found = super()._hookup(connections, volts, sense_limit)
        return dataclasses.replace(found, gates=self._card.opened(self._gates))

    # -- gates and relays --------------------------------------------------------------------------

    def _column(self, cols: Sequence[int]) -> Connections:
        """Take the route with all rows on the driving source and `cols` on the sensing one; gates close for moves."""
        self._check_columns(cols)
        route = self._routes.get(tuple(cols))
        if route is None:
            drive, sense, ground = self._letters
            wires, chosen = self._wiring, set(cols)
            rows = {wires.crosspoint(n, drive) for n in range(wires.rows)}
            ends = {wires.crosspoint(wires.rows + n, sense if n + 1 in chosen else ground) for n in range(wires.cols)}
            route = self._routes[tuple(cols)] = frozenset(rows | ends)
        if route == self._closed:
            return self._connections
        self._shut_for(route)
        self._connections = self._go(range(1, self._wiring.rows + 1), cols)
        return self._connections

    def _shut_for(self, target: frozenset[Crosspoint]) -> None:
        if target != self._closed and self._gates is not None:
            self._close()

    def _close(self) -> None:
        self._message()
        self._gates = None

    def _open(self, gates: Gates) -> None:
        self._gates = gates

    def _message(self) -> None:
        """A message to the sources passes."""
        self.electrics.rest(self._timing.command)

    def _opened(self, rows: Sequence[int], *, write: bool = False) -> Gates:
        """The gates of these rows, of one kernel. Raises InputError."""
        count = self._wiring.rows
        kernels = {(row - 1) // count + 1 for row in rows}
        if len(kernels) > 1 or not kernels <= set(range(1, self._kernels + 1)):
            raise InputError(
                f"rows {min(rows)} to {max(rows)} are not of one kernel of this chip, which has {self._kernels} of "
                f"{count} rows each"
            )
        return Gates(min(kernels, default=1), mask([(row - 1) % count + 1 for row in rows]), write)

    def _check_columns(self, cols: Sequence[int]) -> None:
        if not all(1 <= col <= self._wiring.cols for col in cols):
            raise InputError(f"columns {sorted(cols)}: this chip has the columns 1 to {self._wiring.cols}")
