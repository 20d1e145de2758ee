"""Runs a protocol on its bench: steps in order, a record of each, a folder that tells it all; and goes on with it.

A run that was stopped, or whose process died, is continued by running its protocol over its journal
(labmtj.protocol.replay): the same steps get the same answers, until the journal ends and the bench answers.
"""

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
from labmtj.config.bench import DEFAULT, BenchFile
from labmtj.config.model import load_model
from labmtj.config.source import read
from labmtj.errors import CannotResume, LabmtjError
from labmtj.host_state import who
from labmtj.ports import ArrayAccess, Ticker
from labmtj.protocol import run_folder
from labmtj.protocol.come_back import Return
from labmtj.protocol.kinds.contact import ContactStep
from labmtj.protocol.kinds.program import ProgramStep
from labmtj.protocol.kinds.report import ReportStep
from labmtj.protocol.load import Job, check_fits, load_protocol
from labmtj.protocol.observer import Observer, Silent
from labmtj.protocol.progress import Progress
from labmtj.protocol.replay.access import RunArray
from labmtj.protocol.replay.past import RETURN, Entry, Past
from labmtj.protocol.replay.surroundings import RunContact, RunField, RunJournal, RunThermometer
from labmtj.protocol.stop import Stopped, StopRequest, stop_on_signals
from labmtj.protocol.summary import summary
from labmtj.records import DieMap
from labmtj.report.page import NAME as REPORT
from labmtj.report.page import write_report
from labmtj.runs.claim import claimed
from labmtj.runs.die_map import write_die_map
from labmtj.runs.folder import new_run
from labmtj.runs.journal import FileJournal
from labmtj.runs.status import GUARDIAN
from labmtj.runs.store import NAME as STORE
from labmtj.runs.store import build_store
from labmtj.runs.tempered import Tempered


@dataclass(frozen=True)
class Outcome:
    """A finished run: its folder and its figures (protocol.summary)."""

    folder: Path
    figures: dict[str, Any]


@dataclass(frozen=True)
class _Run:
    """What a run is made of, a new one or one that goes on."""

    job: Job
    file: BenchFile
    folder: Path
    journal: FileJournal
    past: Past
    watcher: Observer
    what: str = "run"
    record: Path | None = None
    acknowledge: str | None = None
    elapsed: float = 0.0  # [s] on the bench's clock until now, and since, if that clock is the wall's


def run(
    protocol: str | Path,
    *,
    bench: str | Path = DEFAULT,
    settings: Sequence[str] = (),
    seed: int | None = None,
    out: Path | None = None,
    observer: Observer | None = None,
    record: Path | None = None,
    acknowledge: str | None = None,
) -> Outcome:
    """Run a protocol and return its figures; everything is checked before an instrument is touched.

    `settings` are "path=value" texts, `seed` that of the simulated die, `out` the folder for run folders,
    `record` the file of a cassette for all that is said to the instruments, `acknowledge` what a person says about an
    interlock that had opened.
    """
    job = load_protocol(protocol, bench=bench, overrides=settings, seed=seed)
    network, data = run_folder.network_of(job)
    check_fits(job, {n: layer.shape for n, layer in enumerate(network.layers if network else (), start=1)})
    roles_of(job.bench.bench, {name: load_model(job.bench.model_file(name)) for name in job.bench.bench.instruments})
    folder = new_run(Path(protocol).stem, out=out)
    with claimed(folder):
        file = run_folder.keep(job, folder)
        journal = FileJournal(folder / run_folder.JOURNAL)
        run_folder.header(journal, job, file, network, data)
        made = _Run(job, file, folder, journal, Past(), observer or Silent(), record=record, acknowledge=acknowledge)
        return _carry_out(made)


