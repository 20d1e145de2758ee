"""Loops of resistance against field: one figure, all cells."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats
from labmtj.report import html
from labmtj.report.findings import facts
from labmtj.report.svg import BLUE, INK, ORANGE, new_figure, styled, to_svg
from labmtj.runs.netcdf import Group


def draw(group: Group, key: str) -> str:
    """The first loop of every cell, with the medians of where cells switched."""
    field, up, down = (group.values(name) for name in ("field", "up", "down"))
    figure = ""
    if field is not None and up is not None and down is not None:
        with styled():
            figure = _chart(1e3 * field, 1e-3 * up[0], 1e-3 * down[0], group, key)
    caption = "Every cell's first loop: on the way up and on the way down. A positive field favours P."
    colours = {"field rises": BLUE, "field falls": ORANGE}
    return html.section(
        key,
        html.paragraph(str(group.attributes["line"])),
        html.figures([(figure, caption)], legend=colours) if figure else "",
        facts(group),
    )


def _chart(millitesla: Floats, up: Floats, down: Floats, group: Group, key: str) -> str:
    figure = new_figure(width=5.2)
    axes = figure.add_axes((0.13, 0.15, 0.84, 0.745))
    axes.set_title("Resistance against field")
    axes.set_xlabel("field along the easy axis (mT)")
    axes.set_ylabel("resistance (kohm)")
    for colour, branch in ((BLUE, up), (ORANGE, down)):
        axes.plot(millitesla, np.transpose(branch), color=colour, linewidth=0.9, alpha=0.6)
    axes.axvline(0.0, color=INK, linewidth=0.6, linestyle=":")
    stray = group.attributes.get("stray_field_tesla")
    if isinstance(stray, float):
        axes.axvline(-1e3 * stray, color=INK, linewidth=0.8, linestyle="--")
    # An open cell would leave the others a flat line.
    seen = np.concatenate([up, down]).ravel()
    seen = seen[np.isfinite(seen)]
    if seen.size:
        axes.set_ylim(0.0, 1.15 * float(np.percentile(seen, 95)))
    axes.grid(visible=True, color=INK, alpha=0.12, linewidth=0.6)
    alt = f"Loops of {len(up)} cells from {millitesla[0]:.0f} to {millitesla[-1]:.0f} mT. {group.attributes['line']}"
    return to_svg(figure, alt=alt, key=key)
