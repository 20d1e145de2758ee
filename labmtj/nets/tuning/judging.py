"""How good many copies are: accuracy and cross-entropy loss of each, on training, test and all samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.nets.dataset import Dataset
from labmtj.records import Floats


@dataclass(frozen=True, eq=False)
class Judged:
    """One figure of every network, (networks,): on the training samples, on the test samples and on all."""

    train: Floats
    test: Floats
    all: Floats


def accuracies(scores: Floats, data: Dataset) -> Judged:
    """Fractions, 0..1, of samples classified right; `scores` (networks, samples, classes)."""
    return _parts((np.argmax(scores, axis=-1) == data.labels).astype(np.float64), data)


def losses(scores: Floats, data: Dataset) -> Judged:
    """Mean cross-entropy [nat] of the softmax of `scores` (networks, samples, classes)."""
    below = scores - scores.max(axis=-1, keepdims=True)
    right = np.take_along_axis(below, data.labels[np.newaxis, :, np.newaxis], axis=-1)[..., 0]
    return _parts(np.log(np.exp(below).sum(axis=-1)) - right, data)


def _parts(values: Floats, data: Dataset) -> Judged:
    """Means over the samples of `values` (networks, samples)."""
    return Judged(values[:, data.train].mean(axis=1), values[:, data.test].mean(axis=1), values.mean(axis=1))
