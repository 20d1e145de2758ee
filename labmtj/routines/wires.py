"""Resistance of a wire's segment and of the contacts at the ends of lines, and cells without them.

The array is put in four patterns: all cells P; all AP but those on the nearest and the three farthest columns; all
AP; all AP but those on the nearest and the three farthest rows. In each of them four-corner readings (the cell
nearest to each corner, often), a read of every cell, and sums of whole lines: all rows driven against the far columns
together and against the near one, the far rows and the near one against all columns. Between patterns the cells of
a sum stay as they are, and the load of their lines falls by half: far cells feel it through many segments, near
ones through one segment and the contact, which tells the two apart. `wire_fit` explains why less does not do.

What limits it: the change is about r (G_P - G_AP) n^2 / 2 of the current, 0.7 % at 20 nm and 5 ohm, against the
junctions' own 1/f noise, 0.5 % a reading there; sums average it over 45 cells, repeats over themselves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import BenchError
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Cell, Column, Defect, DieMap, Finding, Floats, Ints, State
from labmtj.routines.series import by_contacts
from labmtj.routines.states import Standing, stand, write_states
from labmtj.routines.sweep import within_compliance
from labmtj.routines.wire_fit import LineFit, Pattern, fit_lines

SUMS = 8
"""Sums of lines that are measured, each many times: four with all cells P, two in each of two other patterns."""
_FAR = 3  # chosen: lines at the far end that are summed; a fifth of 15 is the best share for (1-x)^2 sqrt(x)
_TRIES = 3  # chosen: how often a pattern is measured again if one of the summed cells flipped meanwhile
_CORNERS = 20  # chosen: readings of each corner cell in each pattern; their scatter is the noise of all single reads
_OPEN = 20.0  # chosen: less than the typical AP conductance over this is an open cell


@dataclass(frozen=True, eq=False)
class Wires:
    """The fit, the map with `wire`, `row_contact` and `col_contact` [ohm], and the finding."""

    fit: LineFit
    die_map: DieMap
    finding: Finding


@dataclass(frozen=True)
class _Sum:
    """Lines of one sum: all of `rows` driven, all of `cols` on the ammeter."""

    name: str
    rows: tuple[int, ...]
    cols: tuple[int, ...]


def measure_wires(
    array: ArrayAccess, *, die: DieMap, voltage: float, repeats: int = 60, tick: Ticker = no_ticks
) -> Wires:
    """Estimate wires and contacts at `voltage` [V] (less where sums would be in compliance), `repeats` of each sum.

    The states of all cells are written. Raises LimitExceeded before anything is, and BenchError if too few lines
    are free of shorts.
    """
    rows, cols = _usable(die)
    sums = (
        _Sum("far columns", rows, cols[-_FAR:]),
        _Sum("near column", rows, cols[:1]),
        _Sum("far rows", rows[:_FAR], cols),
        _Sum("near row", rows[-1:], cols),
    )
    corners = _corners(die)
    shape, patterns = array.shape, list[Pattern]()
    kept = (
        np.ones(shape, dtype=bool),
        _on(shape, (), (*cols[:1], *cols[-_FAR:])),
        np.zeros(shape, dtype=bool),
        _on(shape, (*rows[:_FAR], *rows[-1:]), ()),
    )
    targets = [np.where(mask, int(State.P), int(State.AP)) for mask in kept]
    write_states(array, die, targets[0], voltage=voltage)
    voltage = within_compliance(array, [(entry.rows, entry.cols) for entry in sums], voltage=voltage)
    levels = Column(("sum",), np.array([entry.name for entry in sums]), "", "lines that were summed")
    summed = np.full((len(targets), len(sums)), np.nan)
    for number, (target, which) in enumerate(zip(targets, (sums, sums[:2], (), sums[2:]), strict=True)):
        pattern, means = _measure(array, die, target, which, corners, voltage=voltage, repeats=repeats, tick=tick)
        patterns.append(pattern)
        for entry, mean in zip(which, means, strict=True):
            summed[number, sums.index(entry)] = mean
    fit = fit_lines(patterns, _start(patterns, shape))
    fit = dataclasses.replace(fit, error=np.hypot(fit.error, by_contacts(fit.ohms)))
    wire, row_contact, col_contact = fit.lines.tolist()
    errors = np.sqrt(np.diag(fit.covariance)).tolist()
    names = ("wire", "row_contact", "col_contact")
    figures: dict[str, float | int | str] = {}
    for name, value, error in zip(names, fit.lines.tolist(), errors, strict=True):
        figures |= {f"{name}_ohm": value, f"{name}_error_ohm": error}
    figures |= {"chi2_1": fit.chi2, "voltage_volt": voltage, "repeats_1": repeats}
    columns = {
        "r_p_cell": Column(("row", "col"), fit.ohms[0], "ohm", "P resistance of the cell alone, without wires"),
        "r_p_cell_error": Column(("row", "col"), fit.error[0], "1", "its relative standard error"),
        "r_ap_cell": Column(("row", "col"), fit.ohms[1], "ohm", "AP resistance of the cell alone, without wires"),
        "r_ap_cell_error": Column(("row", "col"), fit.error[1], "1", "its relative standard error"),
        "sum": levels,
        "sum_conductance": Column(("pattern", "sum"), summed, "S", "mean of the sums in each pattern of states"),
    }
    line = (
        f"wire {wire:.3g} +- {errors[0]:.2g} ohm a segment, contacts of rows {row_contact:.2g} +- {errors[1]:.2g} and "
        f"of columns {col_contact:.2g} +- {errors[2]:.2g} ohm"
    )
    # A contact that came out below zero is one that cannot be told from none.
    known = dataclasses.replace(
        die, wire=max(wire, 0.0), row_contact=max(row_contact, 0.0), col_contact=max(col_contact, 0.0)
    )
    return Wires(fit, known, Finding("wires", columns, figures, line))


def _usable(die: DieMap) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Rows and columns without a short, whose current would drown the others'."""
    short = die.defect == Defect.SHORT
    rows = tuple((np.flatnonzero(~short.any(axis=1)) + 1).tolist())
    cols = tuple((np.flatnonzero(~short.any(axis=0)) + 1).tolist())
    if min(len(rows), len(cols)) < _FAR + 2:
        raise BenchError(
            f"only {len(rows)} rows and {len(cols)} columns have no short; {_FAR + 2} of each are needed to tell "
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


def _measure(
    array: ArrayAccess,
    die: DieMap,
    target: Ints,
    sums: Sequence[_Sum],
    corners: Sequence[Cell],
    *,
    voltage: float,
    repeats: int,
    tick: Ticker,
) -> tuple[Pattern, list[float]]:
    """Write a pattern and measure it; again if a cell of a sum flipped meanwhile. The pattern and the mean sums."""
    for _ in range(_TRIES):
        before = write_states(array, die, target, voltage=voltage)
        totals: list[list[float]] = []
        for entry in sums:
            totals.append([array.total(entry.rows, entry.cols, voltage=voltage).conductance for _ in range(repeats)])
            tick()
        near = [[r.conductance for r in array.read([cell] * _CORNERS, voltage=voltage)] for cell in corners]
        after = stand(array, die, voltage=voltage)
        if np.array_equal(before.state, after.state) and all(np.isfinite(few).all() for few in totals):
            return _pattern(before, after, sums, totals, corners, near, die), [float(np.mean(few)) for few in totals]
    raise BenchError(f"cells flipped in each of {_TRIES} measurements of the lines; read at less than {voltage} V")


def _pattern(
    before: Standing,
    after: Standing,
    sums: Sequence[_Sum],
    totals: Sequence[Sequence[float]],
    corners: Sequence[Cell],
    near: Sequence[Sequence[float]],
    die: DieMap,
) -> Pattern:
    """All measurements of a pattern as one list: reads of every cell, corners, sums."""
    rows, cols = die.shape
    single = 0.5 * (before.conductance + after.conductance)
    seen = (single > die.conductance_ap / _OPEN) & (before.state >= 0)
    kind = np.where(seen, before.state, -1)
    # One noise for all single reads of a state, from the scatter between the two: a median, so that the few cells
    # with telegraph noise do not count. 1.05 turns the median of |a - b| of normal numbers into their sigma.
    change = np.abs(before.conductance - after.conductance) / single
    scatter = [1.05 * float(np.median(change[kind == n])) if (kind == n).any() else 0.01 for n in (0, 1)]
    at = np.argwhere(seen)
    drive, sense = [np.eye(rows)[at[:, 0]]], [np.eye(cols)[at[:, 1]]]
    measured = [single[seen]]
    error = [single[seen] * np.where(kind[seen] == State.P, *scatter) / np.sqrt(2)]
    for cell, values in zip(corners, near, strict=True):
        row, col = cell.position
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


def _start(patterns: Sequence[Pattern], shape: tuple[int, int]) -> Floats:
    """Apparent resistances [ohm] in both states, from single reads; nan where a state was not seen."""
    start = np.full((2, *shape), np.nan)
    for pattern in patterns:
        single = (pattern.drive.sum(axis=1) == 1) & (pattern.sense.sum(axis=1) == 1)
        row, col = pattern.drive[single].argmax(axis=1), pattern.sense[single].argmax(axis=1)
        start[pattern.kind[row, col], row, col] = 1 / pattern.measured[single]
    return start
