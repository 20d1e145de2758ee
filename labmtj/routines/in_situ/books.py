"""What is known of the cells of an array that learns: readings, what was asked of them since, and what that cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.in_situ.plant import Costs
from labmtj.records import Cell, DieMap, Floats, Ints, State
from labmtj.routines.in_situ.doors import Aimed

UNKNOWN = -1


class Books:
    """Arrays (rows, cols) of a die while a network learns on it.

    `state` is what the last reading of a cell means (-1: never read) and `shown` [S] what the map has of it in that
    state, so that noise of readings is not learnt; of a defective cell it is its first reading. `stale` cells got a
    pulse since, `suspect` ones shared a line with one. A cell that reads otherwise than before has flipped as asked,
    or was disturbed. `pulses` counts every pulse that selected a cell.
    """

    def __init__(self, die: DieMap) -> None:
        self._die = die
        self.shown: Floats = np.full(die.shape, np.nan)
        self.state: Ints = np.full(die.shape, UNKNOWN, dtype=np.int64)
        self.stale = np.ones(die.shape, np.bool_)
        self.suspect = np.ones(die.shape, np.bool_)
        self._near = np.zeros(die.shape, np.bool_)
        self.pulses: Ints = np.zeros(die.shape, np.int64)
        self.flips: Ints = np.zeros(die.shape, np.int64)
        self.disturbs: Ints = np.zeros(die.shape, np.int64)
        self._known = {State.P: 1.0 / die.r_p, State.AP: 1.0 / die.r_ap}
        self._asked = {state: np.zeros(die.shape, np.bool_) for state in State}
        self._threshold: Floats = np.where(
            die.good, 0.5 * (1.0 / die.r_p + 1.0 / die.r_ap), 0.5 * (die.conductance_p + die.conductance_ap)
        )
        middle = 0.5 * (die.conductance_p + die.conductance_ap)
        self._load: Floats = np.where(die.good, 0.5 * (1.0 / die.r_p + 1.0 / die.r_ap), middle)
        self._count = dict.fromkeys(("updates", "pulses", "events", "writes", "energy"), 0.0)

    def updated(self) -> None:
        """An outer product was applied."""
        self._count["updates"] += 1

    def fired(self, aimed: Aimed, near: NDArray[np.bool_]) -> None:
        """A pulse on lines has left; `near` (rows, cols) are cells that it may have disturbed."""
        pulse = aimed.pulse
        at = np.ix_(np.array(pulse.rows) - 1, np.array(pulse.cols) - 1)
        volts: Floats = np.array(pulse.row_volts)[:, np.newaxis] - np.array(pulse.col_volts)
        self._ask(at, aimed.target, near)
        self._count["pulses"] += 1
        self._count["events"] += volts.size
        self._count["energy"] += float((volts**2 * self._load[at]).sum()) * pulse.width

    def written(self, cell: Cell, target: State, *, volts: float, width: float, near: NDArray[np.bool_]) -> None:
        """A pulse of write-verify has left."""
        self._ask(cell.position, target, near)
        self._count["writes"] += 1
        self._count["energy"] += volts**2 * float(self._load[cell.position]) * width

    def _ask(self, at: tuple[NDArray[np.intp], ...] | tuple[int, int], target: State, near: NDArray[np.bool_]) -> None:
        self.pulses[at] += 1
        self._asked[target][at] = True
        self.stale[at] = True
        self.suspect |= near
        self._near |= near

    @property
    def touched(self) -> NDArray[np.bool_]:
        """Cells that were read, or that a pulse selected or shared a line with."""
        return (self.state != UNKNOWN) | self._near

    def read(self, row: Ints, col: Ints, conductance: Floats) -> None:
        """Cells at `row`, `col` (n,), from 0, read `conductance` [S] (n,); above the range counts as P."""
        at = row, col
        state: Ints = np.where(conductance < self._threshold[at], int(State.AP), int(State.P))
        before = self.state[at]
        changed = (before != UNKNOWN) & (before != state)
        asked: NDArray[np.bool_] = np.where(state == State.P, self._asked[State.P][at], self._asked[State.AP][at])
        self.flips[at] += changed & asked
        self.disturbs[at] += changed & ~asked
        self.state[at] = state
        first: Floats = np.where(np.isnan(self.shown[at]), conductance, self.shown[at])
        of_map: Floats = np.where(state == State.P, self._known[State.P][at], self._known[State.AP][at])
        self.shown[at] = np.where(self._die.good[at], of_map, first)
        for flags in (self.stale, self.suspect, *self._asked.values()):
            flags[at] = False

    def costs(self, *, seconds: float) -> Costs:
        """What all of it has taken, as one copy's."""
        count = self._count
        sums = (
            count["updates"], count["pulses"], count["events"], float(self.flips.sum()), float(self.disturbs.sum()),
            count["writes"], count["energy"], seconds,
        )  # fmt: skip
        return Costs(*(np.array([value]) for value in sums))
