"""What the folder of a study of any kind keeps of how it began, and whether that still holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from labmtj.config import yaml12
from labmtj.config.bench import BenchFile
from labmtj.config.finder import shipped_names
from labmtj.errors import CannotResume, MissingFile
from labmtj.runs.folder import runs_root
from labmtj.runs.provenance import provenance
from labmtj.studies.checkpoint import FORMAT

BENCH = "bench.yaml"


def read_header(folder: Path, name: str, *, needed: Iterable[str], what: str) -> dict[str, Any]:
    """What a study was made of. Raises MissingFile where there is none, CannotResume for one of a newer format."""
    try:
        found = cast("dict[str, Any]", json.loads((folder / name).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise MissingFile(
            f"{folder}: this is no {what} folder: it holds no {name}; they lie in {runs_root()}"
        ) from None
    except (OSError, ValueError) as error:
        raise CannotResume(f"{folder / name}: it cannot be read: {error}") from error
    if not {"format", "digest", "provenance", *needed} <= set(found):
        raise CannotResume(f"{folder / name}: this is not the header of a {what}")
    if found["format"] > FORMAT:
        raise CannotResume(f"{folder / name}: format {found['format']} is newer than this labmtj; update it")
    return found


def unchanged(folder: Path, names: Iterable[str], *, made: Mapping[str, Any]) -> None:
    """Raise CannotResume if a file of a study is not as its header (`made`) says that it was."""
    for name in names:
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except OSError as error:
            raise CannotResume(f"{folder / name}: it cannot be read: {error.strerror}") from error
        if hashlib.sha256(text.encode()).hexdigest() != made["provenance"][f"sha256 of {name}"]:
            raise CannotResume(
                f"{folder / name}: it was changed since the study began, so the study cannot go on as it began; "
                "put it back, or begin a new study with it"
            )


def same_digest(digest: str, *, made: Mapping[str, Any], folder: Path, otherwise: str) -> str:
    """The digest of a study that goes on. Raises CannotResume if it is another, saying what has changed.

    `otherwise` is named where versions are as they were.
    """
    if digest != made["digest"]:
        before, now = made["provenance"], provenance({})
        changed = [f"{name} {before.get(name)} -> {value}" for name, value in now.items() if before.get(name) != value]
        why = "; ".join(changed) or f"{otherwise}, a data sheet of the bench, or a module of labmtj"
        raise CannotResume(
            f"{folder}: the study cannot go on as it began, for this has changed: {why}; put that back, or begin anew"
        )
    return digest


def bench_text(bench: BenchFile) -> str:
    """The bench file as a study keeps it: settings included, data sheets that do not ship by their whole paths."""
    data: dict[str, Any] = dict(bench.source.data)
    shipped = shipped_names("models")
    data["instruments"] = {
        name: {**entry, "model": entry["model"] if entry["model"] in shipped else str(bench.model_file(name).resolve())}
        for name, entry in data["instruments"].items()
    }
    return f"# {bench.source.name}, as it was used in this study\n{yaml12.dump(data)}"
