"""Variants beside one another: what was found, the table of all, boxes over dies, paired differences."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.content import NONE, number
from labmtj.report.in_situ.content import (
    COLOURS,
    COMPARISON,
    DEFAULT,
    WORDS,
    Content,
    by_die,
    variants,
)
from labmtj.report.study.drawing import Drawing, Rows, Section, categories, chart, finish
from labmtj.report.study.groups import signed
from labmtj.report.svg import INK
from labmtj.report.training.content import rows_of

# What the study was made to show: variant, what it is compared with, points that it may be below. The bounds are those
# of the project's issue on training in situ.
GOALS = (
    ("deterministic", "software_real", 2.0),
    ("stochastic", "software_real", 3.0),
    ("stochastic", "software_ternary", 1.0),
)


def found(content: Content) -> Section:
    """What was found, a sentence each: every number is one of the tables below."""
    said: list[str] = []
    rows = [row for row in content.rows if row["part"] == COMPARISON]
    if rows:
        parts = "; ".join(f"{WORDS[str(row['variant'])]} {_percent(row['test'])}" for row in rows)
        said.append(f"Mean accuracy on test samples over {rows[0]['dies']} dies, in %: {parts}.")
    lines = [line for goal in GOALS if (line := _goal(content, *goal)) is not None]
    head = ["variant", "less", "dies are", "difference", "from", "to", "at most below", "holds"]
    caption = "Bounds that the study tests: points of mean test accuracy, 95 % interval over dies."
    table = html.table(head, [line for each in lines for line in each], caption=caption, numbers=5, kind="wide dense")
    failures = content.table("failures")
    if failures:
        said.append(f"{len(failures['block'])} blocks could not be computed; the first: {failures['reason'][0]}")
    texts = tuple(html.paragraph(text) for text in said or ["No network learnt in this study."])
    return Section("What was found", (*texts, table) if lines else texts)


def _goal(content: Content, variant: str, other: str, bound: float) -> list[list[str]] | None:
    """A bound on the dies of the comparison, and on those with more spread against the comparison's software."""
    paired, lines = content.table("paired"), list[list[str]]()
    if not paired:
        return None
    here = rows_of(paired, part=COMPARISON, condition=DEFAULT, variant=variant, other=other)
    for row in np.flatnonzero(here):
        difference, low, high = (100 * float(paired[name][row]) for name in ("difference", "low", "high"))
        holds = "yes" if difference >= -bound else "no"
        shown = [signed(value) for value in (difference, low, high)]
        lines.append([WORDS[variant], WORDS[other], "the bench's", *shown, f"{bound:g}", holds])
    base = content.row(COMPARISON, DEFAULT, other)
    for row in content.rows:
        if row["part"] == "spread" and row["variant"] == variant and base is not None:
            difference = 100 * (_value(row["test"]) - _value(base["test"]))
            holds = "yes" if difference >= -bound else "no"
            lines.append(
                [
                    WORDS[variant],
                    WORDS[other],
                    str(row["condition"]),
                    signed(difference),
                    NONE,
                    NONE,
                    f"{bound:g}",
                    holds,
                ]
            )
    return lines or None


def table(content: Content) -> Section:
    """The summary of everything that learnt, and the paired differences folded below it."""
    lines = [
        [
            str(row["part"]).replace("_", " "),
            str(row["condition"]),
            WORDS.get(str(row["variant"]), str(row["variant"])),
            str(row["copies"]),
            *(_percent(row[name]) for name in ("train", "test", "median", "worst", "best")),
        ]
        for row in content.rows
    ]
    head = ["part", "dies are", "variant", "trainings", "train", "test", "median", "worst die", "best die"]
    caption = "Accuracy in %, means over dies and splits; dies are means over their splits."
    parts = [html.table(head, lines, caption=caption, numbers=6, kind="wide dense")]
    paired = content.table("paired")
    if paired:
        compared = [
            [
                f"{WORDS[str(paired['variant'][row])]}, {paired['condition'][row]}",
                f"{WORDS[str(paired['other'][row])]}, {paired['other_condition'][row]}",
                *(str(paired[name][row]) for name in ("copies", "dies")),
                *(signed(100 * float(paired[name][row])) for name in ("difference", "low", "high")),
            ]
            for row in range(len(paired["variant"]))
        ]
        text = "Difference of test accuracy, points, of pairs of the same die and split; 95 % interval over dies."
        head = ["variant", "less", "pairs", "dies", "difference", "from", "to"]
        shown = html.table(head, compared, caption=text, numbers=5, kind="wide dense")
        parts.append(html.details("Compared pair by pair, with intervals", shown))
    return Section("Everything that learnt", tuple(parts))


