"""Drift of reference cells and resistors."""

from __future__ import annotations

import numpy as np

from labmtj.report.findings.chart import axes, section
from labmtj.report.svg import BLUE, INK, styled, to_svg
from labmtj.runs.netcdf import Group


def draw(group: Group, key: str) -> str:
    """Drift of each standard against time, within what accuracy and noise allow."""
    time, drift, allowed = (group.values(name) for name in ("time", "drift", "allowed"))
    if time is None or drift is None or allowed is None:
        return section(group, key, [])
    minutes = (time - time[0]) / 60
    with styled():
        figure, made = axes("Drift of the references", x="time (min)", y="conductance (% of the first look)")
        made.plot(minutes, 100 * drift, color=BLUE, linewidth=1.0, marker=".", markersize=5)
        most = np.nanmax(allowed, axis=1)
        for sign in (1, -1):
            made.plot(minutes, 100 * sign * most, color=INK, linewidth=0.8, linestyle=":")
        picture = to_svg(figure, alt=f"Drift of references. {group.attributes['line']}", key=key)
    return section(group, key, [(picture, "Each standard; dotted: what accuracy and noise explain.")])
