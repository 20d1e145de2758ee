"""The folder of a study of training on the array: what it was made of, its blocks, and the tables made of these."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labmtj.errors import StorageError
from labmtj.runs.folder import new_run
from labmtj.runs.provenance import provenance
from labmtj.studies.carrying import BLOCKS
from labmtj.studies.checkpoint import FORMAT, bench_content, code
from labmtj.studies.in_situ.grid import Trial, trials
from labmtj.studies.in_situ.load import InSituJob, load_in_situ
from labmtj.studies.in_situ.samples import dataset
from labmtj.studies.kept import BENCH, bench_text, read_header, same_digest, unchanged

FILE, HEADER = "in-situ.yaml", "in-situ.json"


def is_in_situ_folder(folder: str | Path) -> bool:
    """Whether a folder is that of a study of training on the array."""
    return (Path(folder) / HEADER).is_file()


def new_folder(name: str, job: InSituJob, *, out: Path | None) -> Path:
    """Make the folder of a new study with the effective files in it. Raises StorageError."""
    folder = new_run(name if name.endswith("-study") else f"{name}-study", out=out)
    try:
        (folder / BLOCKS).mkdir()
        texts = {FILE: job.source.effective_text(), BENCH: bench_text(job.bench)}
        for name_, text in texts.items():
            (folder / name_).write_text(text, encoding="utf-8")
        made = {
            "format": FORMAT,
            "title": job.file.title,
            "wall": datetime.now(UTC).isoformat(timespec="seconds"),
            "digest": study_digest(job),
            "blocks": len(trials(job)),
            "provenance": provenance(texts),
        }
        (folder / HEADER).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{folder}: the study cannot be kept there: {error.strerror}") from error
    return folder


def header(folder: Path) -> dict[str, Any]:
    """What the study was made of. Raises MissingFile where there is none, CannotResume for one of a newer format."""
    return read_header(folder, HEADER, needed=("blocks",), what="study")


def reload(folder: Path, made: Mapping[str, Any]) -> InSituJob:
    """The study of a folder; `made` is its header. Raises CannotResume if one of its files was changed."""
    unchanged(folder, (FILE, BENCH), made=made)
    return load_in_situ(folder / FILE, place=folder / BENCH)


def same(job: InSituJob, made: Mapping[str, Any], folder: Path) -> str:
    """The digest of a study that goes on. Raises CannotResume if its samples or labmtj itself have changed."""
    return same_digest(study_digest(job), made=made, folder=folder, otherwise="the samples")


def study_digest(job: InSituJob) -> str:
    """SHA-256 of all that the numbers follow from: code, file, bench and samples."""
    found = hashlib.sha256(code().encode())
    content = job.file.model_dump(mode="json", exclude={"title", "bench", "report"})
    found.update(json.dumps(content, sort_keys=True).encode())
    data = dataset(job.file.data.name)
    for array in (data.inputs, data.labels):
        found.update(array.tobytes())
    found.update(bench_content(job.bench).encode())
    return found.hexdigest()


def digest(trial: Trial, *, study: str) -> str:
    """SHA-256 of what one block is computed from; `study` is that of its study."""
    return hashlib.sha256(f"{FORMAT} {study} {trial!r}".encode()).hexdigest()


def facts(job: InSituJob, made: Mapping[str, Any]) -> dict[str, str]:
    """What tables and page say of their origin; nothing of when and where they were made."""
    from labmtj.studies.in_situ.samples import layers

    (inputs, hidden), (_, classes) = layers(job)
    data, said = dataset(job.file.data.name), job.file
    kind = "one chip a network" if job.gated else "one array a layer, two dies a network"
    return {
        "title": said.title,
        "samples": f"{data.name}, {len(data.train)} to train and {len(data.test)} to test in each of "
        f"{said.data.splits} stratified splits, seeds from {said.data.seed}",
        "network": f"{inputs}-{hidden}-{classes}: {inputs * 2 * hidden} and {hidden * 2 * classes} devices, {kind}",
        "dies": f"{said.dies.count}, drawn with seeds from {said.dies.seed}",
        "bench": job.bench.bench.title,
        **made["provenance"],
        FILE: job.source.effective_text(),
    }
