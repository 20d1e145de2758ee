"""How training went and what it took: courses by epoch, time, memory."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.content import duration, number
from labmtj.report.study.drawing import Drawing, Rows, Section, chart, finish, legend
from labmtj.report.training.content import COLOURS, OTHER, Content, keys, named, rows_of


def section(content: Content) -> Section:
    """Accuracy by epoch, and a table of times."""
    times = content.times
    lines = [
        [
            str(times["fit"][row]),
            str(times["networks"][row]),
            str(times["epochs"][row]),
            number(float(times["best_epoch"][row])),
            number(float(times["seconds_an_epoch"][row]), 3),
            duration(float(times["seconds"][row])),
            duration(float(times["processor_seconds"][row])),
            number(float(times["memory_bytes"][row]) / 1e6, 3),
        ]
        for row in range(len(times["fit"]) if times else 0)
    ]
    head = ["fit", "networks", "epochs", "best", "s an epoch", "in all", "processor", "memory, MB"]
    total = float(np.sum(times["seconds"])) if times else 0.0
    most = float(np.max(times["memory_bytes"])) if times else 0.0
    text = (
        f"All training took {duration(total)}; the process held at most {most / 1e6:.0f} MB. An epoch's time is the "
        "median without the first one, which compiles; best: the epoch whose networks were kept, mean over them."
    )
    table = html.table(head, lines, caption="What each fit took.", numbers=7, kind="wide dense") if lines else ""
    drawings = (_courses(content),) if content.table("history") else ()
    return Section("Training", (html.paragraph(text, kind="soft"),), drawings, (table,))


def _courses(content: Content) -> Drawing:
    table = content.table("history")
    figure, axes = chart("Accuracy on images held back", x="epoch", y="accuracy (%)")
    out = Rows("method", "mask", "trained_at", "epoch", "validation")
    for method, mask, trained in keys(table, "method", "mask", "trained_at"):
        same = np.isnan(table["trained_at"]) if np.isnan(trained) else table["trained_at"] == trained
        rows = rows_of(table, method=method, mask=mask) & same & (table["seed"] == table["seed"][0])
        epochs, values = table["epoch"][rows], 100 * table["validation"][rows]
        style = ("-" if mask == "none" else "--") if np.isnan(trained) or trained <= 1.0 else ":"
        label = named(method, mask) + ("" if np.isnan(trained) or trained == 1.0 else f", {trained:g} x")
        axes.plot(epochs, values, style, color=COLOURS.get(method, OTHER), linewidth=1.2, label=label)
        for epoch, value in zip(epochs.tolist(), values.tolist(), strict=True):
            out.add(method, mask, trained, epoch, value)
    legend(figure, axes, across=3)
    caption = "Accuracy on the images held back, on the dies or statistics that the training knows, by epoch."
    return finish(figure, name="history", alt=caption, caption=caption, numbers=out.columns)
