"""Charts of a run: confusion, accuracy against scale, pulses a device, products of the array itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from labmtj.records import Floats, Ints
from labmtj.report.svg import BLUE, GREEN, INK, ORANGE, Canvas, styled

_BOX = (0.16, 0.15, 0.79, 0.74)


def confusion_chart(counts: Ints, *, title: str, key: str) -> str:
    """Samples of each true class (down) by the class they were given (across), shape (classes, classes)."""
    canvas = Canvas(width=3.4, height=3.4, box=(0.24, 0.15, 0.7, 0.72))
    axes, classes, totals = canvas.axes, len(counts), counts.sum(axis=1)
    share = counts / np.maximum(totals, 1)[:, np.newaxis]
    with styled():
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
    canvas.title(title, x="class given by the array", y="true class (samples)")
    wrong = int(counts.sum() - np.trace(counts))
    alt = f"Confusion matrix of {classes} classes: {int(np.trace(counts))} of {int(counts.sum())} right, {wrong} wrong."
    return canvas.svg(alt=alt, key=key)


def scale_chart(
    scales: Floats, *, train: Floats, test: Floats, software: Floats, chosen: float, title: str, key: str
) -> str:
    """Accuracy (0..1) of array and software against the scale, with the chosen one marked."""
    canvas = Canvas(width=5.2, height=3.4, box=(0.12, 0.15, 0.84, 0.74))
    axes = canvas.axes
    with styled():
        axes.axvline(chosen, color=INK, linewidth=0.8, linestyle=":")
        axes.plot(scales, 100 * software, color=GREEN, linewidth=1.2, linestyle="-.", label="software, train")
        axes.plot(scales, 100 * test, color=ORANGE, linewidth=1.4, linestyle="--", label="array, test")
        axes.plot(scales, 100 * train, color=BLUE, linewidth=1.8, label="array, train")
        best = 100 * float(np.interp(chosen, scales, train))
        axes.plot([chosen], [best], "o", color=BLUE, label=f"chosen: f = {chosen:.2f}")
        axes.grid(visible=True, color=INK, alpha=0.12, linewidth=0.6)
        axes.legend(loc="lower center", fontsize=8)
    canvas.title(title, x="scale f = Gnorm / (Gon - Goff)", y="accuracy (%)")
    alt = f"Accuracy against the scale from {scales[0]:.2f} to {scales[-1]:.2f}; {best:.2f} % in training at {chosen:.2f}."
    return canvas.svg(alt=alt, key=key)


def pulses_chart(pulses: Mapping[str, Ints], *, title: str, key: str) -> str:
    """How many devices of each layer took how many write pulses."""
    canvas = Canvas(width=4.4, height=3.4, box=_BOX)
    axes = canvas.axes
    most = max(int(counts.max()) for counts in pulses.values())
    width = 0.8 / len(pulses)
    with styled():
        for place, (name, counts) in enumerate(pulses.items()):
            found = np.bincount(counts.ravel(), minlength=most + 1)
            where = np.arange(most + 1) + (place - (len(pulses) - 1) / 2) * width
            axes.bar(where, found, width, color=(BLUE, ORANGE, GREEN)[place % 3], label=name)
            if most <= 10:
                for x, count in zip(where[found > 0], found[found > 0], strict=True):
                    axes.text(float(x), float(count), f"{count}", ha="center", va="bottom", fontsize=8)
        axes.set_xticks(range(0, most + 1, 1 + most // 12))
        axes.set_xlim(-0.6, max(most, 2) + 0.6)
        axes.margins(y=0.1)
        axes.legend(fontsize=8)
    canvas.title(title, x="write pulses of a device", y="devices")
    total = sum(int(counts.sum()) for counts in pulses.values())
    return canvas.svg(alt=f"Bars: devices by number of write pulses, {total} pulses in all, {most} at most.", key=key)


def product_chart(expected: Floats, measured: Floats, *, title: str, key: str) -> str:
    """Sums formed by the array itself against those calculated from the conductance of each cell."""
    canvas = Canvas(width=3.6, height=3.4, box=_BOX)
    axes = canvas.axes
    low, high = float(min(expected.min(), measured.min())), float(max(expected.max(), measured.max()))
    with styled():
        axes.plot([low, high], [low, high], color=INK, linewidth=0.8, linestyle=":", label="equal")
        axes.plot(expected.ravel(), measured.ravel(), "o", color=BLUE, markersize=4, alpha=0.7)
        axes.legend(fontsize=8)
    canvas.title(title, x="from the conductance map (no unit)", y="summed by the array (no unit)")
    alt = f"Scatter of {expected.size} products; root mean square difference {_rms(expected, measured):.3g}."
    return canvas.svg(alt=alt, key=key)


def _rms(expected: Floats, measured: Floats) -> float:
    return float(np.sqrt(np.mean((measured - expected) ** 2)))
