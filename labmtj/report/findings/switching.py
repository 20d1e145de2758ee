"""Switching: probability against voltage with intervals and fit, and the estimates of each cell."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats, State
from labmtj.report import html
from labmtj.report.content import number
from labmtj.report.findings import facts
from labmtj.report.maps import COLOURS
from labmtj.report.svg import GREEN, INK, new_figure, to_svg
from labmtj.runs.netcdf import Group
from labmtj.units import Dimension, show

_MOST_ROWS = 60  # chosen: cells in the table; run.h5 has all
_LEAST = 5  # chosen: pulses in a bin from which its share is drawn; an interval of fewer says nothing
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


def draw(group: Group, key: str) -> str:
    """Draw one figure a direction, then tables."""
    drawings = [
        (_chart(group, int(target), key=f"{key}-{int(target)}"), f"Towards {target.name}: all cells, 95 % intervals.")
        for target in State
    ]
    title = "Switching probability" + ("" if key == "switching" else f" ({key})")
    return html.section(
        title, html.paragraph(str(group.attributes["line"])), html.figures(drawings), _table(group), facts(group)
    )


def _chart(group: Group, target: int, *, key: str) -> str:
    figure = new_figure()
    axes = figure.add_axes((0.17, 0.15, 0.79, 0.745))
    axes.set_title(f"Writing {State(target).name}")
    axes.set_xlabel("cell voltage / voltage of P = 1/2 at this width")
    axes.set_ylabel("switching probability")
    ratio = group.variables["ratio"].values
    fired, share, low, high, fit = (
        group.variables[name].values[target]
        for name in ("fired", "probability", "probability_low", "probability_high", "fit")
    )
    widths: Floats = group.variables["width"].values
    for place, width in enumerate(widths):
        seen = fired[place] >= _LEAST
        if not seen.any():
            continue
        ends = np.stack([share[place] - low[place], high[place] - share[place]])[:, seen]
        # Different widths side by side, so that their intervals can be told apart.
        x = ratio[seen] + (place - 0.5 * (len(widths) - 1)) * 0.002
        colour = list(COLOURS.values())[place % 2] if place < 2 else GREEN
        axes.errorbar(
            x, share[place][seen], np.maximum(ends, 0.0), fmt=_MARKS[place % len(_MARKS)], color=colour,
            markersize=4, linewidth=1.0, label=show(float(width), Dimension.TIME),
        )  # fmt: skip
        axes.plot(x, fit[place][seen], color=colour, linewidth=1.0)
    axes.set_ylim(-0.03, 1.03)
    axes.grid(visible=True, color=INK, alpha=0.12, linewidth=0.6)
    if fired.max() >= _LEAST:
        axes.legend(fontsize=9, loc="lower right", title="points; line: fit", title_fontsize=8)
    alt = f"Share of {int(fired.sum())} pulses that wrote {State(target).name}, by voltage over the fitted one."
    return to_svg(figure, alt=alt, key=key)


def _table(group: Group) -> str:
    told = {
        name: (label, factor)
        for name, (label, factor) in {
            "voltage": ("V_1/2 {} (mV)", 1e3), "v_c0": ("V_c0 {} (mV)", 1e3), "delta": ("Delta {}", 1.0)
        }.items()
        if f"{name}_p" in group.variables
    }  # fmt: skip
    head = ["cell", *(label.format(state.name) for state in State for label, _ in told.values())]
    rows, cols = group.variables["row"].values, group.variables["col"].values
    lines: list[list[str]] = []
    for cell in range(min(len(rows), _MOST_ROWS)):
        line = [f"({rows[cell]}, {cols[cell]})"]
        for state in State:
            for name, (_, factor) in told.items():
                value, error = (
                    factor * float(group.variables[f"{name}_{state.name.lower()}{end}"].values[cell])
                    for end in ("", "_error")
                )
                line.append(f"{number(value)} +- {number(error, 2)}")
        lines.append(line)
    more = f"; the first {_MOST_ROWS} of {len(rows)} cells, all are in run.h5" if len(rows) > _MOST_ROWS else ""
    caption = f"Cell voltages and effective values (stray field included) with standard errors{more}."
    return html.table(head, lines, caption=caption, numbers=len(head) - 1)