def section(content: Content) -> Section:
    """Boxes of the test accuracy over the dies for each variant, and each variant less real-valued software."""
    runs = content.runs(COMPARISON)
    if not runs:
        return Section("Variants", (html.paragraph("Variants were not compared."),))
    text = (
        "Each mark is a die, the mean of its splits; boxes hold the middle half of the dies, the bar is their median. "
        "Stochastic: the array remembers everything, devices flip with the probability of their update. Deterministic: "
        "the host keeps a hidden real number for every device and writes its sign. Transferred: ternary weights from "
        "software, written with verify."
    )
    return Section("Variants", (html.paragraph(text, kind="soft"),), (_boxes(content), _differences(content)))


def _boxes(content: Content) -> Drawing:
    runs = content.runs(COMPARISON)
    names = variants(runs)
    figure, axes = chart("Test accuracy over the dies", x="", y="accuracy (%)")
    x, out, told = categories(axes, [WORDS[name].replace(", ", ",\n") for name in names]), Rows("variant", "test"), []
    for place, name in zip(x, names, strict=True):
        values = by_die(runs, rows_of(runs, variant=name))
        low, middle, high = np.percentile(values, (25, 50, 75))
        colour = COLOURS.get(name, INK)
        axes.vlines(place, values.min(), values.max(), color=colour, linewidth=1.2)
        axes.bar(place, high - low, 0.55, bottom=low, color=colour, alpha=0.5, linewidth=0)
        axes.hlines(middle, place - 0.28, place + 0.28, color=INK, linewidth=1.6)
        shift = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(1)
        axes.plot(place + shift, values, "o", color=colour, markersize=2.4, alpha=0.8)
        for value in values.tolist():
            out.add(name, value)
        told.append(f"{WORDS[name]} {float(values.mean()):.2f}")
    caption = f"Test accuracy in %, mean over the dies: {'; '.join(told)}."
    return finish(figure, name="variants", alt=caption, caption=caption, numbers=out.columns)


def _differences(content: Content) -> Drawing:
    """Each variant less software with real weights, with intervals."""
    paired = content.table("paired")
    figure, axes = chart("Less software with real weights", x="points of test accuracy", y="")
    out = Rows("variant", "other", "difference", "low", "high")
    labels: list[str] = []
    for variant in WORDS:
        if not paired or variant == "software_real":
            continue
        for flip, one, other in ((1.0, variant, "software_real"), (-1.0, "software_real", variant)):
            rows = rows_of(paired, part=COMPARISON, condition=DEFAULT, variant=one, other=other)
            for row in np.flatnonzero(rows):
                mean, low, high = (100 * flip * float(paired[name][row]) for name in ("difference", "low", "high"))
                low, high = min(low, high), max(low, high)
                place = len(labels)
                axes.errorbar(
                    [mean], [place], xerr=[[mean - low], [high - mean]], fmt="o", color=COLOURS[variant], capsize=3
                )
                labels.append(WORDS[variant])
                out.add(variant, "software_real", mean, low, high)
    axes.set_yticks(range(len(labels)), labels=labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.axvline(0.0, color=INK, linewidth=0.8, linestyle=":")
    left, bottom, wide, tall = axes.get_position().bounds
    axes.set_position((left + 0.12, bottom, wide - 0.12, tall))
    caption = "Mean difference of test accuracy over pairs of the same die and split; 95 % intervals over dies."
    return finish(figure, name="differences", alt=caption, caption=caption, numbers=out.columns)


def costs(content: Content) -> Section:
    """What one training took on its arrays."""
    names = ("updates", "pulses", "writes", "flips", "disturbed", "energy", "seconds")
    lines = [
        [
            str(row["part"]).replace("_", " "),
            str(row["condition"]),
            WORDS.get(str(row["variant"]), str(row["variant"])),
            *(number(_value(row[name]), 3) for name in names),
        ]
        for row in content.rows
        if not str(row["variant"]).startswith("software")
    ]
    if not lines:
        return Section("What a training takes", (html.paragraph("Nothing learnt on an array."),))
    head = ["part", "dies are", "variant", "updates", "pulses", "writes", "flips", "disturbed", "energy, J", "time, s"]
    caption = (
        "Means over trainings: outer products applied, pulses of updates, pulses of write-verify, flips asked for and "
        "not asked for, energy in selected cells, bench time; what looking at test samples took is left out."
    )
    return Section("What a training takes", (html.table(head, lines, caption=caption, numbers=7, kind="wide dense"),))


def _percent(value: str | int | float | None) -> str:
    return f"{100.0 * value:.2f}" if isinstance(value, int | float) else NONE


def _value(value: str | int | float | None) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
