"""Images through a network on a chip: accuracies with their intervals, and scores against those of the map."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.content import percent
from labmtj.report.figures import confusion_chart
from labmtj.report.findings import facts, title
from labmtj.report.findings.chart import axes
from labmtj.report.svg import BLUE, INK, styled, to_svg
from labmtj.runs.netcdf import Group

_WAYS = {"measured": "the chip, by its own sums", "emulated": "emulation from its map", "software": "software"}


def draw(group: Group, key: str) -> str:
    """Accuracies, the difference with its interval, scores, and the confusion matrix."""
    said = group.attributes
    rows: list[list[str]] = []
    for way, text in _WAYS.items():
        low, high = (_share(said.get(f"right_{way}_{end}")) for end in ("low", "high"))
        interval = f"{percent(low)} to {percent(high)}" if low is not None and high is not None else ""
        rows.append([text, percent(_share(said.get(f"right_{way}"))), interval])
    gap, low, high = (100 * float(str(said[name])) for name in ("difference", "difference_low", "difference_high"))
    rows.append(["chip less its map", f"{gap:+.2f} points", f"{low:+.2f} to {high:+.2f} points"])
    caption = (
        f"{said['images']} test images, the same for all; 95 % intervals: Wilson, and Agresti and Min for the paired "
        f"difference. {said['only_measured_right']} images only the chip has right, {said['only_emulated_right']} only "
        f"its map; McNemar's test, exact: p = {float(str(said['mcnemar_p'])):.3g}."
    )
    table = html.table(["right", "share", "95 % interval"], rows, caption=caption, numbers=2)
    drawn: list[tuple[str, str]] = []
    scores = group.values("measured_score"), group.values("emulated_score")
    label, found = group.values("label"), group.values("measured_class")
    with styled():
        if scores[0] is not None and scores[1] is not None:
            chart = _scores(scores[1].ravel(), scores[0].ravel(), f"{key}-scores")
            drawn.append((chart, "Pre-activations of the last layer, of all classes and images."))
        if label is not None and found is not None:
            count = int(max(label.max(), found.max())) + 1
            counts = np.bincount(label * count + found, minlength=count * count).reshape(count, count)
            chart = confusion_chart(counts, title="Classes by the chip", key=f"{key}-confusion")
            drawn.append((chart, "Classes are counted from 0 as in the data."))
    return html.section(title(key), html.paragraph(str(said["line"])), table, html.figures(drawn), facts(group))


def _scores(expected: np.ndarray, measured: np.ndarray, key: str) -> str:
    figure, made = axes("Scores", x="by the map", y="by the chip")
    made.plot(expected, measured, ".", color=BLUE, markersize=1.6, alpha=0.5, rasterized=expected.size > 2000)
    ends = [float(np.min(expected)), float(np.max(expected))]
    made.plot(ends, ends, color=INK, linewidth=0.8)
    return to_svg(figure, alt=f"{expected.size} scores by the chip against those by its map.", key=key)


def _share(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
