"""Where an export goes: nothing that is there is lost, and what is written is there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from labmtj.errors import InputError, StorageError

ABOUT = "run.json"
MADE_BY = "labmtj export"


def check_file(path: Path, *, force: bool) -> None:
    """Refuse a place where a file cannot go, or is already and may not be replaced. Raises InputError."""
    if path.is_dir():
        raise InputError(f"{path}: this is a folder; name the file that is to be written with --out")
    if path.exists() and not force:
        raise InputError(f"{path}: this file is there already; --force replaces it, --out names another")


def check_folder(path: Path, *, force: bool) -> None:
    """Refuse a folder that holds something else than an older export, or one that may not be replaced.

    Raises InputError.
    """
    if not path.exists():
        return
    if not path.is_dir():
        raise InputError(f"{path}: this is a file; name a folder for the tables with --out")
    if not any(path.iterdir()):
        return
    if not _is_export(path):
        raise InputError(
            f"{path}: this folder holds other things than an export, which are not touched; name another with --out"
        )
    if not force:
        raise InputError(f"{path}: an export is there already; --force replaces it, --out names another folder")


def write_file(path: Path, data: bytes) -> None:
    """Write a file beside its place and put it there. Raises StorageError."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path}: its folder cannot be made: {error.strerror}") from error
    try:
        new.write_bytes(data)
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise StorageError(f"{path}: this file cannot be written: {error.strerror}") from error


@contextmanager
def new_folder(path: Path) -> Generator[Path, None, None]:
    """A folder to fill, which takes its place when the block ends well, and is gone otherwise. Raises StorageError."""
    aside: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise StorageError(f"{path}: this folder cannot be made: {error.strerror}") from error
    try:
        yield new
        new.chmod(0o755)
        if path.exists():
            aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
            os.rename(path, aside / "old")
        os.rename(new, path)
    except BaseException as error:
        shutil.rmtree(new, ignore_errors=True)
        if aside is not None and not path.exists():
            os.rename(aside / "old", path)
        if isinstance(error, OSError) and not isinstance(error, StorageError):
            raise StorageError(f"{path}: this folder cannot be written: {error.strerror}") from error
        raise
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)


def _is_export(path: Path) -> bool:
    try:
        found: Any = json.loads((path / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and cast("dict[str, Any]", found).get("made_by") == MADE_BY
