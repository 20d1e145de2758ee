"""How networks that were trained for one die do on the others."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.study.drawing import Drawing, Rows, Section, chart, finish
from labmtj.report.training.content import Content, keys, named, rows_of


def section(content: Content) -> Section:
    """One picture a rate of shorts and mask: trained for (down), judged on (across)."""
    table = content.table("matrix")
    if not table:
        text = "No networks were trained for single dies, or they were judged on their own alone."
        return Section("From die to die", (html.paragraph(text),))
    drawings = [_matrix(content, rate, mask) for rate, mask in keys(table, "shorts", "mask")]
    text = "Each network that was trained with the map of one die, on all dies."
    return Section("From die to die", (html.paragraph(text, kind="soft"),), tuple(drawings))


def _matrix(content: Content, rate: float, mask: str) -> Drawing:
    table = content.table("matrix")
    rows = rows_of(table, shorts=rate, mask=mask) & (table["seed"] == table["seed"][0])
    networks, dies = table["network"][rows], table["die"][rows]
    grid = np.full((int(networks.max()) + 1, int(dies.max()) + 1), np.nan)
    grid[networks, dies] = 100 * table["accuracy"][rows]
    own = np.diagonal(grid)
    others = grid[~np.eye(*grid.shape, dtype=np.bool_)]
    title = f"{named('hardware_aware', mask).capitalize()}, {rate:g} x shorts"
    figure, axes = chart(title, x="judged on die", y="trained for die", width=5.4, height=4.6)
    picture = axes.pcolormesh(grid, cmap="cividis")
    axes.set_ylim(len(grid), 0)
    axes.grid(visible=False)
    left, bottom, wide, tall = axes.get_position().bounds
    axes.set_position((left, bottom, wide - 0.16, tall))
    beside = figure.add_axes((left + wide - 0.13, bottom, 0.025, tall))
    figure.colorbar(picture, cax=beside, label="accuracy (%)")
    out = Rows("network", "die", "accuracy")
    for network, die in zip(networks.tolist(), dies.tolist(), strict=True):
        out.add(network, die, float(grid[network, die]))
    told = f"own die: mean {own.mean():.2f} %, worst {own.min():.2f} %"
    if others.size:
        told += f"; other dies: mean {others.mean():.2f} %, worst {others.min():.2f} %"
    name = f"matrix_{rate:g}x_{mask}".replace(".", "_")
    return finish(figure, name=name, alt=f"{title}: {told}.", caption=f"{title}, {told}.", numbers=out.columns)
