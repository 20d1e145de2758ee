"""Which measures of a copy predict its accuracy: rankings with intervals, the predictor itself, and within one size."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.content import number
from labmtj.report.study.content import Content, Table, chosen, has, numbers, texts
from labmtj.report.study.density import binned, draw_density, rank_correlation
from labmtj.report.study.drawing import (
    MARKS,
    Column,
    Drawing,
    Rows,
    Section,
    beside,
    categories,
    chart,
    draw_all,
    finish,
    legend,
)
from labmtj.report.study.groups import diameters, named, of_kind, spread
from labmtj.report.svg import BLUE, GREEN, INK, ORANGE

POOLED = "pooled"
# chosen: more lines are hard to read beside one another; the CSV holds all.
_RANKED, _WITHIN = 16, 4
_COLOURS = (GREEN, BLUE, ORANGE, INK)


def section(content: Content) -> Section:
    """Rank the measures, and show what the best of them says, pooled and within one size."""
    table = content.prediction
    medians = _medians(content.shown)
    if not has(table, "target", "measure", "scope", "spearman"):
        text = "No measure was compared with accuracy in this study."
        return Section("Measures: what predicts a good copy", (html.paragraph(text),), after=medians)
    targets = named(table, "target")
    drawings = draw_all(
        lambda: [drawn for target in targets if (drawn := _ranking(table, target)) is not None],
        lambda: [drawn for target in targets if (drawn := _scatter(content, target)) is not None],
        lambda: [drawn for target in targets if (drawn := _within(content, target)) is not None],
    )
    text = (
        "Spearman's rank correlation of each measure with what it should predict, with its interval; the sign says "
        "which way it goes. Pooled over sizes and wires, much of it may be that some kinds of dies are worse than "
        "others; within one size only what tells one copy from another counts."
    )
    return Section("Measures: what predicts a good copy", (html.paragraph(text, kind="soft"),), drawings, medians)


def _slug(target: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in target.lower()).strip("_")


def _plain(name: str) -> str:
    return name.removeprefix("m_").replace("_", " ")


def _ranking(table: Table, target: str) -> Drawing | None:
    here = chosen(table, (texts(table, "target") == target) & (texts(table, "scope") == POOLED))
    order = np.argsort(-np.abs(np.nan_to_num(numbers(here, "spearman"))), kind="stable")
    here = {name: column[order] for name, column in here.items()}
    names, labels = texts(here, "measure"), texts(here, "labels")
    value, low, high = (numbers(here, name) for name in ("spearman", "low", "high"))
    known = np.isfinite(value)
    if not known.any():
        return None
    count = min(_RANKED, int(known.sum()))
    figure, axes = chart(
        f"What predicts: {_plain(target)}", x="Spearman's rank correlation", y="", height=1.25 + 0.24 * count
    )
    free = labels[:count] == "none"
    y = np.arange(count)
    kinds = [(free, GREEN, "without labels"), (~free, BLUE, "other measures" if free.any() else "measures")]
    for mask, colour, label in kinds:
        if mask.any():
            axes.hlines(y[mask], low[:count][mask], high[:count][mask], color=colour, linewidth=1.6)
            axes.plot(value[:count][mask], y[mask], "o", color=colour, markersize=5, label=label)
    axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    axes.set_yticks(y, labels=[_plain(name) for name in names[:count]], fontsize=9)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_xlim(-1.05, 1.05)
    axes.set_xticks([-1, -0.5, 0, 0.5, 1], labels=["-1", "-0.5", "0", "0.5", "1"])
    axes.grid(visible=True, axis="x", color=INK, alpha=0.12, linewidth=0.6)
    left, bottom, wide, tall = axes.get_position().bounds
    longest = max(len(_plain(name)) for name in names[:count])
    move = min(0.35, max(0.0, 0.0105 * longest - 0.06))
    axes.set_position((left + move, bottom, wide - move, tall))
    legend(figure, axes)
    told = {"measure": names.tolist(), "labels": labels.tolist()}
    rows: dict[str, Column] = {**told, "spearman": value, "low": low, "high": high}
    first = f"{_plain(names[0])} {value[0]:+.2f} ({low[0]:+.2f} to {high[0]:+.2f})"
    rest = f" The first {count} of {len(names)}; the others are in the CSV." if len(names) > count else ""
    caption = f"Pooled over sizes and wires, by the size of the correlation. First: {first}.{rest}"
    alt = f"Rank correlations of {count} measures with {_plain(target)}; the first is {first}."
    return finish(figure, name=f"ranking_{_slug(target)}", alt=alt, caption=caption, numbers=rows)


def _scatter(content: Content, target: str) -> Drawing | None:
    """The named predictor against its target, as counts of copies."""
    measure = content.predictors.get(target, "").removeprefix("m_")
    if not has(content.copies, f"m_{measure}") or not has(content.targets, target):
        return None
    mask = content.shown_mask
    x, y = numbers(content.copies, f"m_{measure}")[mask], numbers(content.targets, target)[mask]
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if x.size < 2:
        return None
    logarithmic = bool((x > 0).all() and x.max() > 50 * x.min())
    figure, axes = chart(
        f"{_plain(measure)} and {_plain(target)}",
        x=_plain(measure),
        y=_plain(target),
    )
    drawn_x = np.log10(x) if logarithmic else x
    counts, across, up = binned(drawn_x, y)
    draw_density(axes, counts, across, up)
    if logarithmic:
        powers = list(range(int(np.ceil(across[0])), int(np.floor(across[-1])) + 1))
        axes.set_xticks(powers, labels=[f"{10.0**power:g}" for power in powers])
    rows = Rows("log10_measure" if logarithmic else "measure", "target", "copies")
    for col, row in np.argwhere(counts > 0):
        rows.add(float(across[col : col + 2].mean()), float(up[row : row + 2].mean()), int(counts[col, row]))
    together = rank_correlation(x, y)
    words = "no rank correlation can be had" if np.isnan(together) else f"Spearman's rank correlation {together:+.2f}"
    caption = f"{x.size} copies of all sizes and wires (the lighter the more, logarithmic): {words}."
    alt = f"Density of copies over {_plain(measure)} and {_plain(target)}: {words}."
    return finish(figure, name=f"predictor_{_slug(target)}", alt=alt, caption=caption, numbers=rows.columns)


def _within(content: Content, target: str) -> Drawing | None:
    """The predictor and the best measures, each within one size (or whatever the scopes are)."""
    table = content.prediction
    here = chosen(table, (texts(table, "target") == target))
    scopes = [scope for scope in named(here, "scope") if scope != POOLED]
    if not scopes:
        return None
    names = _best(here, content.predictors.get(target, ""))
    figure, axes = chart(f"Within one kind: {_plain(target)}", x="within", y="Spearman's rank correlation")
    x = categories(axes, [scope.replace(", ", "\n") for scope in scopes])
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    rows = Rows("scope", "measure", "spearman", "low", "high")
    measure, scope = texts(here, "measure"), texts(here, "scope")
    value, low, high = (numbers(here, name) for name in ("spearman", "low", "high"))
    for place, name in enumerate(names):
        shift, _ = beside(place, len(names), span=0.6)
        found = np.full((3, len(scopes)), np.nan)
        for where, each in enumerate(scopes):
            at = np.flatnonzero((measure == name) & (scope == each))
            if at.size:
                found[:, where] = value[at[0]], low[at[0]], high[at[0]]
            rows.add(each, name, *found[:, where].tolist())
        colour = _COLOURS[place % len(_COLOURS)]
        axes.vlines(x + shift, found[1], found[2], color=colour, linewidth=1.4)
        axes.plot(x + shift, found[0], MARKS[place % len(MARKS)], color=colour, markersize=5, label=_plain(name))
    axes.set_ylim(-1.03, 1.03)
    if len(scopes) > 9:
        axes.tick_params(axis="x", labelsize=7.5, rotation=60)
    left, bottom, wide, tall = axes.get_position().bounds
    move = 0.09 if len(scopes) > 9 or any("," in scope for scope in scopes) else 0.0
    axes.set_position((left, bottom + move, wide, tall - move))
    legend(figure, axes, across=2)
    widest = spread(high - low).median
    caption = (
        "The named predictor and the measures that rank first when pooled, within each kind alone. The median "
        f"interval is {number(widest, 2)} wide."
    )
    alt = f"Rank correlations within {len(scopes)} kinds for {', '.join(_plain(name) for name in names)}."
    return finish(figure, name=f"within_{_slug(target)}", alt=alt, caption=caption, numbers=rows.columns)


def _best(here: Table, predictor: str) -> list[str]:
    pooled = chosen(here, texts(here, "scope") == POOLED)
    size = np.nan_to_num(np.abs(numbers(pooled, "spearman")))
    ranked = texts(pooled, "measure")[np.argsort(-size, kind="stable")].tolist() or named(here, "measure")
    known = [name for name in (predictor, predictor.removeprefix("m_")) if name in named(here, "measure")]
    return list(dict.fromkeys([*known, *ranked]))[:_WITHIN]


def _medians(table: Table) -> tuple[str, ...]:
    """All measures of the copies: their medians by diameter, folded."""
    names = sorted(name for name in table if name.startswith("m_"))
    sizes = diameters(table)
    if not names or not sizes:
        return ()
    masks = [of_kind(table, diameter=size) for size in sizes]
    rows = [[_plain(name), *(number(spread(numbers(table, name)[mask]).median) for mask in masks)] for name in names]
    head = ["median over wires, dies and networks", *(f"{size:g} nm" for size in sizes)]
    body = html.table(
        head, rows, caption="In the units of the measure; every copy's own is in the table.", numbers=len(sizes)
    )
    return (html.details(f"Medians of {len(names)} measures by diameter", body),)
