"""The update itself: its time against the number of lines, and the flip probability that it realises."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.content import number
from labmtj.report.in_situ.content import OTHERS, Content
from labmtj.report.study.drawing import Drawing, Rows, Section, chart, finish, legend
from labmtj.report.svg import BLUE, INK, ORANGE
from labmtj.report.training.content import keys, rows_of

_COLOURS = {"parallel": BLUE, "line by line": ORANGE, "write-verify": OTHERS[0]}


def timing(content: Content) -> Section:
    """Update time against lines, both axes logarithmic, and the numbers."""
    table = content.table("time")
    if not table:
        return Section("Time of an update", (html.paragraph("Updates were not timed."),))
    figure, axes = chart("Time of one update", x="rows, and columns", y="time on the virtual clock (s)")
    out = Rows("way", "lines", "seconds")
    for (way,) in keys(table, "way"):
        rows = rows_of(table, way=way)
        lines, seconds = table["lines"][rows], table["update_seconds"][rows]
        colour = _COLOURS.get(str(way), INK)
        axes.plot(lines, seconds, marker="o", markersize=4, color=colour, label=str(way))
        for at, value in zip(lines.tolist(), seconds.tolist(), strict=True):
            out.add(str(way), at, value)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    ticks = sorted({int(value) for value in out.columns["lines"]})
    axes.set_xticks(ticks, labels=[str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    legend(figure, axes, across=3)
    caption = "Time of one update of all cells: all lines at once, one line after the other, every cell with verify."
    drawing = finish(figure, name="time", alt=caption, caption=caption, numbers=out.columns)
    shown = [
        [
            str(table["way"][row]),
            str(table["measured"][row]),
            str(table["lines"][row]),
            number(float(table["update_seconds"][row])),
            number(float(table["update_pulses"][row])),
            number(float(table["readings"][row])),
        ]
        for row in range(len(table["way"]))
    ]
    head = ["way", "how it was timed", "lines", "time, s", "pulses", "readings"]
    caption = "One update of all cells of an array."
    after = html.table(head, shown, caption=caption, numbers=4, kind="wide dense")
    return Section("Time of an update", (), (drawing,), (after,))


def realised(content: Content) -> Section:
    """Asked against realised flip probability: errors cell by cell, and means of parallel updates."""
    table = content.table("realised")
    if not table:
        return Section("Realised flip probability", (html.paragraph("Probabilities were not looked at."),))
    lines: list[list[str]] = []
    for mode, width in keys(table, "mode", "width"):
        for asked in sorted(value for (value,) in keys(table, "asked")):
            rows = rows_of(table, mode=mode, width=width, asked=asked)
            if rows.any():
                got = table["realised"][rows]
                error = np.abs(got / asked - 1.0)
                mean, spread = float(got.mean()), float(got.std())
                middle, high = (float(value) for value in np.percentile(error, (50, 90)))
                figures = [f"{100 * value:.1f}" for value in (middle, high)]
                words = [str(mode), _width(float(width)), f"{asked:g}", number(mean), number(spread, 3)]
                lines.append([*words, f"{100 * (mean / asked - 1.0):+.1f}", *figures])
    head = ["mode", "width", "asked", "mean", "deviation", "mean, %", "median error, %", "90th percentile, %"]
    caption = (
        "Flip probability that pulses have on simulated dies, whose truth is known, against what was asked after "
        f"calibration with at most {number(float(np.max(table['calibration'])))} pulses a cell."
    )
    before = html.table(head, lines, caption=caption, numbers=6, kind="wide dense")
    drawings = tuple(_scatter(content, str(mode), float(width)) for mode, width in keys(table, "mode", "width"))
    return Section("Realised flip probability", (before,), drawings)


def _scatter(content: Content, mode: str, width: float) -> Drawing:
    table = content.table("realised")
    rows = rows_of(table, mode=mode, width=width)
    figure, axes = chart(f"{mode.capitalize()}, {_width(width)}", x="asked", y="realised", width=4.6)
    out = Rows("asked", "p5", "median", "p95")
    for asked in np.unique(table["asked"][rows]).tolist():
        got = table["realised"][rows & (table["asked"] == asked)]
        low, middle, high = (float(value) for value in np.percentile(got, (5, 50, 95)))
        axes.vlines(asked, low, high, color=BLUE, linewidth=1.2)
        axes.plot([asked], [middle], "o", color=BLUE, markersize=4)
        out.add(asked, low, middle, high)
    ends = (min(out.columns["asked"]), max(out.columns["asked"]))
    axes.plot(ends, ends, ":", color=INK, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    caption = (
        f"{mode.capitalize()}, pulses of {_width(width)}: median over cells, 5th to 95th percentile; dotted: equal."
    )
    name = f"realised_{mode}_{_width(width)}".replace(" ", "_").replace(".", "_")
    return finish(figure, name=name, alt=caption, caption=caption, numbers=out.columns)


def _width(seconds: float) -> str:
    return f"{seconds * 1e9:g} ns" if seconds < 1e-6 else f"{seconds * 1e6:g} us"
