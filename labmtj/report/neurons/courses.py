"""How networks of neurons learnt: accuracy and loss by epoch, and the share of inputs beyond the drive's range."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats
from labmtj.report import html
from labmtj.report.neurons.content import COLOURS, DEVICE, KNOWN, MEASURED, NOISY, SOFTWARE, Content
from labmtj.report.study.content import Table
from labmtj.report.study.drawing import Drawing, Rows, Section, chart, finish, legend
from labmtj.report.training.content import keys, rows_of

_STYLES = ("-", "--", "-.", ":")


def section(content: Content) -> Section:
    """Courses of the training part, software beside neurons: means over seeds."""
    table = content.table("history")
    if not table or not rows_of(table, part="training").any():
        return Section("Learning curves")
    text = (
        "Means over seeds, of images while they are learnt. Clipped inputs ask for more current than the drive has; "
        "they are held at its end, where neither read-out changes."
    )
    drawings = (
        _drawn(table, "accuracy", "Accuracy while learning", "accuracy (%)", scale=100.0),
        _drawn(table, "clipped", "Inputs beyond the drive's range", "share (%)", scale=100.0),
    )
    return Section("Learning curves", (html.paragraph(text, kind="soft"),), drawings)


def _drawn(table: Table, name: str, title: str, unit: str, *, scale: float) -> Drawing:
    figure, axes = chart(title, x="epoch", y=unit)
    out = Rows("network", "variation", "calibration", "epoch", name)
    software = rows_of(table, part="software")
    if name != "clipped" and software.any():
        epochs, means = _means(table, software, name)
        axes.plot(epochs, scale * means, color=SOFTWARE, linewidth=1.6, label="software")
        for epoch, mean in zip(epochs.tolist(), means.tolist(), strict=True):
            out.add("software", "", "", epoch, mean)
    wanted = rows_of(table, part="training", role=DEVICE, gradient=MEASURED, reading=NOISY)
    here = {key: values[wanted] for key, values in table.items()}
    spreads = list(dict.fromkeys(_words(spread) for (spread,) in keys(here, "variation")))
    for known in COLOURS:
        for place, where in enumerate(spreads):
            rows = wanted & rows_of(table, calibration=known)
            rows &= np.array([_words(spread) == where for spread in table["variation"].tolist()], np.bool_)
            if not rows.any():
                continue
            epochs, means = _means(table, rows, name)
            label = f"{where}, {KNOWN[known]}"
            axes.plot(epochs, scale * means, _STYLES[place % 4], color=COLOURS[known], linewidth=1.1, label=label)
            for epoch, mean in zip(epochs.tolist(), means.tolist(), strict=True):
                out.add(DEVICE, where, known, epoch, mean)
    axes.xaxis.get_major_locator().set_params(integer=True)
    legend(figure, axes, across=3)
    caption = f"{title}: means over the seeds, by variation of the dies and by what the host knows."
    return finish(figure, name=f"history_{name}", alt=caption, caption=caption, numbers=out.columns)


def _means(table: Table, rows: np.ndarray, name: str) -> tuple[Floats, Floats]:
    epochs, where = np.unique(table["epoch"][rows], return_inverse=True)
    return epochs.astype(np.float64), np.bincount(where, table[name][rows]) / np.bincount(where)


def _words(variation: float) -> str:
    return "as measured" if np.isnan(variation) else f"{100 * variation:g} %"
