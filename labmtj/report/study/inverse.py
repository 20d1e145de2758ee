"""What an array that gave the paper's number may have been like: contours of accuracy over what can be wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from labmtj.records import Floats
from labmtj.report import html
from labmtj.report.study import paper
from labmtj.report.study.content import Content, Table, chosen, has, numbers, texts
from labmtj.report.study.drawing import VERMILION, WIDTH, Drawing, Rows, Section, chart, finish, legend
from labmtj.report.study.groups import named

_LINES = (50.0, 60.0, 70.0, 80.0, 90.0, 93.0, 97.0, 98.0, 99.0)


def section(content: Content) -> Section:
    """Draw each plane with the line where the median accuracy is the paper's number."""
    table = content.inverse
    title = "The inverse question: what gives 95.3 %?"
    if not has(table, "plane", "x", "y", "median"):
        return Section(title, (html.paragraph("This study has no answer to the inverse question."),))
    drawings = [_plane(chosen(table, texts(table, "plane") == plane), plane) for plane in named(table, "plane")]
    text = (
        "Median training accuracy with one tuned scale, over two things that can be wrong at a time, the others as in "
        "the default die; cells are linear and good, readings without noise. The thick line is "
        f"{paper.NAME}. These are figures of this model and claimed as nothing "
        "more: many arrays give the same accuracy, and what the paper's array was like is not known."
    )
    said = [html.paragraph(sentence) for sentence in _crossings(content)]
    return Section(title, (html.paragraph(text, kind="soft"), *said), tuple(drawings))


def _grid(table: Table) -> tuple[Floats, Floats, Floats]:
    """Turn rows into axes and values (y, x), nan where there is none."""
    known = np.isfinite(numbers(table, "x")) & np.isfinite(numbers(table, "y"))
    table = chosen(table, known)
    x, across = np.unique(numbers(table, "x"), return_inverse=True)
    y, up = np.unique(numbers(table, "y"), return_inverse=True)
    values = np.full((len(y), len(x)), np.nan)
    values[up, across] = 100 * numbers(table, "median")
    return x, y, values


def _edges(centres: Floats) -> Floats:
    """Edges of squares about the centres."""
    if len(centres) < 2:
        half = 0.5 * abs(float(centres[0])) or 0.5
        return np.array([centres[0] - half, centres[0] + half])
    middle = 0.5 * (centres[1:] + centres[:-1])
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _positions(values: Floats) -> tuple[Floats, bool]:
    """Where to draw an axis' values: as they are, or one step each if their distances differ much."""
    gaps = np.diff(values)
    by_steps = bool(len(gaps) > 1 and gaps.max() > 2.5 * gaps.min())
    return (np.arange(len(values), dtype=np.float64) if by_steps else values), by_steps


def _plane(table: Table, plane: str) -> Drawing:
    x, y, values = _grid(table)
    names = [texts(table, axis)[0] or word for axis, word in (("x_axis", "x"), ("y_axis", "y"))]
    figure, axes = chart(plane, x=names[0], y=names[1])
    shown = np.isfinite(values)
    caption = f"Median accuracy (%) over {names[0]} and {names[1]}, {int(shown.sum())} points."
    rows = Rows("x", "y", "median")
    for up, across in np.argwhere(shown):
        rows.add(float(x[across]), float(y[up]), float(values[up, across]) / 100)
    if shown.any():
        caption += _draw(figure, axes, x, y, values, table)
    else:
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center")
    name = "inverse_" + "".join(letter if letter.isalnum() else "_" for letter in plane.lower())
    return finish(figure, name=name, alt=caption, caption=caption, numbers=rows.columns)


def _draw(figure: Any, axes: Any, x: Floats, y: Floats, values: Floats, table: Table) -> str:
    """Draw squares, contours and where the default die lies; return what is to be said of the line."""
    (px, steps_x), (py, steps_y) = _positions(x), _positions(y)
    across, up = _edges(px), _edges(py)
    masked: Any = np.ma.masked_invalid(values)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    low, high = min(float(np.nanmin(values)), 90.0), 100.0
    colours = {"cmap": "cividis", "vmin": low, "vmax": high, "edgecolors": "face", "linewidth": 0.2}
    axes.pcolormesh(across, up, masked, **colours)
    axes.grid(visible=False)
    goal = 100 * paper.ACCURACY
    said = " All points lie above the line." if np.nanmin(values) > goal else ""
    said = " All points lie below the line." if np.nanmax(values) < goal else said
    if min(values.shape) >= 2:
        lines = [line for line in _LINES if np.nanmin(values) < line < np.nanmax(values)]
        if lines:
            thin = axes.contour(px, py, masked, levels=lines, colors="white", linewidths=0.8)
            axes.clabel(thin, fmt="%g", fontsize=8)
        if not said:
            axes.contour(px, py, masked, levels=[goal], colors=VERMILION, linewidths=2.4)
            axes.plot([], [], color=VERMILION, linewidth=2.4, label=paper.NAME)
    for set_ticks, marks, at, by_steps in ((axes.set_xticks, x, px, steps_x), (axes.set_yticks, y, py, steps_y)):
        if by_steps:
            every = -(-len(marks) // 9)
            set_ticks(at[::every], labels=[f"{mark:.3g}" for mark in marks[::every].tolist()])
    default_x, default_y = _first(table, "default_x"), _first(table, "default_y")
    if x[0] <= default_x <= x[-1] and y[0] <= default_y <= y[-1]:
        at = float(np.interp(default_x, x, px)), float(np.interp(default_y, y, py))
        axes.plot([at[0]], [at[1]], "*", color="white", markeredgecolor="black", markersize=11, label="default die")
    axes.set_xlim(float(across[0]), float(across[-1]))
    axes.set_ylim(float(up[0]), float(up[-1]))
    left, bottom, wide, tall = axes.get_position().bounds
    axes.set_position((left, bottom, wide - 0.9 / WIDTH, tall))
    legend(figure, axes)
    left, bottom, wide, tall = axes.get_position().bounds
    side = figure.add_axes((left + wide + 0.1 / WIDTH, bottom, 0.13 / WIDTH, tall))
    shades = np.linspace(low, high, 49)
    side.pcolormesh(np.array([0.0, 1.0]), shades, 0.5 * (shades[1:] + shades[:-1])[:, np.newaxis], **colours)
    side.set_xticks([])
    side.yaxis.tick_right()
    side.yaxis.set_label_position("right")
    side.set_ylabel("median accuracy (%)")
    steps = " Axes with uneven values are drawn by steps." if steps_x or steps_y else ""
    return said + steps


def _first(table: Table, name: str) -> float:
    """The first known number of a column, nan if there is none."""
    found = numbers(table, name)
    known = found[np.isfinite(found)]
    return float(known[0]) if known.size else float("nan")


def _crossings(content: Content) -> list[str]:
    """Say of each thing alone where the median falls to the paper's number."""
    table = content.crossings
    if not has(table, "label", "at"):
        return []
    said: list[str] = []
    for label, at in zip(texts(table, "label").tolist(), numbers(table, "at").tolist(), strict=True):
        where = "at none of the values tried" if np.isnan(at) else f"at {at:.3g}"
        said.append(f"{label}: {where}")
    return [f"One thing at a time, all else as in the default die, the median falls to 95.3 %: {'; '.join(said)}."]
