"""Pulses on many lines at once: what an array that learns gets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.records.cells import Cell, Floats
from labmtj.records.contact import Line


@dataclass(frozen=True)
class LinePulse:
    """A pulse of `width` [s] that drives several rows and columns together; every other line is at ground.

    `rows` and `cols` count from 1; `row_volts` and `col_volts` [V] are theirs, to ground, one a line. A cell sees its
    row's volts less its column's. On a chip with a transistor in every cell `rows` are those whose gates are open
    and their volts are 0. Raises InputError for lists that do not fit together and for lines that are named twice.
    """

    rows: tuple[int, ...]
    row_volts: tuple[float, ...]
    cols: tuple[int, ...]
    col_volts: tuple[float, ...]
    width: float

    def __post_init__(self) -> None:
        for what, lines, volts in (("rows", self.rows, self.row_volts), ("cols", self.cols, self.col_volts)):
            if len(lines) != len(volts):
                raise InputError(f"a pulse on lines: {len(lines)} {what} have {len(volts)} voltages; give one a line")
            if len(set(lines)) != len(lines):
                raise InputError(f"a pulse on lines: one of the {what} is named twice")

    @property
    def cells(self) -> list[Cell]:
        """The cells between driven lines, row by row."""
        return [Cell(row, col) for row in self.rows for col in self.cols]

    def volts(self, shape: tuple[int, int]) -> tuple[Floats, Floats]:
        """Voltages of all lines [V], (rows,) and (cols,), of an array of `shape`."""
        rows, cols = np.zeros(shape[0]), np.zeros(shape[1])
        rows[np.array(self.rows, np.intp) - 1] = self.row_volts
        cols[np.array(self.cols, np.intp) - 1] = self.col_volts
        return rows, cols

    def cell_voltages(self, shape: tuple[int, int]) -> Floats:
        """Voltage between the terminals of every cell [V], (rows, cols): row less column."""
        rows, cols = self.volts(shape)
        return rows[:, np.newaxis] - cols

    @property
    def span(self) -> float:
        """Voltage [V] between the highest and the lowest line, ground included: no cell sees more than that."""
        volts = (0.0, *self.row_volts, *self.col_volts)
        return max(volts) - min(volts)

    @property
    def lines(self) -> list[Line]:
        """The driven lines."""
        return [*(Line("row", n) for n in self.rows), *(Line("col", n) for n in self.cols)]

    def __str__(self) -> str:
        return f"{len(self.rows)} rows and {len(self.cols)} columns ({', '.join(map(str, self.lines[:3]))} ..)"


@dataclass(frozen=True)
class LineOutcome:
    """What became of a pulse on lines: when it ended [s] and whether a source was in compliance.

    `uncertain`: nobody saw it end, so it may not have left; only readings tell, and it is never sent again.
    """

    pulse: LinePulse
    time: float
    in_compliance: bool
    uncertain: bool = False
