"""Image sets that are read from a folder or an archive: data/reference/image-sets.yaml, what their files are."""

from __future__ import annotations

import functools
from typing import Literal

from labmtj.config.check import check
from labmtj.config.finder import shipped_file
from labmtj.config.quantities import Model
from labmtj.config.source import read


class KnownImages(Model):
    """One set: images of `size` x `size` pixels, how many to train and test, SHA-256 of each file's decompressed bytes.

    `fetch` says how the files are had.
    """

    size: int
    train: int
    test: int
    classes: int
    fetch: str
    files: dict[str, str]


class Version(Model):
    """One version of a set of colour images: its archive, the folder in it, and the files of that.

    Binary files hold `labels` bytes before the pixels of each image; the others are dictionaries with the labels
    under `key`.
    """

    archive: str
    folder: str
    train: list[str]
    test: list[str]
    binary: bool = False
    labels: int = 0
    key: str = ""


class KnownArchives(Model):
    """Colour images in `classes` classes; `label` is the place of their label among those of a binary image."""

    classes: int
    label: int
    fetch: str
    versions: list[Version]


class ImageSets(Model):
    """The file."""

    format: Literal[1]
    sets: dict[str, KnownImages]
    archives: dict[str, KnownArchives]


@functools.cache
def image_sets() -> ImageSets:
    """The shipped table."""
    return check(read(shipped_file("data/reference/image-sets.yaml")), ImageSets)
