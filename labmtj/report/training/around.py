"""What lies around the solutions: the loss along random directions, and measures of the networks themselves."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats
from labmtj.report import html
from labmtj.report.content import number
from labmtj.report.study.drawing import Drawing, Rows, Section, chart, finish, legend
from labmtj.report.training.content import COLOURS, OTHER, Content, keys, named, rows_of


def section(content: Content) -> Section:
    """The loss surfaces beside each other in one scale, cuts through them, and the table of measures."""
    table, parts = content.table("surface"), _measures(content)
    if not table:
        text = "The loss around the solutions was not sampled."
        return Section("Around the solutions", (html.paragraph(text),), after=parts)
    drawings = [_cut(content), _flipped(content)]
    drawings += [_surface(content, *key) for key in keys(table, "method", "mask", "shorts")]
    text = (
        "Mean loss over some of the dies (a network for one die: on that die), along two random directions from the solution, each scaled to its own length "
        "output by output (Li et al., arXiv 1712.09913); 0 is the solution. All pictures have one scale of colours."
    )
    return Section("Around the solutions", (html.paragraph(text, kind="soft"),), tuple(drawings), parts)


def _grid(content: Content, method: str, mask: str, shorts: float) -> tuple[Floats, Floats]:
    """Points along a direction, and the loss (points, points), of the first seed."""
    table = content.table("surface")
    rows = rows_of(table, method=method, mask=mask, shorts=shorts) & (table["seed"] == table["seed"][0])
    along = np.unique(table["x"][rows])
    return along, table["loss"][rows].reshape(len(along), -1)


def _surface(content: Content, method: str, mask: str, shorts: float) -> Drawing:
    every = content.table("surface")["loss"]
    along, loss = _grid(content, method, mask, shorts)
    title = f"{named(method, mask).capitalize()}, {shorts:g} x shorts"
    figure, axes = chart(title, x="first direction", y="second direction", width=4.6, height=3.9)
    low, high = max(float(every.min()), 1e-3), float(every.max())
    levels = np.geomspace(low, max(high, 1.01 * low), 16)
    from matplotlib.colors import LogNorm

    norm = LogNorm(low, max(high, 1.01 * low))
    picture = axes.contourf(along, along, np.maximum(loss.T, low), levels=levels, cmap="cividis", norm=norm)
    axes.plot([0], [0], "+", color="white", markersize=9)
    left, bottom, wide, tall = axes.get_position().bounds
    axes.set_position((left, bottom, wide - 0.16, tall))
    beside = figure.add_axes((left + wide - 0.13, bottom, 0.025, tall))
    bar = figure.colorbar(picture, cax=beside, ticks=levels[::5], label="loss (nat)")
    bar.ax.set_yticklabels([f"{level:.2g}" for level in levels[::5]])
    axes.grid(visible=False)
    out = Rows("x", "y", "loss")
    for row, col in np.ndindex(*loss.shape):
        out.add(float(along[row]), float(along[col]), float(loss[row, col]))
    middle = float(loss[len(along) // 2, len(along) // 2])
    told = f"loss {middle:.3g} at the solution, {float(loss.max()):.3g} at most within the picture"
    name = f"surface_{method}_{mask}_{shorts:g}x".replace(".", "_")
    return finish(figure, name=name, alt=f"{title}: {told}.", caption=f"{title}: {told}.", numbers=out.columns)


def _cut(content: Content) -> Drawing:
    """The loss against the distance from the solution: mean over the points of a picture that lie so far away."""
    figure, axes = chart("Loss against distance from the solution", x="distance (lengths of it)", y="loss (nat)")
    out = Rows("method", "mask", "shorts", "distance", "loss")
    for method, mask, shorts in keys(content.table("surface"), "method", "mask", "shorts"):
        along, loss = _grid(content, method, mask, shorts)
        distance = np.hypot(along[:, np.newaxis], along)
        step = max(float(along[-1]) / (len(along) // 2), 1e-12)
        ring = np.rint(distance / step).astype(np.int64).ravel()
        inside = ring <= len(along) // 2
        count = np.bincount(ring[inside])
        mean = np.bincount(ring[inside], loss.ravel()[inside]) / np.maximum(count, 1)
        x = np.arange(len(count)) * step
        style, label = _line(method, mask, shorts)
        axes.plot(x, mean, style, color=COLOURS.get(method, OTHER), label=label)
        for at, value in zip(x.tolist(), mean.tolist(), strict=True):
            out.add(method, mask, shorts, at, value)
    legend(figure, axes, across=3)
    caption = "Mean loss over all directions against the distance from the solution: the flatter, the more it stands."
    return finish(figure, name="surface_distance", alt=caption, caption=caption, numbers=out.columns)


def _flipped(content: Content) -> Drawing:
    table = content.table("flipped")
    figure, axes = chart("Accuracy with devices in the other state", x="share of all devices (%)", y="accuracy (%)")
    out = Rows("method", "mask", "shorts", "flipped", "accuracy", "loss")
    for method, mask, shorts in keys(table, "method", "mask", "shorts"):
        rows = rows_of(table, method=method, mask=mask, shorts=shorts) & (table["seed"] == table["seed"][0])
        shares, right, loss = (table[name][rows] for name in ("flipped", "right", "loss"))
        style, label = _line(method, mask, shorts)
        axes.plot(100 * shares, 100 * right, style, color=COLOURS.get(method, OTHER), label=label)
        for found in zip(shares.tolist(), right.tolist(), loss.tolist(), strict=True):
            out.add(method, mask, shorts, *found)
    legend(figure, axes, across=3)
    caption = "Accuracy on training images with random devices in the other state, mean over draws and dies."
    return finish(figure, name="flipped", alt=caption, caption=caption, numbers=out.columns)


def _line(method: str, mask: str, shorts: float) -> tuple[str, str]:
    """Style of a line, and what the legend calls it."""
    style = ("-" if mask == "none" else "--") if shorts <= 1.0 else ":"
    return style, named(method, mask) + ("" if shorts == 1.0 else f", {shorts:g} x")


def _measures(content: Content) -> tuple[str, ...]:
    table = content.table("measures")
    names = [name for name in table if name.startswith("m_")]
    if not names:
        return ()
    lines: list[list[str]] = []
    for method, mask, shorts in keys(table, "method", "mask", "shorts"):
        rows = rows_of(table, method=method, mask=mask, shorts=shorts)
        cells = [number(float(np.mean(table[name][rows])), 3) for name in names]
        lines.append([named(method, mask), f"{shorts:g}", *cells])
    head = ["method", "shorts, x", *(name.removeprefix("m_").replace("_", " ") for name in names)]
    caption = "How networks on chips follow software, mean over the dies: the measures of a study of copies."
    return (html.table(head, lines, caption=caption, numbers=len(head) - 1, kind="wide dense"),)
