"""Which failures cost the accuracy: each alone, each left out, all together."""

from __future__ import annotations

from typing import Any

import numpy as np

from labmtj.report import html
from labmtj.report.study.content import PARTS, Content, Table, has, numbers, texts
from labmtj.report.study.drawing import (
    BLUE,
    GREY,
    ORANGE,
    Drawing,
    Rows,
    Section,
    chart,
    finish,
    heat,
    legend,
)
from labmtj.report.study.groups import WORDS, ordered, signed, split, spread
from labmtj.report.svg import INK

_SHOWN = ("untuned", "scale", "best")


def section(content: Content) -> Section:
    """Show the loss that each failure causes by itself, and what its absence would give back."""
    table = content.ablation
    if not has(table, "variant", "failure", "tuning", "gap_train"):
        return Section("Which failures cause the loss", (html.paragraph("This study has no ablation."),))
    means = Means(table)
    names = [name for name in means.tunings if name in _SHOWN]
    drawings = [_pooled(means, name, part) for part in ("train", "test") for name in names]
    drawings += [_alone(means, name, wire) for name in names for wire in means.wires if means.diameters]
    text = (
        "The same copies with one failure and all else ideal (alone), with all but one (left out), with all and with "
        "none. Failures do not add up: a sample that two of them spoil is lost once. Gaps are paired against "
        "software with its scale tuned; a loss is negative."
    )
    return Section("Which failures cause the loss", (html.paragraph(text, kind="soft"),), tuple(drawings))


def _plain(failure: str) -> str:
    return failure.replace("_", " ")


class Means:
    """Mean gap [points] of each variant, failure, tuning and kind of die; sizes and wires count alike when pooled."""

    def __init__(self, table: Table) -> None:
        variant = texts(table, "variant")
        alone = (variant == "only") | (variant == "without")
        named = {**table, "failure": np.where(alone, texts(table, "failure"), "")}
        groups = split(named, "variant", "failure", "tuning", "diameter_nm", "r_wire_ohm")
        gap = {part: numbers(table, f"gap_{part}") for part in PARTS}
        self.cells: dict[tuple[Any, ...], dict[str, float]] = {
            key: {part: spread(values[rows]).mean for part, values in gap.items()} for key, rows in groups.items()
        }
        self.failures = list(dict.fromkeys(texts(table, "failure")[alone].tolist()))
        self.tunings = ordered(key[2] for key in self.cells)
        self.diameters = sorted({key[3] for key in self.cells if np.isfinite(key[3])})
        self.wires = sorted({key[4] for key in self.cells if np.isfinite(key[4])})

    def pooled(self, variant: str, failure: str, tuning: str, part: str) -> float:
        """Mean over all kinds, nan if there are none."""
        found = [gap[part] for key, gap in self.cells.items() if key[:3] == (variant, failure, tuning)]
        return spread(np.array(found, dtype=np.float64)).mean

    def of(self, variant: str, failure: str, tuning: str, *, diameter: float, wire: float) -> float:
        """Mean of one kind in training, nan if it was not tried."""
        return self.cells.get((variant, failure, tuning, diameter, wire), {"train": float("nan")})["train"]


