"""What is left to do once all blocks of a study are there: their tables below each other, files, and what it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labmtj.studies.checkpoint import BlockResult
from labmtj.studies.tidy import Files, Table, write_csv, write_tidy
from labmtj.studies.work import Piece

FAILURES, TIMES = "failures", "times"
Row = Mapping[str, str | int | float | None]


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished study: its folder, its tables, their summary, wall and processor time of its blocks [s]."""

    folder: Path
    found: Mapping[str, Table]
    rows: Sequence[Row]
    facts: Mapping[str, str]
    seconds: float
    processor_seconds: float
    workers: int
    failures: int


def gathered(every: Sequence[Piece], kept: Mapping[int, BlockResult]) -> dict[str, Table]:
    """The tables of a study from those of its blocks, in their order; and the blocks that could not be had."""
    parts: dict[str, list[Table]] = {}
    failed: list[tuple[str, str]] = []
    for piece in every:
        result = kept[piece.number]
        if result.failure:
            failed.append((piece.words, result.failure))
        for name, table in result.tables.items():
            texts = {key: col.astype(object) if col.dtype.kind == "U" else col for key, col in table.items()}
            parts.setdefault(name, []).append(texts)
    found = {
        name: {key: np.concatenate([part[key] for part in tables]) for key in tables[0]}
        for name, tables in parts.items()
    }
    if failed:
        blocks, reasons = zip(*failed, strict=True)
        found[FAILURES] = {"block": np.array(blocks, object), "reason": np.array(reasons, object)}
    return found


def failed(found: Mapping[str, Table]) -> int:
    """How many blocks could not be had."""
    return len(found[FAILURES]["block"]) if FAILURES in found else 0


def spent(every: Sequence[Piece], kept: Mapping[int, BlockResult]) -> Table:
    """What each block took [s]; this differs from run to run."""
    return {
        "block": np.array([piece.name for piece in every], object),
        "seconds": np.array([kept[piece.number].seconds for piece in every]),
        "processor_seconds": np.array([kept[piece.number].processor_seconds for piece in every]),
    }


def write_found(place: Path, found: Mapping[str, Table], *, files: Files, facts: Mapping[str, str]) -> None:
    """Write tables as HDF5 and CSV; without the root table as CSV alone. Raises StorageError."""
    if files.root in found:
        write_tidy(place, found, files=files, attributes=facts)
        return
    for name, table in found.items():
        write_csv(place / f"{name}.csv", table)
