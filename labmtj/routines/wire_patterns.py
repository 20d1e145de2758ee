"""Patterns of states that tell wires from cells, and what is measured in each of them.

Which patterns and sums these are is explained in `wires`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import BenchError
from labmtj.ports import ArrayAccess, Ticker
from labmtj.records import Cell, Defect, DieMap, Floats, Ints, State
from labmtj.routines.states import Standing, stand, write_states
from labmtj.routines.wire_fit import Pattern

FAR = 3
"""Lines at the far end that are summed. chosen: a fifth of 15 is the best share for (1 - x)^2 sqrt(x)."""
_CORNERS = 20  # chosen: readings of each corner cell in each pattern, if sums are not repeated less
_OPEN = 20.0  # chosen: less than the typical AP conductance over this is an open cell


@dataclass(frozen=True)
class LineSum:
    """Lines of one sum: all of `rows` driven, all of `cols` on the ammeter."""

    name: str
    rows: tuple[int, ...]
    cols: tuple[int, ...]

    def holds(self, cell: Cell) -> bool:
        """Whether a cell is one of those that are summed."""
        return cell.row in self.rows and cell.col in self.cols


@dataclass(frozen=True, eq=False)
class Plan:
    """All sums, and each pattern as its target states (rows, cols) with the sums that are measured in it."""

    sums: tuple[LineSum, ...]
    patterns: tuple[tuple[Ints, tuple[LineSum, ...]], ...]
    corners: tuple[Cell, ...]


@dataclass(frozen=True, eq=False)
class Measured:
    """A pattern's measurements, the mean of each of its sums [S], and which summed cells flipped meanwhile."""

    pattern: Pattern
    means: tuple[float, ...]
    flipped: tuple[Cell, ...]


def plan(die: DieMap, *, weak: Collection[Cell] = ()) -> Plan:
    """The four patterns; lines that would bring a `weak` cell into a sum, one that does not keep its state, stay out.

    Raises BenchError if too few lines are free of shorts.
    """
    rows, cols = _usable(die)
    ends_of_rows, ends_of_cols = (*cols[:1], *cols[-FAR:]), (*rows[:FAR], *rows[-1:])
    steady_rows = tuple(row for row in rows if not any(Cell(row, col) in weak for col in ends_of_rows))
    steady_cols = tuple(col for col in cols if not any(Cell(row, col) in weak for row in ends_of_cols))
    if not steady_rows or not steady_cols:
        raise BenchError("too many cells do not keep their state while they are read; read at a lower voltage")
    sums = (
        LineSum("far columns", steady_rows, cols[-FAR:]),
        LineSum("near column", steady_rows, cols[:1]),
        LineSum("far rows", rows[:FAR], steady_cols),
        LineSum("near row", rows[-1:], steady_cols),
    )
    kept = (
        (np.ones(die.shape, dtype=bool), sums),
        (_on(die.shape, (), ends_of_rows), sums[:2]),
        (np.zeros(die.shape, dtype=bool), ()),
        (_on(die.shape, ends_of_cols, ()), sums[2:]),
    )
    patterns = tuple((np.where(mask, int(State.P), int(State.AP)), which) for mask, which in kept)
    return Plan(sums, patterns, tuple(_corners(die)))


def _usable(die: DieMap) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Rows and columns without a short, whose current would drown the others'."""
    short = die.defect == Defect.SHORT
    rows = tuple((np.flatnonzero(~short.any(axis=1)) + 1).tolist())
    cols = tuple((np.flatnonzero(~short.any(axis=0)) + 1).tolist())
    if min(len(rows), len(cols)) < FAR + 2:
        raise BenchError(
            f"only {len(rows)} rows and {len(cols)} columns have no short; {FAR + 2} of each are needed to tell "
            "wires from contacts"
        )
    return rows, cols


def _corners(die: DieMap) -> list[Cell]:
    """The good cell nearest to each corner of the array."""
    rows, cols = die.shape
    good = np.argwhere(die.good)
    found: list[Cell] = []
    for corner in ((0, 0), (0, cols - 1), (rows - 1, 0), (rows - 1, cols - 1)):
        row, col = good[np.abs(good - corner).sum(axis=1).argmin()].tolist()
        found.append(Cell(row + 1, col + 1))
    return found


def _on(shape: tuple[int, int], rows: Sequence[int], cols: Sequence[int]) -> NDArray[np.bool_]:
    """Cells on any of these lines, counted from 1."""
    row, col = np.indices(shape) + 1
    return np.isin(row, rows) | np.isin(col, cols)


