"""CIFAR-10 and CIFAR-100: archives of both versions that the tests make, as Python 2 and Python 3 would pickle them."""

import io
import os
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from labmtj.errors import InputError, MissingFile
from labmtj.nets.images import archives
from labmtj.nets.images.preparing import prepare
from labmtj.nets.images.sets import load, names

_RANDOM = np.random.RandomState(7)
_TRAIN, _TEST = 12, 5


def _records(count, *, classes=100, coarse=20):
    pixels = _RANDOM.randint(0, 256, (count, 3072)).astype(np.uint8)
    return {
        "data": pixels,
        "fine_labels": [int(label) for label in _RANDOM.randint(0, classes, count)],
        "coarse_labels": [int(label) for label in _RANDOM.randint(0, coarse, count)],
        "filenames": [f"image_{number}.png" for number in range(count)],
        "batch_label": "one of one",
    }


def _text(text):
    return b"U" + bytes([len(text)]) + text.encode()


def _as_python_2(records):
    """The bytes that cPickle of Python 2 writes at protocol 2, as in the published files."""
    rows, columns = records["data"].shape
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03(K\x01"
        + struct.pack("<BiBi", ord("J"), rows, ord("J"), columns)
        + b"\x86cnumpy\ndtype\nq\x04U\x02u1K\x00K\x01\x87Rq\x05(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"\x89T"
        + struct.pack("<i", records["data"].size)
        + records["data"].tobytes()
        + b"tb"
    )

    def numbers(labels):
        return b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"

    filenames = b"](" + b"".join(map(_text, records["filenames"])) + b"e"
    items = {
        "filenames": filenames,
        "batch_label": _text(records["batch_label"]),
        "fine_labels": numbers(records["fine_labels"]),
        "coarse_labels": numbers(records["coarse_labels"]),
        "data": array,
    }
    return b"\x80\x02}q\x00(" + b"".join(_text(key) + value for key, value in items.items()) + b"u."


def _binary(records):
    labels = np.array([records["coarse_labels"], records["fine_labels"]], dtype=np.uint8).T
    return np.hstack([labels, records["data"]]).tobytes()


