"""What it brings to choose which rows, columns and pair polarities carry which weight."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats
from labmtj.report import html
from labmtj.report.content import NONE
from labmtj.report.study.content import PARTS, PLACES, Content, Table, has, length, numbers
from labmtj.report.study.drawing import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    VERMILION,
    Drawing,
    Rows,
    Section,
    beside,
    categories,
    chart,
    finish,
    legend,
)
from labmtj.report.study.groups import WORDS, gaps, on_array, ordered, signed, split, spread, tunings
from labmtj.report.svg import INK

_WORDS = {"identity": "as numbered", "avoid_defects": "avoiding defects", "optimise": "optimised"}
_COLOURS = (ORANGE, BLUE, GREEN, PURPLE, VERMILION)
_SHOWN = ("untuned", "scale", "best")


Cells = dict[tuple[str, str, float, float], dict[str, Floats]]
"""Gaps [points] by part of the samples, of each placement, tuning, diameter [nm] and wire [ohm a segment]."""


def section(content: Content) -> Section:
    """Compare placements by the paired gap of their copies."""
    cells = _from_table(content.placements) or _from_copies(content)
    found = {key[0] for key in cells}
    places = [*(place for place in PLACES if place in found), *sorted(found - set(PLACES))]
    if len(places) < 2:
        only = f", {_words(places[0])}" if places and places[0] else ""
        return Section("Placement", (html.paragraph(f"The study has one placement{only}: there is none to compare."),))
    names = [name for name in ordered(key[1] for key in cells) if name in _SHOWN]
    drawings = [_by_size(cells, places, name) for name in names]
    text = "Mean paired gap to software with its scale tuned, in points; a loss is negative."
    return Section("Placement", (html.paragraph(text, kind="soft"), _table(cells, places)), tuple(drawings))


def _words(place: str) -> str:
    return _WORDS.get(place, place)


def _from_table(table: Table) -> Cells:
    if not has(table, "place", "tuning"):
        return {}
    gap = {part: numbers(table, f"gap_{part}") for part in PARTS}
    groups = split(table, "place", "tuning", "diameter_nm", "r_wire_ohm")
    return {
        (place, tuning, size, wire): {part: values[rows] for part, values in gap.items()}
        for (place, tuning, size, wire), rows in groups.items()
    }


def _from_copies(content: Content) -> Cells:
    """Take the gaps of the copies themselves, where a study had several placements."""
    copies, cells = content.copies, Cells()
    if not length(copies):
        return cells
    groups = split(copies, "place", "diameter_nm", "r_wire_ohm")
    for tuning in on_array(tunings(copies)):
        gap = {part: gaps(copies, tuning, part) for part in PARTS}
        for (place, size, wire), rows in groups.items():
            cells[str(place), tuning, size, wire] = {part: values[rows] for part, values in gap.items()}
    return cells


def _table(cells: Cells, places: list[str]) -> str:
    rows: list[list[str]] = []
    for name in ordered(key[1] for key in cells):
        for place in places:
            here = [gap for key, gap in cells.items() if key[:2] == (place, name)]
            found = [spread(np.concatenate([gap[part] for gap in here] or [np.empty(0)])) for part in PARTS]
            texts = [NONE if not each.count else f"{signed(each.mean)} / {signed(each.p5)}" for each in found]
            rows.append([f"{WORDS.get(name, name)}: {_words(place)}", *texts])
    caption = "Over all kinds of dies: mean / 5th percentile of the gap, in points."
    head = ["tuning and placement", *(f"gap, {part}" for part in PARTS)]
    return html.table(head, rows, caption=caption, numbers=3, kind="wide dense")


def _by_size(cells: Cells, places: list[str], name: str) -> Drawing:
    kinds = sorted({(wire, size) for _, tuning, size, wire in cells if tuning == name})
    means = np.full((len(places), len(kinds)), np.nan)
    rows = Rows("place", "diameter_nm", "r_wire_ohm", "tuning", "rows", "gap_train_mean", "gap_train_p5")
    for which, place in enumerate(places):
        for where, (wire, size) in enumerate(kinds):
            gap = cells.get((place, name, size, wire))
            found = spread(np.empty(0) if gap is None else gap["train"])
            means[which, where] = found.mean
            rows.add(place, size, wire, name, found.count, found.mean, found.p5)
    title = f"Placement: {WORDS.get(name, name)}"
    figure, axes = chart(title, x="diameter (nm), wires (ohm)", y="mean gap, train (points)")
    x = categories(axes, [f"{size:g}\n{wire:g}" for wire, size in kinds])
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    for which, place in enumerate(places):
        shift, width = beside(which, len(places))
        axes.bar(x + shift, means[which], width, color=_COLOURS[which % len(_COLOURS)], label=_words(place))
    axes.tick_params(axis="x", labelsize=8.5)
    left, bottom, wide, tall = axes.get_position().bounds
    axes.set_position((left, bottom + 0.04, wide, tall - 0.04))
    legend(figure, axes)
    told = "; ".join(f"{_words(place)} {signed(spread(means[which]).mean)}" for which, place in enumerate(places))
    words = WORDS.get(name, name)
    caption = f"Mean paired gap in training, {words}, by size and wire. Over all kinds: {told} points."
    alt = f"Bars of the mean gap by kind: {told}."
    return finish(figure, name=f"placement_{name}", alt=alt, caption=caption, numbers=rows.columns)