def measure(
    array: ArrayAccess,
    die: DieMap,
    target: Ints,
    sums: Sequence[LineSum],
    corners: Sequence[Cell],
    *,
    voltage: float,
    repeats: int,
    tick: Ticker,
) -> Measured:
    """Write a pattern and measure it: each sum `repeats` times, the corners, every cell before and after.

    Raises BenchError for a sum in compliance.
    """
    before = write_states(array, die, target, voltage=voltage)
    totals: list[list[float]] = []
    for entry in sums:
        totals.append([array.total(entry.rows, entry.cols, voltage=voltage).conductance for _ in range(repeats)])
        tick()
    if not all(np.isfinite(few).all() for few in totals):
        raise BenchError("a source was in compliance in a sum that was measured without; look for a new short")
    near = [[r.conductance for r in array.read([cell] * min(_CORNERS, repeats), voltage=voltage)] for cell in corners]
    after = stand(array, die, voltage=voltage)
    changed = [Cell(int(row) + 1, int(col) + 1) for row, col in np.argwhere(before.state != after.state)]
    flipped = tuple(cell for cell in changed if any(entry.holds(cell) for entry in sums))
    pattern = _pattern(before, after, sums, totals, corners, near, die)
    return Measured(pattern, tuple(float(np.mean(few)) for few in totals), flipped)


def _pattern(
    before: Standing,
    after: Standing,
    sums: Sequence[LineSum],
    totals: Sequence[Sequence[float]],
    corners: Sequence[Cell],
    near: Sequence[Sequence[float]],
    die: DieMap,
) -> Pattern:
    """All measurements of a pattern as one list: reads of every cell, corners, sums."""
    rows, cols = die.shape
    single = 0.5 * (before.conductance + after.conductance)
    carries = (single > die.conductance_ap / _OPEN) & (before.state >= 0)
    kind = np.where(carries, before.state, -1)
    seen = carries & (before.state == after.state)  # the reads of a cell that flipped meanwhile are of no one state
    # One noise for all single reads of a state, from the scatter between the two: a median, so that the few cells
    # with telegraph noise do not count. 1.05 turns the median of |a - b| of normal numbers into their sigma.
    change = np.abs(before.conductance - after.conductance) / single
    of_state = [change[seen & (kind == state)] for state in State]
    scatter = [1.05 * float(np.median(few)) if few.size else 0.01 for few in of_state]
    at = np.argwhere(seen)
    drive, sense = [np.eye(rows)[at[:, 0]]], [np.eye(cols)[at[:, 1]]]
    measured = [single[seen]]
    error = [single[seen] * np.where(kind[seen] == State.P, *scatter) / np.sqrt(2)]
    for cell, values in zip(corners, near, strict=True):
        row, col = cell.position
        if not seen[row, col]:
            continue
        drive.append(np.eye(rows)[[row]])
        sense.append(np.eye(cols)[[col]])
        measured.append(np.mean(values, keepdims=True))
        error.append(np.std(values, ddof=1, keepdims=True) / np.sqrt(len(values)))
    for entry, values in zip(sums, totals, strict=True):
        drive.append(np.isin(np.arange(1, rows + 1), entry.rows)[np.newaxis].astype(float))
        sense.append(np.isin(np.arange(1, cols + 1), entry.cols)[np.newaxis].astype(float))
        measured.append(np.mean(values, keepdims=True))
        error.append(np.std(values, ddof=1, keepdims=True) / np.sqrt(len(values)))
    return Pattern(kind, *(np.concatenate(part) for part in (drive, sense, measured, error)))


def start(patterns: Sequence[Pattern], die: DieMap) -> Floats:
    """Apparent resistances [ohm] in both states, (2, rows, cols): single reads, else the map's, else the median."""
    found = np.full((2, *die.shape), np.nan)
    for pattern in patterns:
        single = (pattern.drive.sum(axis=1) == 1) & (pattern.sense.sum(axis=1) == 1)
        row, col = pattern.drive[single].argmax(axis=1), pattern.sense[single].argmax(axis=1)
        found[pattern.kind[row, col], row, col] = 1 / pattern.measured[single]
    mapped = np.stack([die.r_p, die.r_ap])
    middle = np.nanmedian(mapped, axis=(1, 2), keepdims=True)
    return np.where(np.isfinite(found), found, np.where(np.isfinite(mapped), mapped, middle))
