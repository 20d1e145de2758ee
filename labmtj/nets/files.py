"""Networks and data in files: folders in the format that NIST publishes, and the networks that ship.

The format (usnistgov/daffodil-lib, examples/wine): `solutions/K_fc1_weight.txt` holds the bits of the
devices of solution K, inputs as rows, columns 2k and 2k+1 the + and - device of output k;
`K_fc1_bias.txt` one bias a line; fc2 likewise. `dataset/X_train.txt` has features as rows and samples
as columns, scaled 0..1, `Y_train.txt` one-hot labels with classes as rows; X_test, Y_test likewise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from labmtj.config.finder import shipped_file
from labmtj.errors import FileProblems, InputError, MissingFile, Problem
from labmtj.nets.dataset import Dataset
from labmtj.nets.network import Layer, Network
from labmtj.records import Floats, Ints

SHIPPED = "data/reference/wine-networks.npz"
_LAYERS = ("fc1", "fc2")
_WINE = (13, 3)  # features and classes of the published networks, which come without their data, too


def _numbers(path: Path, *, bits: bool = False, rows: int | None = None, cols: int | None = None) -> Floats:
    """Read a table of numbers. Raises MissingFile, or FileProblems with every bad line or number."""
    if not path.is_file():
        raise MissingFile(f"{path}: there is no such file")
    problems: list[Problem] = []
    table: list[list[float]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        values: list[float] = []
        for word in re.finditer(r"\S+", line):
            value, wrong = _number(word.group(), bits=bits)
            values.append(value)
            if wrong:
                problems.append(Problem(str(path), wrong, number, word.start() + 1))
        if not values:
            continue
        table.append(values)
        wanted = len(table[0]) if cols is None else cols
        if len(values) != wanted:
            problems.append(Problem(str(path), f"{len(values)} columns where {wanted} are expected", number, 1))
    if problems:
        raise FileProblems(problems)
    if not table or (rows is not None and len(table) != rows):
        wanted = "some are" if rows is None else f"{rows} are"
        raise FileProblems([Problem(str(path), f"{len(table)} rows where {wanted} expected", max(1, len(table)), 1)])
    return np.array(table)


def _number(word: str, *, bits: bool) -> tuple[float, str]:
    """Value of a word, and what is wrong with it."""
    try:
        value = float(word)
    except ValueError:
        return 0.0, f"{word!r} is not a number"
    if bits and value not in (0.0, 1.0):
        return 0.0, f"{word} is not a bit: a device is 0 or 1"
    if not np.isfinite(value):
        return 0.0, f"{word} is not a finite number"
    return value, ""


def _solutions_folder(folder: Path) -> Path:
    """Find the folder of the weight files, be it `folder` or the `solutions` in it."""
    if not folder.is_dir():
        raise MissingFile(f"{folder}: there is no such folder")
    inner = folder / "solutions"
    return inner if inner.is_dir() else folder


def solutions(folder: Path) -> list[int]:
    """Numbers K for which `folder` (or the `solutions` in it) holds a first weight file, in order."""
    found = (re.fullmatch(r"(\d+)_fc1_weight\.txt", path.name) for path in _solutions_folder(folder).iterdir())
    return sorted(int(match.group(1)) for match in found if match)


def _sizes(folder: Path) -> tuple[int, int]:
    """Features and classes of the data that lie beside the weights; those of Wine without any."""
    where = _dataset_folder(folder)
    if not where.is_dir():
        return _WINE
    return len(_numbers(where / "X_train.txt")), len(_numbers(where / "Y_train.txt"))


def _dataset_folder(folder: Path) -> Path:
    """Where the data that belong to a folder of weights would be."""
    solutions_folder = _solutions_folder(folder)
    return solutions_folder.parent / "dataset" if solutions_folder.name == "solutions" else folder / "dataset"


def read_network(folder: Path, *, solution: int) -> Network:
    """Read solution K of a folder in the NIST format; features and classes are those of its data, else of Wine.

    Raises MissingFile with the numbers that are there, and FileProblems with file, line and column for a
    table of the wrong shape, a device that is not 0 or 1 and a number that is not finite.
    """
    where = _solutions_folder(folder)
    there = solutions(folder)
    if solution not in there:
        known = ", ".join(map(str, there)) or "none"
        raise MissingFile(f"{where}: there is no {solution}_fc1_weight.txt; solutions found: {known}")
    layers: list[Layer] = []
    inputs, classes = _sizes(folder)
    for name in _LAYERS:
        cols = 2 * classes if name == _LAYERS[-1] else None
        path = where / f"{solution}_{name}_weight.txt"
        devices = _numbers(path, bits=True, rows=inputs, cols=cols).astype(np.int64)
        if devices.shape[1] % 2:
            message = f"{devices.shape[1]} columns; devices come in pairs of + and -"
            raise FileProblems([Problem(str(path), message, 1, 1)])
        inputs = devices.shape[1] // 2
        bias = _numbers(where / f"{solution}_{name}_bias.txt", rows=inputs, cols=1)
        layers.append(Layer(devices, bias[:, 0]))
    return Network(f"{where}:{solution}", tuple(layers))


def read_dataset(folder: Path) -> Dataset | None:
    """Read the data and the split that belong to a folder in the NIST format; None if it has no dataset/.

    `folder` may be the one with `solutions` and `dataset` in it, or `solutions` itself. The training
    samples come first. Raises MissingFile, FileProblems (as `read_network`) and InputError.
    """
    where = _dataset_folder(folder)
    if not where.is_dir():
        return None
    features, classes = _sizes(folder)
    inputs: list[Floats] = []
    labels: list[Ints] = []
    for part in ("train", "test"):
        x = _numbers(where / f"X_{part}.txt", rows=features)
        path = where / f"Y_{part}.txt"
        y = _numbers(path, bits=True, rows=classes, cols=x.shape[1])
        wrong = np.flatnonzero(y.sum(axis=0) != 1.0)
        if wrong.size:
            message = f"sample {wrong[0] + 1} (column {wrong[0] + 1}) must belong to exactly one class"
            raise FileProblems([Problem(str(path), message, 1, 1)])
        inputs.append(x.T)
        labels.append(np.argmax(y, axis=0))
    trained, tested = len(labels[0]), len(labels[1])
    return Dataset(
        str(where),
        np.concatenate(inputs),
        np.concatenate(labels),
        np.arange(trained),
        np.arange(trained, trained + tested),
        classes,
    )


@dataclass(frozen=True, eq=False)
class NetworkFile:
    """Many networks of one shape, and `header`, a text that says where they come from.

    `train` and `test` are the split that they were trained with.
    """

    networks: tuple[Network, ...]
    header: str
    train: Ints
    test: Ints


def write_networks(path: Path, content: NetworkFile) -> None:
    """Write networks as numpy's npz: eight devices a byte, biases as float32."""
    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {
        "header": np.array(content.header),
        "train": content.train.astype(np.uint16),
        "test": content.test.astype(np.uint16),
    }
    for place, first in enumerate(content.networks[0].layers):
        layers = [network.layers[place] for network in content.networks]
        bits = np.stack([layer.devices.ravel() for layer in layers]).astype(np.uint8)
        arrays[f"shape{place + 1}"] = np.array(first.shape, dtype=np.uint16)
        arrays[f"devices{place + 1}"] = np.packbits(bits, axis=1)
        arrays[f"bias{place + 1}"] = np.stack([layer.bias for layer in layers]).astype(np.float32)
    np.savez_compressed(path, allow_pickle=False, **arrays)


