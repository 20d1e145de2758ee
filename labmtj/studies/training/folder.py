"""A training study's folder: what it was made of, its fits, its networks, and the tables that are made of these."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from labmtj.errors import StorageError
from labmtj.runs.folder import new_run
from labmtj.runs.provenance import provenance
from labmtj.studies.checkpoint import FORMAT, bench_content, code
from labmtj.studies.kept import BENCH, bench_text, read_header, same_digest, unchanged
from labmtj.studies.training.fits import Fit
from labmtj.studies.training.load import TrainingJob, load_training

FILE, HEADER, FITS, JUDGED, NETWORKS = "training.yaml", "training.json", "fits", "judged", "networks"
_COMPUTES = ("jax", "jaxlib", "optax")


def is_training_folder(folder: str | Path) -> bool:
    """Whether a folder is that of a training study."""
    return (Path(folder) / HEADER).is_file()


def new_folder(name: str, job: TrainingJob, *, data: str, fits: int, out: Path | None) -> Path:
    """Make the folder of a new training study with the effective files in it. Raises StorageError.

    `data` is the digest of its images and maps, `fits` how many there will be.
    """
    folder = new_run(f"{name}-train", out=out)
    try:
        for part in (FITS, JUDGED, NETWORKS):
            (folder / part).mkdir()
        texts = {FILE: job.source.effective_text(), BENCH: bench_text(job.bench)}
        for name_, text in texts.items():
            (folder / name_).write_text(text, encoding="utf-8")
        made = {
            "format": FORMAT,
            "title": job.file.title,
            "wall": datetime.now(UTC).isoformat(timespec="seconds"),
            "digest": study_digest(job, data),
            "fits": fits,
            "provenance": {**provenance(texts), **versions()},
        }
        (folder / HEADER).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{folder}: the study cannot be kept there: {error.strerror}") from error
    return folder


def header(folder: Path) -> dict[str, Any]:
    """What the study was made of. Raises MissingFile where there is none, CannotResume for one of a newer format."""
    return read_header(folder, HEADER, needed=("fits",), what="training")


def reload(folder: Path, made: Mapping[str, Any]) -> TrainingJob:
    """The study of a folder; `made` is its header. Raises CannotResume if one of its files was changed."""
    unchanged(folder, (FILE, BENCH), made=made)
    return load_training(folder / FILE, place=folder / BENCH)


def same(job: TrainingJob, made: Mapping[str, Any], folder: Path, *, data: str) -> str:
    """The digest of a study that goes on. Raises CannotResume if images, maps or labmtj itself have changed."""
    otherwise = "images, measured maps, jax"
    return same_digest(study_digest(job, data), made=made, folder=folder, otherwise=otherwise)


def study_digest(job: TrainingJob, data: str) -> str:
    """SHA-256 of all that the numbers follow from: code, file, bench, images and maps."""
    found = hashlib.sha256(code().encode())
    content: dict[str, Any] = job.file.model_dump(mode="json", exclude={"title", "bench", "report"})
    content["data"], content["dies"] = {"name": job.file.data.name, "digest": data}, _dies(content["dies"])
    found.update(json.dumps([content, versions()], sort_keys=True).encode())
    found.update(bench_content(job.bench).encode())
    return found.hexdigest()


def digest(fit: Fit, *, study: str) -> str:
    """SHA-256 of what one fit is computed from; `study` is that of its study."""
    return hashlib.sha256(f"{FORMAT} {study} {fit!r}".encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of what trains."""
    found: dict[str, str] = {}
    for package in _COMPUTES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _dies(said: dict[str, Any]) -> dict[str, Any]:
    """What is said of the dies; maps that were measured are known by their content."""
    return {name: value for name, value in said.items() if name != "files"}
