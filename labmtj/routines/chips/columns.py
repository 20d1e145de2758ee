"""Columns of the kernels of a chip: between the cells of one no relay moves, only gates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.ports import ArrayAccess, GatedArray
from labmtj.records import Cell, Reading


@dataclass(frozen=True)
class Column:
    """Column `col` of a kernel, both from 1; its cells are those of `rows`, counted through all kernels."""

    kernel: int
    col: int
    rows: range

    @property
    def cells(self) -> list[Cell]:
        """Its cells, row by row."""
        return [Cell(row, self.col) for row in self.rows]


def columns(array: GatedArray) -> Iterator[Column]:
    """All columns, kernel by kernel."""
    (rows, cols), kernels = array.shape, array.kernels
    each = rows // kernels
    for kernel in range(1, kernels + 1):
        for col in range(1, cols + 1):
            yield Column(kernel, col, range((kernel - 1) * each + 1, kernel * each + 1))


def read_column(array: GatedArray, column: Column, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
    """Read these cells of one column at `voltage` [V], one gate open after the other, all of them in one request.

    From each current that with all gates closed is taken; what met a range or a limit is in compliance.
    """
    gates = np.zeros((len(cells), len(column.rows)), dtype=np.bool_)
    gates[np.arange(len(cells)), [cell.row - column.rows.start for cell in cells]] = True
    currents = array.multiply_each(column.kernel, gates, column.col, voltage=voltage).tolist()
    now = array.clock.now()
    return [
        Reading(cell, voltage, current, now, in_compliance=not math.isfinite(current))
        for cell, current in zip(cells, currents, strict=True)
    ]


def gated(array: ArrayAccess) -> GatedArray:
    """The array as one with a transistor in every cell. Raises InputError for another one."""
    if not isinstance(array, GatedArray):
        raise InputError(
            "this array has no transistors in its cells: run this on a bench whose array has kernels, for example "
            "simulated-1t1r"
        )
    return array
