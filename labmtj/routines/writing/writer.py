"""Writing a layer: pulse what is wrong, verify, repair what was disturbed, tell what stayed wrong.

States that the die map knows are taken from it; sums of cells show whether they still hold. A cell is looked at by
itself where it is unknown, where a sum is off, or where the map cannot tell what a sum should be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Cell, Copy, Defect, DieMap, Floats, Ints, Placement, Pulse, PulseOutcome, Reading, State, Sum
from labmtj.routines.writing.batches import Batch, Batches
from labmtj.routines.writing.picture import Picture, spread_out
from labmtj.routines.writing.settings import Algorithm, Order, WriteSettings
from labmtj.routines.writing.talk import Add, Done, Ground, Look, Talk

UNREADABLE = -1
Flags = NDArray[np.bool_]


class Writer:
    """Writes one layer; `allowed` says whether the limits leave room for a pulse."""

    def __init__(
        self,
        die: DieMap,
        target: Ints,
        *,
        placement: Placement,
        settings: WriteSettings,
        allowed: Callable[[Pulse], bool],
        picture: Picture | None = None,
    ) -> None:
        self._die, self._settings, self._allowed = die, settings, allowed
        self._placement, self._layer = placement, target
        self._at = np.ix_(np.array(placement.rows) - 1, np.array(placement.cols) - 1)
        self._picture = Picture(die) if picture is None else picture.of(die)
        self._batches = Batches(self._picture, settings)
        shape = die.shape
        self._target = np.full(shape, UNREADABLE)
        self._target[self._at] = target
        unknown = np.full(shape, UNREADABLE)
        self._state: Ints = unknown.copy() if die.state is None else die.state.astype(np.int64)
        self._conductance: Floats = np.full(shape, np.nan)
        self._pulses = np.zeros(shape, dtype=np.int64)
        self._written = np.zeros(shape, dtype=np.bool_)
        self._good: Flags = die.defect == Defect.NONE

    @property
    def states(self) -> Ints:
        """What is known of all cells of the array now, (rows, cols); -1 where unknown."""
        return self._state

    def talk(self) -> Talk[Copy]:
        """Write the layer."""
        settings = self._settings
        cells = [cell for cell in self._placement.cells if self._good[cell.position]]
        if settings.algorithm is not Algorithm.ONE_SHOT:
            yield from self._learn(cells)
        initial = self._state.copy()
        blind = settings.algorithm is Algorithm.ONE_SHOT
        wrong = cells if blind else self._wrong(cells)
        self._written[self._at] = True
        for cell in wrong:
            self._written[cell.position] = False
        yield Done(self._layer.size - len(wrong))
        far_first = [] if blind else self._batches.far_first(cells)
        if far_first:
            # Pulses on far cells flip near ones: each cell is looked at when its turn comes, near ones last.
            for cell in far_first:
                yield from self._look([cell])
                if self._wrong([cell]):
                    yield from self._sweep([cell], progress=False)
                self._written[cell.position] = self._state[cell.position] == self._target[cell.position]
                yield Done(cell in wrong)
            yield from self._check()
        elif self._in_rounds:
            # All pulses first, then sums that verify many of them at once; what was missed is written cell by cell.
            for batch in self._batches.of(wrong, self._wants, state=self._state):
                yield from self._fire(batch)
                yield Done(len(batch.cols))
            yield from self._check()
            for cell in wrong:
                self._written[cell.position] = self._state[cell.position] == self._target[cell.position]
            missed = [cell for cell in self._wrong(cells) if not self._written[cell.position]]
            yield from self._sweep(missed, first=1, progress=False)
            if missed:
                yield from self._check()
        else:
            yield from self._sweep(wrong)
            yield from self._check()
        repaired: set[Cell] = set()
        for _ in range(0 if blind else settings.repair_sweeps):
            broken = [cell for cell in self._wrong(cells) if self._written[cell.position]]
            if not broken:
                break
            repaired |= set(broken)
            yield from self._sweep(broken, progress=False)
            yield from self._check()
        if blind:
            initial = np.where(self._pulses > 0, UNREADABLE, initial)
            self._written |= self._state == self._target
        return self._copy(initial, len(repaired))

    # -- writing ---------------------------------------------------------------------------------

    @property
    def _in_rounds(self) -> bool:
        known = self._settings.order is Order.BATCHES and self._picture.model is not None
        return known and self._settings.algorithm in (Algorithm.VERIFY_FIRST, Algorithm.MODEL)

    def _sweep(self, cells: Sequence[Cell], *, first: int = 0, progress: bool = True) -> Talk[None]:
        for batch in self._batches.of(cells, self._wants, state=self._state):
            yield from self._write(batch, first)
            if progress:
                yield Done(len(batch.cols))

    def _write(self, batch: Batch, first: int = 0) -> Talk[None]:
        """Pulse a batch until all of it is right; cells that trip the compliance get one more pulse at most."""
        trips, amplitude = 0, 0.0
        for attempt in range(first, self._settings.retries + 1):
            outcome = yield from self._fire(batch, attempt, otherwise=amplitude)
            amplitude = outcome.pulse.amplitude
            if self._settings.algorithm is Algorithm.ONE_SHOT:
                return
            cols = yield from self._left(batch.row, batch.cols, batch.target)
            trips += outcome.in_compliance
            if self._settings.line_checks:
                yield from self._check_lines(outcome.pulse)
            if not cols or trips >= 2:
                return
            if outcome.in_compliance and len(cols) > 1:
                for col in cols:
                    yield from self._write(replace(batch, cols=(col,)), attempt)
                return
            batch = replace(batch, cols=cols)

    def _fire(self, batch: Batch, attempt: int = 0, *, otherwise: float = 0.0) -> Talk[PulseOutcome]:
        """One pulse; a retry that the limits do not allow is made at the amplitude `otherwise` [V], which they did."""
        settings, growth = self._settings, self._settings.growth
        width = min(settings.width * growth.width(attempt), settings.longest)
        volts = self._die.polarity.sign(batch.target) * batch.amplitude * growth.amplitude(attempt)
        pulse = Pulse(batch.cells[0], volts, width, settings.scheme, batch.cols[1:])
        if otherwise and not self._allowed(pulse):
            pulse = replace(pulse, amplitude=otherwise)
        if settings.order is Order.NAIVE:
            yield Ground()
        outcome: PulseOutcome = yield pulse
        for cell in batch.cells:
            self._pulses[cell.position] += 1
            self._conductance[cell.position] = np.nan
            self._state[cell.position] = batch.target  # believed until it is looked at
        return outcome

    def _left(self, row: int, cols: tuple[int, ...], target: State) -> Talk[tuple[int, ...]]:
        """Columns of a pulse whose cells are not in their state yet."""
        held = False
        if len(cols) > 1 and (expected := self._expected(row, cols)):
            held = yield from self._sum_is(row, cols, *expected)
        if not held:
            yield from self._look([Cell(row, col) for col in cols])
        wrong = tuple(col for col in cols if self._state[row - 1, col - 1] != target)
        for col in set(cols) - set(wrong):
            self._written[row - 1, col - 1] = True
        return wrong

    def _wants(self, cell: Cell) -> State:
        return State(int(self._target[cell.position]))

    def _wrong(self, cells: Sequence[Cell]) -> list[Cell]:
        return [cell for cell in cells if self._state[cell.position] != self._target[cell.position]]

    # -- looking ---------------------------------------------------------------------------------

    def _learn(self, cells: Sequence[Cell]) -> Talk[None]:
        """Read what is not known; in naive order everything."""
        naive = self._settings.order is Order.NAIVE
        yield from self._look([cell for cell in cells if naive or self._state[cell.position] == UNREADABLE])

    def _look(self, cells: Sequence[Cell]) -> Talk[None]:
        """Read cells one by one; a reading near the threshold is taken twice more and the middle one counts."""
        naive = self._settings.order is Order.NAIVE
        for cell in list(cells) if naive else spread_out(cells):
            if naive:
                yield Ground()
            (reading,) = yield Look((cell,))
            if self._die.near_threshold(reading):
                again: list[Reading] = yield Look((cell, cell))
                reading = sorted([reading, *again], key=lambda one: one.conductance)[1]
            found = self._die.state_of(reading)
            self._state[cell.position] = UNREADABLE if found is None else found
            self._conductance[cell.position] = reading.conductance

    def _check(self) -> Talk[None]:
        """Verify the layer: sums of each row where they tell, single cells where they do not or are off."""
        rows, cols = self._placement.rows, self._placement.cols
        if self._settings.order is not Order.BATCHES or self._picture.model is None:
            yield from self._look(self._placement.cells)
            return
        groups: list[tuple[tuple[int, ...], int]] = []
        alone: list[Cell] = []
        for row in rows:
            alone += [Cell(row, col) for col in cols if not self._good[row - 1, col - 1]]
            groups += [(part, row) for part in self._groups(row, tuple(c for c in cols if self._good[row - 1, c - 1]))]
        # The same columns one after another: only the row's relays move then.
        for part, row in sorted(groups, key=lambda group: (-len(group[0]), group)):
            yield from self._check_group(row, part)
        yield from self._look(alone)
        # Two cells that are wrong in opposite ways hide in a row's sum, not in the sums of their columns.
        yield from self._check_columns()

    def _check_columns(self) -> Talk[None]:
        """Sums of the layer's columns with the rows of its good cells driven; a column that is off is read."""
        voltage = self._settings.read
        known: dict[tuple[int, ...], tuple[Floats, Floats]] = {}
        for col in self._placement.cols:
            rows = tuple(row for row in self._placement.rows if self._good[row - 1, col - 1])
            cells = [Cell(row, col) for row in rows]
            if not rows or UNREADABLE in [self._state[cell.position] for cell in cells]:
                yield from self._look(cells)
                continue
            if rows not in known:
                known[rows] = self._picture.column_currents(rows, state=self._state, voltage=voltage)
            wired, bare = (float(currents[col - 1]) for currents in known[rows])
            least = float(self._picture.step(voltage=voltage)[np.array(rows) - 1, col - 1].min()) * wired / bare
            if self._picture.trusted(wired, bare, least):
                found: Sum = yield Add(rows, (col,))
                if not found.in_compliance and abs(found.current - wired) < 0.5 * least:
                    continue
                yield from self._look(cells)
                known.clear()  # states may have changed

    def _groups(self, row: int, cols: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Columns of a row in groups whose sums tell whether one of their cells is wrong."""
        if len(cols) < 2:
            return [cols] if cols else []
        known = all(self._state[row - 1, col - 1] != UNREADABLE for col in cols)
        if not known or self._expected(row, cols) is not None:
            return [cols]
        middle = len(cols) // 2
        return self._groups(row, cols[:middle]) + self._groups(row, cols[middle:])

    def _check_group(self, row: int, cols: tuple[int, ...]) -> Talk[None]:
        """Look at these cells of a row one by one, unless their sum tells that they are as they should be."""
        known = all(self._state[row - 1, col - 1] != UNREADABLE for col in cols)
        if len(cols) > 1 and known and (expected := self._expected(row, cols)):
            held = yield from self._sum_is(row, cols, *expected)
            if held:
                return
        yield from self._look([Cell(row, col) for col in cols])

    def _expected(self, row: int, cols: tuple[int, ...]) -> tuple[float, float] | None:
        """Current [A] of these cells in their known states, and how far off is wrong; None where it tells nothing."""
        voltage = self._settings.read
        if self._picture.model is None:
            return None
        wired, bare = self._picture.row_currents([row], state=self._state, voltage=voltage)
        chosen = np.array(cols) - 1
        expected, without = float(wired[0, chosen].sum()), float(bare[0, chosen].sum())
        least = float(self._picture.step(voltage=voltage)[row - 1, chosen].min()) * expected / without
        return (expected, 0.5 * least) if self._picture.trusted(expected, without, least) else None

    def _sum_is(self, row: int, cols: tuple[int, ...], expected: float, within: float) -> Talk[bool]:
        found: Sum = yield Add((row,), cols)
        return not found.in_compliance and abs(found.current - expected) < within

    def _check_lines(self, pulse: Pulse) -> Talk[None]:
        """Sums of the half-selected cells of the row, and single cells of the columns, after a pulse."""
        row = pulse.cell.row
        others = tuple(c for c in self._placement.cols if c not in pulse.columns and self._good[row - 1, c - 1])
        for part in self._groups(row, others):
            yield from self._check_group(row, part)
        for col in pulse.columns:
            rest = [Cell(r, col) for r in self._placement.rows if r != row and self._good[r - 1, col - 1]]
            yield from self._look(rest)

    # -- the result ------------------------------------------------------------------------------

    def _copy(self, initial: Ints, repaired: int) -> Copy:
        known = np.where(np.isnan(self._conductance), self._shown(), self._conductance)
        first = initial[self._at]
        return Copy(
            placement=self._placement,
            target=self._layer,
            state=self._state[self._at],
            conductance=known[self._at],
            pulses=self._pulses[self._at],
            initial=first,
            written=self._written[self._at],
            defect=self._die.defect[self._at],
            repaired=repaired,
        )

    def _shown(self) -> Floats:
        """Conductance [S] that the map expects of every cell among its neighbours as they are now."""
        if self._picture.model is None:
            return self._die.conductance(self._state)
        rows = range(1, self._die.shape[0] + 1)
        voltage = self._settings.read
        return self._picture.row_currents(rows, state=self._state, voltage=voltage)[0] / voltage
