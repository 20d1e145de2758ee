"""Cells, lines, readings and pulses."""

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


class Trait(enum.IntFlag):
    """What is unusual about a cell that works: it is used, but better avoided."""

    NONE = 0
    LEAKY = 1
    UNSTABLE = 2
    BACK_HOPPING = 4


class Scheme(enum.StrEnum):
    """How unselected lines are biased while one cell is written (physics.schemes)."""

    V_HALF = "v_half"
    V_HALF_BIAS = "v_half_bias"
    V_THIRD = "v_third"
    FLOATING = "floating"
    GATED = "gated"


class Role(enum.StrEnum):
    """What a line of the array is connected to."""

    DRIVE = "drive"
    SENSE = "sense"
    SECOND_SENSE = "second_sense"
    PULSE_ROW = "pulse_row"
    PULSE_COL = "pulse_col"
    GROUND = "ground"
    FLOAT = "float"


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
class Sample:
    """One integration at one sign: `rows` at `voltage` [V], `cols` at 0 V on one ammeter, offsets included [A]."""

    rows: tuple[int, ...]
    cols: tuple[int, ...]
    voltage: float
    current: float
    time: float
    in_compliance: bool = False


@dataclass(frozen=True)
class Sum(Sample):
    """One current [A] of many cells: half the difference of those at +voltage and -voltage, as in a `Reading`."""

    @property
    def conductance(self) -> float:
        """Current over drive voltage [S], or nan if in compliance."""
        return math.nan if self.in_compliance else self.current / self.voltage


@dataclass(frozen=True)
class Pulse:
    """A programming pulse: cell, signed amplitude [V] between its two terminals, width [s].

    `cols` are further columns of the same row that the same pulse selects: their cells get it too.
    """

    cell: Cell
    amplitude: float
    width: float
    scheme: Scheme = Scheme.V_HALF
    cols: tuple[int, ...] = ()

    @property
    def columns(self) -> tuple[int, ...]:
        """All columns that the pulse selects."""
        return (self.cell.col, *self.cols)

    @property
    def cells(self) -> list[Cell]:
        """All cells that the pulse selects."""
        return [Cell(self.cell.row, col) for col in self.columns]


@dataclass(frozen=True)
class PulseOutcome:
    """What became of a pulse: when it ended [s] and whether a source was in compliance.

    `uncertain`: nobody saw it end, so it may not have left; only a reading tells, and it is never sent again.
    """

    pulse: Pulse
    time: float
    in_compliance: bool
    uncertain: bool = False


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
