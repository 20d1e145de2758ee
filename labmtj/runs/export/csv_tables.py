"""The groups of a run as CSV files: one row an observation, a header with names and units, nothing else (RFC 4180).

A group whose variables lie over several sets of dimensions becomes a file for each of them.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import labmtj
from labmtj.errors import StorageError
from labmtj.runs.export.about import about, wall_times
from labmtj.runs.export.place import ABOUT, MADE_BY
from labmtj.runs.netcdf import Group, Variable
from labmtj.runs.tables import CLOCK

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, eq=False)
class Table:
    """A CSV file: the group and dimensions that it is of, and its columns by what their header says."""

    name: str
    group: str
    dims: tuple[str, ...]
    variables: dict[str, Variable]
    columns: dict[str, list[Any]]

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.name}.csv"

    @property
    def rows(self) -> int:
        """Number of rows below the header."""
        return len(next(iter(self.columns.values())))


def tables(groups: Mapping[str, Group]) -> list[Table]:
    """All tables of a run. Raises StorageError for a group or dimension whose name cannot be that of a file."""
    found: list[Table] = []
    for name, group in groups.items():
        sets = list(dict.fromkeys(v.dims for key, v in group.variables.items() if _is_data(key, v)))
        for dims in sets:
            file = name if len(sets) == 1 else "-".join([name, "by", *dims])
            for part in (name, *dims):
                if not _NAME.fullmatch(part):
                    raise StorageError(f"{part!r} cannot be part of a file's name; is this the journal of labmtj?")
            found.append(_table(file, name, dims, group, groups))
    return found


def write_tables(folder: Path, groups: Mapping[str, Group], told: Callable[[str], None]) -> list[str]:
    """Write all tables and run.json into an empty folder; their names. `told` hears of each before it is written."""
    made = tables(groups)
    for table in made:
        told(table.file)
        with (folder / table.file).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table.columns)
            writer.writerows(zip(*table.columns.values(), strict=True))
    said = {**about(groups), "made_by": MADE_BY, "labmtj": labmtj.__version__}
    said["files"] = [_described(table, groups[table.group]) for table in made]
    (folder / ABOUT).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return [*(table.file for table in made), ABOUT]


def _is_data(name: str, variable: Variable) -> bool:
    return not variable.coordinate and variable.dims != (name,)


def _table(file: str, name: str, dims: tuple[str, ...], group: Group, groups: Mapping[str, Group]) -> Table:
    chosen = {dim: group.variables[dim] for dim in dims if dim in group.variables}
    chosen |= {key: v for key, v in group.variables.items() if v.coordinate and set(v.dims) <= set(dims)}
    chosen |= {key: v for key, v in group.variables.items() if _is_data(key, v) and v.dims == dims}
    shape = next(v.values.shape for v in chosen.values() if v.dims == dims)
    columns: dict[str, list[Any]] = {}
    for key, variable in chosen.items():
        spread = _spread(variable, dims, shape)
        columns[_header(key, variable)] = _cells(spread, variable)
        if variable.meaning.startswith(CLOCK):
            columns[f"{key}_utc"] = wall_times(spread.astype(np.float64), groups)
    return Table(file, name, dims, chosen, columns)


def _header(name: str, variable: Variable) -> str:
    return name if variable.units in ("", "1") else f"{name} [{variable.units}]"


def _spread(variable: Variable, dims: tuple[str, ...], shape: tuple[int, ...]) -> NDArray[Any]:
    """Its values for every row of a table over these dimensions, the last running fastest."""
    places = [dims.index(dim) for dim in variable.dims]
    values = variable.values.transpose(np.argsort(places))
    sizes = [shape[axis] if axis in places else 1 for axis in range(len(dims))]
    return np.broadcast_to(values.reshape(sizes), shape).ravel()


def _cells(values: NDArray[Any], variable: Variable) -> list[Any]:
    """What is written: a flag by its name, a missing number as nothing, any other number with all its digits."""
    if variable.flags:
        names = {number: name for name, number in variable.flags.items()}
        return [names.get(number, number) for number in values.tolist()]
    if values.dtype.kind == "f":
        return ["" if math.isnan(number) else number for number in values.tolist()]
    return values.tolist()


def _described(table: Table, group: Group) -> dict[str, Any]:
    columns = [
        {"name": _header(name, variable), "unit": variable.units, "meaning": variable.meaning}
        | ({"flags": dict(variable.flags)} if variable.flags else {})
        for name, variable in table.variables.items()
    ]
    said: dict[str, Any] = {"file": table.file, "group": table.group, "rows": table.rows, "columns": columns}
    return said | {"attributes": dict(group.attributes)}
