"""What a run folder holds of a job, and taking it up again from there."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labmtj.config import yaml12
from labmtj.config.adapters import DISTRIBUTIONS, is_foreign
from labmtj.config.bench import BenchFile, load_bench
from labmtj.config.finder import shipped_names
from labmtj.errors import CannotResume, FileProblems, InputError
from labmtj.nets import files
from labmtj.nets.dataset import Dataset, wine
from labmtj.nets.network import Network as TrainedNetwork
from labmtj.protocol.load import Job, load_protocol
from labmtj.protocol.schema import Network
from labmtj.runs.journal import FORMAT, FileJournal
from labmtj.runs.provenance import provenance

if TYPE_CHECKING:
    from labmtj.protocol.chip_task import ChipTask

STATE_FILE = "twin.state"
PROTOCOL, BENCH, JOURNAL, MAP = "protocol.yaml", "bench.yaml", "journal.jsonl", "die.h5"
NEURONS = "neurons.h5"


def keep(job: Job, folder: Path) -> BenchFile:
    """Write the effective protocol and bench into the run folder; the bench as it will be opened."""
    (folder / PROTOCOL).write_text(job.source.effective_text(), encoding="utf-8")
    data: dict[str, Any] = dict(job.bench.source.data)
    data["instruments"] = {
        name: {**entry, "model": _portable(job.bench, name, entry["model"])}
        for name, entry in data["instruments"].items()
    }
    if job.bench.bench.visa == "@labmtj":
        simulation = dict(data.get("simulation") or {})
        if simulation.get("state") is None:
            simulation["state"] = STATE_FILE
            (folder / STATE_FILE).touch()  # an empty file is a place for a fresh die
        data["simulation"] = simulation
    text = f"# {job.bench.source.name}, as it was used in this run\n{yaml12.dump(data)}"
    (folder / BENCH).write_text(text, encoding="utf-8")
    return load_bench(folder / BENCH)


def _portable(bench: BenchFile, name: str, model: str) -> str:
    """A model's name if it is a shipped one, else the whole path of its file."""
    return model if model in shipped_names("models") else str(bench.model_file(name).resolve())


def _libraries(file: BenchFile) -> list[str]:
    """Other libraries that drive instruments of this bench, as they are installed."""
    drivers = (file.model(name).driver for name in file.bench.instruments)
    return sorted({DISTRIBUTIONS[driver.partition(":")[0]] for driver in drivers if is_foreign(driver)})


def network_of(job: Job) -> tuple[TrainedNetwork | None, Dataset | None]:
    """The network that a protocol names, and the data that belong to it; none for one that only characterises."""
    wanted: Network | None = job.protocol.network
    if wanted is None or wanted.for_chips:
        return None, None
    try:
        if wanted.shipped is not None:
            return files.shipped(wanted.shipped), wine()
        folder = Path(wanted.files or "")
        network = files.read_network(folder, solution=wanted.solution or 0)
        return network, files.read_dataset(folder) or wine()
    except FileProblems:
        raise
    except InputError as error:
        key = "shipped" if wanted.shipped is not None else "files"
        error.add_note(f"named in {job.source.place(('network', key))}")
        raise


def header(
    journal: FileJournal,
    job: Job,
    file: BenchFile,
    network: TrainedNetwork | None,
    data: Dataset | None,
    chip: ChipTask | None = None,
    *,
    operator: str = "",
    sample: str = "",
) -> None:
    """Write the journal's first entry: what this run is made of. Samples of a chip stand with its inference.

    `operator` and `sample` are names that the command gave; without one LABMTJ_OPERATOR, then the files' hold.
    """
    texts = {PROTOCOL: job.source.effective_text(), BENCH: file.source.text}
    journal.record(
        "run",
        {
            "format": FORMAT,
            "title": job.protocol.title,
            "operator": operator_of(job, operator),
            "sample": sample or job.protocol.sample,
            "abort": {} if job.protocol.abort is None else job.protocol.abort.stated,
            "wall": datetime.now(UTC).isoformat(timespec="seconds"),
            "network": network.name if network else chip.network.name if chip else "",
            "data": data.name if data else chip.images.name if chip else "",
            "samples": 0 if data is None else len(data.labels),
            "labels": [] if data is None else data.labels.tolist(),
            "train": [] if data is None else data.train.tolist(),
            "test": [] if data is None else data.test.tolist(),
            "layers": [list(layer.shape) for layer in network.layers] if network else [],
            "shape": list(file.bench.array.shape),
            "simulated": file.bench.visa == "@labmtj",
            "provenance": provenance(texts, packages=_libraries(file)),
        },
    )


def operator_of(job: Job, name: str = "") -> str:
    """Who runs a job: `name` if one is given, else LABMTJ_OPERATOR, else whom its files name; "" where nobody does."""
    return name or os.environ.get("LABMTJ_OPERATOR", "") or job.protocol.operator


def reload(folder: Path, first: dict[str, Any]) -> tuple[Job, BenchFile]:
    """The job of a run folder, and the bench as it was opened; `first` is the first entry of its journal.

    Raises CannotResume if a file is missing or was changed since the run began.
    """
    if first.get("k") != "run":
        raise CannotResume(f"{folder / JOURNAL}: its first entry is not that of a run")
    if first.get("format", 0) > FORMAT:
        raise CannotResume(f"{folder / JOURNAL}: format {first['format']} is newer than this labmtj; update it")
    for name in (PROTOCOL, BENCH):
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except OSError as error:
            raise CannotResume(f"{folder / name}: it cannot be read: {error.strerror}") from error
        if hashlib.sha256(text.encode()).hexdigest() != first["provenance"][f"sha256 of {name}"]:
            raise CannotResume(
                f"{folder / name}: it was changed since the run began, so the run cannot go on as it began; "
                "put it back, or begin a new run with it"
            )
    job = load_protocol(folder / PROTOCOL, bench=folder / BENCH)
    return job, job.bench
