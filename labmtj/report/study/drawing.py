"""The pieces of a study's figures: axes with a title and a legend above them, boxes, and the numbers behind them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labmtj.records import Floats
from labmtj.report.study.groups import Spread
from labmtj.report.svg import BLUE, GREEN, INK, ORANGE, new_figure, to_page_and_file

# chosen: inches; two figures stand beside one another on a screen of 1200 pixels with texts of about 14 pixels.
WIDTH, HEIGHT = 6.2, 3.7
# Okabe and Ito's palette again; grey is for what is only a reference.
VERMILION, SKY, PURPLE, OLIVE, GREY = "#d55e00", "#56b4e9", "#cc79a7", "#9a8b00", "#808080"
COLOURS = {
    "software": GREY,
    "software_scale": INK,
    "untuned": ORANGE,
    "scale": BLUE,
    "layer_scales": SKY,
    "columns": PURPLE,
    "rows_columns": VERMILION,
    "bias": GREY,
    "threshold": OLIVE,
    "best": GREEN,
}
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
_OTHERS = (VERMILION, SKY, PURPLE, OLIVE, BLUE, GREEN, ORANGE)
# Colours of wires, thin to thick resistance: told apart by lightness too.
WIRES = (SKY, BLUE, VERMILION, PURPLE, OLIVE, GREY)
_STRETCHED = (0, 20, 40, 60, 70, 80, 90, 95, 98, 100)
Column = Sequence[str] | Sequence[float] | Sequence[int] | Floats


@dataclass(frozen=True)
class Drawing:
    """A figure as an element of a page, as a document of its own, and its numbers as CSV."""

    name: str
    inline: str
    alone: str
    numbers: str
    caption: str


@dataclass(frozen=True)
class Section:
    """One section of the page: HTML before and after its figures."""

    title: str
    before: tuple[str, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    after: tuple[str, ...] = ()


def chart(title: str, *, x: str, y: str, width: float = WIDTH, height: float = HEIGHT) -> tuple[Any, Any]:
    """Make a figure with one pair of axes, named with units, and a title at its top."""
    figure = new_figure(width=width, height=height)
    axes = figure.add_axes((0.78 / width, 0.52 / height, 1 - 0.92 / width, 1 - 0.9 / height))
    figure.text(0.5, 1 - 0.2 / height, title, ha="center", va="center", fontsize=11.5)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=True, axis="y", color=INK, alpha=0.12, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def legend(figure: Any, axes: Any, *, across: int = 4) -> None:
    """Put the legend of the axes between them and the title; the axes make room."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    height = float(figure.get_size_inches()[1])
    lines = -(-len(labels) // across)
    figure.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, 1 - 0.3 / height),
        ncols=min(across, len(labels)),
        fontsize=9,
        handlelength=1.4,
        columnspacing=1.1,
        borderaxespad=0.0,
        labelspacing=0.25,
    )
    left, bottom, wide, tall = axes.get_position().bounds
    top = 1 - (0.42 + 0.2 * lines) / height
    axes.set_position((left, bottom, wide, min(tall, top - bottom)))


def categories(axes: Any, labels: Sequence[str]) -> Floats:
    """Number an axis by texts at equal distances, the first at 0; return the positions."""
    axes.set_xticks(range(len(labels)), labels=list(labels))
    axes.set_xlim(-0.5, max(len(labels), 1) - 0.5)
    return np.arange(len(labels), dtype=np.float64)


def beside(place: int, count: int, *, span: float = 0.78) -> tuple[float, float]:
    """Where the n-th of several marks of one category stands, and how wide it may be."""
    return (place - (count - 1) / 2) * span / count, 0.82 * span / count


def boxes(axes: Any, x: Floats, spreads: Sequence[Spread], *, colour: str, width: float, label: str) -> None:
    """Draw 5th to 95th percentile as a line, the middle half as a box, the median as a bar across, in percent."""
    p5, p25, median, p75, p95 = (
        100 * np.array([getattr(each, name) for each in spreads]) for name in ("p5", "p25", "median", "p75", "p95")
    )
    axes.vlines(x, p5, p95, color=colour, linewidth=1.2)
    axes.bar(x, p75 - p25, width, bottom=p25, color=colour, alpha=0.55, linewidth=0, label=label)
    axes.hlines(median, x - 0.5 * width, x + 0.5 * width, color=INK, linewidth=1.6)


def stretched(axes: Any, lowest: float) -> None:
    """Make the y axis one of accuracy [%] from about `lowest` to 100, drawn the wider the nearer it is to 100."""
    axes.set_yscale("function", functions=(_stretch, _shrink))
    low = max(0.0, min(lowest if np.isfinite(lowest) else 90.0, 94.0) - 2.0)
    ticks = [tick for tick in _STRETCHED if tick >= low]
    axes.set_yticks(ticks, labels=[str(tick) for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.set_ylim(low, 100.25)


def _stretch(percent: Any) -> Any:
    return -np.sqrt(np.maximum(101.0 - np.asarray(percent, dtype=np.float64), 0.0))


def _shrink(drawn: Any) -> Any:
    return 101.0 - np.asarray(drawn, dtype=np.float64) ** 2


def colour_of(tuning: str) -> str:
    """Colour of a tuning, the same in all figures."""
    return COLOURS.get(tuning, _OTHERS[sum(tuning.encode()) % len(_OTHERS)])


def heat(
    figure: Any, axes: Any, values: Floats, *, across: Sequence[str], down: Sequence[str], span: tuple[float, float]
) -> None:
    """Draw a table of numbers (down, across) as colours of cividis with the numbers in them; nan stays empty."""
    low, high = span
    edges = np.arange(len(across) + 1) - 0.5, np.arange(len(down) + 1) - 0.5
    axes.pcolormesh(*edges, np.ma.masked_invalid(values), cmap="cividis", vmin=low, vmax=high)
    axes.set_ylim(len(down) - 0.5, -0.5)
    categories(axes, across)
    axes.set_yticks(range(len(down)), labels=list(down))
    axes.grid(visible=False)
    for row, col in np.argwhere(np.isfinite(values)):
        value = float(values[row, col])
        # cividis passes from dark to light near its middle
        ink = "black" if (value - low) / max(high - low, 1e-12) > 0.5 else "white"
        axes.text(int(col), int(row), _short(value), ha="center", va="center", color=ink, fontsize=9)


def _short(value: float) -> str:
    text = f"{value:.2f}" if abs(value) < 9.995 else f"{value:.1f}"
    return "0.00" if text == "-0.00" else text


def finish(figure: Any, *, name: str, alt: str, caption: str, numbers: Mapping[str, Column]) -> Drawing:
    """Write a figure and the numbers in it; both are exported under this name."""
    inline, alone = to_page_and_file(figure, alt=alt, key=name)
    return Drawing(name, inline, alone, to_csv(numbers), caption)


def to_csv(columns: Mapping[str, Column]) -> str:
    """Write columns of one length as CSV, numbers with seven digits, nan as nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*([_cell(value) for value in column] for column in columns.values()), strict=True))
    return text.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.7g}"
    return "" if value is None else str(value)


class Rows:
    """Numbers of a figure gathered line by line."""

    def __init__(self, *names: str) -> None:
        self.columns: dict[str, list[Any]] = {name: [] for name in names}

    def add(self, *values: str | float | int) -> None:
        """Add a line: one value a column."""
        for column, value in zip(self.columns.values(), values, strict=True):
            column.append(value)


def draw_all(*drawn: Callable[[], Sequence[Drawing]]) -> tuple[Drawing, ...]:
    """Make figures one after the other."""
    return tuple(drawing for make in drawn for drawing in make())
