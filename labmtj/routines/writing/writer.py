"""Writing a layer: pulse what is wrong, verify, repair what was disturbed, tell what stayed wrong.

States that the die map knows are taken from it; sums of cells show whether they still hold (`verifier`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from labmtj.records import Cell, Copy, DieMap, Floats, Ints, Placement, Pulse, PulseOutcome, State
from labmtj.routines.writing.batches import Batch, Batches
from labmtj.routines.writing.picture import Picture
from labmtj.routines.writing.settings import Algorithm, Order, WriteSettings
from labmtj.routines.writing.talk import Done, Ground, Talk, Tally, no_tally
from labmtj.routines.writing.verifier import UNREADABLE, Verifier

MOST_TRIPS = 2  # a cell whose pulse or reading met a source's limit gets one more pulse (reliability)


class Writer(Verifier):
    """Writes one layer; `allowed` says whether the limits leave room for a pulse, `tally` hears of what was written."""

    def __init__(
        self,
        die: DieMap,
        target: Ints,
        *,
        placement: Placement,
        settings: WriteSettings,
        allowed: Callable[[Pulse], bool],
        picture: Picture | None = None,
        tally: Tally = no_tally,
    ) -> None:
        super().__init__(die, placement=placement, settings=settings, picture=picture)
        self._layer, self._allowed, self._tally = target, allowed, tally
        self._at = np.ix_(np.array(placement.rows) - 1, np.array(placement.cols) - 1)
        self._batches = Batches(self._picture, settings)
        self._target = np.full(die.shape, UNREADABLE)
        self._target[self._at] = target
        self._pulses = np.zeros(die.shape, dtype=np.int64)
        self._written = np.zeros(die.shape, dtype=np.bool_)

    def talk(self) -> Talk[Copy]:
        """Write the layer."""
        settings = self._settings
        cells = [cell for cell in self._placement.cells if self._good[cell.position]]
        if settings.algorithm is not Algorithm.ONE_SHOT:
            yield from self.learn(cells)
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
                yield from self.look([cell])
                if self._wrong([cell]):
                    yield from self._sweep([cell], progress=False)
                self._written[cell.position] = self._state[cell.position] == self._target[cell.position]
                yield Done(cell in wrong)
            yield from self.check()
        elif self._in_rounds:
            # All pulses first, then sums that verify many of them at once; what was missed is written cell by cell.
            for batch in self._batches.of(wrong, self._wants, state=self._state):
                yield from self._fire(batch)
                yield Done(len(batch.cols))
                self._tally(batch.cells, (), self._state)
            yield from self.check()
            for cell in wrong:
                self._written[cell.position] = self._state[cell.position] == self._target[cell.position]
            missed = [cell for cell in self._wrong(cells) if not self._written[cell.position]]
            for cell in missed:
                yield from self._sweep([cell], first=1, progress=False)
            if missed:
                yield from self.check()
        else:
            yield from self._sweep(wrong)
            yield from self.check()
        repaired: set[Cell] = set()
        for _ in range(0 if blind else settings.repair_sweeps):
            broken = [cell for cell in self._wrong(cells) if self._written[cell.position]]
            if not broken:
                break
            repaired |= set(broken)
            yield from self._sweep(broken, progress=False)
            yield from self.check()
        left = self._wrong(cells)
        self._tally(list({*wrong, *left}), left, self._state)
        if blind:
            initial = np.where(self._pulses > 0, UNREADABLE, initial)
            self._written |= self._state == self._target
        return self._copy(initial, len(repaired))

    # -- writing ---------------------------------------------------------------------------------

    @property
    def _in_rounds(self) -> bool:
        known = self._settings.order is Order.BATCHES and self._picture.model is not None
        return (
            known
            and not self._settings.line_checks
            and self._settings.algorithm in (Algorithm.VERIFY_FIRST, Algorithm.MODEL)
        )

    def _sweep(self, cells: Sequence[Cell], *, first: int = 0, progress: bool = True) -> Talk[None]:
        for batch in self._batches.of(cells, self._wants, state=self._state):
            yield from self._write(batch, first)
            if self._settings.algorithm is not Algorithm.ONE_SHOT:  # else nobody has looked yet
                self._tally(batch.cells, self._wrong(batch.cells), self._state)
            if progress:
                yield Done(len(batch.cols))

    def _write(self, batch: Batch, first: int = 0) -> Talk[None]:
        """Pulse a batch until all of it is right; cells that trip the compliance get one more pulse at most."""
        amplitude = 0.0
        for attempt in range(first, self._settings.retries + 1):
            left = tuple(cell.col for cell in batch.cells if self._trips[cell.position] < MOST_TRIPS)
            if not left:
                return
            batch = replace(batch, cols=left)
            outcome = yield from self._fire(batch, attempt, otherwise=amplitude)
            if outcome is None or self._settings.algorithm is Algorithm.ONE_SHOT:
                return
            amplitude = outcome.pulse.amplitude
            cols = yield from self._left(batch.row, batch.cols, batch.target)
            if self._settings.line_checks:
                yield from self.check_lines(outcome.pulse)
            if not cols:
                return
            if outcome.in_compliance and len(cols) > 1:
                for col in cols:
                    yield from self._write(replace(batch, cols=(col,)), attempt)
                return
            batch = replace(batch, cols=cols)

    def _fire(self, batch: Batch, attempt: int = 0, *, otherwise: float = 0.0) -> Talk[PulseOutcome | None]:
        """One pulse; one that the limits do not allow is made at the amplitude `otherwise` [V], which they did, or not.

        A cell that would need more than the limits allow stays as it is: it is one that cannot be written.
        """
        settings, growth = self._settings, self._settings.growth
        width = min(settings.width * growth.width(attempt), settings.longest)
        volts = self._die.polarity.sign(batch.target) * batch.amplitude * growth.amplitude(attempt)
        pulse = Pulse(batch.cells[0], volts, width, settings.scheme, batch.cols[1:])
        if not self._allowed(pulse):
            if not otherwise:
                return None
            pulse = replace(pulse, amplitude=otherwise)
        if settings.order is Order.NAIVE:
            yield Ground()
        outcome: PulseOutcome = yield pulse
        for cell in batch.cells:
            self._pulses[cell.position] += 1
            self._trips[cell.position] += outcome.in_compliance
            self._conductance[cell.position] = np.nan
            self._state[cell.position] = batch.target  # believed until it is looked at
        return outcome

    def _left(self, row: int, cols: tuple[int, ...], target: State) -> Talk[tuple[int, ...]]:
        """Columns of a pulse whose cells are not in their state yet."""
        held = False
        if len(cols) > 1 and (expected := self._expected(row, cols)):
            held = yield from self._sum_is(row, cols, *expected)
        if not held:
            yield from self.look([Cell(row, col) for col in cols])
        wrong = tuple(col for col in cols if self._state[row - 1, col - 1] != target)
        for col in set(cols) - set(wrong):
            self._written[row - 1, col - 1] = True
        return wrong

    def _wants(self, cell: Cell) -> State:
        return State(int(self._target[cell.position]))

    def _wrong(self, cells: Sequence[Cell]) -> list[Cell]:
        return [cell for cell in cells if self._state[cell.position] != self._target[cell.position]]

    # -- the result ------------------------------------------------------------------------------

    def _copy(self, initial: Ints, repaired: int) -> Copy:
        # What could not be read, in compliance for instance, has no conductance; nobody makes one up for it.
        believed = np.isnan(self._conductance) & (self._state != UNREADABLE)
        known = np.where(believed, self._shown(), self._conductance)
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
