"""What the drawings of findings share: axes with a title, and a section with drawings and a table of figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from labmtj.report import html
from labmtj.report.findings import facts, title
from labmtj.report.svg import INK, new_figure
from labmtj.runs.netcdf import Group


def axes(title: str, *, x: str, y: str) -> tuple[Any, Any]:
    """A figure and its axes with a title, and what the axes show, with units."""
    figure = new_figure()
    made = figure.add_axes((0.19, 0.15, 0.77, 0.745))
    made.set_title(title)
    made.set_xlabel(x)
    made.set_ylabel(y)
    made.grid(visible=True, color=INK, alpha=0.12, linewidth=0.6)
    return figure, made


def section(
    group: Group, key: str, drawings: Iterable[tuple[str, str]], *, legend: Mapping[str, str] | None = None
) -> str:
    """The line, drawings (SVG) with a caption each, and the figures of a finding."""
    return html.section(
        title(key), html.paragraph(str(group.attributes["line"])), html.figures(drawings, legend=legend), facts(group)
    )
