"""Accuracy against the time since the write, where the smallest junctions do not hold their state."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.study.content import Content, Table, chosen, has, numbers
from labmtj.report.study.drawing import (
    Drawing,
    Rows,
    Section,
    categories,
    chart,
    colour_of,
    finish,
    legend,
    stretched,
)
from labmtj.report.study.groups import WORDS, diameters, of_kind, spread, tunings, wires

_SHOWN = ("software_scale", "untuned", "scale", "best")
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def section(content: Content) -> Section:
    """Show how accuracy falls at rest."""
    table = content.ageing
    names = [name for name in _SHOWN if name in tunings(table)]
    if not has(table, "seconds") or not names:
        return Section(
            "Time since the write", (html.paragraph("Copies were judged only once, right after the write."),)
        )
    parts = [part for part in ("train", "test") if set(tunings(table, part=part)) & set(_SHOWN)]
    kinds = [(size, wire) for size in diameters(table) for wire in wires(table)]
    drawings = [
        _over_time(chosen(table, of_kind(table, diameter=size, wire=wire)), size, wire, part)
        for size, wire in kinds
        for part in parts
        if of_kind(table, diameter=size, wire=wire).any()
    ]
    text = (
        "The same copies after a time at rest, all tunings as they were found right after the write. Points are "
        "medians, lines reach from the 5th to the 95th percentile. The axis of time is by steps, not to scale."
    )
    return Section("Time since the write", (html.paragraph(text, kind="soft"),), tuple(drawings))


def in_words(seconds: float) -> str:
    """Write a time with its largest whole unit: 600 as "10 min"."""
    if seconds == 0:
        return "at once"
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (1.0, "s"))
    return f"{seconds / size:.3g} {unit}"


def _over_time(table: Table, diameter: float, wire: float, part: str) -> Drawing:
    seconds = numbers(table, "seconds")
    times = np.unique(seconds[np.isfinite(seconds)])
    figure, axes = chart(
        f"{diameter:g} nm, wires of {wire:g} ohm, {part}", x="time since the write", y=f"accuracy, {part} (%)"
    )
    x = categories(axes, [in_words(float(time)) for time in times])
    rows = Rows("seconds", "tuning", "rows", "mean", "p5", "median", "p95")
    names = [name for name in _SHOWN if name in tunings(table, part=part)]
    lowest, told = 100.0, ""
    for place, name in enumerate(names):
        found = [spread(numbers(table, f"{part}_{name}")[seconds == time]) for time in times]
        median, p5, p95 = (100 * np.array([getattr(each, key) for each in found]) for key in ("median", "p5", "p95"))
        shift = 0.1 * (place - (len(names) - 1) / 2)
        if name != "software_scale":
            axes.vlines(x + shift, p5, p95, color=colour_of(name), linewidth=1.1)
        axes.plot(x + shift, median, "o-", color=colour_of(name), markersize=4.5, linewidth=1.3, label=WORDS[name])
        for time, each in zip(times.tolist(), found, strict=True):
            rows.add(time, name, each.count, each.mean, each.p5, each.median, each.p95)
        lowest = min([lowest, *p5[np.isfinite(p5)].tolist()])
        first, last = in_words(float(times[0])), in_words(float(times[-1]))
        told = f"Median, {WORDS[name]}: {median[0]:.1f} % {first}, {median[-1]:.1f} % after {last}"
    stretched(axes, lowest)
    legend(figure, axes)
    alt = f"Median accuracy over {len(times)} times since the write. {told}."
    return finish(
        figure, name=f"ageing_{part}_{diameter:g}nm_{wire:g}ohm", alt=alt, caption=f"{told}.", numbers=rows.columns
    )
