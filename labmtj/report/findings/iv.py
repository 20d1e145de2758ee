"""I-V sweeps: current and resistance of every cell."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats
from labmtj.report.findings.chart import axes, section
from labmtj.report.svg import BLUE, ORANGE, styled, to_svg
from labmtj.runs.netcdf import Group

_SWITCHED = 1


def draw(group: Group, key: str) -> str:
    """Current and resistance against voltage, with the points at which a cell switched."""
    volts, current, event = (group.values(name) for name in ("voltage", "current", "event"))
    if volts is None or current is None or event is None:
        return section(group, key, [])
    with np.errstate(divide="ignore", invalid="ignore"):
        ohms = np.where(current * volts > 0, volts / current, np.nan)
    with styled():
        pictures = [
            (
                _chart(volts, 1e6 * current, event, "Current against voltage", "current (uA)", f"{key}-current"),
                "Every cell, up and down with both signs; circles where it switched.",
            ),
            (
                _chart(volts, 1e-3 * ohms, event, "Resistance against voltage", "resistance (kohm)", f"{key}-ohms"),
                "The same as resistances, wires included.",
            ),
        ]
    return section(group, key, pictures)


def _chart(volts: Floats, values: Floats, event: Floats, title: str, label: str, key: str) -> str:
    figure, made = axes(title, x="voltage of the row (mV)", y=label)
    made.plot(1e3 * volts, values.T, color=BLUE, linewidth=0.9, alpha=0.7)
    cell, point = np.nonzero(event == _SWITCHED)
    made.plot(1e3 * volts[point], values[cell, point], "o", color=ORANGE, markersize=5, markerfacecolor="none")
    # An open cell has a resistance of noise, which would leave the others a flat line.
    seen = np.abs(values[np.isfinite(values)])
    if seen.size:
        top = 1.1 * min(float(seen.max()), 3.0 * float(np.percentile(seen, 75)))
        made.set_ylim(-top if (values[np.isfinite(values)] < 0).any() else 0.0, top)
    return to_svg(figure, alt=f"{title} of {len(values)} cells; {cell.size} points at which a cell switched.", key=key)
