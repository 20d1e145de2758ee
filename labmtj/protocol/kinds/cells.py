"""Cells that steps name, and those that they take where none is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from labmtj.config.source import KeyPath, Source
from labmtj.errors import InputError, Problem
from labmtj.protocol.kinds.fields import CellEntry
from labmtj.records import Cell

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress

CellList = Annotated[tuple[CellEntry, ...], Field(strict=False, min_length=1)]


def cell_problems(
    cells: Sequence[tuple[int, int]] | None, here: KeyPath, source: Source, bench: BenchFile
) -> Iterator[Problem]:
    """Cells that are not on the array; `here` is the path of the list."""
    array = bench.bench.array
    for place, (row, col) in enumerate(cells or ()):
        if row > array.rows or col > array.cols:
            message = f"cell ({row}, {col}) is not on the array, which has {array.rows} x {array.cols} cells"
            yield source.problem((*here, place), message)


def chosen(cells: Sequence[tuple[int, int]] | None, progress: Progress) -> list[Cell]:
    """The cells that are named, or the good ones among those on the diagonal. Raises InputError if none is good."""
    from labmtj.routines.characterise import probe_cells

    if cells:
        return [Cell(*cell) for cell in cells]
    die = progress.die_map
    found = [cell for cell in probe_cells(progress.array.shape) if die is None or die.good[cell.position]]
    if not found:
        raise InputError("no cell of the diagonal is good; name some: cells: [[3, 7], [5, 2]]")
    return found


def how_many(cells: Sequence[tuple[int, int]] | None, progress: Progress) -> int:
    """How many cells `chosen` gives."""
    return len(chosen(cells, progress))


def levels(largest: float, step: float) -> tuple[float, ...]:
    """Levels [V] from `step` up to `largest`, in equal steps of `step` or a little less."""
    count = max(1, round(largest / step))
    return tuple(largest * number / count for number in range(1, count + 1))
