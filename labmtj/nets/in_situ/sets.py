"""Samples that a network on an array can learn: wines, or images made small, with one split, centred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.in_situ.task import Task, centred
from labmtj.records import Floats, Ints

WINE = "wine"
_BITS = 8  # of a pixel; inputs are rounded again where they are sent bit by bit


@dataclass(frozen=True)
class Wanted:
    """Which samples: a data set (wine, digits, or images in a `folder`), of it these `features` and `classes`.

    `features` count from 1 and are of wines; `classes` count from 1, too; none named: all. Images become `side` x
    `side` inputs. `samples` of the training samples are learnt, all if None, drawn with `seed`.
    """

    name: str
    folder: Path | None = None
    features: tuple[int, ...] | None = None
    classes: tuple[int, ...] | None = None
    side: int = 8
    samples: int | None = None
    seed: int = 0


def learning_task(wanted: Wanted, *, gain: float) -> Task:
    """The task; inputs less their mean, times `gain`, within -1..1. Raises InputError and MissingFile."""
    inputs, labels, train, test, count = _wine(wanted) if wanted.name == WINE else _images(wanted)
    kept = tuple(range(1, count + 1)) if wanted.classes is None else wanted.classes
    if max(kept) > count:
        raise InputError(f"{wanted.name} has {count} classes, counted from 1; not {max(kept)}")
    renamed = np.full(count, -1, dtype=np.int64)
    renamed[np.array(kept) - 1] = np.arange(len(kept))
    labels = renamed[labels]
    train, test = (part[labels[part] >= 0] for part in (train, test))
    if wanted.samples is not None:
        # RandomState, because numpy promises that its stream never changes (NEP 19).
        random = np.random.RandomState([wanted.seed, 4])
        train = np.sort(random.permutation(train)[: wanted.samples])
    used = np.concatenate([train, test])
    place = np.full(len(labels), -1, dtype=np.int64)
    place[used] = np.arange(used.size)
    return Task(
        centred(inputs[used], gain=gain), labels[used], place[train][np.newaxis], place[test][np.newaxis], len(kept)
    )


def inputs_of(name: str, *, features: Sequence[int] | None, side: int) -> int:
    """How many inputs a network has for it."""
    if name != WINE:
        return side * side
    return 13 if features is None else len(features)


def classes_of(name: str, *, classes: Sequence[int] | None) -> int:
    """How many outputs a network has for it."""
    if classes is not None:
        return len(classes)
    return 3 if name == WINE else 10


Samples = tuple[Floats, Ints, Ints, Ints, int]


def _wine(wanted: Wanted) -> Samples:
    from labmtj.nets.dataset import wine

    data = wine()
    chosen = range(1, data.features + 1) if wanted.features is None else wanted.features
    if max(chosen) > data.features:
        raise InputError(f"wines have {data.features} features, counted from 1; not {max(chosen)}")
    return data.inputs[:, np.array(chosen) - 1], data.labels, data.train, data.test, data.classes


def _images(wanted: Wanted) -> Samples:
    from labmtj.nets.images.preparing import prepare
    from labmtj.nets.images.sets import load

    images = prepare(load(wanted.name, folder=wanted.folder), side=wanted.side, bits=_BITS)
    inputs = np.concatenate([images.train.inputs, images.test.inputs])
    labels = np.concatenate([images.train.labels, images.test.labels]).astype(np.int64)
    count = len(images.train)
    return inputs, labels, np.arange(count), np.arange(count, len(labels)), images.classes