def resume(folder: str | Path, *, observer: Observer | None = None, acknowledge: str | None = None) -> Outcome:
    """Go on with a run that was stopped, failed, or whose process died; its journal says how far it had come.

    Raises CannotResume for a run that is done or whose files were changed, Busy while another process runs it, and
    whatever a run raises.
    """
    place = Path(folder).resolve()
    with claimed(place):
        path = place / run_folder.JOURNAL
        last = path.stat().st_mtime if path.exists() else 0.0
        journal, entries = FileJournal.go_on(path)
        try:
            if not entries:
                raise CannotResume(f"{place}: its journal is empty: nothing was done; run the protocol again")
            if entries[-1]["k"] == "end" and entries[-1]["how"] == "done":
                journal.close()
                return _finish(place, entries)
            job, file = run_folder.reload(place, entries[0])
        except BaseException:
            journal.close()
            raise
        past = Past(entries)
        gap = max(0.0, time.time() - last)
        watcher = observer or Silent()
        elapsed = past.ended + gap
        made = _Run(job, file, place, journal, past, watcher, what="resume", acknowledge=acknowledge, elapsed=elapsed)
        return _carry_out(made)


def _finish(folder: Path, entries: Sequence[Entry]) -> Outcome:
    """What was left to do for a run whose steps are all done: its files. Raises CannotResume if there is nothing."""
    stored = folder / STORE
    wants_report = any("report" in step for step in read(folder / run_folder.PROTOCOL).data["steps"])
    files = [stored, *([folder / REPORT] if wants_report else [])]
    written = (folder / run_folder.JOURNAL).stat().st_mtime_ns
    if all(path.exists() and path.stat().st_mtime_ns >= written for path in files):
        raise CannotResume(f"{folder}: this run is done, nothing is left to do; its files can be made anew: rebuild")
    build_store(folder)
    if wants_report:
        write_report(folder)
    (figures,) = [entry for entry in entries if entry["k"] == "summary"][-1:]
    return Outcome(folder, {name: value for name, value in figures.items() if name not in ("n", "k")})


def _carry_out(run: _Run) -> Outcome:
    """Open the bench, carry out the steps, leave it safe, and write what belongs to it into the folder."""
    began = time.process_time()
    with stop_on_signals() as stop:
        try:
            noted = Tempered(run.journal)
            limits = Limits(**dict(run.job.protocol.limits))
            run.journal.record("command", {"what": run.what, **who()})
            with open_bench(
                run.file,
                journal=noted,
                limits=limits,
                record=run.record,
                clock_from=run.elapsed,
                report=run.folder / GUARDIAN,
                acknowledge=run.acknowledge,
            ) as opened:
                stop.panic = opened.panic
                if opened.thermometer is not None:
                    noted.sensor(opened.thermometer, opened.clock)
                with kept_life(opened.array, run.file, opened.limits, run.journal.path) as array:
                    figures = _steps(run, opened, array, noted, stop)
        except BaseException as error:
            how = "stopped" if isinstance(error, Stopped | KeyboardInterrupt) else "failed"
            error.add_note(f"the run so far: {run.folder}")
            if run.past.live or not isinstance(error, CannotResume):
                error.add_note(f"go on with: labmtj resume {run.folder}")
            _close(run, {"how": how, "error": f"{type(error).__name__}: {error}"}, error)
            raise
        _close(run, {"how": "done", "processor_seconds": round(time.process_time() - began, 3)}, None)
        if any(isinstance(step, ReportStep) for step in run.job.protocol.steps):
            write_report(run.folder)
    return Outcome(run.folder, figures)


def _close(run: _Run, end: dict[str, Any], cause: BaseException | None) -> None:
    """Write the last entry and build run.h5; what fails here must not hide why the run ended (`cause`)."""
    try:
        run.journal.record("end", {**end, "wall": _now()})
        run.journal.close()
        build_store(run.folder)
    except (LabmtjError, OSError) as error:
        if cause is None:
            raise
        cause.add_note(f"its record could not be finished: {error}")


