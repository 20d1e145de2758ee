"""Scatter of very many copies, drawn as counts on a grid: a mark each would make a page too heavy."""

from __future__ import annotations

from typing import Any

import numpy as np

from labmtj.records import Floats

# chosen: at most 40 x 40 squares, so that a figure stays below some 100 kB however many copies there are.
_BINS = 40


def binned(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Count points (finite, one at least) on a grid: counts (bins of x, bins of y) and the edges of both.

    Values on a raster (accuracies in samples of 148, devices of 192) get bins of whole steps, so that no stripes
    come from the binning. A span of nothing is widened.
    """
    edges = [_edges(values) for values in (x, y)]
    counts, across, up = np.histogram2d(x, y, bins=edges)
    return counts, across, up


def _edges(values: Floats) -> Floats:
    distinct = np.unique(values)
    low, high = float(distinct[0]), float(distinct[-1])
    if high <= low:
        return np.array([low - 0.5, low + 0.5])
    step = float(np.diff(distinct).min())
    steps = round((high - low) / step)
    on_raster = steps < 4000 and np.allclose((distinct - low) / step, np.round((distinct - low) / step), atol=1e-3)
    if not on_raster:
        return np.linspace(low, high, _BINS + 1)
    wide = step * -(-(steps + 1) // _BINS)
    return low - 0.5 * step + wide * np.arange(-(-(steps + 1) * step // wide) + 1)


def draw_density(axes: Any, counts: Floats, x: Floats, y: Floats) -> None:
    """Draw counts of `binned` as squares, dark for one copy to light for the most, empty ones left out."""
    from matplotlib import colormaps
    from matplotlib.collections import PolyCollection

    viridis: Any = colormaps["viridis"]
    col, row = np.nonzero(counts)
    # chosen: the darkest and the lightest end of the map are lost on dark and on light pages
    share = np.log(counts[col, row]) / max(float(np.log(counts.max())), 1e-9)
    left, right, low, high = x[col], x[col + 1], y[row], y[row + 1]
    corners = [(left, low), (left, high), (right, high), (right, low)]
    squares = np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1)
    axes.add_collection(
        PolyCollection(list(squares), facecolors=viridis(0.15 + 0.78 * share), edgecolors="face", linewidths=0.3)
    )
    axes.set_xlim(float(x[0]), float(x[-1]))
    axes.set_ylim(float(y[0]), float(y[-1]))


def rank_correlation(x: Floats, y: Floats) -> float:
    """Spearman's rank correlation of two columns, ties at their mean rank; nan where one of them does not vary."""
    if x.size < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    first, second = _ranks(x), _ranks(y)
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: Floats) -> Floats:
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - 0.5 * (counts + 1) + 0.5)[where]
