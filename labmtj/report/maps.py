"""Maps of the array: rows downwards, columns to the right, both counted from 1 as on the probe card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Defect, Floats, Ints, State
from labmtj.report.svg import BLUE, INK, ORANGE, SHADE, Canvas, styled

P_COLOUR, AP_COLOUR = BLUE, ORANGE
LETTERS = {Defect.SHORT: "S", Defect.OPEN: "O", Defect.STUCK: "K"}
# chosen: beyond so many cells single squares make a page too heavy, and an image is embedded.
_MOST_SQUARES = 4000


@dataclass(frozen=True, eq=False)
class Marks:
    """What is marked on a map, shape (rows, cols): defects by letter, and wrong cells by a cross."""

    defect: Ints
    wrong: NDArray[np.bool_] | None = None


def state_map(states: Floats, *, title: str, marks: Marks, alt: str, key: str) -> str:
    """Map of `State` values, nan where there is none."""
    canvas = _canvas(states.shape)
    with styled():
        from matplotlib.colors import ListedColormap

        assert State.P == 0
        _squares(canvas, states, cmap=ListedColormap([P_COLOUR, AP_COLOUR]), low=-0.5, high=1.5)
    return _finish(canvas, title, marks, alt=alt, key=key)


def value_map(values: Floats, *, title: str, label: str, marks: Marks, alt: str, key: str, whole: bool = False) -> str:
    """Map of numbers, nan where there is none, with a colour bar called `label`; `whole` for counts."""
    canvas = _canvas(values.shape)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if whole:
        low, high = 0.0, max(1.0, high)
    if high <= low:
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    with styled():
        mesh = _squares(canvas, values, cmap="viridis", low=low, high=high)
        _bar(canvas, mesh, label, whole=whole)
    return _finish(canvas, title, marks, alt=alt, key=key)


def _canvas(shape: tuple[int, ...]) -> Canvas:
    rows, cols = shape
    # The squares stay square; very flat or tall arrays get a narrow drawing rather than a long page.
    height = float(np.clip(2.7 * rows / cols, 1.0, 5.4)) + 0.85
    return Canvas(width=3.9, height=height, box=(0.125, 0.5 / height, 2.7 / 3.9, (height - 0.85) / height))


def _squares(canvas: Canvas, values: Floats, *, cmap: Any, low: float, high: float) -> Any:
    rows, cols = values.shape
    axes = canvas.axes
    axes.set_facecolor(SHADE)
    mesh = axes.pcolormesh(
        np.arange(cols + 1) + 0.5,
        np.arange(rows + 1) + 0.5,
        np.ma.masked_invalid(values),
        cmap=cmap,
        vmin=low,
        vmax=high,
        rasterized=values.size > _MOST_SQUARES,
    )
    mesh.set_clip_on(False)
    axes.set_xlim(0.5, cols + 0.5)
    axes.set_ylim(rows + 0.5, 0.5)
    axes.set_aspect("equal")
    axes.set_xticks(_ticks(cols))
    axes.set_yticks(_ticks(rows))
    return mesh


def _ticks(count: int) -> list[int]:
    """1, then round numbers, at most about eight of them."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000) if count <= 8 * step)
    return [1, *range(step if step > 2 else 1 + step, count + 1, step)] if step > 1 else list(range(1, count + 1))


def _bar(canvas: Canvas, mesh: Any, label: str, *, whole: bool) -> None:
    left, bottom, width, height = canvas.axes.get_position(original=True).bounds
    bar = canvas.figure.colorbar(mesh, cax=canvas.figure.add_axes((left + width + 0.025, bottom, 0.03, height)))
    bar.set_label(label)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    from matplotlib.ticker import MaxNLocator

    bar.locator = MaxNLocator(5, integer=whole)
    bar.update_ticks()


def _finish(canvas: Canvas, title: str, marks: Marks, *, alt: str, key: str) -> str:
    axes = canvas.axes
    with styled():
        for row, col in np.argwhere(marks.defect != Defect.NONE):
            letter = LETTERS[Defect(int(marks.defect[row, col]))]
            axes.text(col + 1, row + 1, letter, ha="center", va="center", fontsize=7, weight="bold", color=INK)
        if marks.wrong is not None and marks.wrong.any():
            row, col = np.nonzero(marks.wrong)
            # White on black is seen on every colour of a map.
            axes.plot(col + 1, row + 1, "x", color="black", markersize=6, markeredgewidth=3)
            axes.plot(col + 1, row + 1, "x", color="white", markersize=5, markeredgewidth=1.2)
    canvas.title(title, x="column (bit line)", y="row (word line)")
    return canvas.svg(alt=alt, key=key)
