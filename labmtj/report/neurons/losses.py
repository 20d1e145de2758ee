"""Accuracy and loss of accuracy against the variation of dies, part by part; and other gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from labmtj.report import html
from labmtj.report.neurons.content import (
    BOUND,
    COLOURS,
    GRADIENT_WORDS,
    GRADIENTS,
    KNOWN,
    MEASURED,
    NOISY,
    PARTS,
    SOFTWARE,
    Content,
    Row,
    calibrations,
    points,
    spread,
    value,
)
from labmtj.report.study.drawing import Drawing, Rows, Section, beside, categories, chart, finish, legend
from labmtj.report.svg import INK

_TEXTS = {
    "inference": "Weights learnt in software are used with neurons as they are: nothing is trained again.",
    "training": "Networks learn with the neurons from the beginning: the forward pass reads x, the backward pass "
    "squares what is read of z. Software has the same weights to begin with and the same order of images.",
    "transfer": "Layers learnt in software on some classes are kept; the last ones learn the other classes anew, with "
    "neurons or, the twin, in software.",
    "distillation": "Networks learn what a larger software network says of the images, with neurons or, the twin, in "
    "software.",
}  # fmt: skip


def part(content: Content, name: str) -> Section:
    """Accuracy and loss of a part against the variation, a line for what the host knows."""
    rows = [row for row in content.devices(name) if row["reading"] == NOISY]
    if not rows:
        return Section(PARTS[name])
    text = f"{_TEXTS[name]} Bars are 95 % intervals of the mean over seeds (Student's t)."
    before = [html.paragraph(text, kind="soft")]
    teacher = content.software(name, "teacher")
    if teacher is not None:
        twin = content.software(name, "twin")
        own = "" if twin is None else f"; the student's software twin {100 * value(twin, 'test'):.2f} %"
        before.append(html.paragraph(f"The teacher has {100 * value(teacher, 'test'):.2f} % of the test images{own}."))
    return Section(PARTS[name], tuple(before), (_accuracy(name, rows), _loss(name, rows)))


def _accuracy(name: str, rows: Sequence[Row]) -> Drawing:
    """Mean accuracy over the seeds, with the interval of its loss, and that of the software twin."""
    figure, axes = chart(f"Test accuracy, {name}", x="variation of the dies", y="accuracy (%)")
    places = list(dict.fromkeys(spread(row) for row in rows))
    x, out = categories(axes, places), Rows("calibration", "variation", "mean", "low", "high", "worst", "best")
    known = calibrations(rows)
    for number, calibration in enumerate(known):
        shift, _ = beside(number, len(known), span=0.3)
        found: list[tuple[float, float, float, float]] = []
        for row in rows:
            if row["calibration"] != calibration:
                continue
            mean, low, high = _interval(row)
            found.append((float(x[places.index(spread(row))]) + shift, mean, low, high))
            out.add(calibration, spread(row), mean, low, high, 100 * value(row, "worst"), 100 * value(row, "best"))
        at, mean, low, high = np.array(found).T
        axes.errorbar(
            at, mean, yerr=[mean - low, high - mean], fmt="o-", markersize=4, linewidth=1.2, capsize=3,
            color=COLOURS[calibration], label=KNOWN[calibration],
        )  # fmt: skip
    software = 100 * float(np.mean([value(row, "software") for row in rows]))
    if math.isfinite(software):
        axes.axhline(software, color=SOFTWARE, linewidth=1.2, linestyle="--", label="software")
        out.add("software", "", software, math.nan, math.nan, math.nan, math.nan)
    legend(figure, axes)
    caption = (
        f"Mean test accuracy over seeds by the variation of the dies; software has {software:.2f} %. Bars: those of "
        "the loss against software, seed by seed."
    )
    return finish(figure, name=f"{name}_accuracy", alt=caption, caption=caption, numbers=out.columns)


def _interval(row: Row) -> tuple[float, float, float]:
    """Mean accuracy [%] of a condition, and the interval of its paired loss around it."""
    mean, loss = 100 * value(row, "test"), 100 * value(row, "loss")
    low, high = 100 * value(row, "low"), 100 * value(row, "high")
    if not math.isfinite(low):
        return mean, mean, mean
    return mean, mean - (high - loss), mean + (loss - low)


def _loss(name: str, rows: Sequence[Row]) -> Drawing:
    """Mean loss with its interval and one-sided upper bound, and what is asked for."""
    figure, axes = chart(f"Loss against software, {name}", x="variation of the dies", y="points of test accuracy")
    places = list(dict.fromkeys(spread(row) for row in rows))
    x = categories(axes, places)
    out = Rows("calibration", "variation", "loss", "low", "high", "upper", "bound", "bound_upper")
    known = calibrations(rows)
    for number, calibration in enumerate(known):
        shift, _ = beside(number, len(known), span=0.4)
        label = KNOWN[calibration]
        for row in rows:
            if row["calibration"] != calibration or not math.isfinite(value(row, "loss")):
                continue
            names = ("loss", "low", "high", "upper", "bound", "bound_upper")
            loss, low, high, upper, bound, bound_upper = (100 * value(row, each) for each in names)
            at = float(x[places.index(spread(row))]) + shift
            width = [[loss - low], [high - loss]] if math.isfinite(low) else None
            axes.errorbar(
                [at], [loss], yerr=width, fmt="o", markersize=5, capsize=3, color=COLOURS[calibration], label=label
            )
            label = "_"
            if math.isfinite(upper):
                axes.plot([at], [upper], "_", color=INK, markersize=9)
            out.add(calibration, spread(row), loss, low, high, upper, bound, bound_upper)
    for style, each, words in (("-", "bound", "mean asked for"), ("--", "bound_upper", "upper bound asked for")):
        asked = {spread(row): 100 * value(row, each) for row in rows}
        at = np.array([x[places.index(place)] for place, bound in asked.items() if math.isfinite(bound)])
        height = np.array([bound for bound in asked.values() if math.isfinite(bound)])
        if len(at):
            axes.hlines(height, at - 0.4, at + 0.4, color=BOUND, linewidth=1.2, linestyle=style, label=words)
    axes.axhline(0.0, color=INK, linewidth=0.8, linestyle=":")
    legend(figure, axes, across=2)
    caption = (
        "Points of test accuracy below the software twin, paired by seed: mean and 95 % interval; the dash is the "
        "one-sided 95 % upper bound."
    )
    return finish(figure, name=f"{name}_loss", alt=caption, caption=caption, numbers=out.columns)


def gradients(content: Content) -> Section:
    """Training with other gradients than the measured one, beside it."""
    own = content.devices("gradient")
    if not own:
        return Section("What the measured gradient costs")
    places = list(dict.fromkeys((spread(row), str(row["calibration"])) for row in own))
    rows = [*content.devices("training"), *own]
    figure, axes = chart("Loss against software by the gradient", x="points of test accuracy", y="")
    out = Rows("variation", "calibration", "gradient", "loss", "low", "high")
    labels = [f"{where}\n{KNOWN[known]}" for where, known in places]
    for number, (kind, colour) in enumerate(GRADIENTS.items()):
        shift, _ = beside(number, len(GRADIENTS), span=0.6)
        label = GRADIENT_WORDS[kind]
        for place, key in enumerate(places):
            for row in rows:
                if (spread(row), row["calibration"]) != key or row["gradient"] != kind:
                    continue
                loss, low, high = (100 * value(row, name) for name in ("loss", "low", "high"))
                width = [[loss - low], [high - loss]] if math.isfinite(low) else None
                axes.errorbar(
                    [loss], [place + shift], xerr=width, fmt="o", markersize=5, capsize=3, color=colour, label=label
                )
                label = "_"
                out.add(*key, kind, loss, low, high)
    axes.set_yticks(range(len(labels)), labels=labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.axvline(0.0, color=INK, linewidth=0.8, linestyle=":")
    left, bottom, wide, tall = axes.get_position().bounds
    axes.set_position((left + 0.14, bottom, wide - 0.14, tall))
    legend(figure, axes, across=3)
    caption = "Points of test accuracy below software, paired by seed: mean and 95 % interval (Student's t)."
    drawing = finish(figure, name="gradients", alt=caption, caption=caption, numbers=out.columns)
    text = (
        "The same neurons forward; backward the square of the z reading, as the device gives it, the true slope of the "
        "x curve, which no bench can read, or 1 - x² from the x reading alone."
    )
    return Section(
        "What the measured gradient costs", (html.paragraph(text, kind="soft"),), (drawing,), _against(content)
    )


def _against(content: Content) -> tuple[str, ...]:
    """Other gradients less the measured one, pair by pair."""
    paired = content.table("paired")
    lines: list[list[str]] = []
    for place in np.flatnonzero(paired["against"] == MEASURED).tolist() if paired else []:
        variation = float(paired["variation"][place])
        where = "as measured" if math.isnan(variation) else f"{100 * variation:g} %"
        shown = [-float(paired[name][place]) for name in ("loss", "high", "low")]
        kind = GRADIENT_WORDS[str(paired["gradient"][place])]
        known = KNOWN[str(paired["calibration"][place])]
        lines.append([kind, where, known, str(paired["seeds"][place]), *(points(each) for each in shown)])
    if not lines:
        return ()
    head = ["gradient", "dies vary by", "host knows", "seeds", "gain", "from", "to"]
    caption = "Points of test accuracy gained against the measured gradient, paired by seed, with 95 % interval."
    return (html.table(head, lines, caption=caption, numbers=4, kind="wide dense"),)
