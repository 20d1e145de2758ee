"""A study's folder: what it was made of, its finished blocks, and the tables that are made of these."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labmtj.errors import StorageError
from labmtj.runs.folder import new_run
from labmtj.runs.provenance import provenance
from labmtj.studies.carrying import BLOCKS
from labmtj.studies.checkpoint import FORMAT, study_digest
from labmtj.studies.kept import BENCH, bench_text, read_header, same_digest, unchanged
from labmtj.studies.load import StudyJob, load_study
from labmtj.studies.setting import Setting

STUDY, HEADER = "study.yaml", "study.json"


def is_study_folder(folder: str | Path) -> bool:
    """Whether a folder is that of a study."""
    return (Path(folder) / HEADER).is_file()


def new_folder(name: str, found: Setting, *, out: Path | None) -> Path:
    """Make the folder of a new study with the effective files in it. Raises StorageError."""
    folder, job = new_run(f"{name}-study", out=out), found.job
    try:
        (folder / BLOCKS).mkdir()
        texts = {STUDY: job.source.effective_text(), BENCH: bench_text(job.bench)}
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
    return read_header(folder, HEADER, needed=("blocks", "networks"), what="study")


def reload(folder: Path, made: dict[str, Any]) -> StudyJob:
    """The study of a folder; `made` is its header. Raises CannotResume if one of its files was changed."""
    unchanged(folder, (STUDY, BENCH), made=made)
    return load_study(folder / STUDY, place=folder / BENCH)


def same(found: Setting, made: dict[str, Any], folder: Path) -> str:
    """The digest of a study that goes on. Raises CannotResume if its networks or labmtj itself have changed."""
    digest = study_digest(found.job, found.networks.digest)
    return same_digest(digest, made=made, folder=folder, otherwise=f"the networks of {made['networks']}")


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
