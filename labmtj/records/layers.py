"""A layer of a network on the array: where it lies, and how well it stands there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.records.cells import Cell, Floats, Ints


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
