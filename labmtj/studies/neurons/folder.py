"""The folder of a study of networks of neurons: what it was made of, its blocks, its networks, and its tables."""

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
from labmtj.studies.kept import BENCH, bench_text, read_header, same_digest, unchanged
from labmtj.studies.neurons import tasks
from labmtj.studies.neurons.grid import Trial, trials
from labmtj.studies.neurons.load import NeuronJob, load_neuron_study
from labmtj.studies.neurons.setting import NETWORKS
from labmtj.studies.training.folder import versions

FILE, HEADER = "neuron-study.yaml", "neuron-study.json"


def is_neuron_folder(folder: str | Path) -> bool:
    """Whether a folder is that of a study of networks of neurons."""
    return (Path(folder) / HEADER).is_file()


def new_folder(name: str, job: NeuronJob, *, out: Path | None) -> Path:
    """Make the folder of a new study with the effective files in it. Raises StorageError."""
    folder = new_run(name if name.endswith("-study") else f"{name}-study", out=out)
    try:
        for part in (BLOCKS, NETWORKS):
            (folder / part).mkdir()
        texts = {FILE: job.source.effective_text(), BENCH: bench_text(job.bench)}
        for name_, text in texts.items():
            (folder / name_).write_text(text, encoding="utf-8")
        made = {
            "format": FORMAT,
            "title": job.file.title,
            "wall": datetime.now(UTC).isoformat(timespec="seconds"),
            "digest": study_digest(job),
            "blocks": len(trials(job)),
            "provenance": {**provenance(texts), **versions()},
        }
        (folder / HEADER).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{folder}: the study cannot be kept there: {error.strerror}") from error
    return folder


def header(folder: Path) -> dict[str, Any]:
    """What the study was made of. Raises MissingFile where there is none, CannotResume for one of a newer format."""
    return read_header(folder, HEADER, needed=("blocks",), what="study")


def reload(folder: Path, made: Mapping[str, Any]) -> NeuronJob:
    """The study of a folder; `made` is its header. Raises CannotResume if one of its files was changed."""
    unchanged(folder, (FILE, BENCH), made=made)
    return load_neuron_study(folder / FILE, place=folder / BENCH)


def same(job: NeuronJob, made: Mapping[str, Any], folder: Path) -> str:
    """The digest of a study that goes on. Raises CannotResume if images, neurons or labmtj itself have changed."""
    return same_digest(study_digest(job), made=made, folder=folder, otherwise="the images, a map of neurons, jax")


def study_digest(job: NeuronJob) -> str:
    """SHA-256 of all that the numbers follow from: code, file, bench, images, measured neurons, and what trains."""
    found = hashlib.sha256(code().encode())
    content: dict[str, Any] = job.file.model_dump(mode="json", exclude={"title", "bench", "report", "bounds"})
    content["data"].pop("folder")
    content["device"].pop("map")
    found.update(json.dumps([content, versions(), tasks.digest(job)], sort_keys=True).encode())
    found.update(bench_content(job.bench).encode())
    return found.hexdigest()


def digest(trial: Trial, *, study: str) -> str:
    """SHA-256 of what one block is computed from; `study` is that of its study."""
    return hashlib.sha256(f"{FORMAT} {study} {trial!r}".encode()).hexdigest()


def facts(job: NeuronJob, made: Mapping[str, Any]) -> dict[str, str]:
    """What tables and page say of their origin; nothing of when and where they were made."""
    said, device, task, form = job.file, job.file.device, tasks.task(job), tasks.form(job)
    widths = "-".join(str(width) for width in (form.flat, *form.hidden, form.classes))
    body = f" after {len(form.body)} convolutional layers in software ({', '.join(map(str, form.body))})"
    learning = said.neuron_network
    other = "" if device.noise_z is None else f" (z {100 * device.noise_z:g} %)"
    zero = "" if device.zero == "none" else ", zero of z at the ends of the drive"
    reading = f"noise {100 * device.noise:g} %{other} rms of saturation{zero}, "
    steps = f"{device.bits} bits" if device.bits else "not rounded"
    reading += f"{steps}, x over {-1 - device.margin:g}..{1 + device.margin:g}, z over 0..{1 + device.margin:g}"
    origin = f"drawn with the statistics of: {job.bench.bench.title}; calibrated by curves with an error of "
    origin += f"{100 * device.calibration_error:g} % a point"
    if device.map is not None:
        origin = f"measured map {Path(device.map).name}"
    return {
        "title": said.title,
        "images": f"{task.name}, {len(task.train)} to train and {len(task.test)} to test, {task.classes} classes",
        "network": f"{widths}{body if form.body else ''}; {form.neurons} neurons, one junction each",
        "learning": f"{learning.epochs} epochs, batches of {learning.batch}, rate {learning.rate:g}, "
        f"decay {learning.decay:g}, average {learning.average:g}, smoothing {100 * learning.smoothing:g} %, "
        f"dropout {100 * learning.dropout:g} %",
        "seeds": f"{said.seeds}, from {said.seed}",
        "neurons": origin,
        "reading": f"{reading}; inputs up to {device.range:g} critical currents, curves of {device.points} points",
        **made["provenance"],
        FILE: job.source.effective_text(),
    }
