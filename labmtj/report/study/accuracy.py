"""Distributions of accuracy by size and wire, over the solutions, and against the scale."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.study import paper
from labmtj.report.study.content import Content, Table, chosen, has, numbers
from labmtj.report.study.drawing import (
    COLOURS,
    GREY,
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
from labmtj.report.svg import BLUE, GREEN, INK, ORANGE

_SHOWN = ("untuned", "scale", "best")
_PART_WORDS = {"train": "training samples", "test": "test samples"}


def section(content: Content) -> Section:
    """Show how accuracy is spread over networks and dies."""
    table = content.shown
    drawings = draw_all(
        lambda: [_by_size(table, wire, part) for part in _PART_WORDS for wire in wires(table) if _any(table, part)],
        lambda: _over_solutions(table),
        lambda: _against_scale(content),
        lambda: [_tuned_scale(table)] if has(table, "scale") else [],
    )
    text = (
        "Boxes hold the middle half of all copies (networks and dies), lines reach from the 5th to the 95th "
        "percentile, bars across are medians. The axis is drawn wider near 100 %. Dashed: "
        f"{paper.NAME} ({paper.SOURCE}), read as 141 of the 148 training wines, which is inferred."
    )
    before = [html.paragraph(text, kind="soft")] if drawings else []
    if not _any(table, "train"):
        before.append(html.paragraph("No copy of this study has an accuracy: there is nothing to show."))
    return Section("Accuracy by size and wire", tuple(before), drawings)


def _any(table: Table, part: str) -> bool:
    return bool(set(tunings(table, part=part)) & set(_SHOWN))


def _by_size(table: Table, wire: float, part: str) -> Drawing:
    names = [name for name in _SHOWN if name in tunings(table, part=part)]
    sizes = diameters(chosen(table, of_kind(table, wire=wire)))
    figure, axes = chart(
        f"{_PART_WORDS[part].capitalize()}, wires of {wire:g} ohm", x="diameter (nm)", y="accuracy (%)"
    )
    x = categories(axes, [f"{size:g}" for size in sizes])
    rows = Rows("diameter_nm", "r_wire_ohm", "tuning", "copies", "mean", "p5", "p25", "median", "p75", "p95")
    lowest = 100.0
    for place, name in enumerate(names):
        found = [spread(numbers(table, f"{part}_{name}")[of_kind(table, diameter=size, wire=wire)]) for size in sizes]
        shift, width = beside(place, len(names))
        boxes(axes, x + shift, found, colour=colour_of(name), width=width, label=WORDS[name])
        for size, each in zip(sizes, found, strict=True):
            rows.add(size, wire, name, each.count, each.mean, each.p5, each.p25, each.median, each.p75, each.p95)
        lowest = min([lowest, *(100 * each.p5 for each in found if each.count)])
    software = spread(numbers(table, f"{part}_software_scale")[of_kind(table, wire=wire)])
    if software.count:
        axes.axhline(
            100 * software.median, color=INK, linewidth=0.9, linestyle=":", label="software, scale tuned: median"
        )
    if part == "train":
        axes.axhline(100 * paper.ACCURACY, color=GREY, linewidth=1.2, linestyle="--", label=paper.NAME)
    stretched(axes, lowest)
    for where, size in zip(x.tolist(), sizes, strict=True):
        here = of_kind(table, diameter=size, wire=wire)
        if not any(np.isfinite(numbers(table, f"{part}_{name}")[here]).any() for name in names):
            axes.text(where, 0.04, "none judged", transform=axes.get_xaxis_transform(), ha="center", fontsize=8.5)
    legend(figure, axes, across=3)
    medians = ", ".join(
        f"{WORDS[name]} {100 * spread(numbers(table, f'{part}_{name}')[of_kind(table, wire=wire)]).median:.1f} %"
        for name in names
    )
    alt = f"Boxes of accuracy on {_PART_WORDS[part]} for {len(sizes)} diameters. Medians of all: {medians}."
    caption = (
        f"Accuracy on {_PART_WORDS[part]} with wires of {wire:g} ohm a segment. Medians over all sizes: {medians}."
    )
    return finish(figure, name=f"accuracy_{part}_{wire:g}ohm", alt=alt, caption=caption, numbers=rows.columns)


def _over_solutions(table: Table) -> list[Drawing]:
    """Accuracy of each solution (median over its dies), for the size nearest the middle and for the worst kind."""
    if not _any(table, "train"):
        return []
    known = np.isfinite([numbers(table, f"train_{name}") for name in _SHOWN if f"train_{name}" in table])
    judged = chosen(table, np.asarray(known.any(axis=0), dtype=np.bool_))
    sizes, resistances = diameters(judged), wires(judged)
    first = (sizes[len(sizes) // 2], resistances[len(resistances) // 2])
    last = (sizes[-1], resistances[-1])
    return [drawn for kind in dict.fromkeys((first, last)) if (drawn := _solutions(table, *kind)) is not None]


def _solutions(table: Table, diameter: float, wire: float) -> Drawing | None:
    here = chosen(table, of_kind(table, diameter=diameter, wire=wire))
    networks = numbers(here, "network")
    names = [name for name in ("software_scale", *_SHOWN) if name in tunings(here)]
    title = f"Every solution: {diameter:g} nm, wires of {wire:g} ohm"
    figure, axes = chart(title, x="solutions, each curve from its best (%)", y="accuracy in training (%)")
    rows = Rows("tuning", "rank", "network", "accuracy")
    lowest, count = 100.0, 0
    for name in names:
        values = numbers(here, f"train_{name}")
        known = np.unique(networks[np.isfinite(values)])
        medians = np.array([float(np.nanmedian(values[networks == network])) for network in known])
        order = np.argsort(-medians, kind="stable")
        if not order.size:
            continue
        share = 100 * (np.arange(len(order)) + 0.5) / len(order)
        colour = COLOURS["software_scale"] if name == "software_scale" else colour_of(name)
        style = ":" if name == "software_scale" else "-"
        mark = "o" if len(order) < 3 else ""
        axes.plot(
            share, 100 * medians[order], color=colour, linestyle=style, marker=mark, linewidth=1.6, label=WORDS[name]
        )
        for rank, place in enumerate(order.tolist(), start=1):
            rows.add(name, rank, int(known[place]), float(medians[place]))
        lowest, count = min(lowest, 100 * float(np.percentile(medians, 1))), max(count, len(order))
    if not count:
        return None
    axes.axhline(100 * paper.ACCURACY, color=GREY, linewidth=1.2, linestyle="--", label=paper.NAME)
    axes.set_xlim(0, 100)
    stretched(axes, lowest)
    legend(figure, axes, across=3)
    alt = f"Training accuracy of {count} solutions, sorted, at {diameter:g} nm and {wire:g} ohm."
    caption = f"{count} weight solutions at {diameter:g} nm and {wire:g} ohm, each the median over its dies, sorted."
    return finish(figure, name=f"solutions_{diameter:g}nm_{wire:g}ohm", alt=alt, caption=caption, numbers=rows.columns)


def _against_scale(content: Content) -> list[Drawing]:
    """Accuracy against the scale f: public solutions of the paper's origin, and this study's networks if tried."""
    figure, axes = chart("Accuracy against the scale", x="scale f = Gnorm / (Gon - Goff)", y="mean accuracy (%)")
    rows = Rows("which", "f", "accuracy")
    public = np.array(list(paper.PUBLIC_SCALES.items()))
    axes.plot(
        public[:, 0], 100 * public[:, 1], "D", color=INK, markersize=5, label="300 public solutions, train (computed)"
    )
    for scale, accuracy in paper.PUBLIC_SCALES.items():
        rows.add("public solutions, software, train (computed)", scale, accuracy)
    curves = {
        "train": ("software, train", GREEN, "-"),
        "test": ("software, test", ORANGE, "--"),
        "array_train": ("array, train", BLUE, "-"),
        "array_test": ("array, test", BLUE, "--"),
    }
    for column, (label, colour, style) in curves.items():
        if has(content.scales, "f", column):
            scale, accuracy = numbers(content.scales, "f"), numbers(content.scales, column)
            axes.plot(scale, 100 * accuracy, color=colour, linestyle=style, linewidth=1.5, label=label)
            for each, value in zip(scale.tolist(), accuracy.tolist(), strict=True):
                rows.add(label, each, value)
    legend(figure, axes, across=3)
    points = ", ".join(f"{100 * value:g} % at {scale:g}" for scale, value in paper.PUBLIC_SCALES.items())
    caption = (
        "Diamonds: mean training accuracy in software of 300 solutions that the paper's group has published, computed "
        "from their weights (no value of the paper)."
    )
    if not has(content.scales, "f", "train"):
        caption += " This study did not try its own networks over the scale."
    return [
        finish(figure, name="scale", alt=f"Accuracy against scale: {points}.", caption=caption, numbers=rows.columns)
    ]


def _tuned_scale(table: Table) -> Drawing:
    figure, axes = chart("The scale that tuning chose", x="diameter (nm)", y="scale f")
    sizes = diameters(table)
    x = categories(axes, [f"{size:g}" for size in sizes])
    rows = Rows("diameter_nm", "r_wire_ohm", "copies", "median", "p5", "p95")
    for place, wire in enumerate(wires(table)):
        found = [spread(numbers(table, "scale")[of_kind(table, diameter=size, wire=wire)]) for size in sizes]
        shift, _ = beside(place, len(wires(table)), span=0.5)
        median, p5, p95 = (np.array([getattr(each, name) for each in found]) for name in ("median", "p5", "p95"))
        colour = WIRES[place % len(WIRES)]
        axes.vlines(x + shift, p5, p95, color=colour, linewidth=1.2)
        axes.plot(x + shift, median, "o-", color=colour, markersize=4, linewidth=1.2, label=f"{wire:g} ohm")
        for size, each in zip(sizes, found, strict=True):
            rows.add(size, wire, each.count, each.median, each.p5, each.p95)
    software = spread(numbers(table, "software_scale"))
    if software.count:
        axes.axhline(software.median, color=INK, linewidth=0.9, linestyle=":", label="software, median")
    legend(figure, axes)
    alt = f"The tuned scale against diameter; software's median is {software.median:.2f}."
    caption = "Medians and 5th to 95th percentiles of the one scale, tuned on the training samples of each copy."
    return finish(figure, name="tuned_scale", alt=alt, caption=caption, numbers=rows.columns)
