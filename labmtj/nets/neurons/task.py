"""What a network is to learn: samples to train and to test with, of all classes or some, as pixels or features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.nets.images.sets import ImageSet
from labmtj.records import Ints

Singles = NDArray[np.float32]
Weights = dict[str, Singles]


@dataclass(frozen=True, eq=False)
class Task:
    """`train`, `test` (samples, *shape): bytes 0..`largest` or numbers as they are; labels (samples,) from 0.

    `shape` is (size, size) for grey images, (size, size, channels) for colour, (features,) for features.
    """

    name: str
    train: NDArray[Any]
    train_labels: Ints
    test: NDArray[Any]
    test_labels: Ints
    classes: int
    largest: int = 1

    @staticmethod
    def of(images: ImageSet) -> Task:
        """All images of a set, in all its classes."""
        return Task(
            images.name,
            np.asarray(images.train),
            images.train_labels,
            np.asarray(images.test),
            images.test_labels,
            images.classes,
            images.largest,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return self.train.shape[1:]

    def part(self, classes: Sequence[int]) -> Task:
        """The samples of some classes, in their order; a class's new number is its place in `classes`.

        Raises InputError for a class that there is not, or one that is named twice.
        """
        named = list(classes)
        if not named or len(set(named)) != len(named) or not all(0 <= one < self.classes for one in named):
            raise InputError(f"{self.name}: classes {named}; each once, from 0 to {self.classes - 1}")
        number = np.full(self.classes, -1, dtype=np.int64)
        number[named] = np.arange(len(named), dtype=np.int64)
        learn, judge = number[self.train_labels] >= 0, number[self.test_labels] >= 0
        return replace(
            self,
            train=self.train[learn],
            train_labels=number[self.train_labels[learn]],
            test=self.test[judge],
            test_labels=number[self.test_labels[judge]],
            classes=len(named),
        )

    def first(self, samples: int) -> Task:
        """Only the first samples to train with; the test stays whole. Raises InputError where there are fewer."""
        if not 1 <= samples <= len(self.train):
            raise InputError(f"{self.name}: {samples} samples to train with; there are {len(self.train)}")
        return replace(self, train=self.train[:samples], train_labels=self.train_labels[:samples])

    def standard(self) -> Weights:
        """`mean` and `deviation` of the training pixels as 0..1, for each channel of colour; 0 and 1 for features."""
        if len(self.shape) == 1:
            return {"mean": np.zeros((), np.float32), "deviation": np.ones((), np.float32)}
        # Counted by value: exact, and no copy of all pixels as wider numbers.
        values = np.arange(256, dtype=np.float64) / self.largest
        planes = [self.train[..., k] for k in range(self.shape[2])] if len(self.shape) == 3 else [self.train]
        counts = np.stack([np.bincount(plane.ravel(), minlength=256) for plane in planes]) / planes[0].size
        mean = counts @ values
        deviation = np.sqrt(np.maximum(counts @ values**2 - mean**2, 0.0))
        if not np.all(deviation > 0.0):
            raise InputError(f"{self.name}: all training pixels are alike")
        shape = self.shape[2:]
        return {
            "mean": mean.reshape(shape).astype(np.float32),
            "deviation": deviation.reshape(shape).astype(np.float32),
        }
