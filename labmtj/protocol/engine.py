"""Runs a protocol on its bench: steps in order, a record of each, a folder that tells it all; and goes on with it.

A run that was stopped, or whose process died, is continued by running its protocol over its journal
(labmtj.protocol.replay): the same steps get the same answers, until the journal ends and the bench answers.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labmtj.bench.assemble import roles_of
from labmtj.bench.commands import stopped_by_page
from labmtj.bench.life_ledger import kept_life
from labmtj.bench.limits import Limits
from labmtj.bench.session import drivers_of, open_bench
from labmtj.config.bench import DEFAULT
from labmtj.config.source import read
from labmtj.errors import Aborted, CannotResume, InputError, LabmtjError, MissingFile, WrongDie
from labmtj.host_state import who
from labmtj.protocol import run_folder
from labmtj.protocol.course import Course, carry_out, chip_of, now
from labmtj.protocol.kinds.report import ReportStep
from labmtj.protocol.load import check_fits, load_protocol
from labmtj.protocol.observer import Observer, Silent
from labmtj.protocol.raising import Confirmation, raised_in_ledger
from labmtj.protocol.replay.past import Entry, Past
from labmtj.protocol.stop import Stopped, stop_on_signals
from labmtj.protocol.waiting import Asking
from labmtj.report.page import NAME as REPORT
from labmtj.report.page import write_report
from labmtj.runs.asking import aborted
from labmtj.runs.claim import claimed
from labmtj.runs.folder import known_run, new_run
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
    confirm: Confirmation | None = None,
    asking: Asking | None = None,
    operator: str = "",
    sample: str = "",
) -> Outcome:
    """Run a protocol and return its figures; everything is checked before an instrument is touched.

    `settings` are "path=value" texts, `seed` that of the simulated die, `out` the folder for run folders,
    `record` the file of a cassette for all that is said to the instruments, `acknowledge` what a person says about an
    interlock that had opened, `confirm` who confirms that a limit is raised (nobody, if not given: that is refused),
    `asking` how questions of confirm and pause steps are answered, `operator` and `sample` names for the run's header.
    """
    confirm = confirm or Confirmation()
    job = load_protocol(protocol, bench=bench, overrides=settings, seed=seed, confirm=confirm)
    confirm.settle(raised_in_ledger(job.bench))
    network, data = run_folder.network_of(job)
    chip = chip_of(job)
    check_fits(job, {n: layer.shape for n, layer in enumerate(network.layers if network else (), start=1)})
    models = {name: job.bench.model(name) for name in job.bench.bench.instruments}
    roles_of(job.bench.bench, models)
    drivers_of(job.bench, models)
    folder = new_run(Path(protocol).stem, out=out)
    with claimed(folder):
        file = run_folder.keep(job, folder)
        journal = FileJournal(folder / run_folder.JOURNAL)
        run_folder.header(journal, job, file, network, data, chip, operator=operator, sample=sample)
        for limit, how in confirm.settled:
            journal.record("limit", {"name": limit.name, "from": limit.before, "to": limit.after, "how": how})
        asking, watcher = _asking(asking, run_folder.operator_of(job, operator)), observer or Silent()
        made = Course(
            job, file, folder, journal, Past(), watcher, record=record, acknowledge=acknowledge, asking=asking
        )
        return _carry_out(made)


def resume(
    folder: str | Path,
    *,
    observer: Observer | None = None,
    acknowledge: str | None = None,
    asking: Asking | None = None,
    past_abort: str | None = None,
) -> Outcome:
    """Go on with a run that was stopped, failed, or whose process died; its journal says how far it had come.

    One that a criterion of its protocol has ended goes on with `past_abort`, what a person says about that: this
    criterion ends it no more. Raises MissingFile where there is no run, CannotResume for one that is done or aborted,
    or whose files were changed, Busy while another process has it, and whatever a run raises.
    """
    place = known_run(folder)
    with claimed(place):
        path = place / run_folder.JOURNAL
        last = path.stat().st_mtime
        journal, entries = FileJournal.go_on(path)
        try:
            if not entries:
                raise CannotResume(f"{place}: its journal is empty: nothing was done; run the protocol again")
            if entries[-1]["k"] == "end" and entries[-1]["how"] == "done":
                journal.close()
                return _finish(place, entries)
            job, file = run_folder.reload(place, entries[0])
            entries += _past_abort(place, journal, entries, past_abort)
        except BaseException:
            journal.close()
            raise
        past = Past(entries)
        gap = max(0.0, time.time() - last)
        watcher = observer or Silent()
        elapsed = past.ended + gap
        asking = _asking(asking, str(entries[0].get("operator", "")))
        made = Course(
            job, file, place, journal, past, watcher, what="resume", acknowledge=acknowledge, asking=asking,
            elapsed=elapsed,
        )  # fmt: skip
        return _carry_out(made)


def _asking(asking: Asking | None, operator: str) -> Asking:
    """How questions are answered, with the operator of the run where nobody else is named."""
    found = asking or Asking()
    return found if found.operator else replace(found, operator=operator)


def _past_abort(folder: Path, journal: FileJournal, entries: Sequence[Entry], said: str | None) -> list[Entry]:
    """Note that a person lets a run go past the criterion that ended it. Raises CannotResume where nobody does."""
    met = aborted(entries)
    if met is None:
        return []
    if said is None:
        raise CannotResume(
            f"{folder}: this run was ended by its abort criterion {met['criterion']}: {met['text']}. Look at it, then "
            f'go on past it with: labmtj resume {folder} --past-abort "what you found"'
        )
    content = {"criterion": met["criterion"], "text": said, **who()}
    journal.record("past_abort", content)
    return [{"k": "past_abort", **content}]


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


def _carry_out(run: Course) -> Outcome:
    """Open the bench, carry out the steps, leave it safe, and write what belongs to it into the folder."""
    began, me = time.process_time(), who()
    with stop_on_signals() as stop:
        stop.told, run.journal.told = run.watcher.stopping, run.watcher.entered
        try:
            run.watcher.begun(run.folder, [step.label for step in run.job.protocol.steps])
            noted = Tempered(run.journal)
            limits = Limits(**dict(run.job.protocol.limits))
            run.journal.record("command", {"what": run.what, **me})
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
                    figures = carry_out(run, opened, array, noted, stop)
        except BaseException as error:
            stopped = isinstance(error, Stopped | KeyboardInterrupt)
            how = "stopped" if stopped else "aborted" if isinstance(error, Aborted) else "failed"
            anew = isinstance(error, InputError) and not isinstance(error, MissingFile | WrongDie)
            by = stopped_by_page(me["pid"], me["wall"]) if stopped and stop.asked else ""
            if by:
                error.add_note(f"asked to stop by labmtj watch ({by})")
            error.add_note(f"the run so far: {run.folder}")
            if anew:
                error.add_note("resuming would end in the same place: change the protocol, and run it anew")
            elif run.past.live or not isinstance(error, CannotResume):
                past = ' --past-abort "what you found"' if how == "aborted" else ""
                error.add_note(f"go on with: labmtj resume {run.folder}{past}")
            why = str(error) if isinstance(error, Stopped) else f"{type(error).__name__}: {error}"
            end = {"how": how, "error": f"{why}; asked to stop by labmtj watch ({by})" if by else why}
            _close(run, {**end, "anew": True} if anew else end, error)
            if how == "aborted":  # what it has is a result, too
                _report(run)
            raise
        _close(run, {"how": "done", "processor_seconds": round(time.process_time() - began, 3)}, None)
        _report(run)
    return Outcome(run.folder, figures)


def _report(run: Course) -> None:
    """Write the report of a run whose protocol wants one."""
    if any(isinstance(step, ReportStep) for step in run.job.protocol.steps):
        write_report(run.folder)


def _close(run: Course, end: dict[str, Any], cause: BaseException | None) -> None:
    """Write the last entry and build run.h5; what fails here must not hide why the run ended (`cause`)."""
    try:
        run.journal.record("end", {**end, "wall": now()})
        run.journal.close()
        build_store(run.folder)
    except (LabmtjError, OSError) as error:
        if cause is None:
            raise
        cause.add_note(f"its record could not be finished: {error}")
