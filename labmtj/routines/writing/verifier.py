"""Verifying a layer: sums of cells where the map can tell what they should be, single cells where it cannot.

A cell is looked at by itself where it is unknown, where a sum is off, or where the wires take too much to be sure of
a sum.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Cell, Defect, DieMap, Floats, Ints, Placement, Pulse, Reading, Sum
from labmtj.routines.writing.picture import Picture, spread_out
from labmtj.routines.writing.settings import Order, WriteSettings
from labmtj.routines.writing.talk import Add, Ground, Look, Talk

UNREADABLE = -1
Flags = NDArray[np.bool_]


class Verifier:
    """Knows the states of an array's cells as far as they were seen, and looks at those of one layer."""

    def __init__(self, die: DieMap, *, placement: Placement, settings: WriteSettings, picture: Picture | None) -> None:
        self._die, self._settings, self._placement = die, settings, placement
        self._picture = Picture(die) if picture is None else picture.of(die)
        unknown = np.full(die.shape, UNREADABLE)
        self._state: Ints = unknown if die.state is None else die.state.astype(np.int64)
        self._conductance: Floats = np.full(die.shape, np.nan)
        self._good: Flags = die.defect == Defect.NONE
        self._trips: Ints = np.zeros(die.shape, dtype=np.int64)  # pulses and readings that met a source's limit

    @property
    def states(self) -> Ints:
        """What is known of all cells of the array now, (rows, cols); -1 where unknown."""
        return self._state

    def learn(self, cells: Sequence[Cell]) -> Talk[None]:
        """Read what is not known; in naive order everything."""
        naive = self._settings.order is Order.NAIVE
        yield from self.look([cell for cell in cells if naive or self._state[cell.position] == UNREADABLE])

    def look(self, cells: Sequence[Cell]) -> Talk[None]:
        """Read cells one by one; a reading near the threshold is taken twice more and the middle one counts."""
        naive = self._settings.order is Order.NAIVE
        for cell in list(cells) if naive else spread_out(cells):
            if naive:
                yield Ground()
            (reading,) = yield Look((cell,))
            if self._die.near_threshold(reading):
                again: list[Reading] = yield Look((cell, cell))
                limited = [one for one in again if one.in_compliance]
                reading = limited[0] if limited else sorted([reading, *again], key=lambda one: one.conductance)[1]
            self._trips[cell.position] += reading.in_compliance
            found = self._die.state_of(reading)
            self._state[cell.position] = UNREADABLE if found is None else found
            self._conductance[cell.position] = reading.conductance

    def check(self) -> Talk[None]:
        """Verify the layer: sums of each row where they tell, single cells where they do not or are off."""
        rows, cols = self._placement.rows, self._placement.cols
        if self._settings.order is not Order.BATCHES or self._picture.model is None:
            yield from self.look(self._placement.cells)
            return
        groups: list[tuple[tuple[int, ...], int]] = []
        alone: list[Cell] = []
        for row in rows:
            alone += [Cell(row, col) for col in cols if not self._good[row - 1, col - 1]]
            groups += [(part, row) for part in self._groups(row, tuple(c for c in cols if self._good[row - 1, c - 1]))]
        # The same columns one after another: only the row's relays move then.
        for part, row in sorted(groups, key=lambda group: (-len(group[0]), group)):
            yield from self._check_group(row, part)
        yield from self.look(alone)
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
                yield from self.look(cells)
                continue
            if rows not in known:
                known[rows] = self._picture.column_currents(rows, state=self._state, voltage=voltage)
            wired, bare = (float(currents[col - 1]) for currents in known[rows])
            least = float(self._picture.step(voltage=voltage)[np.array(rows) - 1, col - 1].min()) * wired / bare
            if self._picture.trusted(wired, bare, least):
                found: Sum = yield Add(rows, (col,))
                if not found.in_compliance and abs(found.current - wired) < 0.5 * least:
                    continue
                yield from self.look(cells)
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
        yield from self.look([Cell(row, col) for col in cols])

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

    def check_lines(self, pulse: Pulse) -> Talk[None]:
        """Sums of the half-selected cells of the row, and single cells of the columns, after a pulse."""
        row = pulse.cell.row
        others = tuple(c for c in self._placement.cols if c not in pulse.columns and self._good[row - 1, c - 1])
        for part in self._groups(row, others):
            yield from self._check_group(row, part)
        for col in pulse.columns:
            rest = [Cell(r, col) for r in self._placement.rows if r != row and self._good[r - 1, col - 1]]
            yield from self.look(rest)