def _pack(path, files, *, folder="cifar-100-python", mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def _images(records):
    return records["data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


TRAIN, TEST = _records(_TRAIN), _records(_TEST)
WRITTEN = {
    "python 2": _as_python_2,
    "protocol 2": lambda records: pickle.dumps(records, 2),
    "protocol 4": lambda records: pickle.dumps(records, 4),
    "bytes as keys": lambda records: pickle.dumps({key.encode(): value for key, value in records.items()}, 4),
    "columns first": lambda records: pickle.dumps({**records, "data": np.asfortranarray(records["data"])}, 4),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_the_python_version_is_read_from_its_archive(tmp_path, way):
    write = WRITTEN[way]
    _pack(tmp_path / "cifar-100-python.tar.gz", {"meta": b"", "train": write(TRAIN), "test": write(TEST)})
    images = load("cifar-100", folder=tmp_path)
    assert (images.classes, images.largest, images.test.shape) == (100, 255, (_TEST, 32, 32, 3))
    assert_array_equal(images.train, _images(TRAIN))
    assert (images.train_labels.tolist(), images.test_labels.tolist()) == (TRAIN["fine_labels"], TEST["fine_labels"])
    coarse = load("cifar-100-coarse", folder=tmp_path / "cifar-100-python.tar.gz")
    assert (coarse.classes, coarse.test_labels.tolist()) == (20, TEST["coarse_labels"])


def test_the_bytes_of_python_2_are_a_pickle_that_python_reads():
    assert_array_equal(pickle.loads(_as_python_2(TRAIN), encoding="bytes")[b"data"], TRAIN["data"])


def test_the_binary_version_holds_the_same_images(tmp_path):
    files = {"train.bin": _binary(TRAIN), "test.bin": _binary(TEST)}
    place = _pack(tmp_path / "cifar-100-binary.tar", files, folder="./cifar-100-binary", mode="w")
    for name, key in (("cifar-100", "fine_labels"), ("cifar-100-coarse", "coarse_labels")):
        images = load(name, folder=place)
        assert_array_equal(images.test, _images(TEST))
        assert images.train_labels.tolist() == TRAIN[key]


def test_an_unpacked_folder_and_the_folder_around_it_are_the_same(tmp_path):
    inner = tmp_path / "cifar-100-python"
    inner.mkdir()
    for name, records in (("train", TRAIN), ("test", TEST)):
        (inner / name).write_bytes(_as_python_2(records))
    for folder in (tmp_path, inner):
        assert_array_equal(load("cifar-100", folder=folder).train, _images(TRAIN))


def test_the_five_batches_of_cifar_10_are_one_set(tmp_path):
    parts = [_records(3, classes=10) for _ in range(6)]
    files = {
        (f"data_batch_{number}" if number < 6 else "test_batch"): pickle.dumps(
            {"data": part["data"], "labels": part["fine_labels"]}, 2
        )
        for number, part in enumerate(parts, 1)
    }
    _pack(tmp_path / "cifar-10-python.tar.gz", files, folder="cifar-10-batches-py")
    images = load("cifar-10", folder=tmp_path)
    assert images.train_labels.tolist() == [label for part in parts[:5] for label in part["fine_labels"]]
    assert_array_equal(images.train[12:], _images(parts[4]))
    assert (images.classes, len(images.test)) == (10, 3)
    binary = {
        (f"data_batch_{number}.bin" if number < 6 else "test_batch.bin"): np.hstack(
            [np.array(part["fine_labels"], dtype=np.uint8)[:, None], part["data"]]
        ).tobytes()
        for number, part in enumerate(parts, 1)
    }
    place = _pack(tmp_path / "cifar-10-binary.tar.gz", binary, folder="cifar-10-batches-bin")
    assert_array_equal(load("cifar-10", folder=place).train, images.train)


class _Call:
    def __init__(self, function, *arguments):
        self.said = (function, arguments)

    def __reduce__(self):
        return self.said


def _marking(path):
    return pickle.dumps({"data": _Call(os.mkdir, str(path))}, 2)


def _nested(depth):
    return b"\x80\x02" + b"(" * depth + b"t" * depth + b"."


def _array(dtype):
    return pickle.dumps({"data": np.zeros((2, 3072), dtype), "fine_labels": [0, 1]}, 2)


HOSTILE = {
    "a function of the system": (b"\x80\x02cos\nsystem\nU\x02id\x85R.", r"the name os\.system"),
    "a function by its two names": (pickle.dumps({"data": _Call(exec, "1")}, 4), r"the name builtins\.exec"),
    "another function of numpy": (b"\x80\x02cnumpy\nload\nU\x02id\x85R.", r"the name numpy\.load"),
    "names that are no texts": (b"\x80\x04KaKb\x93.", "a name that is no text"),
    "an extension": (b"\x80\x02\x82\x01.", "opcode EXT1"),
    "a persistent object": (b"\x80\x02K\x01Q.", "opcode BINPERSID"),
    "an instance": (b"\x80\x02(ios\nsystem\n.", "opcode INST"),
    "a new object": (b"\x80\x02cnumpy\nndarray\n)\x81.", "opcode NEWOBJ"),
    "a shape that is too large": (_as_python_2(TRAIN).replace(b"K\x01J\x0c", b"K\x01J\x7f", 1), "do not fit its shape"),
    "a text longer than the file": (b"\x80\x02}U\x04dataT\xff\xff\xff\x7fabcs.", "no whole pickle"),
    "cut off": (_as_python_2(TRAIN)[:-5000], "no whole pickle"),
    "empty": (b"", "no whole pickle"),
    "nothing on the stack": (b"\x80\x02s.", "no whole pickle"),
    "a tuple in a tuple in a tuple as a key": (b"\x80\x02}" + _nested(100_000)[2:-1] + b"Ns.", "a key of type tuple"),
    "a list": (pickle.dumps([1], 2), "a pickle of list"),
    "a list in itself": (b"\x80\x02}U\x04data]q\x00h\x00as.", "no images of 3072 bytes"),
    "a dictionary in itself": (b"\x80\x02}q\x00U\x04datah\x00s.", "no images of 3072 bytes"),
    "objects": (_array(object), "an array of 'O8'"),
    "numbers of two bytes": (_array(np.int16), "an array of 'i2'"),
    "another coding": (b"\x80\x02}U\x01ac_codecs\nencode\nU\x01aU\x05rot13\x86Rs.", "not written as latin-1"),
    "an opcode that there is not": (b"\x80\x02\xff.", "no whole pickle"),
    "an array that is not filled": (
        b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87Rs.",
        "no images of 3072 bytes",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_pickle_that_holds_more_than_images_is_refused(tmp_path, kind):
    content, message = HOSTILE[kind]
    _pack(tmp_path / "cifar-100-python.tar", {"train": content, "test": _as_python_2(TEST)}, mode="w")
    with pytest.raises(InputError, match=message):
        load("cifar-100", folder=tmp_path)


def test_nothing_of_a_pickle_is_executed(tmp_path):
    mark = tmp_path / "mark"
    _pack(tmp_path / "cifar-100-python.tar", {"train": _marking(mark), "test": b""}, mode="w")
    with pytest.raises(InputError, match="nothing of the file was executed"):
        load("cifar-100", folder=tmp_path)
    assert not mark.exists()
    pickle.loads(_marking(mark))  # that it would be, by Python's own reader, makes the test one
    assert mark.exists()


def test_opcodes_and_encoded_bytes_are_counted(monkeypatch):
    from labmtj.nets.images import pickled

    text = b"X" + struct.pack("<i", 1000) + b"x" * 1000
    twice = b"c_codecs\nencode\nq\x00" + text + b"q\x01X\x06\x00\x00\x00latin1q\x02\x86R"
    again = b"h\x00h\x01h\x02\x86R"
    bomb = b"\x80\x02}U\x01a](" + twice + again * 20 + b"es."
    assert list(pickled.read_pickled(bomb, name="bomb")) == ["a"]
    monkeypatch.setattr(pickled, "_MOST_BYTES", 20_000)
    with pytest.raises(InputError, match=r"bomb: at byte .*: more than 20000 encoded bytes"):
        pickled.read_pickled(bomb, name="bomb")
    monkeypatch.setattr(pickled, "_MOST_OPCODES", 100)
    with pytest.raises(InputError, match="more than 100 opcodes"):
        pickled.read_pickled(pickle.dumps({"a": list(range(100))}, 2), name="bomb")


def test_a_link_is_no_file_of_the_set_and_paths_in_an_archive_lead_nowhere(tmp_path):
    place = tmp_path / "cifar-100-python.tar.gz"
    with tarfile.open(place, "w:gz") as archive:
        for name in ("/etc/hosts", "../../outside", "cifar-100-python/../../outside"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO(b""))
        link = tarfile.TarInfo("cifar-100-python/train")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(InputError, match="cifar-100-python/train is a link"):
        load("cifar-100", folder=place)
    assert [path.name for path in tmp_path.iterdir()] == [place.name]
    assert not (tmp_path.parent / "outside").exists()


def test_an_archive_that_is_damaged_not_whole_or_endless_is_refused(tmp_path, monkeypatch):
    place = _pack(tmp_path / "cifar-100-python.tar.gz", {"train": _as_python_2(TRAIN)})
    with pytest.raises(InputError, match="there is no test; the archive or folder is not whole"):
        load("cifar-100", folder=tmp_path)
    whole = place.read_bytes()
    place.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be unpacked"):
        load("cifar-100", folder=tmp_path)
    place.write_bytes(b"something else" * 100)
    with pytest.raises(InputError, match="cannot be unpacked"):
        load("cifar-100", folder=tmp_path)
    _pack(place, {"train": bytes(1 << 20)})
    monkeypatch.setattr(archives, "_MOST_UNPACKED", 1 << 19)
    with pytest.raises(InputError, match="unpacks to more than 524288 bytes"):
        load("cifar-100", folder=tmp_path)


WRONG = {
    "images and labels": ({**TRAIN, "fine_labels": TRAIN["fine_labels"][:-1]}, "12 images, but 11 labels"),
    "a class too many": ({**TRAIN, "fine_labels": [100] * _TRAIN}, "labels from 100 to 100; expected are 0 to 99"),
    "half a label": ({**TRAIN, "fine_labels": [0.5] * _TRAIN}, "no list of whole numbers named fine_labels"),
    "no labels": ({"data": TRAIN["data"]}, "no list of whole numbers named fine_labels"),
    "small images": ({**TRAIN, "data": TRAIN["data"][:, :-1]}, "no images of 3072 bytes each"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_images_and_labels_that_do_not_fit_are_refused(tmp_path, kind):
    records, message = WRONG[kind]
    files = {"train": pickle.dumps(records, 2), "test": pickle.dumps(TEST, 2)}
    with pytest.raises(InputError, match=message):
        load("cifar-100", folder=_pack(tmp_path / "cifar-100-python.tar", files, mode="w"))


def test_a_binary_file_that_is_cut_off_is_refused(tmp_path):
    files = {"train.bin": _binary(TRAIN)[:-1], "test.bin": _binary(TEST)}
    place = _pack(tmp_path / "cifar-100-binary.tar.gz", files, folder="cifar-100-binary")
    with pytest.raises(InputError, match="36887 bytes are no whole number of images of 3074 bytes"):
        load("cifar-100", folder=place)


def test_a_missing_archive_names_where_it_is_published(tmp_path: Path):
    assert {"cifar-10", "cifar-100", "cifar-100-coarse"} <= set(names())
    with pytest.raises(MissingFile, match=r"no cifar-100-python.tar.gz, .*https://www.cs.toronto.edu/~kriz/cifar.html"):
        load("cifar-100", folder=tmp_path)
    with pytest.raises(InputError, match=r"name its archive or its folder; fetch cifar-10-python\.tar\.gz"):
        load("cifar-10")
    (tmp_path / "other.zip").write_bytes(b"")
    with pytest.raises(InputError, match=r"none of the archives of the set: cifar-100-python\.tar\.gz, cifar"):
        load("cifar-100", folder=tmp_path / "other.zip")


def test_images_in_colour_are_not_made_into_inputs_of_a_chip(tmp_path):
    files = {"train": pickle.dumps(TRAIN, 2), "test": pickle.dumps(TEST, 2)}
    images = load("cifar-100", folder=_pack(tmp_path / "cifar-100-python.tar", files, mode="w"))
    with pytest.raises(InputError, match="cifar-100: its images are in colour"):
        prepare(images, side=8, bits=2)
