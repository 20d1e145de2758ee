"""Arrays in one file, whole or not at all: what a study keeps of its work."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import CannotResume, StorageError

Arrays = Mapping[str, NDArray[Any]]


def write_arrays(path: Path, arrays: Arrays, *, what: str) -> None:
    """Keep arrays by their names. Raises StorageError, saying `what` they are; then nothing of them is there."""
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **{name: _plain(values) for name, values in arrays.items()})
    new = path.with_name(f"{path.name}.new")
    try:
        with new.open("wb") as stream:
            stream.write(content.getbuffer())
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise StorageError(f"{path}: this {what} cannot be written: {error.strerror}") from error


def read_arrays(path: Path, *, what: str) -> dict[str, NDArray[Any]] | None:
    """Arrays that were kept, or None where there are none. Raises CannotResume for a file that is damaged."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CannotResume(
            f"{path}: this {what} cannot be read ({error}); remove it, and it is computed again"
        ) from None


def of_another(path: Path, *, what: str) -> CannotResume:
    """The error for a file that was computed from something else."""
    return CannotResume(
        f"{path}: this {what} was computed from another study, other networks or another version of labmtj; "
        "put those back, or remove it to have it computed again, or begin a new study"
    )


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Texts as numpy's own: objects cannot be kept without pickle."""
    return values.astype(np.str_) if values.dtype == object else values
