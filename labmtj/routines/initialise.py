"""One state for all cells by a strong field along the easy axis, read back at zero field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.errors import BenchError
from labmtj.ports import ArrayAccess, FieldSource, Ticker, no_ticks
from labmtj.records import Cell, Column, DieMap, Finding, Floats, Ints, Reading, State
from labmtj.routines.field import go_to
from labmtj.routines.polarity import CONTRAST


@dataclass(frozen=True, eq=False)
class Initialised:
    """Cells after a field: resistances [ohm] and `State` values (-1: none that can be told), both (cells,)."""

    cells: tuple[Cell, ...]
    target: State
    tesla: float
    resistance: Floats
    state: Ints

    @property
    def reached(self) -> int:
        """How many cells are in the state that was asked for."""
        return int(np.count_nonzero(self.state == self.target))

    @property
    def finding(self) -> Finding:
        """Every cell's state, and how many are as they should be."""
        dims = ("cell",)
        columns = {
            "row": Column(dims, np.array([cell.row for cell in self.cells]), "1", "word line, from 1"),
            "col": Column(dims, np.array([cell.col for cell in self.cells]), "1", "bit line, from 1"),
            "state": Column(dims, self.state, "1", "0: P, 1: AP, -1: cannot be told"),
            "resistance": Column(dims, self.resistance, "ohm", "at zero field, after it"),
        }
        figures = {"cells": len(self.cells), "reached": self.reached, "field_tesla": self.tesla}
        line = f"{self.reached} of {len(self.cells)} cells in {self.target.name} after {1e3 * self.tesla:+.0f} mT"
        unknown = int(np.count_nonzero(self.state < 0))
        return Finding("initialise", columns, figures, line + (f"   {unknown} show no state" if unknown else ""))


def initialise(
    array: ArrayAccess,
    field: FieldSource,
    *,
    state: State,
    at: float,
    read: float,
    cells: Sequence[Cell] | None = None,
    die: DieMap | None = None,
    tick: Ticker = no_ticks,
) -> Initialised:
    """Bring all cells to `state` by a field of the magnitude `at` [T], ramp to zero, and read `cells` at `read` [V].

    With a map of the die a reading tells the state. Without one, the opposite field comes first and a cell is in the
    state if its resistance went the right way. Raises LimitExceeded before anything is sent, and BenchError where
    most cells went the other way.
    """
    rows, cols = array.shape
    chosen = tuple(cells or (Cell(row, col) for row in range(1, rows + 1) for col in range(1, cols + 1)))
    tesla = abs(at) if state is State.P else -abs(at)
    for value in (tesla, -tesla):
        field.check(value)

    def after(value: float) -> list[Reading]:
        go_to(field, value)
        field.zero()
        found: list[Reading] = []
        for cell in chosen:
            found += array.read([cell], voltage=read)
            tick()
        return found

    try:
        opposite = None if die is not None else after(-tesla)
        readings = after(tesla)
    finally:
        array.rest()
        field.zero()
    resistance = np.array([reading.resistance for reading in readings])
    if die is not None:
        told = [die.state_of(reading) for reading in readings]
        good = [die.good[cell.position] for cell in chosen]
        states = np.array([-1 if s is None or not ok else int(s) for s, ok in zip(told, good, strict=True)])
    else:
        before = np.array([reading.conductance for reading in opposite or ()])
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.array([reading.conductance for reading in readings]) / before
        states = np.where(ratio > CONTRAST, int(State.P), np.where((ratio > 0) & (ratio < 1 / CONTRAST), 1, -1))
    states = states.astype(np.int64)
    wrong = int(np.count_nonzero(states == state.other))
    if wrong > np.count_nonzero(states == state):
        raise BenchError(
            f"{wrong} of {len(chosen)} cells went to {state.other.name} in {1e3 * tesla:+.0f} mT: on this bench a "
            "positive field favours AP; change the sign of magnet.tesla_per_ampere in its file"
        )
    return Initialised(chosen, state, tesla, resistance, states)
