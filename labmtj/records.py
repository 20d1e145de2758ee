"""Frozen records: the only things that cross layers.

All quantities are SI floats. Lines are counted from 1, as on the probe card and in every file;
`Cell.position` gives the position in a numpy array of shape (rows, cols). Voltages of cells and
pulses are word line minus bit line; currents flow from the word line (row) to the bit line (col).
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class State(enum.IntEnum):
    """Magnetic state of a junction: parallel (low resistance) or antiparallel (high resistance)."""

    P = 0
    AP = 1

    @property
    def other(self) -> State:
        """The opposite state."""
        return State(1 - self)


class Defect(enum.IntEnum):
    """What is wrong with a cell, as far as a measurement can tell."""

    NONE = 0
    SHORT = 1
    OPEN = 2
    STUCK = 3


class Scheme(enum.StrEnum):
    """How unselected lines are biased while one cell is written (physics.schemes)."""

    V_HALF = "v_half"


class Role(enum.StrEnum):
    """What a line of the array is connected to."""

    DRIVE = "drive"
    SENSE = "sense"
    SECOND_SENSE = "second_sense"
    PULSE_ROW = "pulse_row"
    PULSE_COL = "pulse_col"
    GROUND = "ground"


class Cell(NamedTuple):
    """A cell by its word line (row) and bit line (col), counted from 1."""

    row: int
    col: int

    @property
    def position(self) -> tuple[int, int]:
        """Position in an array of shape (rows, cols)."""
        return self.row - 1, self.col - 1

    def __str__(self) -> str:
        return f"({self.row}, {self.col})"


@dataclass(frozen=True)
class Reading:
    """One read of a cell: drive voltage [V], current [A], instrument time at its end [s].

    `current` is half the difference of the currents at +voltage and -voltage on the same relays,
    so that source offsets and thermal EMFs cancel. `in_compliance` means that the voltage was not
    reached: such a reading is no conductance.
    """

    cell: Cell
    voltage: float
    current: float
    time: float
    in_compliance: bool = False

    @property
    def conductance(self) -> float:
        """Current over drive voltage [S], or nan if in compliance."""
        return math.nan if self.in_compliance else self.current / self.voltage

    @property
    def resistance(self) -> float:
        """Drive voltage over current [ohm]; inf without current, nan in compliance."""
        if self.in_compliance:
            return math.nan
        return self.voltage / self.current if self.current else math.inf


@dataclass(frozen=True)
class Pulse:
    """A programming pulse: cell, signed amplitude [V] between its two terminals, width [s]."""

    cell: Cell
    amplitude: float
    width: float
    scheme: Scheme = Scheme.V_HALF


@dataclass(frozen=True)
class PulseOutcome:
    """What became of a pulse: when it ended [s] and whether a source was in compliance."""

    pulse: Pulse
    time: float
    in_compliance: bool


@dataclass(frozen=True)
class Attempt:
    """Writing one cell: target, number of pulses, last reading, and whether it reads as its target."""

    cell: Cell
    target: State
    pulses: int
    reading: Reading
    written: bool


@dataclass(frozen=True)
class Polarity:
    """Which sign of cell voltage writes P, found on `cell`; and the amplitudes [V] that switched it."""

    positive_writes: State
    cell: Cell
    ap_to_p: float
    p_to_ap: float

    def sign(self, target: State) -> int:
        """Sign of the cell voltage that writes `target`."""
        return 1 if target is self.positive_writes else -1


@dataclass(frozen=True)
class Amplitudes:
    """Magnitudes [V] of the write pulses between the terminals of the selected row and column."""

    ap_to_p: float
    p_to_ap: float

    def towards(self, target: State) -> float:
        """Magnitude of the pulse that writes `target`."""
        return self.ap_to_p if target is State.P else self.p_to_ap


@dataclass(frozen=True)
class DieMap:
    """What was measured of every cell; arrays have shape (rows, cols).

    r_p, r_ap [ohm] at `read_voltage` [V]; nan where the cell has no such state. `defect` holds
    `Defect` values. `switching` are median amplitudes [V] at which probe cells switched at `width` [s].
    """

    r_p: Floats
    r_ap: Floats
    defect: Ints
    read_voltage: float
    polarity: Polarity
    switching: Amplitudes
    width: float

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


@dataclass(frozen=True)
class Placement:
    """Where a layer lies: physical rows of its inputs, physical columns of its device columns (from 1)."""

    rows: tuple[int, ...]
    cols: tuple[int, ...]

    def cell(self, row: int, col: int) -> Cell:
        """The physical cell of logical position (row, col), counted from 0."""
        return Cell(self.rows[row], self.cols[col])

    @property
    def cells(self) -> list[Cell]:
        """All cells of the layer, row by row."""
        return [Cell(row, col) for row in self.rows for col in self.cols]


@dataclass(frozen=True)
class Copy:
    """A layer as it stands on the array; arrays have the layer's shape (inputs, device columns).

    `target` and `state` hold `State` values (-1: unreadable), `conductance` [S] is the last
    read-back, `pulses` the pulses each device got, `written` whether it has read as its target once,
    `defect` the die map's marks, `repaired` how many cells had to be written again after another cell's
    pulse had disturbed them.
    """

    placement: Placement
    target: Ints
    state: Ints
    conductance: Floats
    pulses: Ints
    initial: Ints
    written: NDArray[np.bool_]
    defect: Ints
    repaired: int

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Devices whose read-back state is not the target."""
        return self.state != self.target
