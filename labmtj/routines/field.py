"""Junctions in a magnet: loops of resistance against field.

A field H along the easy axis shifts the barrier as a voltage does, Delta (1 - |V / V_c0 + h + H / H_k|)^2, so a loop
is centred at -h H_k: its shift measures the stray field. It also shifts the switching fields of a cell that is being
read, by H_k V / V_c0 in both directions and, where V_c0 differs between them, by a little more in one: read loops at
10 mV or less. Switching is thermally activated: a coercive field belongs to the time that the field stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.ports import ArrayAccess, FieldSource, Ticker, no_ticks
from labmtj.records import Cell, Column, Finding, Floats, Ints
from labmtj.routines.polarity import CONTRAST

_PATIENCE = 20.0  # [s] chosen: for a field to stand; a small magnet needs a second
_OVER = 0.25  # chosen: share of the way to the other state's conductance; telegraph noise is below a tenth
_EFFICIENCY = 1.2533  # error of a median over that of a mean, (pi / 2)^0.5, for normal values


@dataclass(frozen=True, eq=False)
class RhLoop:
    """Resistance against field of some cells, and what follows from it.

    `fields` [T] rise, (fields,); `up` and `down` [ohm] are the resistances on the way up and on the way down, both at
    `fields`, (loops, cells, fields); `to_p` and `to_ap` [T] the fields at which a cell switched, (loops, cells), nan
    for a cell that did not switch both ways.
    """

    cells: tuple[Cell, ...]
    fields: Floats
    read_voltage: float
    up: Floats
    down: Floats
    to_p: Floats
    to_ap: Floats

    @property
    def switched(self) -> NDArray[np.bool_]:
        """Whether a cell went both ways in every loop, (cells,)."""
        return np.asarray(np.isfinite(self.to_p + self.to_ap).all(axis=0))

    @property
    def coercive(self) -> Floats:
        """Coercive field [T] of every cell, half the width of its loop, (cells,)."""
        return 0.5 * (self.to_p - self.to_ap).mean(axis=0)

    @property
    def stray_field(self) -> Floats:
        """Stray field [T] of every cell, positive where it favours P, minus the centre of its loop; (cells,)."""
        return -0.5 * (self.to_p + self.to_ap).mean(axis=0)

    @property
    def error(self) -> float:
        """Standard error [T] of one cell's stray field or coercive field.

        From the scatter between loops, all cells together; of one loop alone it is that of the steps of the field.
        """
        if not self.switched.any():
            return float("nan")
        to_p, to_ap = self.to_p[:, self.switched], self.to_ap[:, self.switched]
        gaps = np.diff(self.fields)
        each = [gaps[np.searchsorted(self.fields, found) - 1] ** 2 / 12.0 for found in (to_p, to_ap)]
        steps, scatter = 0.25 * float(np.mean(each[0] + each[1])), 0.0
        if len(to_p) > 1:
            scatter = float((0.5 * (to_p + to_ap)).var(axis=0, ddof=1).mean())
        return float(np.sqrt(max(steps, scatter) / len(to_p)))

    @property
    def finding(self) -> Finding:
        """The loops, and the medians over the cells that switched."""
        good, cells = self.switched, ("cell",)
        loops = ("loop", "cell", "field")
        columns = {
            "field": Column(("field",), self.fields, "T", "field along the easy axis, positive favours P"),
            "row": Column(cells, np.array([cell.row for cell in self.cells]), "1", "word line, from 1"),
            "col": Column(cells, np.array([cell.col for cell in self.cells]), "1", "bit line, from 1"),
            "up": Column(loops, self.up, "ohm", "resistance on the way up"),
            "down": Column(loops, self.down, "ohm", "resistance on the way down"),
            "to_p": Column(("loop", "cell"), self.to_p, "T", "field at which the cell went to P"),
            "to_ap": Column(("loop", "cell"), self.to_ap, "T", "field at which the cell went to AP"),
            "coercive": Column(cells, self.coercive, "T", "half the width of the loop"),
            "stray_field": Column(cells, self.stray_field, "T", "minus the centre of the loop; positive favours P"),
        }
        figures: dict[str, float | int | str] = {
            "cells": len(self.cells),
            "switched": int(good.sum()),
            "loops": len(self.up),
            "read_volt": self.read_voltage,
            "cell_error_tesla": self.error,
        }
        if not good.any():
            return Finding("rh_loop", columns, figures, f"none of {len(self.cells)} cells switched both ways")
        for name, values in (("coercive", self.coercive[good]), ("stray_field", self.stray_field[good])):
            figures[f"{name}_tesla"] = float(np.median(values))
            figures[f"{name}_error_tesla"] = self._median_error(values)
        shown = {name: f"{1e3 * float(figures[name + '_error_tesla']):.1f} mT" for name in ("coercive", "stray_field")}
        line = (
            f"{good.sum()} of {len(self.cells)} cells switched   "
            f"coercive field {1e3 * float(figures['coercive_tesla']):.1f} +- {shown['coercive']}   "
            f"stray field {1e3 * float(figures['stray_field_tesla']):+.1f} +- {shown['stray_field']}"
        )
        return Finding("rh_loop", columns, figures, line)

    def _median_error(self, values: Floats) -> float:
        """Standard error [T] of a median over cells: their scatter, or one cell's own error if it is alone."""
        if len(values) < 2:
            return self.error
        return _EFFICIENCY * max(float(values.std(ddof=1)), self.error) / float(np.sqrt(len(values)))