def read_networks(path: Path, *, prefix: str = "wine") -> NetworkFile:
    """Read what `write_networks` wrote; networks are named `prefix`/number, counted from 0."""
    with np.load(path, allow_pickle=False) as stored:
        count = len(stored["bias1"])
        layers: list[list[Layer]] = []
        for place in range(1, 1 + sum(name.startswith("bias") for name in stored.files)):
            rows, cols = (int(size) for size in stored[f"shape{place}"])
            bits = np.unpackbits(stored[f"devices{place}"], axis=1, count=rows * cols)
            devices = bits.reshape(count, rows, cols).astype(np.int64)
            bias = stored[f"bias{place}"].astype(np.float64)
            layers.append([Layer(devices[k], bias[k]) for k in range(count)])
        networks = tuple(Network(f"{prefix}/{k}", both) for k, both in enumerate(zip(*layers, strict=True)))
        train, test = (cast(Ints, stored[name].astype(np.int64)) for name in ("train", "test"))
        return NetworkFile(networks, str(stored["header"]), train, test)


def shipped_networks() -> NetworkFile:
    """Read all networks that ship with labmtj."""
    return read_networks(shipped_file(SHIPPED))


def shipped(name: str) -> Network:
    """Load one shipped network by its name, such as "wine/17". Raises InputError with the names there are."""
    found = re.fullmatch(r"wine/(\d+)", name)
    networks = shipped_networks().networks
    if found is None or int(found.group(1)) >= len(networks):
        raise InputError(f"{name!r}: there is no such shipped network; there are wine/0 .. wine/{len(networks) - 1}")
    return networks[int(found.group(1))]
