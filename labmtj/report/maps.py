"""Maps of the array: rows downwards, columns to the right, both counted from 1 as on the probe card.

Squares and texts are put on the figure itself: axes with thirty ticks each take matplotlib three times as long.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Defect, Floats, Ints, State
from labmtj.report.svg import BLUE, INK, ORANGE, SHADE, new_figure, to_svg

COLOURS = {State.P: BLUE, State.AP: ORANGE}
LETTERS = {Defect.SHORT: "S", Defect.OPEN: "O", Defect.STUCK: "K"}
# chosen: inches of a page's column; beyond so many cells squares make a page too heavy, and an image is embedded
_SIZE, _LEFT, _TOP, _BOTTOM, _RIGHT, _MOST_SQUARES = 2.7, 0.52, 0.34, 0.52, 0.78, 4000


@dataclass(frozen=True, eq=False)
class Marks:
    """What is marked on a map, shape (rows, cols): defects by letter, and wrong cells by a cross."""

    defect: Ints
    wrong: NDArray[np.bool_] | None = None


class Spread(enum.Enum):
    """How the colours of a map are spread over its values."""

    LINEAR = "linear"
    COUNT = "count"
    LOG_COUNT = "log count"


def state_map(states: Floats, *, title: str, marks: Marks, alt: str, key: str) -> str:
    """Draw a map of `State` values, nan where there is none."""
    sheet = _Sheet(states.shape, title)
    for state, colour in COLOURS.items():
        sheet.squares(states == state, colour)
    return sheet.finish(marks, alt=alt, key=key)


def value_map(
    values: Floats, *, title: str, label: str, marks: Marks, alt: str, key: str, spread: Spread = Spread.LINEAR
) -> str:
    """Draw a map of numbers, nan where there is none, with a colour bar called `label`."""
    from matplotlib import colormaps

    viridis: Any = colormaps["viridis"]
    known = np.isfinite(values)
    place, ticks = _scale(values[known], spread)
    sheet = _Sheet(values.shape, title)
    sheet.squares(known, viridis(place(values[known])))
    sheet.bar(label, viridis, {f"{tick:g}": float(place(np.array(tick))) for tick in ticks})
    return sheet.finish(marks, alt=alt, key=key)


def _scale(known: Floats, spread: Spread) -> tuple[Callable[[Floats], Floats], list[float]]:
    """Where values lie on the colour bar (0..1), and round numbers on it."""
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if spread is Spread.LOG_COUNT:
        top = max(2.0, high)
        round_numbers = [float(n * 10**power) for power in range(7) for n in (1, 2, 5)]
        return lambda values: np.log(values) / np.log(top), [number for number in round_numbers if number <= top]
    if spread is Spread.COUNT:
        low, high = 0.0, max(1.0, high)
    elif high <= low:
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    power = 10.0 ** np.floor(np.log10(high - low))
    step = next(step * power for step in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if (high - low) / (step * power) <= 6)
    step = max(step, 1.0) if spread is Spread.COUNT else step
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    ticks = [round(n * step, 12) for n in range(first, last + 1)]
    return lambda values: (values - low) / (high - low), ticks


class _Sheet:
    """A figure with an empty map on it; positions are in inches from its lower left corner."""

    def __init__(self, shape: tuple[int, ...], title: str) -> None:
        self.rows, self.cols = shape
        self.cell = _SIZE / max(self.rows, self.cols)
        self.height = self.cell * self.rows + _TOP + _BOTTOM
        self.right = _LEFT + self.cell * self.cols
        self.figure = new_figure(width=_LEFT + _SIZE + _RIGHT, height=self.height)
        self._polygons(self._corners(np.array([0]), np.array([0]), self.rows, self.cols), SHADE)
        middle = _LEFT + self.cell * self.cols / 2
        self._text(middle, self.height - 0.17, title, fontsize=11.5)
        self._text(middle, 0.12, "column (bit line)")
        self._text(0.1, self._y((self.rows - 1) / 2), "row (word line)", rotation=90)
        for col in _numbered(self.cols):
            self._text(self._x(col - 1), _BOTTOM - 0.13, str(col))
        for row in _numbered(self.rows):
            self._text(_LEFT - 0.06, self._y(row - 1), str(row), ha="right")

    def squares(self, where: NDArray[np.bool_], colours: Any) -> None:
        """Fill the cells of a mask (rows, cols) with one colour, or each with its own."""
        row, col = np.nonzero(where)
        if row.size:
            self._polygons(self._corners(row, col, 1, 1), colours)

    def bar(self, label: str, colours: Callable[[Floats], Floats], ticks: dict[str, float]) -> None:
        """Put a colour bar beside the map, with texts at positions 0..1."""
        left, tall, parts = self.right + 0.1, self.cell * self.rows, 48
        bottom = _BOTTOM + tall * np.arange(parts) / parts
        # Each part reaches below the next one, so that no seam is seen.
        boxes = [
            [(left, y), (left, y + 2 * tall / parts), (left + 0.1, y + 2 * tall / parts), (left + 0.1, y)]
            for y in bottom
        ]
        boxes[-1] = [(x, min(y, _BOTTOM + tall)) for x, y in boxes[-1]]
        self._polygons(np.array(boxes), colours(np.arange(parts) / (parts - 1)))
        for text, place in ticks.items():
            self._text(left + 0.14, _BOTTOM + tall * place, text, ha="left")
        self._text(self.right + 0.69, _BOTTOM + tall / 2, label, rotation=90)

    def finish(self, marks: Marks, *, alt: str, key: str) -> str:
        """Mark defects and wrong cells, and write the map."""
        size = 72 * self.cell
        for row, col in np.argwhere(marks.defect != Defect.NONE):
            letter = LETTERS[Defect(int(marks.defect[row, col]))]
            self._text(self._x(col), self._y(row), letter, fontsize=min(10.5, max(4.0, 0.6 * size)), weight="bold")
        if marks.wrong is not None and marks.wrong.any():
            row, col = np.nonzero(marks.wrong)
            # White on black is seen on every colour of a map.
            self._crosses(row, col, colour="black", width=0.24 * size)
            self._crosses(row, col, colour="white", width=0.1 * size)
        return to_svg(self.figure, alt=alt, key=key)

    def _x(self, col: Any) -> Any:
        return _LEFT + self.cell * (col + 0.5)

    def _y(self, row: Any) -> Any:
        return self.height - _TOP - self.cell * (row + 0.5)

    def _corners(self, row: Ints, col: Ints, down: int, across: int) -> Floats:
        left, top = self._x(col) - 0.5 * self.cell, self._y(row) + 0.5 * self.cell
        right, bottom = left + across * self.cell, top - down * self.cell
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1)

    def _polygons(self, corners: Floats, colours: Any) -> None:
        from matplotlib.collections import PolyCollection

        squares: Any = PolyCollection(
            list(corners), facecolors=colours, edgecolors="none", transform=self.figure.dpi_scale_trans
        )
        squares.set_rasterized(len(corners) > _MOST_SQUARES)
        self.figure.add_artist(squares)

    def _crosses(self, row: Ints, col: Ints, *, colour: str, width: float) -> None:
        from matplotlib.collections import LineCollection

        x, y, arm = self._x(col), self._y(row), 0.28 * self.cell
        lines = [
            [(x[n] - arm, y[n] - sign * arm), (x[n] + arm, y[n] + sign * arm)]
            for n in range(len(x))
            for sign in (1, -1)
        ]
        self.figure.add_artist(
            LineCollection(lines, colors=colour, linewidths=width, transform=self.figure.dpi_scale_trans)
        )

    def _text(self, x: float, y: float, text: str, *, ha: str = "center", **more: Any) -> None:
        self.figure.text(x, y, text, ha=ha, va="center", color=INK, transform=self.figure.dpi_scale_trans, **more)


def _numbered(count: int) -> list[int]:
    """Lines that bear their number: the first, then round or odd numbers, about eight of them."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000, count) if count <= 8 * step)
    return list(range(1, count + 1, step)) if step <= 2 else [1, *range(step, count + 1, step)]
