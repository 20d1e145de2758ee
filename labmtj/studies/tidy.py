"""Tidy tables as files: one HDF5 file with a group a table, and a CSV file each.

They hold nothing of when, where and by how many processes they were made: the same study gives the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import StorageError
from labmtj.runs.netcdf import FORMAT, ROOT, Attribute, Group, Variable, write
from labmtj.studies.columns import Column

Table = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Files:
    """How the tables of a kind of study are kept: `root` at the root of the HDF5 file `name`, and in the file `csv`.

    A row of `root` is called `row`; `rule` gives unit and meaning of a column by its name.
    """

    name: str
    csv: str
    root: str
    row: str
    rule: Callable[[str], Column]


def write_tidy(
    folder: Path, found: Mapping[str, Table], *, files: Files, attributes: Mapping[str, Attribute]
) -> list[Path]:
    """Write the HDF5 file (each table but the root's a group) and a CSV file a table. Raises StorageError."""
    groups = {ROOT: _group(found[files.root], files.row, files.rule, {"format": FORMAT, **attributes})}
    groups |= {name: _group(table, "row", files.rule, {}) for name, table in found.items() if name != files.root}
    write(folder / files.name, groups)
    made = [folder / files.name]
    for name, table in found.items():
        made.append(write_csv(folder / (files.csv if name == files.root else f"{name}.csv"), table))
    return made


def write_csv(path: Path, table: Table) -> Path:
    """Write one table as CSV, nine digits a number, what is missing empty. Raises StorageError."""
    cells = [_texts(values) for values in table.values()]
    lines = [",".join(table), *map(",".join, zip(*cells, strict=True))]
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_bytes(("\n".join(lines) + "\n").encode())
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise StorageError(f"{path}: this file cannot be written: {error.strerror}") from error
    return path


def _texts(values: NDArray[Any]) -> list[str]:
    if values.dtype.kind == "f":
        return ["" if text == "nan" else text for text in (f"{value:.9g}" for value in values.tolist())]
    texts = [str(value) for value in values.tolist()]
    return [f'"{t.replace(chr(34), chr(34) * 2)}"' if any(c in t for c in ',"\n\r') else t for t in texts]


def _group(table: Table, dim: str, rule: Callable[[str], Column], attributes: Mapping[str, Attribute]) -> Group:
    count = len(next(iter(table.values())))
    variables = {dim: Variable((dim,), np.arange(count, dtype=np.int64), meaning=f"number of the {dim}, from 0")}
    for name, values in table.items():
        said = rule(name)
        variables[name] = Variable((dim,), values, "" if values.dtype.kind == "O" else said.units, said.meaning)
    return Group(variables, attributes)
