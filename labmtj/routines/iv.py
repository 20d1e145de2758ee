"""Current against voltage of chosen cells, up and down with both signs, with compliance and switching said.

The row of a cell is driven, so every cell of that row sees the voltage: at voltages that switch, they switch too.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import numpy as np

from labmtj.errors import InputError
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Cell, Column, Finding
from labmtj.routines.sweep import check_level, current_at, zero_current

JUMP = 1.2
"""Ratio of conductances of neighbouring points that is a switch. chosen: bias bends at most 17 % in 200 mV."""
LARGEST_STEP = 0.2
"""[V] chosen: with longer steps the bend of an AP cell cannot be told from a switch."""


class Event(enum.IntEnum):
    """What happened at a point of a sweep: NOT_MEASURED follows a COMPLIANCE, which is no data itself."""

    NONE = 0
    SWITCHED = 1
    COMPLIANCE = 2
    NOT_MEASURED = 3


def up_and_down(levels: Sequence[float]) -> tuple[float, ...]:
    """Levels [V], all above 0 and rising: up and down again, then the same with the other sign."""
    loop = (*levels, *reversed(levels[:-1]))
    return (*loop, *(-volts for volts in loop))


def measure_iv(
    array: ArrayAccess, *, cells: Sequence[Cell], levels: Sequence[float], tick: Ticker = no_ticks
) -> Finding:
    """Sweep each of `cells` over `levels` [V], up and down, positive then negative.

    A cell whose source meets its compliance is not swept further: what a source in compliance shows is no data.
    Raises InputError for levels that do not rise from above 0 in steps of 200 mV at most, and LimitExceeded before
    anything is driven.
    """
    steps = np.diff([0.0, *levels])
    if not len(levels) or not (steps > 0).all() or steps.max() > LARGEST_STEP * (1 + 1e-9):
        raise InputError(f"the levels of an I-V must rise from above 0 V in steps of {LARGEST_STEP} V at most")
    for cell in cells:
        check_level(array, cell, max(levels))
    points = up_and_down(levels)
    current = np.full((len(cells), len(points)), np.nan)
    event = np.full(current.shape, int(Event.NOT_MEASURED))
    for number, cell in enumerate(cells):
        current[number], event[number] = _sweep(array, cell, points)
        tick()
    return _finding(cells, np.array(points), current, event)


def _sweep(array: ArrayAccess, cell: Cell, points: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    current = np.full(len(points), np.nan)
    event = np.full(len(points), int(Event.NOT_MEASURED))
    zero, before = zero_current(array, cell), 0.0
    for number, volts in enumerate(points):
        amperes = current_at(array, cell, volts, zero=zero)
        if not np.isfinite(amperes):
            event[number] = Event.COMPLIANCE
            break
        conductance = amperes / volts
        # An open cell shows noise of either sign, which is no switch.
        switched = before > 0 and conductance > 0 and not 1 / JUMP < conductance / before < JUMP
        current[number], event[number] = amperes, Event.SWITCHED if switched else Event.NONE
        before = conductance
    return current, event


def _finding(cells: Sequence[Cell], points: np.ndarray, current: np.ndarray, event: np.ndarray) -> Finding:
    switched = int((event == Event.SWITCHED).any(axis=1).sum())
    limited = int((event == Event.COMPLIANCE).any(axis=1).sum())
    line = f"I-V of {len(cells)} cells up to {1e3 * points.max():.4g} mV"
    line += f", {switched} switched" if switched else ""
    line += f", {limited} in compliance" if limited else ""
    columns = {
        "cell_row": Column(("cell",), np.array([cell.row for cell in cells]), "1", "row, counted from 1"),
        "cell_col": Column(("cell",), np.array([cell.col for cell in cells]), "1", "column, counted from 1"),
        "voltage": Column(("point",), points, "V", "row over column, between their terminals"),
        "current": Column(("cell", "point"), current, "A", "less the current at 0 V; nan where a source was limited"),
        "event": Column(("cell", "point"), event, "1", "0 none, 1 switched, 2 in compliance, 3 not measured"),
    }
    figures = {"cells_1": len(cells), "switched_1": switched, "in_compliance_1": limited}
    return Finding("iv", columns, figures, line)
