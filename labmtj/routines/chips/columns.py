"""Columns of the kernels of a chip: between the cells of one no relay moves, only gates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from labmtj.errors import InputError
from labmtj.ports import ArrayAccess, GatedArray
from labmtj.records import Cell


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


def gated(array: ArrayAccess) -> GatedArray:
    """The array as one with a transistor in every cell. Raises InputError for another one."""
    if not isinstance(array, GatedArray):
        raise InputError(
            "this array has no transistors in its cells: run this on a bench whose array has kernels, for example "
            "simulated-1t1r"
        )
    return array
