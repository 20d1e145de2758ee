"""Rank correlations with intervals, for many measures at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats, Ints

DRAWS = 1000  # chosen: the ends of an interval of 95 % are then good to about 5 % of its width
_SEED = 20211216


@dataclass(frozen=True)
class Rank:
    """Spearman's correlation of a measure with a target, `low`..`high` its interval of 95 %, from `copies` copies.

    nan where a measure or the target has one value only.
    """

    spearman: float
    low: float
    high: float
    copies: int


def spearman(measure: Floats, target: Floats, groups: Ints, *, draws: int = DRAWS, seed: int = _SEED) -> Rank:
    """Spearman's correlation of (copies,) values; what is not finite in either is left out.

    The interval is a percentile bootstrap (Efron 1979, doi:10.1214/aos/1176344552) that draws whole `groups` (copies,)
    of copies, since those of one die or of one network go together. Ranks are those of all copies; they are not made
    anew for each draw.
    """
    known = np.isfinite(measure) & np.isfinite(target)
    count = int(np.count_nonzero(known))
    if count < 3:
        return Rank(np.nan, np.nan, np.nan, count)
    x, y = (centred_ranks(values[known]) for values in (measure, target))
    members = np.unique(groups[known], return_inverse=True)[1]
    parts = np.stack(
        [np.bincount(members, weights=part) for part in (np.ones(count), x, y, x * x, y * y, x * y)], axis=1
    )
    found = float(_pearson(parts.sum(axis=0)))
    if not np.isfinite(found) or len(parts) < 2:
        return Rank(found, np.nan, np.nan, count)
    # RandomState, because numpy promises that its stream never changes (NEP 19).
    times = np.random.RandomState(seed).multinomial(len(parts), np.full(len(parts), 1.0 / len(parts)), size=draws)
    low, high = np.nanpercentile(_pearson(times @ parts), [2.5, 97.5])
    return Rank(found, float(low), float(high), count)


def centred_ranks(values: Floats) -> Floats:
    """Ranks of values, ties in the middle of theirs, less the mean rank and over the number of values."""
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(times)
    middle = last - 0.5 * (times - 1)
    return (middle[place] - 0.5 * (len(values) + 1)) / len(values)


def _pearson(parts: NDArray[np.float64]) -> Floats:
    """Correlation from sums (..., 6) of 1, x, y, x x, y y, x y."""
    count, x, y, xx, yy, xy = np.moveaxis(parts, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (count * xx - x * x) * (count * yy - y * y)
        return (count * xy - x * y) / np.sqrt(np.where(spread > 0.0, spread, np.nan))
