"""Write fidelity by size and wire, and what it says about accuracy."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.study.content import Content, Table, has, numbers
from labmtj.report.study.density import binned, draw_density, rank_correlation
from labmtj.report.study.drawing import (
    WIRES,
    Drawing,
    Rows,
    Section,
    beside,
    boxes,
    categories,
    chart,
    colour_of,
    draw_all,
    finish,
    legend,
    stretched,
)
from labmtj.report.study.groups import WORDS, diameters, of_kind, spread, tunings, wires

_SHOWN = ("untuned", "scale", "best")
# chosen: bins of wrong devices beyond which copies are rare: first and last number of each.
_BINS = ((0, 0), (1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, 10**9))


def section(content: Content) -> Section:
    """Show how many devices read as their target, and how accuracy goes with it."""
    table = content.shown
    if not has(table, "write_fidelity"):
        return Section("Write fidelity", (html.paragraph("The study has no write fidelity: nothing was written."),))
    text = (
        "Write fidelity: devices whose state, read back, is the target, over devices written, defective ones included."
    )
    drawings = draw_all(
        lambda: [_by_size(table)],
        lambda: [_by_wrong(table)] if (numbers(table, "wrong") >= 0).any() and tunings(table) else [],
        lambda: [_density(table, name) for name in ("untuned", "scale") if has(table, f"train_{name}")],
    )
    return Section("Write fidelity, and accuracy against it", (html.paragraph(text, kind="soft"),), drawings)


def _by_size(table: Table) -> Drawing:
    figure, axes = chart("Write fidelity", x="diameter (nm)", y="write fidelity (%)")
    sizes = diameters(table)
    x = categories(axes, [f"{size:g}" for size in sizes])
    rows = Rows("diameter_nm", "r_wire_ohm", "copies", "mean", "p5", "median", "p95")
    for place, wire in enumerate(wires(table)):
        found = [spread(numbers(table, "write_fidelity")[of_kind(table, diameter=size, wire=wire)]) for size in sizes]
        shift, width = beside(place, len(wires(table)))
        boxes(axes, x + shift, found, colour=WIRES[place % len(WIRES)], width=width, label=f"{wire:g} ohm")
        for size, each in zip(sizes, found, strict=True):
            rows.add(size, wire, each.count, each.mean, each.p5, each.median, each.p95)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.03 * (high - low))  # most medians lie at 100 %, on the frame
    legend(figure, axes)
    all_of_it = spread(numbers(table, "write_fidelity"))
    words = f"median {100 * all_of_it.median:.2f} %, 5th percentile {100 * all_of_it.p5:.2f} %"
    alt = f"Write fidelity against diameter; of all copies: {words}."
    caption = f"Boxes, lines and bars as above, by wire (ohm a segment). All copies: {words}."
    return finish(figure, name="write_fidelity", alt=alt, caption=caption, numbers=rows.columns)


def _by_wrong(table: Table) -> Drawing:
    wrong = numbers(table, "wrong")
    wrong = np.where(wrong >= 0, wrong, np.nan)
    bins = [(low, high) for low, high in _BINS if np.any((wrong >= low) & (wrong <= high))]
    most = int(np.nanmax(wrong))
    labels = [f"{low}" if low == high else f"{low}-{min(high, most)}" if low < most else f"{low}" for low, high in bins]
    names = [name for name in _SHOWN if name in tunings(table)]
    figure, axes = chart("Accuracy by wrong devices", x="devices that do not read as their target", y="accuracy (%)")
    x = categories(axes, labels)
    rows = Rows("wrong_from", "wrong_to", "tuning", "copies", "mean", "p5", "p25", "median", "p75", "p95")
    lowest = 100.0
    for place, name in enumerate(names):
        found = [spread(numbers(table, f"train_{name}")[(wrong >= low) & (wrong <= high)]) for low, high in bins]
        shift, width = beside(place, len(names))
        boxes(axes, x + shift, found, colour=colour_of(name), width=width, label=WORDS[name])
        for (low, high), each in zip(bins, found, strict=True):
            rows.add(
                low, min(high, most), name, each.count, each.mean, each.p5, each.p25, each.median, each.p75, each.p95
            )
        lowest = min([lowest, *(100 * each.p5 for each in found if each.count)])
    stretched(axes, lowest)
    legend(figure, axes)
    counts = [int(np.sum((wrong >= low) & (wrong <= high))) for low, high in bins]
    told = ", ".join(f"{count} with {label}" for count, label in zip(counts, labels, strict=True))
    caption = f"Training accuracy by the number of wrong devices of a copy, all sizes and wires. Copies: {told}."
    alt = f"Boxes of accuracy by number of wrong devices: {told}."
    return finish(figure, name="accuracy_by_wrong", alt=alt, caption=caption, numbers=rows.columns)


def _density(table: Table, name: str) -> Drawing:
    """The paper's two scores against one another, as counts of copies: a mark each would be too many."""
    fidelity, accuracy = 100 * numbers(table, "write_fidelity"), 100 * numbers(table, f"train_{name}")
    known = np.isfinite(fidelity) & np.isfinite(accuracy)
    fidelity, accuracy = fidelity[known], accuracy[known]
    figure, axes = chart(f"Fidelity and accuracy: {WORDS[name]}", x="write fidelity (%)", y="training accuracy (%)")
    rows = Rows("write_fidelity", "accuracy", "copies")
    if accuracy.size:
        counts, x, y = binned(fidelity, accuracy)
        draw_density(axes, counts, x, y)
        for col, row in np.argwhere(counts > 0):
            rows.add(float(x[col : col + 2].mean()) / 100, float(y[row : row + 2].mean()) / 100, int(counts[col, row]))
    together = rank_correlation(fidelity, accuracy)
    words = "no rank correlation can be had" if np.isnan(together) else f"Spearman's rank correlation {together:.2f}"
    caption = (
        f"Copies (the lighter the more, logarithmic) by write fidelity and training accuracy, {WORDS[name]}: {words}."
    )
    alt = f"Density of {accuracy.size} copies over write fidelity and accuracy; {words}."
    return finish(figure, name=f"fidelity_accuracy_{name}", alt=alt, caption=caption, numbers=rows.columns)
