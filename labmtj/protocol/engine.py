"""Runs a protocol on its bench: steps in order, a record of each, a folder that tells it all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labmtj.bench.assemble import roles_of
from labmtj.bench.life_ledger import kept_life
from labmtj.bench.limits import Limits
from labmtj.bench.session import OpenBench, open_bench
from labmtj.config import yaml12
from labmtj.config.bench import DEFAULT, BenchFile, load_bench
from labmtj.config.finder import shipped_names
from labmtj.config.model import load_model
from labmtj.errors import FileProblems, InputError, LabmtjError
from labmtj.nets import files
from labmtj.nets.dataset import Dataset, wine
from labmtj.nets.network import Network as TrainedNetwork
from labmtj.protocol.kinds.report import ReportStep
from labmtj.protocol.load import Job, check_fits, load_protocol
from labmtj.protocol.observer import Observer, Silent
from labmtj.protocol.progress import Progress
from labmtj.protocol.raising import Confirmation, raised_in_ledger
from labmtj.protocol.schema import Network
from labmtj.protocol.stop import Stopped, StopRequest, stop_on_signals
from labmtj.protocol.summary import summary
from labmtj.report.page import write_report
from labmtj.runs.die_map import write_die_map
from labmtj.runs.folder import new_run
from labmtj.runs.journal import FORMAT, FileJournal
from labmtj.runs.provenance import provenance
from labmtj.runs.store import build_store
from labmtj.runs.tempered import Tempered

STATE_FILE = "twin.state"
MAP_FILE = "die.h5"


@dataclass(frozen=True)
class Outcome:
    """A finished run: its folder and its figures (protocol.summary)."""

    folder: Path
    figures: dict[str, Any]


def run(
    protocol: str | Path,
    *,
    bench: str | Path = DEFAULT,
    settings: Sequence[str] = (),
    seed: int | None = None,
    out: Path | None = None,
    observer: Observer | None = None,
    record: Path | None = None,
    confirm: Confirmation | None = None,
) -> Outcome:
    """Run a protocol and return its figures; everything is checked before an instrument is touched.

    `settings` are "path=value" texts, `seed` that of the simulated die, `out` the folder for run folders,
    `record` the file of a cassette for all that is said to the instruments, `confirm` who confirms that a limit is
    raised (nobody, if it is not given: that is refused).
    """
    confirm = confirm or Confirmation()
    job = load_protocol(protocol, bench=bench, overrides=settings, seed=seed, confirm=confirm)
    confirm.settle(raised_in_ledger(job.bench))
    network, data = _network(job)
    check_fits(job, {n: layer.shape for n, layer in enumerate(network.layers if network else (), start=1)})
    roles_of(job.bench.bench, {name: load_model(job.bench.model_file(name)) for name in job.bench.bench.instruments})
    watcher = observer or Silent()
    folder = new_run(Path(protocol).stem, out=out)
    file = _keep(job, folder)
    journal = FileJournal(folder / "journal.jsonl")
    _header(journal, job, file, network, data)
    for limit, how in confirm.settled:
        journal.record("limit", {"name": limit.name, "from": limit.before, "to": limit.after, "how": how})
    began = time.process_time()
    try:
        noted = Tempered(journal)
        with stop_on_signals() as stop, open_bench(file, journal=noted, limits=_limits(job), record=record) as opened:
            if opened.thermometer is not None:
                noted.sensor(opened.thermometer, opened.clock)
            with kept_life(opened.array, file, opened.limits, journal.path) as array:
                figures = _steps(
                    job,
                    opened,
                    Progress(
                        network,
                        data,
                        array,
                        noted,
                        file.bench.array.positive_row_writes,
                        opened.limits,
                        magnet=opened.field,
                        thermometer=opened.thermometer,
                    ),
                    watcher,
                    stop,
                    folder,
                )
    except BaseException as error:
        how = "stopped" if isinstance(error, Stopped | KeyboardInterrupt) else "failed"
        error.add_note(f"the run so far: {folder}")
        _close(journal, folder, {"how": how, "error": f"{type(error).__name__}: {error}"}, error)
        raise
    _close(journal, folder, {"how": "done", "processor_seconds": round(time.process_time() - began, 3)}, None)
    if any(isinstance(step, ReportStep) for step in job.protocol.steps):
        write_report(folder)
    return Outcome(folder, figures)


def _close(journal: FileJournal, folder: Path, end: dict[str, Any], cause: BaseException | None) -> None:
    """Write the last entry and build run.h5; what fails here must not hide why the run ended (`cause`)."""
    try:
        journal.record("end", end)
        journal.close()
        build_store(folder)
    except (LabmtjError, OSError) as error:
        if cause is None:
            raise
        cause.add_note(f"its record could not be finished: {error}")


def _steps(
    job: Job, opened: OpenBench, progress: Progress, watcher: Observer, stop: StopRequest, folder: Path
) -> dict[str, Any]:
    die = _die_line(opened.file)
    watcher.started(f"{opened.file.bench.title}   {', '.join(f'{n} {s}' for n, s in opened.identities.items())}{die}")
    clock, journal = opened.clock, progress.journal
    start = clock.now()
    journal.record("bench", {"identities": opened.identities, "t": round(start, 9)})
    for number, step in enumerate(job.protocol.steps, start=1):
        if isinstance(step, ReportStep):
            continue
        name, known = step.kind, progress.die_map
        stop.check()
        before = clock.now()
        content = step.model_dump(mode="json")
        journal.record("step", {"number": number, "name": name, "fields": content, "t": round(before, 9)})
        line = step.carry_out(progress, stop.wrap(watcher.step(name, step.items(progress))))
        if progress.die_map is not None and progress.die_map is not known:
            write_die_map(folder / MAP_FILE, progress.die_map)
        elapsed = clock.now() - before
        journal.record("done", {"number": number, "name": name, "line": line, "seconds": round(elapsed, 9)})
        watcher.done(name, line, elapsed)
    figures = summary(progress, bench_seconds=clock.now() - start)
    journal.record("summary", figures)
    return figures


def _limits(job: Job) -> Limits:
    return Limits(**dict(job.protocol.limits))


def _die_line(file: BenchFile) -> str:
    simulation = file.bench.simulation
    if file.bench.visa != "@labmtj" or simulation is None or simulation.die is None:
        return ""
    diameter, seed = simulation.die.diameter, simulation.die.seed
    return f"   die {'' if diameter is None else f'{1e9 * diameter:.0f} nm, '}seed {seed or 0}"


def _network(job: Job) -> tuple[TrainedNetwork | None, Dataset | None]:
    """The network that a protocol names, and the data that belong to it; none for one that only characterises."""
    wanted: Network | None = job.protocol.network
    if wanted is None:
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


def _keep(job: Job, folder: Path) -> BenchFile:
    """Write the effective protocol and bench into the run folder; the bench as it will be opened."""
    (folder / "protocol.yaml").write_text(job.source.effective_text(), encoding="utf-8")
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
    (folder / "bench.yaml").write_text(text, encoding="utf-8")
    return load_bench(folder / "bench.yaml")


def _portable(bench: BenchFile, name: str, model: str) -> str:
    """A model's name if it is a shipped one, else the whole path of its file."""
    return model if model in shipped_names("models") else str(bench.model_file(name).resolve())


def _header(
    journal: FileJournal, job: Job, file: BenchFile, network: TrainedNetwork | None, data: Dataset | None
) -> None:
    texts = {"protocol.yaml": job.source.effective_text(), "bench.yaml": file.source.text}
    journal.record(
        "run",
        {
            "format": FORMAT,
            "title": job.protocol.title,
            "wall": datetime.now(UTC).isoformat(timespec="seconds"),
            "network": "" if network is None else network.name,
            "data": "" if data is None else data.name,
            "samples": 0 if data is None else len(data.labels),
            "labels": [] if data is None else data.labels.tolist(),
            "train": [] if data is None else data.train.tolist(),
            "test": [] if data is None else data.test.tolist(),
            "layers": [list(layer.shape) for layer in network.layers] if network else [],
            "shape": [file.bench.array.rows, file.bench.array.cols],
            "simulated": file.bench.visa == "@labmtj",
            "provenance": provenance(texts),
        },
    )
