"""What the copies of a block learn: samples of the study, with a split and a seed for every copy."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np

from labmtj.errors import FileProblems
from labmtj.nets.dataset import Dataset, wine
from labmtj.nets.images.sets import digits
from labmtj.nets.in_situ.task import Task, split_task
from labmtj.records import Ints
from labmtj.studies.in_situ.load import InSituJob


@functools.cache
def dataset(name: str) -> Dataset:
    """The wines, or the digits with pixels 0..1; its own split says how many samples are for tests."""
    if name == "wine":
        return wine()
    images = digits()
    pixels = np.concatenate([images.train, images.test]).reshape(-1, images.train[0].size) / images.largest
    labels, count = np.concatenate([images.train_labels, images.test_labels]), len(images.train)
    every = np.arange(len(labels))
    return Dataset(images.name, pixels, labels, every[:count], every[count:], images.classes)


def layers(job: InSituJob) -> tuple[tuple[int, int], tuple[int, int]]:
    """(inputs, outputs) of both layers."""
    data, hidden = dataset(job.file.data.name), job.file.in_situ.hidden
    return (data.features, hidden), (hidden, data.classes)


def fitting(job: InSituJob) -> None:
    """Raise FileProblems, with the place, for layers that do not fit the arrays."""
    array, places = job.bench.bench.array, 0
    for inputs, outputs in layers(job):
        places += -(-inputs // array.rows) * 2 * outputs
        if not job.gated and (inputs > array.rows or 2 * outputs > array.cols):
            text = f"a layer of {inputs} x {2 * outputs} devices does not fit an array of {array.rows} x {array.cols}"
            raise FileProblems([job.source.problem(("in_situ",), text, key=True)])
    have = (array.kernels or 1) * array.cols
    if job.gated and places > have:
        text = f"both layers take {places} columns of {array.rows} cells, the chip has {have}"
        raise FileProblems([job.source.problem(("in_situ",), text, key=True)])


def task(job: InSituJob, splits: Ints, *, gain: float) -> Task:
    """Samples centred and times `gain`, with the split of each copy by its number (copies,) from 0."""
    said = job.file.data
    found = split_task(dataset(said.name), (said.seed + splits).tolist(), gain=gain)
    if said.samples is None or said.samples >= found.train.shape[1]:
        return found
    # RandomState, because numpy promises that its stream never changes (NEP 19).
    some = [np.random.RandomState(said.seed + int(split)).permutation(found.train.shape[1]) for split in splits]
    return replace(found, train=np.take_along_axis(found.train, np.stack(some)[:, : said.samples], axis=1))


def seeds(job: InSituJob, dies: Ints, splits: Ints) -> Ints:
    """Seed of each copy, which follows from the study's, its die and its split; the same in all parts and variants."""
    keys = zip(dies.tolist(), splits.tolist(), strict=True)
    found = [np.random.SeedSequence([job.file.seed, *key]).generate_state(1)[0] for key in keys]
    return np.array(found, np.int64)
