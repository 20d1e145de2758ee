"""Rank correlations of many measures with many targets, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats

DRAWS = 500  # chosen: the ends of an interval of 95 % are then good to about 7 % of its width
_SEED = 20211216  # chosen: any number; the intervals are the same each time


@dataclass(frozen=True, eq=False)
class Ranks:
    """Spearman's correlations and the ends of their intervals of 95 %, each (measures, targets).

    nan where a measure or a target has one value only.
    """

    spearman: Floats
    low: Floats
    high: Floats


def rank_correlations(
    measures: Floats, targets: Floats, groups: NDArray[np.generic], *, draws: int = DRAWS, seed: int = _SEED
) -> Ranks:
    """Spearman's correlation of every column of `measures` (copies, measures) with every one of `targets`.

    The interval is a percentile bootstrap (Efron 1979, doi:10.1214/aos/1176344552) that draws whole `groups` (copies,)
    of copies, since those of one die or of one network go together. Ranks are those of all copies, not made anew for
    each draw. A value that is not known (nan) gets the rank in the middle.
    """
    empty = np.full((measures.shape[1], targets.shape[1]), np.nan)
    if len(measures) < 3:
        return Ranks(empty, empty, empty)
    x, y = centred_ranks(measures), centred_ranks(targets)
    members = np.unique(groups, return_inverse=True)[1]
    order = np.argsort(members, kind="stable")
    starts = np.flatnonzero(np.diff(members[order], prepend=-1))
    x, y = x[order], y[order]
    products = (x[:, :, np.newaxis] * y[:, np.newaxis, :]).reshape(len(x), -1)
    parts = [np.add.reduceat(part, starts, axis=0) for part in (np.ones((len(x), 1)), x, y, x * x, y * y, products)]
    found = _pearson([part.sum(axis=0, keepdims=True) for part in parts])[0]
    count = len(starts)
    if count < 2:
        return Ranks(found, empty, empty)
    # RandomState, because numpy promises that its stream never changes (NEP 19).
    times = np.random.RandomState(seed).multinomial(count, np.full(count, 1.0 / count), size=draws).astype(np.float64)
    drawn = _pearson([times @ part for part in parts])
    known = np.isfinite(drawn).any(axis=0)
    low, high = np.nanpercentile(np.where(known, drawn, 0.0), [2.5, 97.5], axis=0)
    return Ranks(found, np.where(known, low, np.nan), np.where(known, high, np.nan))


def centred_ranks(values: Floats) -> Floats:
    """Ranks of each column of values (copies, columns), ties in the middle of theirs, less the mean, over the number.

    Unknown values (nan) get 0 and do not count among the others.
    """
    found = np.zeros(values.shape)
    for column in range(values.shape[1]):
        known = ~np.isnan(values[:, column])
        count = int(np.count_nonzero(known))
        _, place, times = np.unique(values[known, column], return_inverse=True, return_counts=True)
        middle = np.cumsum(times) - 0.5 * (times - 1)
        found[known, column] = (middle[place] - 0.5 * (count + 1)) / max(count, 1)
    return found


def _pearson(parts: list[Floats]) -> Floats:
    """Correlations (draws, measures, targets) from sums, (draws, columns) each, of 1, x, y, x x, y y and x y."""
    count, x, y, xx, yy, xy = parts
    draws, measures, targets = len(x), x.shape[1], y.shape[1]
    spread = (count * xx - x * x)[:, :, np.newaxis] * (count * yy - y * y)[:, np.newaxis, :]
    both = count[:, :, np.newaxis] * xy.reshape(draws, measures, targets) - x[:, :, np.newaxis] * y[:, np.newaxis, :]
    return both / np.sqrt(np.where(spread > 1e-18, spread, np.nan))
