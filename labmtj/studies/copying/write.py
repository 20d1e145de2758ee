"""Writing many networks at once, each on its own instance of one mapped die.

What `labmtj.routines.program.program_layer` does with `order: cells` on one array happens here on all copies
together: every copy gets the pulses and readings that its array would get, in the same order, and is in the same
states in the end. A step of the loop is one pulse, or one row of readings, of every copy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.stack import NetworkStack
from labmtj.physics.lockstep_copies import Copies
from labmtj.records import DieMap, Floats, Ints
from labmtj.records.die_map import GUARD
from labmtj.routines.writing.settings import WriteSettings
from labmtj.routines.writing.verifier import UNREADABLE
from labmtj.routines.writing.writer import MOST_TRIPS
from labmtj.studies.copying.door import copies_of
from labmtj.studies.copying.settings import Plan
from labmtj.studies.records import Exposure, Places, PreparedDie, WrittenLayer

Flags = NDArray[np.bool_]


def write(
    prepared: PreparedDie,
    stack: NetworkStack,
    places: Sequence[Places],
    settings: WriteSettings,
    *,
    opened: float = 0.0,
    pause: float = 0.0,
) -> tuple[WrittenLayer, ...]:
    """Write all layers of all networks, one layer after the other.

    `opened` [s] at rest come before, as a bench takes to open, `pause` [s] between two layers. Raises LimitExceeded
    before anything is written where an amplitude is above a limit.
    """
    plan = Plan.of(prepared, settings)
    for place in places:
        plan.check(place.rows[:, 0] * prepared.die.shape[1] + place.cols[:, 0])
    assert prepared.file is not None
    copies = copies_of(prepared.file, prepared.truth, prepared.after, count=len(stack), read=settings.read)
    everyone = np.arange(len(stack))
    work = _Work(copies, prepared.die, plan)
    began = copies.hidden.clock.copy()
    copies.rest(everyone, np.full(len(stack), opened))
    found: list[WrittenLayer] = []
    for number, place in enumerate(places):
        if number:
            copies.rest(everyone, np.full(len(stack), pause))
        found.append(work.layer(place, stack.states(number), began))
    return tuple(found)


class _Work:
    """Copies while they are written, and what has been seen of them; arrays are (copies, cells)."""

    def __init__(self, copies: Copies, die: DieMap, plan: Plan) -> None:
        self._copies, self._plan, self._cols = copies, plan, die.shape[1]
        shape = (copies.count, die.defect.size)
        self._good, self._defect = die.good.ravel(), die.defect
        known = np.full(die.defect.size, UNREADABLE) if die.state is None else die.state.ravel()
        self._state: Ints = np.repeat(known[np.newaxis].astype(np.int64), copies.count, axis=0)
        middle = 0.5 * (die.conductance_p + die.conductance_ap)
        with np.errstate(invalid="ignore"):
            self._threshold = np.where(die.good, 0.5 * (1.0 / die.r_p + 1.0 / die.r_ap), middle).ravel()
            self._guard = np.where(die.good, GUARD * (1.0 / die.r_p - 1.0 / die.r_ap), 0.0).ravel()
        self._snake = plan.snake()
        self._began = copies.hidden.pulses[0]
        self._shape = shape

    def layer(self, place: Places, target: Ints, began: Floats) -> WrittenLayer:
        """Write one layer of every copy."""
        copies, count = self._copies, len(target)
        each = np.arange(count)
        cells = (place.rows[:, :, np.newaxis] * self._cols + place.cols[:, np.newaxis, :]).reshape(count, -1)
        self._target = np.full(self._shape, UNREADABLE)
        np.put_along_axis(self._target, cells, target.reshape(count, -1), axis=1)
        mine = self._target != UNREADABLE
        self._pulses, self._trips = np.zeros(self._shape, np.int64), np.zeros(self._shape, np.int64)
        self._conductance, self._written = np.full(self._shape, np.nan), mine.copy()
        used = mine & self._good
        self._learn(used & (self._state == UNREADABLE))
        wrong = used & (self._state != self._target)
        self._written &= ~wrong
        far = self._plan.far_first(cells, self._good[cells])
        near_by: Flags = np.asarray((far < 0).all(axis=1), np.bool_)
        for at in range(far.shape[1]):
            which = np.flatnonzero(far[:, at] >= 0)
            self._one(which, far[which, at])
        self._sweep(wrong & near_by[:, np.newaxis], mark=True)
        self._check(each, place)
        repaired = np.zeros(self._shape, np.bool_)
        for _ in range(self._plan.settings.repair_sweeps):
            broken = used & (self._state != self._target) & self._written
            which = np.flatnonzero(broken.any(axis=1))
            if not which.size:
                break
            repaired |= broken
            self._sweep(broken, mark=False)
            self._check(which, place)
        seen = np.take_along_axis(self._state, cells, axis=1)
        result = WrittenLayer(
            places=place,
            target=target,
            seen=seen.reshape(target.shape),
            conductance=np.take_along_axis(self._conductance, cells, axis=1).reshape(target.shape),
            state=copies.state.copy(),
            defect=place.of(self._defect).astype(np.int64),
            pulses=self._pulses.sum(axis=1),
            repaired=repaired.sum(axis=1),
            clock=copies.hidden.clock - began,
            exposure=Exposure(
                copies.hidden.hazard.reshape(copies.state.shape).copy(),
                copies.hidden.flips.reshape(copies.state.shape).copy(),
            ),
        )
        np.put_along_axis(self._state, cells, np.where(self._good[cells], seen, UNREADABLE), axis=1)
        return result

    def _learn(self, unknown: Flags) -> None:
        """Read cells whose state nobody knows."""
        order, count = self._in_order(unknown)
        for at in range(int(count.max(initial=0))):
            which = np.flatnonzero(count > at)
            self._look(which, order[which, at])

    def _one(self, which: Ints, cell: Ints) -> None:
        """Look at one cell of each of these copies, and write it if it is wrong."""
        self._look(which, cell)
        wrong = self._state[which, cell] != self._target[which, cell]
        marks = np.zeros(self._shape, np.bool_)
        marks[which[wrong], cell[wrong]] = True
        self._sweep(marks, mark=False)
        self._written[which, cell] = self._state[which, cell] == self._target[which, cell]

    def _sweep(self, marks: Flags, *, mark: bool) -> None:
        """Pulse the marked cells of every copy, each until it is right, in the order of the snake."""
        order, count = self._in_order(marks)
        at, attempt = np.zeros(len(count), np.int64), np.zeros(len(count), np.int64)
        settings = self._plan.settings
        which = np.flatnonzero(at < count)
        while which.size:
            cell = order[which, at[which]]
            target = self._target[which, cell]
            amplitude = self._amplitudes(attempt[which], target, cell)
            fires = (self._trips[which, cell] < MOST_TRIPS) & (amplitude != 0.0)
            now, on = which[fires], cell[fires]
            right = np.zeros(len(which), np.bool_)
            if now.size:
                self._pulse(now, on, amplitude[fires], settings.width)
                self._look(now, on)
                right[fires] = self._state[now, on] == target[fires]
                if mark:
                    self._written[now, on] |= right[fires]
            again = fires & ~right & (attempt[which] < settings.retries)
            attempt[which] = np.where(again, attempt[which] + 1, 0)
            at[which] += ~again
            which = np.flatnonzero(at < count)

    def _amplitudes(self, attempt: Ints, target: Ints, cell: Ints) -> Floats:
        found = np.empty(len(cell))
        for number in np.unique(attempt).tolist():
            chosen = attempt == number
            found[chosen] = self._plan.amplitude(number, target[chosen], cell[chosen])
        return found

    def _pulse(self, which: Ints, cell: Ints, amplitude: Floats, width: float) -> None:
        self._pulses[which, cell] += 1
        rows, cols = np.divmod(cell, self._cols)
        first = self._pulsed_first(which)
        self._trips[which, cell] += self._copies.pulse(which, rows, cols, amplitude=amplitude, width=width, extra=first)

    def _pulsed_first(self, which: Ints) -> Floats:
        """Time [s] of setting the width of pulses, which takes a message before the first one of a copy."""
        first = self._copies.hidden.pulses[which] == self._began
        return np.where(first, self._copies.message, 0.0)

    def _look(self, which: Ints, cell: Ints) -> None:
        rows, cols = np.divmod(cell, self._cols)
        self._note(which, rows, cols[:, np.newaxis])

    def _check(self, which: Ints, place: Places) -> None:
        """Read all cells of the layer in these copies, row by row, every other row backwards."""
        rows, cols = np.sort(place.rows[which], axis=1), np.sort(place.cols[which], axis=1)
        for at in range(rows.shape[1]):
            backwards = (rows[:, at] % 2 == 1)[:, np.newaxis]
            self._note(which, rows[:, at], np.where(backwards, cols[:, ::-1], cols))

    def _note(self, which: Ints, rows: Ints, cols: Ints) -> None:
        """Read cells of one row of each copy, and keep what they show."""
        shown = self._copies.look(which, rows, cols, threshold=self._threshold, guard=self._guard)
        cell, copy = rows[:, np.newaxis] * self._cols + cols, which[:, np.newaxis]
        limited = np.isnan(shown)
        self._state[copy, cell] = np.where(limited, UNREADABLE, np.where(shown > self._threshold[cell], 0, 1))
        self._trips[copy, cell] += limited
        self._conductance[copy, cell] = shown

    def _in_order(self, marks: Flags) -> tuple[Ints, Ints]:
        """Marked cells of every copy in the order of the snake, (copies, most), and how many there are, (copies,)."""
        along = marks[:, self._snake]
        count = along.sum(axis=1)
        order = np.argsort(~along, axis=1, kind="stable")[:, : int(count.max(initial=0))]
        return self._snake[order], count
