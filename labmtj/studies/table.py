"""The tables of a study from its blocks: one row a copy, side studies beside it, as HDF5 and as CSV.

They hold nothing of when, where and by how many processes they were made: the same study gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.runs.netcdf import Attribute
from labmtj.studies import columns
from labmtj.studies.checkpoint import BlockResult, Columns
from labmtj.studies.grid import Task, What
from labmtj.studies.tidy import Files, Table, write_tidy

NAME, CSV = "study.h5", "study.csv"
COPIES, FAILURES, TIMES = "copies", "failures", "times"


def tables(tasks: Sequence[Task], results: Mapping[int, BlockResult]) -> dict[str, Table]:
    """All tables by their names: `copies` first, then the side studies, then the blocks that failed, if any did.

    A block that failed has its rows among the copies, empty.
    """
    parts: dict[str, list[Table]] = {COPIES: []}
    failed: list[Task] = []
    for task in tasks:
        result = results[task.number]
        if result.failure:
            failed.append(task)
            if task.what is What.COPIES:
                parts[COPIES].append(_keyed(task, {"network": np.arange(task.first, task.last)}))
        for name, found in result.tables.items():
            parts.setdefault(name, []).append(_keyed(task, found))
    made = {name: _joined(found, fixed=name == COPIES) for name, found in parts.items()}
    if failed:
        made[FAILURES] = {
            "block": np.array([task.name for task in failed], object),
            "reason": np.array([results[task.number].failure for task in failed], object),
        }
    return made


def times(tasks: Sequence[Task], results: Mapping[int, BlockResult]) -> Table:
    """What each block took: wall and processor time [s], and per network; this differs from run to run."""
    spent = [results[task.number] for task in tasks]
    count = np.array([task.last - task.first for task in tasks], np.float64)
    seconds = np.array([result.seconds for result in spent])
    processor = np.array([result.processor_seconds for result in spent])
    return {
        "block": np.array([task.name for task in tasks], object),
        "what": np.array([task.what.value for task in tasks], object),
        "diameter_nm": np.array([np.nan if task.kind is None else in_nm(task.kind.diameter) for task in tasks]),
        "r_wire_ohm": np.array([np.nan if task.kind is None else task.kind.wire for task in tasks]),
        "die": np.array([task.die for task in tasks], np.int64),
        "networks": count.astype(np.int32),
        "seconds": seconds,
        "processor_seconds": processor,
        "processor_seconds_a_network": processor / count,
    }


def write_tables(folder: Path, found: Mapping[str, Table], *, attributes: Mapping[str, Attribute]) -> list[Path]:
    """Write study.h5 (copies at its root, each side table a group) and a CSV file a table. Raises StorageError."""
    return write_tidy(folder, found, files=Files(NAME, CSV, COPIES, "copy", columns.of), attributes=attributes)


def in_nm(diameter: float) -> float:
    """A length [m] in nm, without what binary fractions add."""
    return round(diameter * 1e9, 6)


def _keyed(task: Task, found: Columns) -> Table:
    """The columns of a block with what all its rows have in common before them."""
    count = len(next(iter(found.values())))
    keys: Table = {}
    if task.kind is not None:
        keys["diameter_nm"] = np.full(count, in_nm(task.kind.diameter))
        keys["r_wire_ohm"] = np.full(count, round(task.kind.wire, 9))
        keys["die"] = np.full(count, task.die, np.int64)
        if task.place:
            keys["place"] = np.full(count, task.place, object)
    return {**{name: values for name, values in keys.items() if name not in found}, **found}


def _joined(parts: Sequence[Table], *, fixed: bool) -> Table:
    """Blocks below each other; a column that one of them lacks is empty there. `fixed`: in the order of the rules."""
    names = list(dict.fromkeys(name for part in parts for name in part))
    made: Table = {}
    for name in columns.ordered(names) if fixed else names:
        there = [part[name] for part in parts if name in part]
        kind = np.dtype(columns.of(name).dtype) if fixed else _kind(there)
        pieces = [part.get(name, _empty(len(next(iter(part.values()))), kind)) for part in parts]
        made[name] = np.concatenate([_as(piece, kind) for piece in pieces])
    return made


def _kind(values: Sequence[NDArray[Any]]) -> np.dtype[Any]:
    found = np.result_type(*values)
    return np.dtype(object) if found.kind in "OUS" else found


def _as(values: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    return np.array([str(value) for value in values.tolist()], object) if kind.kind == "O" else values.astype(kind)


def _empty(count: int, kind: np.dtype[Any]) -> NDArray[Any]:
    if kind.kind == "O":
        return np.full(count, "", object)
    return np.full(count, np.nan if kind.kind == "f" else -1, kind)
