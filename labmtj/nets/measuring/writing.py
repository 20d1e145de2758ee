"""Measures of what was written: error rates with their bounds, and how far the bits are from the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats, Ints, State

_Z = 1.959963984540054  # standard normal quantile of 97.5 %: bounds that hold the rate 19 times of 20


@dataclass(frozen=True, eq=False)
class Rate:
    """`errors` of `trials`, and bounds of the rate; all of one shape. Without a trial the rate is nan, the bounds 0, 1.

    The interval is Wilson's (1927, doi:10.1080/01621459.1927.10502953), which is right at 0 errors, too.
    """

    errors: Ints
    trials: Ints
    low: Floats
    high: Floats

    @property
    def rate(self) -> Floats:
        """Errors over trials."""
        with np.errstate(invalid="ignore"):
            return self.errors / np.where(self.trials == 0, np.nan, self.trials)


def rate(errors: Ints, trials: Ints, *, z: float = _Z) -> Rate:
    """Wilson's interval of `errors` among `trials` at `z` standard deviations of a normal number."""
    n = np.maximum(trials, 1)
    share, extra = errors / n, z**2 / n
    middle = (share + extra / 2.0) / (1.0 + extra)
    half = z * np.sqrt(share * (1.0 - share) / n + extra / (4.0 * n)) / (1.0 + extra)
    none = trials == 0
    low = np.where(none | (errors == 0), 0.0, middle - half)
    high = np.where(none | (errors == trials), 1.0, middle + half)
    return Rate(errors, trials, low, high)


def write_errors(target: Sequence[Ints], seen: Sequence[Ints]) -> tuple[Rate, Rate]:
    """Write error rates of each copy, of devices written to P and of those written to AP.

    `target` and `seen` have (networks, inputs, device columns) of `State` values a layer; what is not its target,
    unreadable (-1) included, is an error.
    """
    found: list[Rate] = []
    for state in (State.P, State.AP):
        trials = sum((_total(one == state) for one in target), np.int64(0))
        errors = sum(
            (_total((one == state) & (other != one)) for one, other in zip(target, seen, strict=True)), np.int64(0)
        )
        found.append(rate(np.asarray(errors), np.asarray(trials)))
    return found[0], found[1]


@dataclass(frozen=True, eq=False)
class Distance:
    """How far bits are from others, each 0..1 and (networks,).

    `raw`: share of devices that differ. `pairs`: share of differential pairs whose weight differs (two wrong devices
    of a pair with the same state cancel). `weighted`: change of the weights times |dL/dw|, over the sum of |dL/dw|,
    to first order the loss that the errors can cost at most.
    """

    raw: Floats
    pairs: Floats
    weighted: Floats


def distance(target: Sequence[Ints], seen: Sequence[Ints], *, slopes: Sequence[Floats]) -> Distance:
    """Hamming distances of `seen` from `target`, `State` values of all layers, (networks, inputs, device columns).

    `slopes` (networks, inputs, outputs) of each layer are |dL/dw| (`sensitivity.loss_slopes`). An unreadable device
    differs, and its weight counts as changed by 1.
    """
    devices = pairs = 0
    differ, changed, heavy, weight = 0.0, 0.0, 0.0, 0.0
    for one, other, slope in zip(target, seen, slopes, strict=True):
        wrong = one != other
        devices += wrong[0].size
        pairs += slope[0].size
        change = np.abs(weights(one) - weights(np.where(other < 0, 1 - one, other)))
        differ = differ + _total(wrong)
        changed = changed + _total(change != 0)
        heavy = heavy + (change * slope).sum(axis=(1, 2))
        weight = weight + slope.sum(axis=(1, 2))
    total = np.asarray(weight)
    return Distance(
        np.asarray(differ) / devices,
        np.asarray(changed) / pairs,
        np.asarray(heavy) / np.where(total > 0.0, total, 1.0),
    )


def drift(before: Sequence[Ints], after: Sequence[Ints], *, slopes: Sequence[Floats]) -> tuple[Distance, Rate, Rate]:
    """What changed between two looks at the same copies: distance, and rates of losing P and of losing AP."""
    return (distance(before, after, slopes=slopes), *write_errors(before, after))


def weights(states: Ints) -> Ints:
    """Weights -1, 0 or 1 of `State` values (..., device columns): P counts 1, AP 0, + device minus - device."""
    bits = (states == State.P).astype(np.int64)
    return bits[..., 0::2] - bits[..., 1::2]


def _total(flags: NDArray[np.bool_]) -> Ints:
    return np.count_nonzero(flags, axis=(1, 2)).astype(np.int64)
