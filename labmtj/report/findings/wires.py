"""Wires and contacts: what the cells are without them."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats
from labmtj.report.findings.chart import section
from labmtj.report.maps import Marks, value_map
from labmtj.report.svg import styled
from labmtj.runs.netcdf import Group


def draw(group: Group, key: str) -> str:
    """Maps of R_P and of the TMR of the cells alone."""
    r_p, r_ap = group.values("r_p_cell"), group.values("r_ap_cell")
    if r_p is None or r_ap is None:
        return section(group, key, [])
    with styled():
        pictures = [
            (_map(1e-3 * r_p, "P resistance", "kohm", f"{key}-p"), "P resistance of each cell, wires taken out."),
            (_map(100 * (r_ap / r_p - 1), "TMR", "%", f"{key}-tmr"), "TMR of each cell, wires taken out."),
        ]
    return section(group, key, pictures)


def _map(values: Floats, title: str, label: str, key: str) -> str:
    middle = float(np.nanmedian(values))
    # Shorts and opens would leave the others one colour.
    values = np.where(np.abs(values - middle) < abs(middle), values, np.nan)
    marks = Marks(np.zeros(values.shape, dtype=np.int64))
    alt = f"{title} of the cells, {middle:.3g} {label} in the middle."
    return value_map(values, title=title, label=label, marks=marks, alt=alt, key=key)
