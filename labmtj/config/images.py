"""Image sets that are read from a folder: data/reference/image-sets.yaml, names and digests of their files."""

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


class ImageSets(Model):
    """The file."""

    format: Literal[1]
    sets: dict[str, KnownImages]


@functools.cache
def image_sets() -> ImageSets:
    """The shipped table."""
    return check(read(shipped_file("data/reference/image-sets.yaml")), ImageSets)
