"""A crossbar of ohmic cells by its branch currents: transfer conductances, and how they depend on every resistance.

The circuit is that of `crossbar` with all terminals held, columns at 0 V. Every cell is the one branch between its
word line and its bit line, so its current i[row, col] passes the segments from the row's terminal to it and from it
to the column's: with the cells numbered row * cols + col,

    (diag(R) + Z) i = V,    Z = r_row Zr + r_col Zc + R_row B B' + R_col C C',

V the voltage of each cell's row; Zr and Zc count the segments that two cells of one line share, min(col, col') + 1
and rows - max(row, row'); B (cells, rows) and C (cells, cols) say which line a cell is on. Z is positive
semidefinite and linear in the four resistances of the lines, so derivatives are exact and cost no further solve:
with X = (R + Z)^-1 B and Y = (R + Z)^-1 C,

    T = C' X,    dT[col, row] / dR_k = -Y[k, col] X[k, row],    dT / dp = -Y' Z_p X.

T[col, row] is the current out of a column for 1 V on a row and 0 V on all other lines: what a read of the cell
there shows. Cost: one factorisation of (rows cols)^3 / 3 multiplications, so it is for estimates on arrays
up to some 1000 cells and not for simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from labmtj.errors import InputError
from labmtj.records import Floats

LINES = ("row wire", "column wire", "row contact", "column contact")
"""The four resistances of the lines [ohm], in the order of `OhmicArray`: of a segment, and of a line's end."""
MOST_CELLS = 2500
"""Cells beyond which the dense matrix is refused (chosen: 50 MB and some seconds)."""


@dataclass(frozen=True, eq=False)
class OhmicArray:
    """Cells of `ohms` (rows, cols), all above 0, on lines of four resistances [ohm] in the order of `LINES`."""

    ohms: Floats
    lines: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        if self.ohms.size > MOST_CELLS:
            raise InputError(f"an estimate of {self.ohms.size} cells at once is too large; take {MOST_CELLS} at most")
        if not (np.all(np.isfinite(self.ohms)) and np.all(self.ohms > 0)):
            raise InputError("every cell needs a finite resistance above 0 ohm")

    @cached_property
    def _branches(self) -> tuple[Floats, Floats, Floats, Floats]:
        """B, C, X and Y."""
        rows, cols = self.ohms.shape
        on_row, on_col = np.kron(np.eye(rows), np.ones((cols, 1))), np.kron(np.ones((rows, 1)), np.eye(cols))
        impedance = np.diag(self.ohms.ravel())
        for each, shared in zip(self.lines, shared_ohms((rows, cols)), strict=True):
            if each:
                impedance += each * shared
        found = np.linalg.solve(impedance, np.hstack([on_row, on_col]))
        return _exact(on_row), _exact(on_col), _exact(found[:, :rows]), _exact(found[:, rows:])

    @cached_property
    def transfer(self) -> Floats:
        """Conductance [S] that a read of each cell shows, (rows, cols): T'."""
        _, on_col, by_row, _ = self._branches
        return (on_col.T @ by_row).T

    @property
    def shares(self) -> Floats:
        """Voltage across each cell for 1 V on its row and 0 V on all other lines, (rows, cols)."""
        _, _, by_row, _ = self._branches
        rows, cols = self.ohms.shape
        cells = np.arange(rows * cols, dtype=np.int64)
        return (by_row[cells, cells // cols]).reshape(rows, cols) * self.ohms

    def slopes(self, drive: Floats, sense: Floats) -> tuple[Floats, Floats]:
        """Derivatives of the currents of N measurements, (N, cells) by ln R of each cell and (N, 4) by each of `LINES`.

        `drive` (N, rows) [V] stands on the rows; `sense` (N, cols) weighs the columns' currents: 1 on the ammeter.
        """
        _, _, by_row, by_col = self._branches
        driven, sensed = by_row @ drive.T, by_col @ sense.T
        cells = _exact(-(driven * sensed * self.ohms.reshape(-1, 1)).T)
        shared = shared_ohms((self.ohms.shape[0], self.ohms.shape[1]))
        lines = np.stack([-np.einsum("kn,kn->n", sensed, each @ driven) for each in shared], axis=1)
        return cells, lines

    def currents(self, drive: Floats, sense: Floats) -> Floats:
        """Currents [A] of N measurements, as in `slopes`."""
        return np.einsum("nr,rc,nc->n", drive, self.transfer, sense)


def _exact(values: ArrayLike) -> Floats:
    """Narrow what numpy's linear algebra returns for its checkers to what it is."""
    return np.asarray(values, np.float64)


def shared_ohms(shape: tuple[int, int]) -> tuple[Floats, Floats, Floats, Floats]:
    """What two cells share of lines with 1 ohm each, in the order of `LINES`; (cells, cells)."""
    rows, cols = shape
    along, down = np.arange(1, cols + 1), np.arange(rows, 0, -1)
    return (
        _exact(np.kron(np.eye(rows), np.minimum.outer(along, along))),
        _exact(np.kron(np.minimum.outer(down, down), np.eye(cols))),
        _exact(np.kron(np.eye(rows), np.ones((cols, cols)))),
        _exact(np.kron(np.ones((rows, rows)), np.eye(cols))),
    )
