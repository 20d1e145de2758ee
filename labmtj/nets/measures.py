"""How good a copy of a network is: accuracy, confusion, and agreement of pre-activations with software."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labmtj.nets.dataset import Dataset
from labmtj.nets.network import Trace
from labmtj.records import Floats, Ints


@dataclass(frozen=True)
class Accuracy:
    """Fraction, 0..1, of samples that were classified right: training, test, and all samples."""

    train: float
    test: float
    all: float


@dataclass(frozen=True)
class Agreement:
    """How values follow the expected ones: measured = slope x expected + offset + residual.

    `pearson` is the correlation; `slope` the error of the scale (1: none); `offset` has the unit of the
    values; `nrmse` is the root mean square of measured - expected over the range of the expected values;
    `sndr` [dB] compares the fitted line with the residual, and `effective_bits` = (sndr - 1.76) / 6.02
    (IEEE Std 1241-2010, doi:10.1109/IEEESTD.2011.5692956). Values without any variation give nan; a
    residual of zero gives inf.
    """

    pearson: float
    slope: float
    offset: float
    nrmse: float
    sndr: float
    effective_bits: float


def accuracy(classes: Ints, data: Dataset) -> Accuracy:
    """Accuracy of the classes (samples,) given to the samples of `data`."""
    right = classes == data.labels
    return Accuracy(float(right[data.train].mean()), float(right[data.test].mean()), float(right.mean()))


def confusion(classes: Ints, labels: Ints, *, count: int = 3) -> Ints:
    """How often samples of each label (rows) were given each class (cols), shape (count, count)."""
    return np.bincount(labels * count + classes, minlength=count * count).reshape(count, count)


def agreement(measured: Floats, expected: Floats) -> Agreement:
    """Compare values of any one shape, all of them taken together."""
    x, y = expected.ravel(), measured.ravel()
    spread = x - x.mean()
    power, span = float(spread @ spread), float(np.ptp(x))
    error = float(np.sqrt(np.mean((y - x) ** 2)))
    if power == 0.0:
        return Agreement(math.nan, math.nan, float(y.mean() - x.mean()), math.nan, math.nan, math.nan)
    slope = float(spread @ y) / power
    offset = float(y.mean() - slope * x.mean())
    residual = y - slope * x - offset
    deviation = y - y.mean()
    total = float(deviation @ deviation)
    pearson = float(spread @ y) / math.sqrt(power * total) if total else math.nan
    noise, signal = float(residual @ residual), slope**2 * power
    ratio = signal / noise if noise else math.inf
    sndr = 10.0 * math.log10(ratio) if ratio else -math.inf
    return Agreement(pearson, slope, offset, error / span, sndr, (sndr - 1.76) / 6.02)


def layer_agreement(measured: Trace, expected: Trace) -> tuple[Agreement, ...]:
    """Agreement of the pre-activations of each layer with those of another forward pass."""
    both = zip(measured.pre_activations, expected.pre_activations, strict=True)
    return tuple(agreement(one, other) for one, other in both)
