"""The die map: what was measured of every cell of a die, for every later step and every later run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.records.cells import Amplitudes, Cell, Defect, Floats, Ints, Polarity, Reading, State

GUARD = 0.15
"""Share of the window around the threshold in which a reading is repeated. chosen: 30 times the noise of a read."""


@dataclass(frozen=True, eq=False)
class DieMap:
    """What was measured of every cell; arrays have shape (rows, cols); None is what was not measured.

    r_p, r_ap [ohm] at `read_voltage` [V], wires included; nan where the cell has no such state. `defect` holds
    `Defect` values, `traits` `Trait` values, `state` the last known `State` (-1: unknown). `switching` are median
    amplitudes [V] between terminals at which probe cells switched at `width` [s]. `fixed` is the conductance [S] that a
    cell without two states shows at `read_voltage` (a short, an open, a stuck one), nan where it has two.

    Of a cell, by the state that is written: `v_switch_*`, the cell voltage [V] that switches it half the time at
    `width`; effective `v_c0_*` [V] and `delta_*` [kT], stray field included. Of the array: `wire` [ohm] a segment,
    `row_contact` and `col_contact` [ohm] of a line's end with relay and lead, `v_h` [V], `tmr0`, `k_p` [1/V2] of
    the median cell, `temperature` [K], and the `name` of the die.
    """

    r_p: Floats
    r_ap: Floats
    defect: Ints
    read_voltage: float
    polarity: Polarity
    switching: Amplitudes
    width: float
    traits: Ints | None = None
    state: Ints | None = None
    v_switch_p: Floats | None = None
    v_switch_ap: Floats | None = None
    v_c0_p: Floats | None = None
    v_c0_ap: Floats | None = None
    delta_p: Floats | None = None
    delta_ap: Floats | None = None
    wire: float | None = None
    row_contact: float | None = None
    col_contact: float | None = None
    v_h: float | None = None
    tmr0: float | None = None
    k_p: float | None = None
    temperature: float | None = None
    name: str = ""
    fixed: Floats | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        rows, cols = self.r_p.shape
        return rows, cols

    @property
    def good(self) -> NDArray[np.bool_]:
        """Cells without a defect."""
        return self.defect == Defect.NONE

    @property
    def tmr(self) -> Floats:
        """(R_AP - R_P) / R_P of every cell, nan for defective ones."""
        return self.r_ap / self.r_p - 1.0

    @property
    def conductance_p(self) -> float:
        """Median P conductance [S] of the good cells."""
        return 1.0 / float(np.median(self.r_p[self.good]))

    @property
    def conductance_ap(self) -> float:
        """Median AP conductance [S] of the good cells."""
        return 1.0 / float(np.median(self.r_ap[self.good]))

    def threshold(self, cell: Cell) -> float:
        """Conductance [S] halfway between the states of `cell`; the median cell's if it is defective."""
        row, col = cell.position
        if self.defect[row, col] == Defect.NONE:
            return 0.5 * (1.0 / self.r_p[row, col] + 1.0 / self.r_ap[row, col])
        return 0.5 * (self.conductance_p + self.conductance_ap)

    def state_of(self, reading: Reading) -> State | None:
        """The state that a reading shows: P above the threshold; None for a reading in compliance."""
        if reading.in_compliance:
            return None
        return State.P if reading.conductance > self.threshold(reading.cell) else State.AP

    def near_threshold(self, reading: Reading, *, guard: float = GUARD) -> bool:
        """Whether a reading lies within `guard` of the window (G_P - G_AP) from the threshold: read it again."""
        row, col = reading.cell.position
        if reading.in_compliance or self.defect[row, col] != Defect.NONE:
            return False
        window = 1.0 / self.r_p[row, col] - 1.0 / self.r_ap[row, col]
        return abs(reading.conductance - self.threshold(reading.cell)) < guard * window

    def conductance(self, states: Ints) -> Floats:
        """Conductance [S] of every cell in these `State` values, (rows, cols), as it was measured through the wires.

        A cell without two states gives what is `fixed` of it, nan where that is not known.
        """
        found = np.where(states == State.P, 1.0 / self.r_p, 1.0 / self.r_ap)
        return found if self.fixed is None else np.where(self.good, found, self.fixed)
