"""CIFAR-10 and CIFAR-100 from the archives that their authors publish, in the python or in the binary version.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, University of Toronto (2009), and the
page https://www.cs.toronto.edu/~kriz/cifar.html, which describes both versions: an image is 3072 bytes, 1024 of red,
then of green, then of blue, each 32 rows of 32; in the binary version the label stands before them (CIFAR-100: the
coarse one, then the fine one).
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np

from labmtj.config.images import KnownArchives, Version, image_sets
from labmtj.errors import InputError, MissingFile
from labmtj.nets.images.archives import read_files
from labmtj.nets.images.idx import Bytes
from labmtj.nets.images.pickled import read_pickled
from labmtj.nets.images.sets import ImageSet
from labmtj.records import Ints

_SIZE, _COLOURS = 32, 3
_PIXELS = _SIZE * _SIZE * _COLOURS


def read_cifar(name: str, *, folder: Path | None = None) -> ImageSet:
    """The set `name` of data/reference/image-sets.yaml from `folder`, or from the archive that `folder` is.

    Its images are (samples, 32, 32, 3): red, green and blue, 0..255. In a folder, what is already unpacked goes
    first, then the python version. No digest is asked for: the count of images is that of the files. Raises
    MissingFile with the published address, and InputError for a file that is damaged or holds anything but images and
    labels.
    """
    known = image_sets().archives[name]
    if folder is None:
        raise InputError(f"{name} does not come with labmtj: name its archive or its folder; {known.fetch}")
    version, place = _found(known, folder)
    files = read_files(place, version.folder, [*version.train, *version.test])
    parts = [
        _binary(content, known, version, name=f"{place}: {file}")
        if version.binary
        else _pickled(content, known, version, name=f"{place}: {file}")
        for file, content in files.items()
    ]
    train, test = parts[: len(version.train)], parts[len(version.train) :]
    return ImageSet(name, *_joined(train), *_joined(test), 255, known.classes)


def _found(known: KnownArchives, folder: Path) -> tuple[Version, Path]:
    versions = known.versions
    if folder.is_file():
        for version in versions:
            if folder.name.removesuffix(".gz") == version.archive.removesuffix(".gz"):
                return version, folder
        names = ", ".join(version.archive for version in versions)
        raise InputError(f"{folder}: this is none of the archives of the set: {names}")
    for version in versions:
        for place in (folder, folder / version.folder):
            if all((place / file).is_file() for file in (*version.train, *version.test)):
                return version, place
    for version in versions:
        for place in (folder / version.archive, folder / version.archive.removesuffix(".gz")):
            if place.is_file():
                return version, place
    raise MissingFile(f"{folder}: there is no {versions[0].archive}, packed or unpacked; {known.fetch}")


def _binary(content: bytes, known: KnownArchives, version: Version, *, name: str) -> tuple[Bytes, Ints]:
    size = version.labels + _PIXELS
    if not content or len(content) % size:
        raise InputError(f"{name}: {len(content)} bytes are no whole number of images of {size} bytes; fetch it again")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    labels = records[:, known.label].astype(np.int64)
    return _images(records[:, version.labels :]), _checked(labels, known.classes, len(records), name=name)


def _pickled(content: bytes, known: KnownArchives, version: Version, *, name: str) -> tuple[Bytes, Ints]:
    found = read_pickled(content, name=name)
    pixels, labels = found.get("data"), found.get(version.key)
    if not isinstance(pixels, np.ndarray):
        raise InputError(f"{name}: its data are no images of {_PIXELS} bytes each")
    values = cast(Bytes, pixels)
    if values.ndim != 2 or values.shape[1] != _PIXELS or not len(values):
        raise InputError(f"{name}: its data are no images of {_PIXELS} bytes each")
    listed = cast("list[object]", labels) if isinstance(labels, list) else [None]
    if not all(type(label) is int for label in listed):
        raise InputError(f"{name}: there is no list of whole numbers named {version.key}")
    return _images(values), _checked(np.array(listed, dtype=np.int64), known.classes, len(values), name=name)


def _checked(labels: Ints, classes: int, count: int, *, name: str) -> Ints:
    if len(labels) != count:
        raise InputError(f"{name}: {count} images, but {len(labels)} labels")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(f"{name}: labels from {labels.min()} to {labels.max()}; expected are 0 to {classes - 1}")
    return labels


def _images(pixels: Bytes) -> Bytes:
    return pixels.reshape(-1, _COLOURS, _SIZE, _SIZE).transpose(0, 2, 3, 1)


def _joined(parts: list[tuple[Bytes, Ints]]) -> tuple[Bytes, Ints]:
    images = np.ascontiguousarray(np.concatenate([images for images, _ in parts]))
    labels = np.concatenate([labels for _, labels in parts])
    images.flags.writeable = labels.flags.writeable = False
    return images, labels
