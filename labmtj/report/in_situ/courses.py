"""How networks learnt: test accuracy by epoch, and against the pulses that were spent."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats
from labmtj.report import html
from labmtj.report.in_situ.content import COLOURS, COMPARISON, DEFAULT, WORDS, Content
from labmtj.report.study.drawing import Drawing, Rows, Section, chart, finish, legend
from labmtj.report.svg import INK
from labmtj.report.training.content import keys, rows_of


def section(content: Content) -> Section:
    """Learning curves of the comparison."""
    curves = content.table("curves")
    here = rows_of(curves, part=COMPARISON, condition=DEFAULT) if curves else np.zeros(0, np.bool_)
    if not here.any():
        return Section("Learning curves")
    text = (
        "Means over dies and splits of the state at the end of each epoch. Pulses are those of updates and of "
        "write-verify together, so the right figure compares variants at equal pulses."
    )
    return Section("Learning curves", (html.paragraph(text, kind="soft"),), (_epochs(content), _pulses(content)))


def _epochs(content: Content) -> Drawing:
    curves = content.table("curves")
    figure, axes = chart("Accuracy by epoch", x="epoch", y="accuracy (%)")
    out = Rows("variant", "epoch", "train", "test")
    for (variant,) in keys(curves, "variant"):
        rows = rows_of(curves, part=COMPARISON, condition=DEFAULT, variant=variant)
        if not rows.any():
            continue
        epochs, train, test = curves["epoch"][rows], 100 * curves["train"][rows], 100 * curves["test"][rows]
        colour = COLOURS.get(str(variant), INK)
        axes.plot(epochs, test, color=colour, linewidth=1.4, label=WORDS.get(str(variant), str(variant)))
        axes.plot(epochs, train, color=colour, linewidth=0.7, linestyle=":")
        for line in zip(epochs.tolist(), train.tolist(), test.tolist(), strict=True):
            out.add(str(variant), *line)
    legend(figure, axes, across=2)
    caption = "Accuracy on test samples (lines) and training samples (dotted) by epoch."
    return finish(figure, name="curves", alt=caption, caption=caption, numbers=out.columns)


def _pulses(content: Content) -> Drawing:
    curves = content.table("curves")
    figure, axes = chart("Accuracy by pulses", x="pulses of a training", y="accuracy on test samples (%)")
    out = Rows("variant", "pulses", "test")
    courses: dict[str, tuple[Floats, Floats]] = {}
    for variant in ("stochastic", "deterministic"):
        rows = rows_of(curves, part=COMPARISON, condition=DEFAULT, variant=variant)
        spent = curves["pulses"][rows] + curves["writes"][rows]
        if not rows.any() or not (spent > 0.0).any():
            continue
        test = 100 * curves["test"][rows]
        courses[variant] = spent, test
        axes.plot(spent, test, color=COLOURS[variant], linewidth=1.4, label=WORDS[variant])
        for line in zip(spent.tolist(), test.tolist(), strict=True):
            out.add(variant, *line)
    if any(out.columns["pulses"]):
        axes.set_xscale("log")
    legend(figure, axes, across=2)
    caption = "Accuracy on test samples against all pulses so far, of updates and of write-verify."
    if len(courses) > 1:
        equal = min(float(spent[-1]) for spent, _ in courses.values())
        parts = [f"{WORDS[name]} {float(np.interp(equal, *each)):.2f}" for name, each in courses.items()]
        caption += f" At {equal:.0f} pulses each, in %: {', '.join(parts)}."
    return finish(figure, name="curves_by_pulses", alt=caption, caption=caption, numbers=out.columns)
