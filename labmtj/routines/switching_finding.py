"""What a measurement of switching says: tables for run.h5 and the report, and the line that a person reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labmtj.physics.switching_law import HALF, width_law
from labmtj.records import Column, Finding, Floats, State
from labmtj.routines.counts import wilson
from labmtj.units import Dimension, show

if TYPE_CHECKING:
    from labmtj.routines.switching import Switching

_EDGES = np.linspace(0.86, 1.14, 29)  # chosen: of V / V_1/2; P runs from 0.01 to 1 within them at 40 nm and 100 us
_UNITS = {"voltage": "V", "v_c0": "V", "delta": "1"}
_MEANINGS = {
    "voltage": "cell voltage that switches it half the time at the first width",
    "v_c0": "effective critical voltage, stray field included",
    "delta": "effective barrier in kT, stray field included",
}


def finding_of(found: Switching) -> Finding:
    """Estimates of each cell; and, of all cells together, switching against V / V_1/2 for each width and target."""
    return Finding("switching", _cells(found) | _curves(found), _figures(found), _line(found))


def _told(found: Switching) -> list[str]:
    """What was measured: one width tells V_c0 and Delta apart by what was assumed only."""
    return list(_UNITS) if len(found.widths) > 1 else ["voltage"]


def _cells(found: Switching) -> dict[str, Column]:
    columns = {
        "row": Column(("cell",), np.array([cell.row for cell in found.cells]), meaning="word line, from 1"),
        "col": Column(("cell",), np.array([cell.col for cell in found.cells]), meaning="bit line, from 1"),
    }
    for target, estimates in found.towards.items():
        end = target.name.lower()
        for name in _told(found):
            units = _UNITS[name]
            values, error = getattr(estimates, name), getattr(estimates, f"{name}_error")
            columns[f"{name}_{end}"] = Column(("cell",), values, units, f"{_MEANINGS[name]}, towards {target.name}")
            columns[f"{name}_{end}_error"] = Column(("cell",), values * error, units, "standard error")
        columns[f"pulses_{end}"] = Column(("cell",), estimates.pulses, "1", f"pulses towards {target.name}")
    return columns


def _curves(found: Switching) -> dict[str, Column]:
    """Pulses and switches by V / V_1/2, (target, width, ratio), with Wilson's 95 % interval and the fits' mean."""
    shape = (len(State), len(found.widths), _EDGES.size - 1)
    ratio, fitted = _compared(found)
    fired = found.fired
    place = np.digitize(ratio, _EDGES) - 1
    inside = np.isfinite(ratio) & (place >= 0) & (place < shape[2])
    flat = np.ravel_multi_index((fired.target[inside], fired.width[inside], place[inside]), shape)

    def summed(weights: Floats) -> Floats:
        counted: Floats = np.bincount(flat, weights[inside], int(np.prod(shape))).astype(np.float64)
        return counted.reshape(shape)

    pulses, switches = summed(np.ones(ratio.size)), summed(fired.switched.astype(float))
    low, high = wilson(switches, pulses)
    with np.errstate(invalid="ignore"):
        share, fit = switches / pulses, summed(fitted) / pulses
    dims, of_voltage = ("target", "width", "ratio"), "pulses of all cells by V over the cell's V_1/2 at this width"
    return {
        "target": Column(("target",), np.array([int(target) for target in State]), meaning="state written: 0 P, 1 AP"),
        "width": Column(("width",), np.array(found.widths), "s", "pulse width"),
        "ratio": Column(("ratio",), 0.5 * (_EDGES[1:] + _EDGES[:-1]), "1", "cell voltage over V_1/2"),
        "fired": Column(dims, pulses.astype(np.int64), "1", of_voltage),
        "switched": Column(dims, switches.astype(np.int64), "1", "of these, how many switched"),
        "probability": Column(dims, share, "1", "share that switched"),
        "probability_low": Column(dims, low, "1", "lower end of Wilson's 95 % interval"),
        "probability_high": Column(dims, high, "1", "upper end of Wilson's 95 % interval"),
        "fit": Column(dims, fit, "1", "mean of the fitted probabilities of the same pulses"),
    }


def _compared(found: Switching) -> tuple[Floats, Floats]:
    """V / V_1/2 at the pulse's width, and the fitted probability, of every pulse."""
    fired = found.fired
    ratio, fitted = np.full(fired.volts.size, np.nan), np.full(fired.volts.size, np.nan)
    for target, estimates in found.towards.items():
        for number, width in enumerate(found.widths):
            mine = np.flatnonzero((fired.target == int(target)) & (fired.width == number))
            mine = mine[np.isfinite(estimates.voltage[fired.cell[mine]])]
            voltage, log_delta = estimates.voltage[fired.cell[mine]], np.log(estimates.delta[fired.cell[mine]])
            law, level = width_law(found.law, width), np.full(mine.size, HALF)
            first = width_law(found.law, found.widths[0]).drive(level, log_delta=log_delta)
            drive = fired.volts[mine] / voltage * first
            ratio[mine] = drive / law.drive(level, log_delta=log_delta)
            fitted[mine] = -np.expm1(-np.exp(np.minimum(law.log_hazard(drive, log_delta=log_delta), 6.0)))
    return ratio, fitted


def _figures(found: Switching) -> dict[str, float | int | str]:
    pulses = sum(estimates.pulses for estimates in found.towards.values())
    figures: dict[str, float | int | str] = {
        "cells": len(found.cells),
        "pulses_per_cell": float(np.mean(pulses)),
        "n": found.law.n,
        "attempt_time_second": found.law.attempt_time,
        "cell_voltages": "through the wires of the die map" if found.wires_known else "taken as the terminals'",
    }
    for target, estimates in found.towards.items():
        good = np.isfinite(estimates.voltage)
        if not good.any():
            continue
        end = target.name.lower()
        for name in _told(found):
            unit = "" if name == "delta" else "_volt"
            values, errors = getattr(estimates, name)[good], getattr(estimates, f"{name}_error")[good]
            shown = {"voltage": "v_switch"}.get(name, name)
            figures[f"median_{shown}_{end}{unit}"] = float(np.median(values))
            figures[f"median_{shown}_{end}_error{unit}"] = float(np.median(values * errors))
    return figures


def _line(found: Switching) -> str:
    parts = [f"{len(found.cells)} cells   {sum(int(e.pulses.sum()) for e in found.towards.values())} pulses"]
    for target, estimates in found.towards.items():
        good = np.isfinite(estimates.voltage)
        if not good.any():
            parts.append(f"to {target.name}: no cell switched below the ceiling")
            continue
        middle = {name: float(np.median(getattr(estimates, name)[good])) for name in _UNITS}
        error = {name: float(np.median(getattr(estimates, f"{name}_error")[good])) for name in _UNITS}
        switch = f"to {target.name}: {show(middle['voltage'], Dimension.VOLTAGE)} +- {100 * error['voltage']:.1f} %"
        if len(found.widths) > 1:
            switch += (
                f", V_c0 {show(middle['v_c0'], Dimension.VOLTAGE)} +- {100 * error['v_c0']:.1f} %"
                f", Delta {middle['delta']:.1f} +- {100 * error['delta']:.0f} %"
            )
        parts.append(switch)
    return "   ".join(parts)