def _pooled(means: Means, name: str, part: str) -> Drawing:
    failures = means.failures
    title = f"{WORDS.get(name, name).capitalize()}: gap by failure, {part}"
    figure, axes = chart(title, x="mean paired gap (points)", y="", height=max(2.6, 1.6 + 0.42 * len(failures)))
    y = np.arange(len(failures), dtype=np.float64)
    found = {
        variant: np.array([means.pooled(variant, failure, name, part) for failure in failures])
        for variant in ("only", "without")
    }
    ends = {variant: means.pooled(variant, "", name, part) for variant in ("all", "none")}
    axes.use_sticky_edges = False  # a bar's end on the frame puts the tick's text beyond the figure
    axes.barh(y - 0.19, found["only"], 0.34, color=ORANGE, label="alone")
    axes.barh(y + 0.19, found["without"], 0.34, color=BLUE, label="all others (left out)")
    for variant, style, label in (("all", "--", "all together"), ("none", ":", "none")):
        if np.isfinite(ends[variant]):
            axes.axvline(
                ends[variant], color=INK if variant == "all" else GREY, linewidth=1.2, linestyle=style, label=label
            )
    axes.set_yticks(y, labels=[_plain(failure) for failure in failures])
    axes.set_ylim(len(failures) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=INK, alpha=0.12, linewidth=0.6)
    left, bottom, wide, tall = axes.get_position().bounds
    axes.set_position((left + 0.08, bottom, wide - 0.08, tall))
    legend(figure, axes)
    rows = Rows("failure", "only", "without", "all", "none")
    for failure, alone, without in zip(failures, found["only"].tolist(), found["without"].tolist(), strict=True):
        rows.add(failure, alone, without, ends["all"], ends["none"])
    told = ", ".join(
        f"{failure.replace('_', ' ')} {signed(float(value))}"
        for failure, value in zip(failures, found["only"], strict=True)
    )
    caption = (
        f"{WORDS.get(name, name).capitalize()}, {part} samples, mean over the sizes and wires of the ablation. All "
        f"together: {signed(ends['all'])} points. Alone: {told}."
    )
    alt = f"Bars of the mean gap with each failure alone and left out. Alone: {told}."
    return finish(figure, name=f"ablation_{name}_{part}", alt=alt, caption=caption, numbers=rows.columns)


def _alone(means: Means, name: str, wire: float) -> Drawing:
    failures, sizes = means.failures, means.diameters
    lines = [*failures, "all together"]
    values = np.full((len(lines), len(sizes)), np.nan)
    rows = Rows("failure", "diameter_nm", "r_wire_ohm", "tuning", "gap_train_mean")
    for down, failure in enumerate(lines):
        for across, size in enumerate(sizes):
            variant, which = ("all", "") if down == len(failures) else ("only", failure)
            values[down, across] = means.of(variant, which, name, diameter=size, wire=wire)
            rows.add(failure, size, wire, name, float(values[down, across]))
    figure, axes = chart(
        f"{WORDS.get(name, name).capitalize()}, wires of {wire:g} ohm: each alone",
        x="diameter (nm)",
        y="",
        height=max(2.4, 1.3 + 0.36 * len(lines)),
    )
    known = values[np.isfinite(values)]
    # one colour scale for all kinds of a tuning would hide what happens in the small ones: text says the numbers
    low = float(min(known.min(), -0.5)) if known.size else -1.0
    labels = [_plain(failure) for failure in lines]
    heat(figure, axes, values, across=[f"{size:g}" for size in sizes], down=labels, span=(low, 0.0))
    left, bottom, wide, tall = axes.get_position().bounds
    axes.set_position((left + 0.08, bottom, wide - 0.08, tall))
    worst = "" if not known.size else f" The largest loss is {known.min():.2f} points."
    caption = f"Mean paired gap in training (points) with one failure and all else ideal, wires of {wire:g} ohm.{worst}"
    return finish(
        figure,
        name=f"ablation_{name}_{wire:g}ohm",
        alt=f"Table of gaps by failure and diameter.{worst}",
        caption=caption,
        numbers=rows.columns,
    )


def worst_alone(table: Table) -> list[str]:
    """Say which failure costs most by itself, for each tuning shown; nothing without an ablation."""
    if not has(table, "variant", "failure", "tuning", "gap_train"):
        return []
    said: list[str] = []
    means = Means(table)
    for name in means.tunings:
        alone = {failure: means.pooled("only", failure, name, "train") for failure in means.failures}
        known = {failure: value for failure, value in alone.items() if np.isfinite(value)}
        if name in _SHOWN and known:
            worst = min(known, key=lambda failure: known[failure])
            together = means.pooled("all", "", name, "train")
            words = "" if np.isnan(together) else f"; all failures together give {signed(together)}"
            said.append(
                f"Ablation, {WORDS[name]}: the largest loss from one failure alone is that of {_plain(worst)}, a mean "
                f"gap of {signed(known[worst])} points in training over the kinds that were tried{words}."
            )
    return said
