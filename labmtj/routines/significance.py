"""The few statistics that sorting cells needs: scipy behind types, imported when they are first asked for."""

from __future__ import annotations

from typing import Any


def chi_squared_median(freedom: int) -> float:
    """Median of chi squared with so many degrees of freedom, over their number: what a median variance is short of."""
    return float(_stats().chi2.median(freedom)) / freedom


def chi_squared_beyond(share: float, freedom: int) -> float:
    """What chi squared over its degrees of freedom exceeds with the probability `share`."""
    return float(_stats().chi2.isf(share, freedom)) / freedom


def fisher_greater(higher: int, lower: int, *, trials: int) -> float:
    """Probability of `higher` or more of the events that two rows of `trials` share, if chance alone spread them.

    Fisher's exact test, one-sided (doi:10.2307/2340521).
    """
    table = [[higher, trials - higher], [lower, trials - lower]]
    return float(_stats().fisher_exact(table, alternative="greater").pvalue)


def _stats() -> Any:
    import scipy.stats  # pyright: ignore[reportMissingTypeStubs]

    return scipy.stats
