"""What it brings to choose which rows, columns and pair polarities carry which weight."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats
from labmtj.report import html
from labmtj.report.content import NONE
from labmtj.report.study.content import PARTS, PLACES, Content, Table, has, numbers, texts
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
from labmtj.report.study.groups import WORDS, diameters, named, of_kind, on_array, ordered, spread, tunings, wires
from labmtj.report.svg import INK

_WORDS = {"identity": "as numbered", "avoid_defects": "avoiding defects", "optimise": "optimised"}
_COLOURS = (ORANGE, BLUE, GREEN, PURPLE, VERMILION)
_SHOWN = ("untuned", "scale", "best")


def section(content: Content) -> Section:
    """Compare placements by the paired gap of their copies."""
    table = content.placements if has(content.placements, "place", "tuning") else _from_copies(content)
    places = [*(place for place in PLACES if place in named(table, "place"))]
    places += [place for place in named(table, "place") if place not in places]
    if len(places) < 2:
        only = f", {_words(places[0])}" if places else ""
        return Section("Placement", (html.paragraph(f"The study has one placement{only}: there is none to compare."),))
    names = [name for name in ordered(named(table, "tuning")) if name in _SHOWN]
    drawings = [_by_size(table, places, name) for name in names]
    text = "Mean paired gap to software with its scale tuned, in points; a loss is negative."
    return Section("Placement", (html.paragraph(text, kind="soft"), _table(table, places)), tuple(drawings))


def _words(place: str) -> str:
    return _WORDS.get(place, place)


def _from_copies(content: Content) -> Table:
    """Take the gaps of the copies themselves, where a study had several placements."""
    copies = content.copies
    if len(content.places) < 2:
        return {}
    names = on_array(tunings(copies))
    columns: dict[str, list[Floats]] = {
        name: [] for name in ("diameter_nm", "r_wire_ohm", *(f"gap_{p}" for p in PARTS))
    }
    for name in names:
        for column in ("diameter_nm", "r_wire_ohm"):
            columns[column].append(numbers(copies, column))
        for part in PARTS:
            gap = numbers(copies, f"{part}_{name}") - numbers(copies, f"{part}_software_scale")
            columns[f"gap_{part}"].append(100 * gap)
    table: dict[str, np.ndarray] = {name: np.concatenate(parts) for name, parts in columns.items() if parts}
    place = texts(copies, "place")
    table |= {"place": np.tile(place, len(names)), "tuning": np.repeat(np.array(names), len(place))}
    return table if names else {}


def _table(table: Table, places: list[str]) -> str:
    rows: list[list[str]] = []
    place, tuning = texts(table, "place"), texts(table, "tuning")
    for name in ordered(named(table, "tuning")):
        for each in places:
            here = (place == each) & (tuning == name)
            found = [spread(numbers(table, f"gap_{part}")[here]) for part in PARTS]
            cells = [NONE if not each.count else f"{each.mean:+.2f} / {each.p5:+.2f}" for each in found]
            rows.append([f"{WORDS.get(name, name)}: {_words(each)}", *cells])
    caption = "Over all kinds of dies: mean / 5th percentile of the gap, in points."
    return html.table(
        ["tuning and placement", *(f"gap, {part}" for part in PARTS)],
        rows,
        caption=caption,
        numbers=3,
        kind="wide dense",
    )


def _by_size(table: Table, places: list[str], name: str) -> Drawing:
    kinds = [(size, wire) for wire in wires(table) for size in diameters(table)]
    place, tuning, gap = texts(table, "place"), texts(table, "tuning"), numbers(table, "gap_train")
    means = np.full((len(places), len(kinds)), np.nan)
    rows = Rows("place", "diameter_nm", "r_wire_ohm", "tuning", "rows", "gap_train_mean", "gap_train_p5")
    for which, each in enumerate(places):
        for where, (size, wire) in enumerate(kinds):
            here = (place == each) & (tuning == name) & of_kind(table, diameter=size, wire=wire)
            found = spread(gap[here])
            means[which, where] = found.mean
            rows.add(each, size, wire, name, found.count, found.mean, found.p5)
    there = np.flatnonzero(np.isfinite(means).any(axis=0))
    means, kinds = means[:, there], [kinds[where] for where in there.tolist()]
    figure, axes = chart(
        f"Placement: {WORDS.get(name, name)}", x="diameter (nm), wires (ohm)", y="mean gap, train (points)"
    )
    x = categories(axes, [f"{size:g}\n{wire:g}" for size, wire in kinds])
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    for which, each in enumerate(places):
        shift, width = beside(which, len(places))
        axes.bar(x + shift, means[which], width, color=_COLOURS[which % len(_COLOURS)], label=_words(each))
    axes.tick_params(axis="x", labelsize=8.5)
    left, bottom, wide, tall = axes.get_position().bounds
    axes.set_position((left, bottom + 0.04, wide, tall - 0.04))
    legend(figure, axes)
    told = "; ".join(
        f"{_words(each)} {np.nanmean(means[which]):+.2f}" for which, each in enumerate(places) if means.size
    )
    caption = f"Mean paired gap in training, {WORDS.get(name, name)}, by size and wire. Over all kinds: {told} points."
    return finish(
        figure,
        name=f"placement_{name}",
        alt=f"Bars of the mean gap by kind: {told}.",
        caption=caption,
        numbers=rows.columns,
    )
