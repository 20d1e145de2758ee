"""How well two classifications of the same samples agree: paired counts, their interval, and McNemar's test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from labmtj.records import Ints
from labmtj.routines.counts import wilson

_Z = 1.959964  # two-sided 95 % of a Gaussian


@dataclass(frozen=True)
class Paired:
    """Two classifications of the same `samples`: shares that are right, with their 95 % intervals (Wilson).

    `only_first` and `only_second` count samples that only one has right, `same` those that get the same class.
    `difference` is the share right of the first less that of the second, `low` to `high` its 95 % interval, `chance`
    the probability of so unequal counts if both were equally good.
    """

    samples: int
    first: float
    first_interval: tuple[float, float]
    second: float
    second_interval: tuple[float, float]
    only_first: int
    only_second: int
    same: int
    difference: float
    low: float
    high: float
    chance: float

    @property
    def agree(self) -> bool:
        """Whether no difference lies within the interval."""
        return self.low <= 0.0 <= self.high


def paired(first: Ints, second: Ints, labels: Ints) -> Paired:
    """Compare classes (samples,) with each other.

    Interval: A. Agresti and Y. Min, Statistics in Medicine 24, 729 (2005), doi:10.1002/sim.1781: half a sample more in
    each of the four counts, then Wald. Test: McNemar 1947, doi:10.1007/BF02295996, exact by the binomial distribution.
    """
    one, other, count = first == labels, second == labels, len(labels)
    plus, minus = int(np.count_nonzero(one & ~other)), int(np.count_nonzero(other & ~one))
    trials, gap = count + 2.0, float(plus - minus)
    middle, half = gap / trials, _Z * math.sqrt(plus + minus + 1.0 - gap**2 / trials) / trials
    return Paired(
        samples=count,
        first=float(one.mean()),
        first_interval=_share(one),
        second=float(other.mean()),
        second_interval=_share(other),
        only_first=plus,
        only_second=minus,
        same=int(np.count_nonzero(first == second)),
        difference=gap / count,
        low=middle - half,
        high=middle + half,
        chance=_exact(plus, minus),
    )


def _share(right: Any) -> tuple[float, float]:
    low, high = wilson(int(np.count_nonzero(right)), len(right))
    return float(low), float(high)


def _exact(plus: int, minus: int) -> float:
    """Probability of counts at least as unequal, either being as likely."""
    count = plus + minus
    return min(1.0, 2 * sum(math.comb(count, fewer) for fewer in range(min(plus, minus) + 1)) / 2**count)
