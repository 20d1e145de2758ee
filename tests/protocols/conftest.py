"""Both doors into the twin, as fixtures: a bench behind PyVISA, and the bare array."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from labmtj.bench.session import open_bench
from labmtj.config import yaml12
from labmtj.config.bench import BenchFile, load_bench
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.ports import ArrayAccess
from labmtj.protocol.evidence.verify import look, verify
from labmtj.runs import netcdf
from labmtj.runs.export.export import export
from labmtj.runs.journal import MemoryJournal, read_journal
from labmtj.twin.access import TwinArray

DOORS = ("wire", "array")


def bench_copy(folder: Path, roles: dict[str, str] | None = None, **die: object) -> BenchFile:
    """The default bench with another die, as a file of its own (PyVISA keeps one library a path)."""
    data = dict(read(find("benches", "simulated-15x15")).data)
    data["simulation"] = {"die": {"diameter": "40 nm", "wire": "5 ohm", "seed": 17, **die}}
    data["roles"] = roles or data["roles"]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "bench.yaml"
    path.write_text(yaml12.dump(data), encoding="utf-8")
    return load_bench(path)


class Door:
    """An array with the journal it writes and a look at the hidden state, for the referee."""

    def __init__(self, array: ArrayAccess, journal: MemoryJournal, states: Callable[[], np.ndarray]) -> None:
        self.array, self.journal, self.states = array, journal, states


@pytest.fixture
def open_door(tmp_path: Path) -> Iterator[Callable[..., Door]]:
    """Open a door ("wire" or "array") to a die."""
    with ExitStack() as stack:

        def opened(kind: str, **die: object) -> Door:
            file = bench_copy(tmp_path / f"{kind}-{len(list(tmp_path.iterdir()))}", **die)
            journal = MemoryJournal()
            if kind == "array":
                array = TwinArray(file, journal)
                return Door(array, journal, array.electrics.state.state.copy)
            bench = stack.enter_context(open_bench(file, journal=journal))
            return Door(bench.array, journal, bench.clock.world.electrics.state.state.copy)  # type: ignore[attr-defined]

        yield opened


@pytest.fixture
def make_bench() -> Callable[..., BenchFile]:
    """Write the default bench with another die or other roles to a folder."""
    return bench_copy


@pytest.fixture
def on_the_page() -> Callable[[Mapping[str, netcdf.Group]], None]:
    """Groups of a run.h5, however they were made, are described in its reference."""

    def look_up(groups: Mapping[str, netcdf.Group]) -> None:
        assert set() == described(groups) - documented("run.h5")

    return look_up


REFERENCE = Path(__file__).parents[2] / "labmtj" / "docs" / "source" / "reference"
PAGE = REFERENCE / "run-file.md"


@pytest.fixture
def conforms(tmp_path: Path) -> Callable[[Path], None]:
    """What must hold for the files of a run of any kind: other programs open them, and the journal makes them."""

    def conform(folder: Path) -> None:
        for name in ("run.h5", "die.h5", "neurons.h5"):
            if (folder / name).exists():
                opens_everywhere(folder / name)
                assert set() == described(netcdf.read(folder / name)) - documented(name)
        assert [] == [key for entry in read_journal(folder / "journal.jsonl") for key in unexplained(entry)]
        opens_exported(folder, tmp_path)
        assert [] == [check for check in verify(look(folder)) if check.verdict == "damaged"]

    return conform


def opens_everywhere(path: Path) -> None:
    """In xarray, h5netcdf and h5py: units and meanings for all, a coordinate for every dimension, the same values."""
    groups = netcdf.read(path)
    with xr.open_datatree(path, engine="h5netcdf") as tree, h5netcdf.File(path) as plain, h5py.File(path) as raw:
        assert plain.attrs["Conventions"] == "CF-1.11"
        for name, group in groups.items():
            root = name == netcdf.ROOT
            data = (tree if root else tree[name]).to_dataset()
            with xr.open_dataset(path, group=name, engine="h5netcdf") as alone:
                assert set(group.variables) == set(data.variables) == set(alone.variables)
                assert [] == [dim for dim in alone.dims if alone[dim].dims != (dim,)]
            first = data.isel(dict.fromkeys(data.dims, slice(1)))
            for key, variable in group.variables.items():
                stored = raw[name][key]
                assert stored.attrs["long_name"]
                assert (variable.values.dtype.kind == "O") == ("units" not in stored.attrs)
                assert stored.is_scale or [1] * stored.ndim == [len(dim) for dim in stored.dims]
                np.testing.assert_array_equal(variable.values, data[key].values)
                assert first[key].values.shape == tuple(min(1, size) for size in variable.values.shape)
                assert variable.values.shape == (plain if root else plain[name]).variables[key].shape


def opens_exported(folder: Path, place: Path) -> None:
    """Tables have a row for every value, and netCDF every variable, with the same numbers."""
    groups = netcdf.read(folder / "run.h5")
    made = export(folder, "csv", out=place / "tables", force=True)
    rows = {name: len(pd.read_csv(made.path / name)) for name in made.files if name.endswith(".csv")}
    for name, group in groups.items():
        for key, variable in group.variables.items():
            if not variable.coordinate and variable.dims != (key,):
                file = f"{name}.csv" if f"{name}.csv" in rows else f"{'-'.join([name, 'by', *variable.dims])}.csv"
                assert variable.values.size == rows[file]
    made = export(folder, "netcdf", out=place / "run.nc", force=True)
    with xr.open_dataset(made.path, engine="h5netcdf") as flat:
        assert not any(data.dtype == np.int64 for data in flat.variables.values())
        for name, group in groups.items():
            for key, variable in group.variables.items():
                bare = name == "cells" or (key in flat.variables and variable.dims == (key,))
                label = "_label" if variable.values.dtype.kind == "O" and variable.dims == (key,) else ""
                found = flat[key if bare else f"{name}_{key}{label}"]
                if found.dtype.kind != "M":
                    np.testing.assert_array_equal(variable.values, found.values)


def plain(text: str) -> str:
    """A meaning without its numbers, which may be of one run."""
    return re.sub(r"-?\d[\d.e+-]*|\.\.", "..", text)


def described(groups: Mapping[str, netcdf.Group]) -> set[tuple[str, ...]]:
    """Group, variable, dimensions, type, unit and meaning of all that is in a file; and attributes of its groups."""
    found: set[tuple[str, ...]] = set()
    for name, group in groups.items():
        place = re.sub(
            r"^tuning_.*", "tuning_WAY", re.sub(r"^layer\d+$", "layerN", re.sub(r"(?<=\D)\d+$", _again, name))
        )
        for key, variable in group.variables.items():
            kind = "text" if variable.values.dtype.kind == "O" else variable.values.dtype.name
            flags = ", ".join(f"{word} {value}" for word, value in variable.flags.items())
            meaning = plain(variable.meaning + (f" ({flags})" if flags else ""))
            called = re.sub(r"^product_layer.*", "product_layerN_INPUTS", re.sub(r"\d+", "N", key))
            dims = re.sub(r"\d+", "N", ", ".join(variable.dims))
            found.add((place, called, dims, kind, variable.units if kind != "text" else "", meaning))
        found |= {(place, _attribute(key)) for key in group.attributes}
    return found


def _again(number: re.Match[str]) -> str:
    """iv2 is the second iv; layer2 is another layer."""
    return number[0] if number.string.startswith("layer") else ""


def _attribute(name: str) -> str:
    return re.sub(
        r"asked_.*", "asked_..", re.sub(r"^provenance_.*", "provenance_*", re.sub(r"^(before|after)_.*", r"\1_", name))
    )


def documented(name: str) -> set[tuple[str, ...]]:
    """The same of the reference page."""
    found: set[tuple[str, ...]] = set()
    file = place = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            file = line.split()[1].rstrip(":") if line.startswith("## ") else file
            place = line.split("`")[1] if line.startswith("### ") else "/"
        elif file == name and (row := re.fullmatch(r"\| `(\w+)`(?: \*)? \| (.*) \| (.*) \| (.*) \| (.*) \|", line)):
            found.add((place, row[1], row[2], row[3], row[4], plain(row[5])))
        elif file == name:
            found |= {(place, text) for text in re.findall(r"`([^`]+)`", line)}
    return found


@cache
def journal_keys() -> dict[str, set[str]]:
    """Keys of every kind of entry, by the reference of the journal; of a summary nothing is said there."""
    found: dict[str, set[str]] = {}
    for line in (REFERENCE / "journal.md").read_text(encoding="utf-8").splitlines():
        if row := re.fullmatch(r"\| (`[\w`, ]+`) \| (.*) \| (.*) \|", line):
            kinds = re.findall(r"`(\w+)`", row[1])
            parts = row[2].split("; ") if "; " in row[2] else [row[2]] * len(kinds)
            for kind, part in zip(kinds, parts, strict=True):
                found[kind] = set(re.findall(r"`(\w+)`", part))
    found["program"] |= found["plan"] - {"plan"}
    return found


def unexplained(entry: Mapping[str, object]) -> list[str]:
    """Keys of an entry of a journal that its reference does not have."""
    kind = str(entry["k"])
    if kind == "summary":
        return []
    return [f"{kind}.{key}" for key in entry if key not in {"n", "k", "crc"} | journal_keys().get(kind, set())]