def rh_loop(
    array: ArrayAccess,
    field: FieldSource,
    *,
    cells: Sequence[Cell],
    fields: Sequence[float],
    read: float,
    loops: int = 1,
    tick: Ticker = no_ticks,
) -> RhLoop:
    """Sweep the field up through `fields` [T], which rise, and down again, and read `cells` at `read` [V] at each.

    The loop begins at the lowest field, where all cells should be AP. The field is zero after it. Raises InputError,
    LimitExceeded before anything is sent, and BenchError.
    """
    steps = np.asarray(fields, dtype=np.float64)
    if len(steps) < 3 or not (np.diff(steps) > 0).all() or not cells or loops < 1:
        raise InputError("a loop needs cells, and three or more fields that rise")
    for tesla in (steps[0], steps[-1]):
        field.check(float(tesla))
    shape = (loops, len(cells), len(steps))
    up, down = np.full(shape, np.nan), np.full(shape, np.nan)
    try:
        for loop in range(loops):
            for branch, order in ((up, range(len(steps))), (down, range(len(steps) - 1, -1, -1))):
                for place in order:
                    go_to(field, float(steps[place]))
                    readings = array.read(cells, voltage=read)
                    branch[loop, :, place] = [reading.resistance for reading in readings]
                    tick()
    finally:
        array.rest()
        field.zero()
    to_p, to_ap = _switching(steps, up, down)
    return RhLoop(tuple(cells), steps, read, up, down, to_p, to_ap)


def go_to(field: FieldSource, tesla: float) -> None:
    """Bring the field to `tesla` [T] and wait until it stands there."""
    field.field = tesla
    field.wait_until_stable(_PATIENCE)


def _switching(fields: Floats, up: Floats, down: Floats) -> tuple[Floats, Floats]:
    """Fields [T] at which cells went to P on the way up, to AP on the way down, halfway between steps; (loops, cells).

    A cell's states are those at the ends of its loop; nan where they do not differ. It has switched at the first
    reading that is a quarter of the way over: one in the middle saw it switch between its two signs.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        rising, falling = 1.0 / up, 1.0 / down[:, :, ::-1]
        # An open cell shows noise of either sign, a short what it always shows.
        lowest, highest = 0.5 * (rising[:, :, 0] + falling[:, :, -1]), 0.5 * (rising[:, :, -1] + falling[:, :, 0])
        loops = (lowest > 0) & (highest > CONTRAST * lowest)
        margin = (_OVER * (highest - lowest))[:, :, np.newaxis]
        to_p = np.argmax(rising > lowest[:, :, np.newaxis] + margin, axis=-1)
        to_ap = np.argmax(falling < highest[:, :, np.newaxis] - margin, axis=-1)
    middle = 0.5 * (fields[1:] + fields[:-1])
    return _at(middle, to_p, loops), _at(middle[::-1], to_ap, loops)


def _at(middle: Floats, steps: Ints, good: NDArray[np.bool_]) -> Floats:
    """The field between the first changed step and the one before; nan where there is none before."""
    return np.where(good & (steps > 0), middle[np.maximum(steps - 1, 0)], np.nan)
