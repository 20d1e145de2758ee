"""Networks for chips in files: numpy's npz without pickle, eight devices a byte, `format` 1."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labmtj.config.finder import shipped_file
from labmtj.errors import InputError, MissingFile
from labmtj.nets.chips.network import ChipLayer, ChipNetwork

FORMAT = 1
SHIPPED = {"digits": "data/reference/digits-network.npz"}
_NUMBERS = ("side", "bits", "hidden_bits", "block")


@dataclass(frozen=True, eq=False)
class ChipNetworkFile:
    """A network, and `header`, a text that says where it comes from, of which data, and what it reaches."""

    network: ChipNetwork
    header: str


def write_network(path: Path, content: ChipNetworkFile) -> None:
    """Write a network; the same network gives the same bytes."""
    network = content.network
    arrays: dict[str, np.ndarray[Any, np.dtype[Any]]] = {
        "format": np.array(FORMAT),
        "name": np.array(network.name),
        "header": np.array(content.header),
        "window": np.array(network.window),
        **{name: np.array(getattr(network, name)) for name in _NUMBERS},
    }
    for number, layer in enumerate(network.layers, start=1):
        arrays[f"shape{number}"] = np.array(layer.devices.shape)
        arrays[f"devices{number}"] = np.packbits(layer.devices.ravel())
        arrays[f"gain{number}"] = layer.gain.astype(np.float32)
        arrays[f"bias{number}"] = layer.bias.astype(np.float32)
    with path.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)


def read_network(path: Path) -> ChipNetworkFile:
    """Read what `write_network` wrote. Raises MissingFile, and InputError for anything that is no such file."""
    if not path.is_file():
        raise MissingFile(f"{path}: there is no such file; `labmtj train` writes networks")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: np.asarray(stored[name]) for name in stored.files}
        written = int(arrays["format"])
        if written > FORMAT:
            raise InputError(f"{path}: format {written} is newer than this labmtj knows ({FORMAT}); update labmtj")
        layers: list[ChipLayer] = []
        for number in range(1, 1 + sum(name.startswith("devices") for name in arrays)):
            shape = tuple(int(size) for size in arrays[f"shape{number}"])
            bits = np.unpackbits(arrays[f"devices{number}"], count=int(np.prod(shape))).reshape(shape)
            gain, bias = (arrays[f"{name}{number}"].astype(np.float64) for name in ("gain", "bias"))
            layers.append(ChipLayer(bits, gain, bias))
        side, bits, hidden_bits, block = (int(arrays[name]) for name in _NUMBERS)
        name, window = str(arrays["name"]), float(arrays["window"])
        network = ChipNetwork(name, side, bits, hidden_bits, block, tuple(layers), window)
        return ChipNetworkFile(network, str(arrays["header"]))
    except InputError:
        raise
    except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as wrong:
        raise InputError(f"{path}: this is no network that labmtj train wrote ({wrong})") from wrong


def shipped(name: str) -> ChipNetworkFile:
    """A network that ships with labmtj. Raises InputError with the names there are."""
    if name not in SHIPPED:
        raise InputError(f"{name!r}: there is no such shipped network; there are {', '.join(SHIPPED)}")
    return read_network(shipped_file(SHIPPED[name]))
