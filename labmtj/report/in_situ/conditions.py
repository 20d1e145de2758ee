"""Other dies: without one imperfection at a time, with more spread, and with more shorts and wire."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.in_situ.content import (
    ABLATION,
    BAD_DIES,
    COLOURS,
    COMPARISON,
    DEFAULT,
    IMMUNITY,
    OTHERS,
    SPREAD,
    WORDS,
    Content,
    by_die,
    conditions,
    variants,
)
from labmtj.report.study.drawing import Drawing, Rows, Section, beside, categories, chart, finish, legend
from labmtj.report.svg import BLUE, INK, ORANGE
from labmtj.report.training.content import keys, rows_of

_PALETTE = (ORANGE, BLUE, *OTHERS)


def ablation(content: Content) -> Section:
    """Mean test accuracy with one imperfection left out at a time, beside the dies as they are."""
    if not content.runs(ABLATION):
        return Section("Ablation", (html.paragraph("Nothing was left out in this study."),))
    text = (
        "The same trainings on dies without one imperfection: what is gained is what it costs. Differences are of "
        "pairs of the same die and split against the dies as they are."
    )
    return Section("Ablation", (html.paragraph(text, kind="soft"),), (_gains(content, ABLATION),))


def spread(content: Content) -> Section:
    """The same dies with more spread."""
    if not content.runs(SPREAD):
        return Section("Spread", (html.paragraph("No other spread was tried."),))
    drawing = _bars(content, SPREAD, "Test accuracy with more spread", base=True)
    text = "All standard deviations between devices times the factor; the same draws, so the same dies stretched."
    return Section("Spread", (html.paragraph(text, kind="soft"),), (drawing, _gains(content, SPREAD)))


def bad_dies(content: Content) -> Section:
    """In-situ training against transferred weights on dies with more shorts and wire."""
    if not content.runs(BAD_DIES):
        return Section("Bad dies", (html.paragraph("No bad dies were tried."),))
    text = (
        "In-situ training and weights transferred from software on the same dies, with more shorts and wires of more "
        "resistance: what training absorbs is what lies between."
    )
    drawing = _bars(content, BAD_DIES, "Test accuracy on bad dies", base=False)
    return Section("Bad dies", (html.paragraph(text, kind="soft"),), (drawing,))


def immunity(content: Content) -> Section:
    """Accuracy against the spread of V_c and R_P, a line a width."""
    runs = content.runs(IMMUNITY)
    if not runs:
        return Section("Immunity to spread", (html.paragraph("No spread was varied."),))
    figure, axes = chart("Test accuracy against spread", x="standard deviation of V_c and R_P (%)", y="accuracy (%)")
    out = Rows("variant", "width", "sigma", "mean", "low", "high")
    widths = sorted(width for (width,) in keys(runs, "width"))
    for variant in variants(runs):
        for number, width in enumerate(widths):
            points: list[tuple[float, float, float, float]] = []
            for sigma in sorted(value for (value,) in keys(runs, "sigma")):
                rows = rows_of(runs, variant=variant, width=width, sigma=sigma)
                if rows.any():
                    values = by_die(runs, rows)
                    points.append((100 * sigma, float(values.mean()), float(values.min()), float(values.max())))
            for point in points:
                out.add(variant, width, *point)
            found, label = np.array(points), f"{WORDS[variant]}, {_width(width)}"
            colour, style = _PALETTE[number % len(_PALETTE)], "-" if variant == "stochastic" else "--"
            axes.plot(found[:, 0], found[:, 1], style, marker="o", markersize=4, color=colour, label=label)
            axes.fill_between(found[:, 0], found[:, 2], found[:, 3], color=colour, alpha=0.12, linewidth=0)
    legend(figure, axes, across=2)
    caption = "Mean over dies (marks), worst and best die (shades), by the width of the update's pulses."
    drawing = finish(figure, name="immunity", alt=caption, caption=caption, numbers=out.columns)
    text = (
        "A short pulse needs a voltage well above V_c0, where the flip probability changes little with it; a long one "
        "sits on the steep slope of thermal activation, so that the same spread of devices is a wider one of "
        "probabilities."
    )
    return Section("Immunity to spread", (html.paragraph(text, kind="soft"),), (drawing,))


def _bars(content: Content, part: str, title: str, *, base: bool) -> Drawing:
    """Means over dies by condition, a bar a variant; with `base` those of the comparison first."""
    runs, default = content.runs(part), content.runs(COMPARISON)
    names = variants(runs)
    places = ([(default, DEFAULT)] if base and default else []) + [(runs, name) for name in conditions(runs)]
    figure, axes = chart(title, x="", y="accuracy (%)")
    labels = ["as they are" if name == DEFAULT else name.replace(", ", ",\n") for _, name in places]
    x, out, lowest = categories(axes, labels), Rows("condition", "variant", "mean", "low", "high"), 100.0
    axes.tick_params(axis="x", labelsize=8.5)
    for number, variant in enumerate(names):
        shift, width = beside(number, len(names))
        for place, (table, condition) in zip(x, places, strict=True):
            rows = rows_of(table, condition=condition, variant=variant)
            if not rows.any():
                continue
            values = by_die(table, rows)
            mean, low, high = float(values.mean()), float(values.min()), float(values.max())
            label = WORDS[variant] if place == x[0] else "_"
            axes.bar(place + shift, mean, width, color=COLOURS.get(variant, INK), alpha=0.75, linewidth=0, label=label)
            axes.vlines(place + shift, low, high, color=INK, linewidth=1.0)
            out.add(condition, variant, mean, low, high)
            lowest = min(lowest, low)
    axes.set_ylim(max(0.0, lowest - 3.0), 100.5)
    legend(figure, axes, across=3)
    caption = "Mean test accuracy in % (bars), worst and best die (lines)."
    return finish(figure, name=part, alt=caption, caption=caption, numbers=out.columns)


def _gains(content: Content, part: str) -> Drawing:
    """Differences to the dies of the comparison, with intervals, by condition."""
    paired, runs = content.table("paired"), content.runs(part)
    names, every = variants(runs), conditions(runs)
    figure, axes = chart("Less the dies as they are", x="points of test accuracy", y="")
    out = Rows("condition", "variant", "difference", "low", "high")
    for number, variant in enumerate(names):
        shift, _ = beside(number, len(names), span=0.6)
        label = WORDS[variant]
        for place, condition in enumerate(every):
            rows = (
                rows_of(paired, part=part, condition=condition, variant=variant, other=variant, other_condition=DEFAULT)
                if paired
                else np.zeros(0, np.bool_)
            )
            for row in np.flatnonzero(rows):
                mean, low, high = (100 * float(paired[name][row]) for name in ("difference", "low", "high"))
                axes.errorbar(
                    [mean], [place + shift], xerr=[[max(mean - low, 0.0)], [max(high - mean, 0.0)]], fmt="o",
                    color=COLOURS.get(variant, INK), capsize=3, label=label,
                )  # fmt: skip
                label = "_"
                out.add(condition, variant, mean, low, high)
    axes.set_yticks(range(len(every)), labels=every)
    axes.set_ylim(len(every) - 0.5, -0.5)
    axes.axvline(0.0, color=INK, linewidth=0.8, linestyle=":")
    left, bottom, wide, tall = axes.get_position().bounds
    axes.set_position((left + 0.1, bottom, wide - 0.1, tall))
    legend(figure, axes, across=3)
    caption = "Mean difference of test accuracy over pairs of the same die and split; 95 % intervals over dies."
    return finish(figure, name=f"{part}_differences", alt=caption, caption=caption, numbers=out.columns)


def _width(seconds: float) -> str:
    return f"{seconds * 1e9:g} ns" if seconds < 1e-6 else f"{seconds * 1e6:g} us"
