"""Charts of a run: confusion, accuracy against scale, pulses a device, products of the array itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labmtj.records import Floats, Ints
from labmtj.report.svg import BLUE, GREEN, INK, ORANGE, new_figure, to_svg


def confusion_chart(counts: Ints, *, title: str, key: str) -> str:
    """Draw the samples of each true class (down) by the class they were given (across), shape (classes, classes)."""
    figure, axes = _chart(title, x="class given by the array", y="true class (samples)", left=0.23)
    classes, totals = len(counts), counts.sum(axis=1)
    share = counts / np.maximum(totals, 1)[:, np.newaxis]
    edges = np.arange(classes + 1) - 0.5
    axes.pcolormesh(edges, edges, share, cmap="cividis", vmin=0, vmax=1)
    axes.set_ylim(classes - 0.5, -0.5)
    axes.set_xticks(range(classes))
    axes.set_yticks(range(classes), labels=[f"{n} ({total})" for n, total in enumerate(totals)])
    for true in range(classes):
        for given in range(classes):
            # chosen: cividis passes from dark to light near its middle
            colour = "black" if share[true, given] > 0.5 else "white"
            axes.text(given, true, f"{counts[true, given]}", ha="center", va="center", color=colour, fontsize=11)
    wrong = int(counts.sum() - np.trace(counts))
    alt = f"Confusion matrix of {classes} classes: {int(np.trace(counts))} of {int(counts.sum())} right, {wrong} wrong."
    return to_svg(figure, alt=alt, key=key)


def scale_chart(
    scales: Floats, *, train: Floats, test: Floats, software: Floats, chosen: float, title: str, key: str
) -> str:
    """Draw the accuracy (0..1) of array and software against the scale, with the chosen one marked."""
    figure, axes = _chart(title, x="scale f = Gnorm / (Gon - Goff)", y="accuracy (%)")
    axes.axvline(chosen, color=INK, linewidth=0.8, linestyle=":")
    axes.plot(scales, 100 * software, color=GREEN, linewidth=1.2, linestyle="-.", label="software, train")
    axes.plot(scales, 100 * test, color=ORANGE, linewidth=1.4, linestyle="--", label="array, test")
    axes.plot(scales, 100 * train, color=BLUE, linewidth=1.8, label="array, train")
    best = 100 * float(np.interp(chosen, scales, train))
    axes.plot([chosen], [best], "o", color=BLUE, label=f"chosen: f = {chosen:.2f}")
    axes.grid(visible=True, color=INK, alpha=0.12, linewidth=0.6)
    low, high = axes.get_ylim()
    ticks = [tick for tick in axes.get_yticks() if max(low, 0.0) <= tick <= min(high, 100.0)]
    axes.set_yticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.set_ylim(low - 0.35 * (high - low), high)  # room for the legend
    axes.legend(loc="lower center", ncols=2, fontsize=9)
    span = f"from {scales[0]:.2f} to {scales[-1]:.2f}"
    alt = f"Accuracy against the scale {span}; {best:.2f} % in training at {chosen:.2f}."
    return to_svg(figure, alt=alt, key=key)


def pulses_chart(pulses: Mapping[str, Ints], *, title: str, key: str) -> str:
    """Draw how many devices of each layer took how many write pulses."""
    figure, axes = _chart(title, x="write pulses of a device", y="devices")
    most = max(int(counts.max()) for counts in pulses.values())
    width = 0.8 / len(pulses)
    for place, (name, counts) in enumerate(pulses.items()):
        found = np.bincount(counts.ravel(), minlength=most + 1)
        where = np.arange(most + 1) + (place - (len(pulses) - 1) / 2) * width
        axes.bar(where, found, width, color=(BLUE, ORANGE, GREEN)[place % 3], label=name)
        if most <= 10:
            for x, count in zip(where[found > 0], found[found > 0], strict=True):
                axes.text(float(x), float(count), f"{count}", ha="center", va="bottom", fontsize=9)
    axes.set_xticks(range(0, most + 1, 1 + most // 12))
    axes.set_xlim(-0.6, max(most, 2) + 0.6)
    axes.margins(y=0.1)
    axes.legend(fontsize=9)
    total = sum(int(counts.sum()) for counts in pulses.values())
    return to_svg(
        figure, alt=f"Bars: devices by number of write pulses, {total} pulses in all, {most} at most.", key=key
    )


def product_chart(expected: Floats, measured: Floats, *, title: str, key: str) -> str:
    """Draw sums formed by the array itself against those calculated from the conductance of each cell."""
    figure, axes = _chart(title, x="from the conductance map (no unit)", y="summed by the array (no unit)")
    low, high = float(min(expected.min(), measured.min())), float(max(expected.max(), measured.max()))
    axes.plot([low, high], [low, high], color=INK, linewidth=0.8, linestyle=":", label="equal")
    axes.plot(expected.ravel(), measured.ravel(), "o", color=BLUE, markersize=4, alpha=0.7)
    axes.legend(fontsize=9)
    alt = f"Scatter of {expected.size} products; root mean square difference {_rms(expected, measured):.3g}."
    return to_svg(figure, alt=alt, key=key)


def pulsed_chart(volts: Floats, kiloohm: Floats, *, title: str, key: str) -> str:
    """Draw the resistance of a cell [kohm] after each pulse, in their order, with the amplitude [V] of each."""
    figure, axes = _chart(title, x="amplitude of the pulse (mV)", y="resistance after it (kohm)")
    axes.plot(1e3 * volts, kiloohm, color=INK, linewidth=0.5, alpha=0.5)
    axes.scatter(1e3 * volts, kiloohm, c=np.where(volts > 0, BLUE, ORANGE).tolist(), s=14)
    axes.grid(visible=True, color=INK, alpha=0.12, linewidth=0.6)
    alt = f"Resistance after {volts.size} pulses between {1e3 * volts.min():.0f} and {1e3 * volts.max():.0f} mV."
    return to_svg(figure, alt=alt, key=key)


def _chart(title: str, *, x: str, y: str, left: float = 0.2) -> tuple[Any, Any]:
    """Figure and axes with a title, and what the axes show, with units."""
    figure = new_figure()
    axes = figure.add_axes((left, 0.15, 0.96 - left, 0.745))
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.yaxis.set_label_coords(0.05, 0.5, transform=figure.transFigure)  # wide numbers must not push it out
    return figure, axes


def _rms(expected: Floats, measured: Floats) -> float:
    return float(np.sqrt(np.mean((measured - expected) ** 2)))
