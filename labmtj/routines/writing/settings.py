"""How a layer is written: the algorithm, the scheme, the order, and what is done about cells that stay wrong."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from labmtj.records import Amplitudes, Scheme


class Algorithm(enum.StrEnum):
    """How pulses are chosen, and whether cells are looked at between them.

    `one_shot` fires one pulse at every cell and looks at none before the end; `verify_first` pulses only what is
    wrong, at one amplitude; `ispp` begins low and steps the amplitude up until the cell has switched (incremental
    step pulse programming); `width_modulated` keeps the amplitude and lengthens the pulse; `model` gives every cell
    what the die map says of it.
    """

    ONE_SHOT = "one_shot"
    VERIFY_FIRST = "verify_first"
    ISPP = "ispp"
    WIDTH_MODULATED = "width_modulated"
    MODEL = "model"


class Order(enum.StrEnum):
    """In which order cells are written and verified.

    `naive` is one cell after the other, all lines to ground before every pulse and every reading; `cells` is one
    cell after the other on the shortest way; `batches` writes all cells of a row that want one state with one
    pulse, and verifies sums of cells.
    """

    NAIVE = "naive"
    CELLS = "cells"
    BATCHES = "batches"


@dataclass(frozen=True)
class Steps:
    """How a pulse grows from attempt to attempt, in units of the amplitude and width that the step names.

    Attempt n has amplitude `first` (1 + `rise`)^max(0, n - `hold`) and width `widen`^n.
    """

    first: float
    rise: float
    hold: int = 0
    widen: float = 1.0

    def amplitude(self, attempt: int) -> float:
        """Factor on the amplitude of attempt `attempt`, from 0."""
        return self.first * (1.0 + self.rise) ** max(0, attempt - self.hold)

    def width(self, attempt: int) -> float:
        """Factor on the width of attempt `attempt`, from 0."""
        return self.widen**attempt


# chosen: the amplitude of a map is 1.3 x what switches the median probe cell. One amplitude keeps it and rises by
# 3 % from the third attempt on, for the tail of the spread; ISPP begins where the weakest cells switch and steps by
# 5 %, about the width of a cell's own transition (slope 33 per unit of ln V at 100 us); widths grow threefold, which
# moves a 40 nm cell's switching voltage by 3 %. A cell's own amplitude is its switching voltage and some more.
STEPS = {
    Algorithm.ONE_SHOT: Steps(first=1.0, rise=0.0),
    Algorithm.VERIFY_FIRST: Steps(first=1.0, rise=0.03, hold=1),
    Algorithm.ISPP: Steps(first=0.75, rise=0.05),
    Algorithm.WIDTH_MODULATED: Steps(first=0.85, rise=0.0, widen=3.0),
    Algorithm.MODEL: Steps(first=1.0, rise=0.06),
}
MODEL_MARGIN = 1.11
"""First pulse of `model` over the cell's own switching voltage. chosen: at slope 33 that misses 1e-9, and with the
map's error of 2 % still 1 in 50."""


@dataclass(frozen=True)
class WriteSettings:
    """How cells are written: terminal amplitudes [V], width [s], scheme, retries, repair sweeps, read voltage [V].

    `compensate` makes amplitudes those of the cells: what wires take is added at the terminals, where the map knows
    the wires. `longest` [s] bounds widened pulses, `line_current` [A] what the cells of one pulse may draw
    together, `together` how many they may be. `line_checks` looks at the sums of all half-selected lines after
    every pulse.
    """

    amplitudes: Amplitudes
    width: float
    scheme: Scheme
    retries: int
    repair_sweeps: int
    read: float
    algorithm: Algorithm = Algorithm.VERIFY_FIRST
    order: Order = Order.BATCHES
    compensate: bool = True
    longest: float = 1.0
    line_current: float = 2e-3
    together: int = 64
    line_checks: bool = False
    steps: Steps | None = None

    @property
    def growth(self) -> Steps:
        """How pulses grow: as asked for, or as the algorithm has it."""
        return self.steps or STEPS[self.algorithm]
