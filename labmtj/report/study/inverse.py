"""What an array that gave the paper's number may have been like: contours of accuracy over what can be wrong."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats
from labmtj.report import html
from labmtj.report.study import paper
from labmtj.report.study.content import Content, Table, chosen, has, numbers, texts
from labmtj.report.study.drawing import WIDTH, Drawing, Rows, Section, chart, finish, legend
from labmtj.report.study.groups import named
from labmtj.report.svg import INK

_LINES = (50.0, 60.0, 70.0, 80.0, 90.0, 93.0, 97.0, 98.0, 99.0)


def section(content: Content) -> Section:
    """Draw each plane with the line where the median accuracy is the paper's number."""
    table = content.inverse
    title = "The inverse question: what gives 95.3 %?"
    if not has(table, "plane", "x", "y", "median"):
        return Section(title, (html.paragraph("The inverse question was not asked in this study."),))
    drawings = [_plane(chosen(table, texts(table, "plane") == plane), plane) for plane in named(table, "plane")]
    text = (
        "Median training accuracy with one tuned scale, over two things that can be wrong at a time, the others as in "
        f"the default die. The thick line is {paper.NAME}. These are figures of this model and claimed as nothing "
        "more: many arrays give the same accuracy, and what the paper's array was like is not known."
    )
    return Section(title, (html.paragraph(text, kind="soft"),), tuple(drawings))


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


def _drawn(values: Floats) -> tuple[Floats, bool]:
    """Positions to draw an axis at: in powers of ten if it spans more than a factor of thirty."""
    wide = bool(len(values) > 2 and (values > 0).all() and values[-1] > 30 * values[0])
    return (np.log10(values) if wide else values), wide


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


def _draw(figure: object, axes: object, x: Floats, y: Floats, values: Floats, table: Table) -> str:
    """Draw squares, contours and where the default die lies; return what is to be said of the line."""
    from typing import Any, cast

    plot, whole = cast("Any", axes), cast("Any", figure)
    (px, logarithmic_x), (py, logarithmic_y) = _drawn(x), _drawn(y)
    low, high = min(float(np.nanmin(values)), 90.0), 100.0
    mesh = plot.pcolormesh(
        _edges(px),
        _edges(py),
        np.ma.masked_invalid(values),
        cmap="cividis",
        vmin=low,
        vmax=high,
        edgecolors="face",
        linewidth=0.2,
    )
    plot.grid(visible=False)
    said = " All points lie above the line." if np.nanmin(values) > 100 * paper.ACCURACY else ""
    said = " All points lie below the line." if np.nanmax(values) < 100 * paper.ACCURACY else said
    if min(values.shape) >= 2:
        lines = [line for line in _LINES if np.nanmin(values) < line < np.nanmax(values)]
        if lines:
            thin = plot.contour(px, py, np.ma.masked_invalid(values), levels=lines, colors="white", linewidths=0.8)
            plot.clabel(thin, fmt="%g", fontsize=8)
        if not said:
            plot.contour(
                px, py, np.ma.masked_invalid(values), levels=[100 * paper.ACCURACY], colors="#d55e00", linewidths=2.4
            )
            plot.plot([], [], color="#d55e00", linewidth=2.4, label=paper.NAME)
    for axis, marks, wide in (("x", x, logarithmic_x), ("y", y, logarithmic_y)):
        if wide:
            round_numbers = [n * 10.0**power for power in range(-9, 10) for n in (1, 2, 5)]
            shown = [mark for mark in round_numbers if marks[0] <= mark <= marks[-1]]
            shown = shown if len(shown) <= 8 else shown[::3]
            getattr(plot, f"set_{axis}ticks")(np.log10(shown), labels=[f"{mark:g}" for mark in shown])
    default = [_first(table, name) for name in ("default_x", "default_y")]
    if all(np.isfinite(value) for value in default):
        at = [
            np.log10(v) if wide and v > 0 else v
            for v, wide in zip(default, (logarithmic_x, logarithmic_y), strict=True)
        ]
        plot.plot([at[0]], [at[1]], "*", color="white", markeredgecolor="black", markersize=11, label="default die")
    plot.set_xlim(float(_edges(px)[0]), float(_edges(px)[-1]))
    plot.set_ylim(float(_edges(py)[0]), float(_edges(py)[-1]))
    left, bottom, wide, tall = plot.get_position().bounds
    plot.set_position((left, bottom, wide - 0.9 / WIDTH, tall))
    legend(whole, plot)
    _, bottom, wide, tall = plot.get_position().bounds
    side = whole.add_axes((left + wide + 0.1 / WIDTH, bottom, 0.13 / WIDTH, tall))
    bar = whole.colorbar(mesh, cax=side)
    bar.set_label("median accuracy (%)")
    bar.outline.set_edgecolor(INK)
    bar.solids.set_rasterized(False)
    return said


def _first(table: Table, name: str) -> float:
    """The first known number of a column, nan if there is none."""
    found = numbers(table, name)
    known = found[np.isfinite(found)]
    return float(known[0]) if known.size else float("nan")
