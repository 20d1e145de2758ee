"""A study's folder: what it was made of, its finished blocks, and the tables that are made of these."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from labmtj.config import yaml12
from labmtj.config.bench import BenchFile
from labmtj.config.finder import shipped_names
from labmtj.errors import CannotResume, MissingFile, StorageError
from labmtj.runs.folder import new_run, runs_root
from labmtj.runs.provenance import provenance
from labmtj.studies.checkpoint import FORMAT, study_digest
from labmtj.studies.load import StudyJob, load_study
from labmtj.studies.setting import Setting

STUDY, BENCH, HEADER, BLOCKS, ERRORS = "study.yaml", "bench.yaml", "study.json", "blocks", "errors.txt"


def is_study_folder(folder: str | Path) -> bool:
    """Whether a folder is that of a study."""
    return (Path(folder) / HEADER).is_file()


def new_folder(name: str, found: Setting, *, out: Path | None) -> Path:
    """Make the folder of a new study with the effective files in it. Raises StorageError."""
    folder, job = new_run(f"{name}-study", out=out), found.job
    try:
        (folder / BLOCKS).mkdir()
        texts = {STUDY: job.source.effective_text(), BENCH: _bench_text(job.bench)}
        for name_, text in texts.items():
            (folder / name_).write_text(text, encoding="utf-8")
        header = {
            "format": FORMAT,
            "title": job.study.title,
            "wall": datetime.now(UTC).isoformat(timespec="seconds"),
            "digest": study_digest(job, found.networks.digest),
            "blocks": len(found.tasks),
            "networks": found.networks.origin,
            "provenance": provenance(texts),
        }
        (folder / HEADER).write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{folder}: the study cannot be kept there: {error.strerror}") from error
    return folder


def header(folder: Path) -> dict[str, Any]:
    """What the study was made of. Raises MissingFile where there is none, CannotResume for one of a newer format."""
    try:
        found = cast("dict[str, Any]", json.loads((folder / HEADER).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise MissingFile(
            f"{folder}: this is no study folder: it holds no {HEADER}; they lie in {runs_root()}"
        ) from None
    except (OSError, ValueError) as error:
        raise CannotResume(f"{folder / HEADER}: it cannot be read: {error}") from error
    if not {"format", "digest", "blocks", "networks", "provenance"} <= set(found):
        raise CannotResume(f"{folder / HEADER}: this is not the header of a study")
    if found["format"] > FORMAT:
        raise CannotResume(f"{folder / HEADER}: format {found['format']} is newer than this labmtj; update it")
    return found


def reload(folder: Path, made: dict[str, Any]) -> StudyJob:
    """The study of a folder; `made` is its header. Raises CannotResume if one of its files was changed."""
    for name in (STUDY, BENCH):
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except OSError as error:
            raise CannotResume(f"{folder / name}: it cannot be read: {error.strerror}") from error
        if hashlib.sha256(text.encode()).hexdigest() != made["provenance"][f"sha256 of {name}"]:
            raise CannotResume(
                f"{folder / name}: it was changed since the study began, so the study cannot go on as it began; "
                "put it back, or begin a new study with it"
            )
    return load_study(folder / STUDY, place=folder / BENCH)


def same(found: Setting, made: dict[str, Any], folder: Path) -> str:
    """The digest of a study that goes on. Raises CannotResume if its networks or labmtj itself have changed."""
    digest = study_digest(found.job, found.networks.digest)
    if digest != made["digest"]:
        before, now = made["provenance"], provenance({})
        changed = [f"{name} {before.get(name)} -> {value}" for name, value in now.items() if before.get(name) != value]
        why = (
            "; ".join(changed)
            or f"the networks of {made['networks']}, a data sheet of the bench, or a module of labmtj"
        )
        raise CannotResume(
            f"{folder}: the study cannot go on as it began, for this has changed: {why}; put that back, or begin anew"
        )
    return digest


def attributes(found: Setting, made: dict[str, Any]) -> dict[str, str | int | float | list[int] | list[float]]:
    """What the tables say of their origin; nothing of when and where they were made."""
    study = found.job.study
    return {
        "title": study.title,
        "networks": made["networks"],
        "data": found.networks.data.name,
        "sha256 of networks and data": found.networks.digest,
        "seeds of dies": sorted({task.die for task in found.tasks if task.kind is not None}),
        "bench": found.job.bench.bench.title,
        **made["provenance"],
        STUDY: found.job.source.effective_text(),
    }


def _bench_text(bench: BenchFile) -> str:
    data: dict[str, Any] = dict(bench.source.data)
    shipped = shipped_names("models")
    data["instruments"] = {
        name: {**entry, "model": entry["model"] if entry["model"] in shipped else str(bench.model_file(name).resolve())}
        for name, entry in data["instruments"].items()
    }
    return f"# {bench.source.name}, as it was used in this study\n{yaml12.dump(data)}"
