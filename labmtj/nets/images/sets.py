"""Where images come from: MNIST, Fashion-MNIST and CIFAR from the user's files, or the digits of scikit-learn."""

from __future__ import annotations

import functools
import gzip
import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labmtj.config.images import image_sets
from labmtj.errors import InputError
from labmtj.nets.dataset import stratified_split
from labmtj.nets.images.idx import Bytes, read_idx
from labmtj.records import Ints

DIGITS = "digits"
# chosen: a fifth of the 1,797 digits, and the first seed tried; fixed before any network was trained.
_DIGITS_TEST, _DIGITS_SEED = 360, 0
_DIGITS_LARGEST = 16  # each pixel counts the dark ones of 4 x 4


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images (samples, size, size) of pixels 0..`largest`, and labels (samples,) from 0, to train and to test.

    Colour images are (samples, size, size, 3).
    """

    name: str
    train: Bytes
    train_labels: Ints
    test: Bytes
    test_labels: Ints
    largest: int
    classes: int = 10


def names() -> list[str]:
    """Names of all image sets."""
    return [DIGITS, *image_sets().sets, *image_sets().archives]


def load(name: str, *, folder: Path | None = None) -> ImageSet:
    """Images of the set `name`; all but the digits are read from `folder`, each IDX file checked by its digest.

    For colour images `folder` may also be their archive. Raises MissingFile with the command that fetches a file,
    and InputError for an unknown name, for a file that is not the published one and where a folder is missing.
    """
    if name == DIGITS:
        return digits()
    if name in image_sets().archives:
        from labmtj.nets.images.cifar import read_cifar  # only where colour images are asked for

        return read_cifar(name, folder=folder)
    known = image_sets().sets.get(name)
    if known is None:
        raise InputError(f"{name!r}: there is no such image set; there are {', '.join(names())}")
    if folder is None:
        raise InputError(f"{name} does not come with labmtj: name the folder of its files; {known.fetch}")
    arrays = [read_idx(folder, file, digest=digest, fetch=known.fetch) for file, digest in known.files.items()]
    train, train_labels, test, test_labels = arrays
    labels = train_labels.astype(np.int64), test_labels.astype(np.int64)
    return ImageSet(name, train, labels[0], test, labels[1], 255, known.classes)


@functools.cache
def digits() -> ImageSet:
    """1,797 handwritten digits of 8 x 8 pixels with our fixed split: 1,437 to train, 360 to test.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository
    (1998), doi:10.24432/C50P49 (CC BY 4.0), as packaged by scikit-learn.
    """
    table = _digits_table()
    labels = table[:, -1].astype(np.int64)
    images = table[:, :-1].astype(np.uint8).reshape(-1, 8, 8)
    train, test = stratified_split(labels, test_size=_DIGITS_TEST, seed=_DIGITS_SEED)
    for array in (images, labels):
        array.flags.writeable = False
    return ImageSet(DIGITS, images[train], labels[train], images[test], labels[test], _DIGITS_LARGEST)


def _digits_table() -> Ints:
    """Read the packaged file without importing scikit-learn, as `nets.dataset` does; else ask its loader."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None:
        raise InputError("the digits come with scikit-learn, which is not installed: pip install scikit-learn")
    for folder in spec.submodule_search_locations or ():
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            with gzip.open(path, "rt", encoding="ascii") as stream:
                return np.loadtxt(stream, delimiter=",").astype(np.int64)
    loaded: Any = importlib.import_module("sklearn.datasets").load_digits()
    return np.column_stack([loaded.data, loaded.target]).astype(np.int64)
