"""Maps of the switching voltage of every cell, in both directions."""

from __future__ import annotations

import numpy as np

from labmtj.records import Defect, Floats
from labmtj.report import maps
from labmtj.report.findings.chart import section
from labmtj.report.maps import Marks
from labmtj.report.svg import styled
from labmtj.runs.netcdf import Group


def draw(group: Group, key: str) -> str:
    """Switching voltages at their places."""
    drawn: list[tuple[str, str]] = []
    with styled():
        for name, state in (("p", "P"), ("ap", "AP")):
            volts = group.values(f"v_switch_{name}")
            if volts is None:
                continue
            millivolts: Floats = 1e3 * volts.astype(np.float64)
            unknown = np.where(np.isfinite(millivolts), int(Defect.NONE), int(Defect.STUCK))
            known = millivolts[np.isfinite(millivolts)]
            span = f"{known.min():.0f} to {known.max():.0f} mV" if known.size else "none known"
            picture = maps.value_map(
                millivolts,
                title=f"Switching voltage to {state}",
                label="cell voltage (mV)",
                marks=Marks(np.full_like(unknown, int(Defect.NONE))),
                alt=f"Map of the cell voltage that writes {state} half the time, {span}.",
                key=f"{key}-{name}",
            )
            drawn.append((picture, f"Cell voltage that writes {state} half the time, {span}. Grey: unknown."))
    return section(group, key, drawn)
