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

from labmtj.errors import BenchError
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Cell, Column, DieMap, Finding
from labmtj.routines import wire_patterns
from labmtj.routines.series import by_contacts
from labmtj.routines.states import write_states
from labmtj.routines.sweep import within_compliance
from labmtj.routines.wire_fit import LineFit, fit_lines
from labmtj.routines.wire_patterns import Measured, Plan

SUMS = 8
"""Sums of lines that are measured, each many times: four with all cells P, two in each of two other patterns."""
_TRIES = 5  # chosen: how often the patterns are begun anew because a summed cell flipped, each time without it


@dataclass(frozen=True, eq=False)
class Wires:
    """The fit, the map with `wire`, `row_contact` and `col_contact` [ohm], and the finding."""

    fit: LineFit
    die_map: DieMap
    finding: Finding


def measure_wires(
    array: ArrayAccess, *, die: DieMap, voltage: float, repeats: int = 160, tick: Ticker = no_ticks
) -> Wires:
    """Estimate wires and contacts at `voltage` [V] (less where sums would be in compliance), `repeats` of each sum.

    The states of all cells are written. Raises LimitExceeded before anything is, and BenchError if too few lines
    are free of shorts.
    """
    weak: set[Cell] = set()
    for _ in range(_TRIES):
        planned = wire_patterns.plan(die, weak=weak)
        write_states(array, die, planned.patterns[0][0], voltage=voltage)
        level = within_compliance(array, [(entry.rows, entry.cols) for entry in planned.sums], voltage=voltage)
        found: list[Measured] = []
        for target, sums in planned.patterns:
            found.append(
                wire_patterns.measure(
                    array, die, target, sums, planned.corners, voltage=level, repeats=repeats, tick=tick
                )
            )
            if found[-1].flipped:
                break
        weak |= set(found[-1].flipped)
        if not found[-1].flipped:
            return _result(die, planned, found, voltage=level, repeats=repeats)
    raise BenchError(
        f"cells flipped in each of {_TRIES} measurements of the lines, the last {sorted(weak)[-1]}; read at less than "
        f"{voltage} V"
    )


def _result(die: DieMap, planned: Plan, found: Sequence[Measured], *, voltage: float, repeats: int) -> Wires:
    patterns = [entry.pattern for entry in found]
    summed = np.full((len(found), len(planned.sums)), np.nan)
    for number, ((_, sums), entry) in enumerate(zip(planned.patterns, found, strict=True)):
        for which, mean in zip(sums, entry.means, strict=True):
            summed[number, planned.sums.index(which)] = mean
    fit = fit_lines(patterns, wire_patterns.start(patterns, die))
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
        "sum": Column(("sum",), np.array([entry.name for entry in planned.sums]), "", "lines that were summed"),
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