def _steps(run: _Run, opened: OpenBench, live: ArrayAccess, noted: Tempered, stop: StopRequest) -> dict[str, Any]:
    past, watcher = run.past, run.watcher
    progress = _progress(run, opened, live, noted, stop)
    back = Return(progress, past, settle=_settler(run.journal, past), told=watcher.returned)
    past.come_back, past.go_on = back, lambda: _go_on(run)
    instruments = ", ".join(f"{name} {serial}" for name, serial in opened.identities.items())
    watcher.started(f"{opened.file.bench.title}   {instruments}{_die_line(opened.file)}")
    start = opened.clock.now()
    run.journal.record("bench", {"identities": opened.identities, "t": round(start, 9)})
    if not isinstance(run.job.protocol.steps[0], ContactStep):  # every run begins so
        replayed, before = not past.live, progress.array.clock.now()
        line = progress.contact()
        watcher.done(ContactStep.kind, line, progress.array.clock.now() - before, replayed=replayed and not past.live)
    for number, step in enumerate(run.job.protocol.steps, start=1):
        if isinstance(step, ReportStep):
            continue
        back.step = step
        name, known = step.kind, progress.die_map
        stop.check()
        replayed, before = not past.live, progress.array.clock.now()
        items = step.items(progress)
        content = {"number": number, "name": name, "items": items, "fields": step.model_dump(mode="json")}
        progress.journal.record("step", {**content, "t": round(before, 9)})
        tick = stop.wrap(_counted(run, watcher.step(name, items)))
        line = step.carry_out(progress, tick)
        if progress.die_map is not None and progress.die_map is not known:
            _keep_map(run, progress.die_map)
        elapsed = progress.array.clock.now() - before
        done = {"number": number, "name": name, "line": line, "seconds": round(elapsed, 9)}
        progress.journal.record("done", done)
        if isinstance(step, ProgramStep):
            back.written[step.layer] = step
        watcher.done(name, line, elapsed, replayed=replayed and not past.live)
    figures = summary(progress, bench_seconds=progress.array.clock.now() - past.began)
    run.journal.record("summary", figures)
    return figures


def _keep_map(run: _Run, die: DieMap) -> None:
    """Write the map as it is known now; states that later steps have changed are in the journal, too."""
    if run.past.live and die.state is not None:
        run.journal.record("states", {"state": die.state.tolist()})
    write_die_map(run.folder / run_folder.MAP, die)


def _progress(run: _Run, opened: OpenBench, live: ArrayAccess, noted: Tempered, stop: StopRequest) -> Progress:
    """What the run knows before its first step; all that it asks passes its journal."""
    past = run.past
    network, data = run_folder.network_of(run.job)
    array = RunArray(live, past, before=stop.check_late)
    magnet, sensor = opened.field, opened.thermometer
    return Progress(
        network,
        data,
        array,
        RunJournal(noted, past),
        run.file.bench.array.positive_row_writes,
        opened.limits,
        magnet=None if magnet is None else RunField(magnet, noted, past),
        thermometer=None if sensor is None else RunThermometer(sensor, noted, past),
        check=RunContact(opened.contact, past),
    )


def _go_on(run: _Run) -> Entry:
    """Note in the journal that it ends here and that the run goes on."""
    content = {"unresolved": run.past.unresolved, "read": run.past.read_voltage, "wall": _now()}
    run.journal.record(RETURN, content)
    return content


def _settler(journal: FileJournal, past: Past) -> Any:
    """What writes down that a pulse nobody saw end has been looked at."""

    def settle(number: int, outcome: Any) -> None:
        journal.outcome(number, outcome)
        past.settled({"of": number, "t": round(outcome.time, 9), "uncertain": True})

    return settle


def _counted(run: _Run, tick: Ticker) -> Ticker:
    """A ticker that also notes in the journal how many items are done, for `labmtj status`."""
    count = 0

    def counted(done: int = 1) -> None:
        nonlocal count
        count += int(done)
        if run.past.live:
            run.journal.record("at", {"done": count})
        tick(done)

    return counted


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _die_line(file: BenchFile) -> str:
    simulation = file.bench.simulation
    if file.bench.visa != "@labmtj" or simulation is None or simulation.die is None:
        return ""
    diameter, seed = simulation.die.diameter, simulation.die.seed
    return f"   die {'' if diameter is None else f'{1e9 * diameter:.0f} nm, '}seed {seed or 0}"
