"""Images as inputs of a network: the middle of each, means of squares of pixels, few levels.

Inputs come in few levels because a gate is open or closed: a level of b bits is sent as b patterns of gates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.images.idx import Bytes
from labmtj.nets.images.sets import ImageSet
from labmtj.records import Floats, Ints


@dataclass(frozen=True, eq=False)
class Samples:
    """`levels` (samples, inputs) of 0..2^bits - 1, `labels` (samples,) counted from 0."""

    levels: Bytes
    labels: Ints
    bits: int

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def inputs(self) -> Floats:
        """The levels as 0..1, (samples, inputs)."""
        return self.levels / float((1 << self.bits) - 1)

    def take(self, which: Ints) -> Samples:
        """Some of the samples, in the order of their numbers `which`."""
        return Samples(self.levels[which], self.labels[which], self.bits)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Samples to train and to test with `side` x `side` inputs each, of `bits` bits, in `classes` classes."""

    name: str
    side: int
    bits: int
    classes: int
    train: Samples
    test: Samples


def prepare(images: ImageSet, *, side: int, bits: int) -> Prepared:
    """Samples of `side` x `side` inputs of `bits` bits.

    Every input is the mean of a square of pixels, as large as fits `side` times into the image; what is left over is
    cut off the margin, evenly (28 x 28 at side 10: the middle 20 x 20, means of 2 x 2; MNIST's digits lie in the
    middle 20 x 20). The mean is rounded to the nearest level, halves to the even one. Raises InputError for a side
    above the image's, for bits outside 1 to 8 and for images in colour.
    """
    if images.train.ndim != 3:
        raise InputError(f"{images.name}: its images are in colour; inputs are made of grey ones only")
    size = images.train.shape[1]
    if not 1 <= side <= size:
        raise InputError(f"{images.name}: side is {side}; its images have {size} x {size} pixels")
    if not 1 <= bits <= 8:
        raise InputError(f"{images.name}: bits is {bits}; inputs have 1 to 8 bits")

    def samples(pixels: Bytes, labels: Ints) -> Samples:
        return Samples(_levels(pixels, side=side, bits=bits, largest=images.largest), labels, bits)

    train, test = samples(images.train, images.train_labels), samples(images.test, images.test_labels)
    return Prepared(images.name, side, bits, images.classes, train, test)


def _levels(pixels: Bytes, *, side: int, bits: int, largest: int) -> Bytes:
    count, size = pixels.shape[:2]
    square = size // side
    first = (size - side * square) // 2
    middle = pixels[:, first : first + side * square, first : first + side * square]
    sums = middle.reshape(count, side, square, side, square).sum(axis=(2, 4), dtype=np.int64)
    top = (1 << bits) - 1
    return np.rint(sums * top / (square * square * largest)).astype(np.uint8).reshape(count, side * side)


def held_back(samples: Samples, *, share: float, seed: int) -> tuple[Samples, Samples]:
    """Samples to learn from, and a random `share` (0..1) of them held back to judge progress by; both in their order.

    The test samples have no part in it.
    """
    count = round(share * len(samples))
    if not 0 <= count < len(samples):
        raise InputError(f"validation: a share of {share:g} leaves {len(samples) - count} of {len(samples)} samples")
    order = np.random.RandomState(seed).permutation(len(samples)).astype(np.int64)
    return samples.take(np.sort(order[count:])), samples.take(np.sort(order[:count]))
