"""Retention: share of cells that lost their state, against time."""

from __future__ import annotations

import numpy as np

from labmtj.records import State
from labmtj.report import html
from labmtj.report.findings import facts
from labmtj.report.maps import COLOURS
from labmtj.report.svg import INK, new_figure, to_svg
from labmtj.runs.netcdf import Group


def draw(group: Group, key: str) -> str:
    """Draw lost shares with their intervals."""
    title = "Retention" + ("" if key == "retention" else f" ({key})")
    caption = "Share that has left its state, 95 % intervals; the bars of no loss show what so few cells can exclude."
    return html.section(
        title,
        html.paragraph(str(group.attributes["line"])),
        html.figures([(_chart(group, key=key), caption)]),
        facts(group),
    )


def _chart(group: Group, *, key: str) -> str:
    figure = new_figure()
    axes = figure.add_axes((0.17, 0.15, 0.79, 0.745))
    axes.set_title("Cells at rest")
    axes.set_xlabel("time since they were written (s)")
    axes.set_ylabel("share lost (%)")
    time, cells, lost, low, high = (
        group.variables[name].values for name in ("time", "cells", "lost", "lost_low", "lost_high")
    )
    for state, colour in COLOURS.items():
        if cells[state] == 0:
            continue
        share = lost[state] / cells[state]
        ends = np.maximum(np.stack([share - low[state], high[state] - share]), 0.0)
        # The two states side by side, so that their intervals can be told apart.
        at = time * (1.0 if state is State.P else 1.06)
        axes.errorbar(
            at, 100.0 * share, 100.0 * ends, fmt="o-", color=colour, markersize=4, linewidth=1.0,
            label=f"{state.name}, {int(cells[state])} cells",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(bottom=-1.0)
    axes.grid(visible=True, color=INK, alpha=0.12, linewidth=0.6)
    axes.legend(fontsize=9, loc="upper left")
    alt = f"{int(lost[:, -1].sum())} of {int(cells.sum())} cells lost their state after {time[-1]:.3g} s."
    return to_svg(figure, alt=alt, key=key)
