"""Accuracy over the dies: boxes for each method, against the rate of shorts, and die by die beside each other."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.content import NONE
from labmtj.report.study.drawing import (
    Drawing,
    Rows,
    Section,
    categories,
    chart,
    finish,
    legend,
    stretched,
)
from labmtj.report.study.groups import signed, spread
from labmtj.report.svg import INK
from labmtj.report.training.content import COLOURS, MASKS, OTHER, WORDS, Content, keys, matched, named, rows_of

_WIDE = 12.4  # chosen: inches, the width of the page


def section(content: Content) -> Section:
    """Boxes of the accuracy over the dies, for each rate of shorts, and its course against that rate."""
    table = content.table("accuracy")
    if not table:
        return Section("Accuracy over the dies", (html.paragraph("Nothing was judged."),))
    drawings = [_boxes(content, rate) for (rate,) in keys(table, "shorts")]
    if len(drawings) > 1:
        drawings.append(_against_shorts(content))
    text = (
        "Accuracy on the test images, each network on each of the dies; networks that know a rate of shorts are shown "
        "at that rate. Boxes hold the middle half of the dies with the median as a bar, lines reach to the worst and "
        "the best die; the dotted line is the baseline with perfect devices. Masked: " + MASKS["defects"] + "."
    )
    return Section("Accuracy over the dies", (html.paragraph(text, kind="soft"),), tuple(drawings))


def _boxes(content: Content, rate: float) -> Drawing:
    table = content.table("accuracy")
    here = matched(table) & rows_of(table, shorts=rate)
    groups = keys({name: col[here] for name, col in table.items()}, "method", "mask")
    groups.sort(key=lambda key: (key[1] != "none", list(COLOURS).index(key[0]) if key[0] in COLOURS else 9))
    title = f"at {rate:g} times the bench's rate of shorts" if rate != 1.0 else "at the bench's rate of shorts"
    figure, axes = chart(f"Accuracy over the dies, {title}", x="", y="accuracy (%)", width=_WIDE / 2 + 0.4)
    out = Rows("method", "mask", "shorts", "die", "accuracy")
    x = categories(axes, [named(*key).replace("-", "-\n").replace(", ", "\n") for key in groups])
    axes.tick_params(axis="x", labelsize=8.5)
    told: list[str] = []
    for place, (method, mask) in enumerate(groups):
        rows = here & rows_of(table, method=method, mask=mask)
        values, dies = 100 * table["accuracy"][rows], table["die"][rows]
        found = spread(values)
        colour = COLOURS.get(method, OTHER)
        axes.vlines(x[place], values.min(), values.max(), color=colour, linewidth=1.2)
        axes.bar(x[place], found.p75 - found.p25, 0.55, bottom=found.p25, color=colour, alpha=0.5, linewidth=0)
        axes.hlines(found.median, x[place] - 0.28, x[place] + 0.28, color=INK, linewidth=1.6)
        shift = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(1)
        axes.plot(x[place] + shift, values, "o", color=colour, markersize=2.2, alpha=0.8)
        told.append(f"{named(method, mask)} {found.mean:.2f} (worst {values.min():.2f})")
        for die, value in zip(dies.tolist(), values.tolist(), strict=True):
            out.add(method, mask, rate, die, value)
    reference = table["reference"][here]
    if np.isfinite(reference).any():
        axes.axhline(100 * float(np.nanmean(reference)), color=INK, linewidth=0.8, linestyle=":")
    stretched(axes, 100 * float(table["accuracy"][here].min()))
    left, bottom, wide, tall = axes.get_position().bounds
    axes.set_position((left, bottom + 0.06, wide, tall - 0.06))
    words = "; ".join(told)
    caption = f"Accuracy {title}, mean and worst die in %: {words}."
    return finish(
        figure,
        name=f"accuracy_by_method_{rate:g}x".replace(".", "_"),
        alt=f"Boxes of accuracy by method: {words}.",
        caption=caption,
        numbers=out.columns,
    )


def _against_shorts(content: Content) -> Drawing:
    """Mean and worst die against the rate; thin: networks for one rate at other rates."""
    table = content.table("accuracy")
    figure, axes = chart(
        "Accuracy against the rate of shorts", x="rate of shorts (multiples of the bench's)", y="accuracy (%)"
    )
    out = Rows("method", "mask", "trained_at", "shorts", "mean", "worst")
    for method, mask in keys(table, "method", "mask"):
        colour, style = COLOURS.get(method, OTHER), "-" if mask == "none" else "--"
        rows = rows_of(table, method=method, mask=mask)
        points: list[tuple[float, float, float]] = []
        for trained, rate in sorted(keys({name: col[rows] for name, col in table.items()}, "trained_at", "shorts")):
            same = np.isnan(table["trained_at"]) if np.isnan(trained) else table["trained_at"] == trained
            values = 100 * table["accuracy"][rows & same & (table["shorts"] == rate)]
            out.add(method, mask, trained, rate, float(values.mean()), float(values.min()))
            if np.isnan(trained) or trained == rate:
                points.append((rate, float(values.mean()), float(values.min())))
        found = np.array(sorted(points))
        axes.plot(found[:, 0], found[:, 1], style, marker="o", markersize=4, color=colour, label=named(method, mask))
        axes.plot(found[:, 0], found[:, 2], style, linewidth=0.7, color=colour, alpha=0.7)
    stretched(axes, min(out.columns["worst"]))
    legend(figure, axes, across=3)
    caption = "Mean over the dies (marks) and the worst die (thin) against the rate of shorts; dashed: masked."
    return finish(figure, name="against_shorts", alt=caption, caption=caption, numbers=out.columns)


def table(content: Content) -> Section:
    """The summary by method, mask and rate, and the paired differences with their intervals."""
    lines = [
        [
            named(str(row["method"]), str(row["mask"])),
            f"{row['shorts']:g}",
            *(_percent(row[name]) for name in ("software", "mean", "median", "worst", "best")),
            *(_points(row[name]) for name in ("gap_mean", "gap_worst")),
        ]
        for row in content.rows
    ]
    head = ["method", "shorts, x", "perfect devices", "mean", "median", "worst", "best", "gap, mean", "gap, worst"]
    caption = "Accuracy over the dies, %, and points that it lies from the baseline with perfect devices."
    parts = [html.table(head, lines, caption=caption, numbers=8, kind="wide dense")]
    paired = content.table("paired")
    if paired:
        compared = [
            [
                named(str(paired["method"][row]), str(paired["mask"][row])),
                WORDS.get(str(paired["other"][row]), str(paired["other"][row])),
                f"{paired['shorts'][row]:g}",
                str(paired["dies"][row]),
                *(signed(100 * float(paired[name][row])) for name in ("difference", "low", "high")),
            ]
            for row in range(len(paired["method"]))
        ]
        text = "Mean over the dies of the difference die by die, points, with its 95 % interval (bootstrap over dies)."
        head = ["method", "less", "shorts, x", "dies", "difference", "from", "to"]
        shown = html.table(head, compared, caption=text, numbers=5, kind="wide dense")
        parts.append(html.details("Methods compared die by die, with intervals", shown))
    return Section("Methods beside one another", tuple(parts))


def found(content: Content) -> Section:
    """What was found, a sentence a rate of shorts: each number is one of the table."""
    said: list[str] = []
    for rate in dict.fromkeys(row["shorts"] for row in content.rows):
        here = [row for row in content.rows if row["shorts"] == rate]
        parts = [
            f"{named(str(row['method']), str(row['mask']))} {_percent(row['mean'])} (worst {_percent(row['worst'])})"
            for row in here
        ]
        where = "At the bench's rate of shorts" if rate == 1.0 else f"At {rate:g} times the bench's rate of shorts"
        said.append(f"{where}, mean accuracy over {here[0]['dies']} dies in %: {'; '.join(parts)}.")
    software = [row["software"] for row in content.rows if row["method"] == "baseline"]
    if software:
        said.insert(0, f"The baseline reaches {_percent(software[0])} % with perfect devices.")
    return Section("What was found", tuple(html.paragraph(text) for text in said or ["Nothing was judged."]))


def _percent(value: str | int | float | None) -> str:
    return f"{100.0 * value:.2f}" if isinstance(value, int | float) else NONE


def _points(value: str | int | float | None) -> str:
    return signed(100.0 * value) if isinstance(value, int | float) else NONE
