"""What a finished block leaves behind: one file, whole or not at all, that knows what it was computed from."""

from __future__ import annotations

import functools
import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import labmtj
from labmtj.config.bench import BenchFile
from labmtj.errors import CannotResume
from labmtj.studies.arrays import of_another, read_arrays, write_arrays
from labmtj.studies.grid import Task
from labmtj.studies.load import StudyJob

FORMAT = 1
_COMPUTES = ("numpy", "numba", "scipy", "scikit-learn")
Columns = Mapping[str, NDArray[Any]]
_BLOCK = "block"
_NOTES = ("digest", "seconds", "processor_seconds", "failure")


@dataclass(frozen=True, eq=False)
class BlockResult:
    """Tables of a block by their names, each of columns of one length; or why it could not be computed.

    `seconds` and `processor_seconds` it took; they are no part of any table.
    """

    tables: Mapping[str, Columns] = field(default_factory=dict[str, Columns])
    failure: str = ""
    seconds: float = 0.0
    processor_seconds: float = 0.0


def study_digest(job: StudyJob, networks: str) -> str:
    """SHA-256 of all that the numbers of a study follow from: code, file, bench, and its networks' own digest."""
    found = hashlib.sha256(code().encode())
    content: dict[str, Any] = job.study.model_dump(mode="json", exclude={"title", "bench", "report"})
    content["networks"] = networks
    found.update(json.dumps(content, sort_keys=True).encode())
    found.update(bench_content(job.bench).encode())
    return found.hexdigest()


def digest(task: Task, *, study: str) -> str:
    """SHA-256 of what one block is computed from; `study` is that of its study."""
    return hashlib.sha256(f"{FORMAT} {study} {task.name} {task!r}".encode()).hexdigest()


def write_block(path: Path, result: BlockResult, *, digest: str) -> None:
    """Keep a block. Raises StorageError; then nothing of it is there."""
    arrays: dict[str, NDArray[Any]] = {
        "digest": np.array(digest),
        "seconds": np.array(result.seconds),
        "processor_seconds": np.array(result.processor_seconds),
        "failure": np.array(result.failure),
    }
    for table, columns in result.tables.items():
        arrays |= {f"{table}/{name}": values for name, values in columns.items()}
    write_arrays(path, arrays, what=_BLOCK)


def read_block(path: Path, *, digest: str) -> BlockResult | None:
    """A block that was kept, or None. Raises CannotResume for one of another study or version, or a damaged one."""
    stored = read_arrays(path, what=_BLOCK)
    if stored is None:
        return None
    if not set(_NOTES) <= set(stored):
        raise CannotResume(f"{path}: this is no block of a study; remove it, and it is computed again")
    notes = {name: stored[name].item() for name in _NOTES}
    if notes["digest"] != digest:
        raise of_another(path, what=_BLOCK)
    tables: dict[str, dict[str, NDArray[Any]]] = {}
    for key, values in stored.items():
        table, slash, name = key.partition("/")
        if slash:
            tables.setdefault(table, {})[name] = values
    return BlockResult(tables, str(notes["failure"]), float(notes["seconds"]), float(notes["processor_seconds"]))


@functools.cache
def code() -> str:
    """Hash of every module of the package, of what computes with it, and of the interpreter's version.

    The package's own version is no part of it: it follows the tags and commits of the checkout at installation, and
    says nothing of the code that its modules do not say.
    """
    folder = Path(labmtj.__file__).resolve().parent
    found = hashlib.sha256(f"{platform.python_version()} {platform.machine()}".encode())
    for package in _COMPUTES:
        found.update(f"{package} {version(package)} ".encode())
    for path in sorted(folder.rglob("*.py")):
        if path.is_relative_to(folder / "docs"):  # pages compute nothing
            continue
        found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def bench_content(bench: BenchFile) -> str:
    """What a bench file says, and every data sheet that it names."""
    sheets = {name: bench.model_file(name).read_text(encoding="utf-8") for name in sorted(bench.bench.instruments)}
    return json.dumps([bench.source.data, sheets], sort_keys=True)
