"""Offset voltages of all sense paths and driven rows."""

from __future__ import annotations

import numpy as np

from labmtj.report.findings.chart import axes, section
from labmtj.report.svg import BLUE, ORANGE, styled, to_svg
from labmtj.runs.netcdf import Group


def draw(group: Group, key: str) -> str:
    """Offsets against the number of the line."""
    sides = [(name, group.values(f"{name}_offset"), group.values(f"{name}_offset_error")) for name in ("col", "row")]
    with styled():
        figure, made = axes("Offset voltages", x="line, counted from 1", y="offset (uV)")
        for (_, volts, error), colour in zip(sides, (BLUE, ORANGE), strict=True):
            if volts is not None and error is not None:
                lines = np.arange(1, len(volts) + 1)
                made.errorbar(lines, 1e6 * volts, 1e6 * error, fmt=".", color=colour, markersize=5, elinewidth=0.8)
        picture = to_svg(figure, alt=f"Offset voltages of all lines. {group.attributes['line']}", key=key)
    caption = "Columns on the ammeter and rows that are driven at 0 V, with standard errors."
    return section(group, key, [(picture, caption)], legend={"columns": BLUE, "rows": ORANGE})
