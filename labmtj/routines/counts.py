"""What counts of rare events allow to be said: intervals of a share, and bounds of a rate.

Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404, for shares: never too narrow, and for no event in n trials
its one-sided 95 % bound is 1 - 0.05^(1/n), the rule of three, 3/n. Rates of events in a time: the same with Poisson
counts (Garwood 1936, doi:10.1093/biomet/28.3-4.437). Wilson 1927, doi:10.1080/01621459.1927.10502953, where many
shares are drawn: narrower, right on average.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labmtj.records import Floats

_Z = 1.959964  # two-sided 95 % of a Gaussian


def wilson(events: ArrayLike, trials: ArrayLike) -> tuple[Floats, Floats]:
    """Both ends of the 95 % interval of a share; nan without a trial."""
    k, n = np.asarray(events, float), np.asarray(trials, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = k / n
        middle = (share + 0.5 * _Z**2 / n) / (1.0 + _Z**2 / n)
        half = _Z / (1.0 + _Z**2 / n) * np.sqrt(share * (1.0 - share) / n + 0.25 * _Z**2 / n**2)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def share_interval(events: ArrayLike, trials: ArrayLike) -> tuple[Floats, Floats]:
    """Both ends of Clopper and Pearson's 95 % interval of a share; 0 and 1 without a trial."""
    from scipy.special import betaincinv  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    k, n = np.asarray(events, float), np.asarray(trials, float)
    low = betaincinv(np.maximum(k, 0.5), n - k + 1.0, 0.025)
    high = betaincinv(k + 1.0, np.maximum(n - k, 0.5), 0.975)
    return np.where(k > 0, low, 0.0), np.where(k < n, high, 1.0)


def share_bound(events: ArrayLike, trials: ArrayLike) -> Floats:
    """Upper one-sided 95 % bound of a share: 3 / trials (nearly) without an event; 1 without a trial."""
    from scipy.special import betaincinv  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    k, n = np.asarray(events, float), np.asarray(trials, float)
    return np.where(k < n, betaincinv(k + 1.0, np.maximum(n - k, 0.5), 0.95), 1.0)


def rate_bound(events: ArrayLike, seconds: ArrayLike) -> Floats:
    """Upper one-sided 95 % bound [1/s] of the rate of events seen in `seconds`; 3 / seconds (nearly) without one."""
    from scipy.special import gammaincinv  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    found = np.asarray(gammaincinv(np.asarray(events, float) + 1.0, 0.95))
    return found / np.asarray(seconds, float)
