"""What each way to tune a copy brings, and what it costs."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.content import NONE
from labmtj.report.study.content import Content, Table, chosen, has, numbers, texts
from labmtj.report.study.drawing import (
    MARKS,
    Drawing,
    Rows,
    Section,
    categories,
    chart,
    colour_of,
    draw_all,
    finish,
    legend,
)
from labmtj.report.study.groups import (
    WORDS,
    diameters,
    gaps,
    mean_interval,
    of_kind,
    on_array,
    signed,
    spread,
    tunings,
    wires,
)
from labmtj.report.svg import INK

_PARTS = {"train": "training samples", "test": "test samples"}


def section(content: Content) -> Section:
    """Compare tunings: gain over none, gap to software, extra measurements."""
    table = content.shown
    names = on_array(tunings(table))
    if not names:
        return Section("Tuning", (html.paragraph("No tuning of this study was judged."),))
    text = (
        "Every tuning sees training samples only and is judged on the test samples, which had no part in it. The gap "
        "is paired, copy by copy, against software of the same network with its scale tuned in the same way; a loss is "
        "negative. Intervals are 95 % over networks (not over dies, of which there are few)."
    )
    compared = has(table, "train_software_scale")
    drawings = draw_all(
        lambda: [_cost(content, table, names)] if "untuned" in names and len(names) > 1 else [],
        lambda: [_gap(table, names, wire, part) for part in _PARTS for wire in wires(table) if compared],
    )
    return Section(
        "Effect and cost of each tuning", (html.paragraph(text, kind="soft"), _table(content, table, names)), drawings
    )


def _costs(content: Content) -> dict[str, tuple[float, str, str]]:
    """Extra measurements of each tuning, what of, and what labels it used."""
    table = content.costs
    if not has(table, "tuning", "measurements"):
        found = {name: numbers(content.copies, f"measurements_{name}") for name in on_array(tunings(content.copies))}
        return {name: (spread(values[values >= 0]).median, "", "") for name, values in found.items()}
    columns = (
        texts(table, "tuning"),
        numbers(table, "measurements"),
        texts(table, "calibration"),
        texts(table, "labels"),
    )
    return {
        str(name): (float(count), str(what), str(labels)) for name, count, what, labels in zip(*columns, strict=True)
    }


def _table(content: Content, table: Table, names: tuple[str, ...]) -> str:
    costs, networks = _costs(content), numbers(table, "network")
    rows: list[list[str]] = []
    for name in names:
        measurements, what, labels = costs.get(name, (float("nan"), "", ""))
        row = [
            WORDS.get(name, name),
            NONE if np.isnan(measurements) else f"{measurements:g}",
            what or NONE,
            labels or NONE,
        ]
        row += [
            signed(float(np.nanmean(gain)) if np.isfinite(gain).any() else float("nan"))
            for gain in (
                100 * (numbers(table, f"{part}_{name}") - numbers(table, f"{part}_untuned")) for part in _PARTS
            )
        ]
        for part in (*_PARTS, "all"):
            mean, low, high = mean_interval(gaps(table, name, part), clusters=networks)
            row.append(signed(mean) + ("" if np.isnan(low) else f" ({signed(low)} to {signed(high)})"))
        rows.append(row)
    head = ["tuning", "extra measurements", "of what", "labels", "gain, train", "gain, test"]
    head += [f"gap, {part}" for part in (*_PARTS, "all")]
    caption = (
        "Means over all copies, in points. Gain: over the untuned copy. Extra measurements: of one copy, beyond the "
        f"map that writing leaves behind; {NONE}: not recorded."
    )
    return html.table(head, rows, caption=caption, numbers=5, kind="wide dense")


def _cost(content: Content, table: Table, names: tuple[str, ...]) -> Drawing:
    costs, networks = _costs(content), numbers(table, "network")
    figure, axes = chart(
        "Gain and cost of each tuning", x="extra measurements a copy", y="gain over untuned, test (points)"
    )
    rows = Rows("tuning", "measurements", "gain_test_points", "low", "high", "gain_train_points")
    shown = [name for name in names if name != "untuned" and name in costs and not np.isnan(costs[name][0])]
    for place, name in enumerate(shown):
        gain = {part: 100 * (numbers(table, f"{part}_{name}") - numbers(table, f"{part}_untuned")) for part in _PARTS}
        mean, low, high = mean_interval(gain["test"], clusters=networks)
        train, _, _ = mean_interval(gain["train"], clusters=networks)
        where, colour = costs[name][0], colour_of(name)
        same = sum(costs[other][0] == where for other in shown[:place])
        drawn = 0.13 * same if where == 0 else where * 1.12**same
        axes.vlines([drawn], [low], [high], color=colour, linewidth=1.2)
        label = WORDS.get(name, name)
        axes.plot([drawn], [mean], MARKS[place % len(MARKS)], color=colour, markersize=6.5, alpha=0.85, label=label)
        rows.add(name, where, mean, low, high, train)
    if shown:
        axes.set_xscale("symlog", linthresh=1)
        most = max(costs[name][0] for name in shown)
        ticks = [tick for tick in (0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000) if tick <= 2 * max(most, 1)]
        axes.set_xticks(ticks, labels=[str(tick) for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_xlim(-0.3, 2 * max(most, 1))
        legend(figure, axes)
    else:
        axes.text(0.5, 0.5, "no costs recorded", transform=axes.transAxes, ha="center")
    caption = (
        "Mean gain over the untuned copy on test samples, all sizes and wires, with 95 % intervals over networks, "
        "against what the tuning has to measure. Marks of one cost stand side by side."
    )
    alt = "Gain of each tuning on test samples against its extra measurements: " + ", ".join(
        f"{WORDS.get(name, name)} {gain:+.2f} points for {count:g}"
        for name, count, gain in zip(
            *(rows.columns[key] for key in ("tuning", "measurements", "gain_test_points")), strict=True
        )
    )
    return finish(figure, name="tuning_cost", alt=alt, caption=caption, numbers=rows.columns)


def _gap(table: Table, names: tuple[str, ...], wire: float, part: str) -> Drawing:
    title = f"Gap to software, {_PARTS[part]}, {wire:g} ohm"
    figure, axes = chart(title, x="diameter (nm)", y="mean paired gap (points)")
    sizes = diameters(chosen(table, of_kind(table, wire=wire)))
    x = categories(axes, [f"{size:g}" for size in sizes])
    rows = Rows("diameter_nm", "r_wire_ohm", "tuning", "copies", "mean", "low", "high", "p5")
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    lowest, highest = 0.0, 0.0
    for place, name in enumerate(names):
        means: list[float] = []
        for size in sizes:
            here = of_kind(table, diameter=size, wire=wire)
            values = gaps(table, name, part)[here]
            mean, low, high = mean_interval(values, clusters=numbers(table, "network")[here])
            found = spread(values)
            rows.add(size, wire, name, found.count, mean, low, high, found.p5)
            means.append(mean)
        mark = MARKS[place % len(MARKS)]
        label = WORDS.get(name, name)
        axes.plot(x, means, mark + "-", color=colour_of(name), markersize=4.5, linewidth=1.2, alpha=0.9, label=label)
        known = [mean for mean in means if not np.isnan(mean)]
        lowest, highest = min([lowest, *known]), max([highest, *known])
    if lowest < -3:
        axes.set_yscale("symlog", linthresh=1)
        ticks = [
            tick
            for tick in (-100, -50, -20, -10, -5, -2, -1, -0.5, 0, 0.5, 1, 2, 5)
            if 1.3 * lowest <= tick <= max(0.5, 1.3 * highest)
        ]
        axes.set_yticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        axes.set_yticks([], minor=True)
        axes.set_ylim(1.35 * lowest, max(0.6, 1.35 * highest))
    legend(figure, axes)
    scaled = " The axis is linear between -1 and 1, logarithmic beyond." if lowest < -3 else ""
    caption = f"Mean over networks and dies with wires of {wire:g} ohm; 0 is software with its scale tuned.{scaled}"
    alt = f"Mean paired gap on {_PARTS[part]} against diameter for {len(names)} tunings, {lowest:.2f} points at worst."
    return finish(figure, name=f"gap_{part}_{wire:g}ohm", alt=alt, caption=caption, numbers=rows.columns)
