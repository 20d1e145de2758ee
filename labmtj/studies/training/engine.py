"""Carries a training study out: fit after fit, epoch after epoch, each kept; tables at the end; and goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from labmtj.protocol.stop import Stopped, StopRequest, stop_on_signals
from labmtj.runs.claim import claimed
from labmtj.studies.checkpoint import BlockResult, read_block, write_block
from labmtj.studies.tidy import Files, Table, write_csv, write_tidy
from labmtj.studies.training import columns
from labmtj.studies.training import folder as folders
from labmtj.studies.training.comparing import paired, summary, with_reference
from labmtj.studies.training.course import Course
from labmtj.studies.training.fits import Fit, fits
from labmtj.studies.training.fitting import fitted
from labmtj.studies.training.judging import ACCURACY, joined, judged
from labmtj.studies.training.load import TrainingJob, load_training
from labmtj.studies.training.trainer import Ways

PAIRED, DEFECTS, CURRENTS, TIMES = "paired", "defects", "currents", "times"
FILES = Files("train.h5", "train.csv", ACCURACY, "judgement", columns.of)


class Watcher(Protocol):
    """Whoever shows how a training study goes."""

    def began(self, folder: Path, *, fits: Sequence[Fit], facts: Mapping[str, str]) -> None:
        """The study's folder, all its fits, and what is known of images, network and chips."""
        ...

    def advanced(self, fit: Fit, course: Course) -> None:
        """An epoch of a fit has ended."""
        ...

    def ended(self, fit: Fit, course: Course, found: Mapping[str, Table], *, kept: bool) -> None:
        """A fit is over and judged; `kept`: it was before."""
        ...


class Unseen:
    """Shows nothing."""

    def began(self, folder: Path, *, fits: Sequence[Fit], facts: Mapping[str, str]) -> None:
        """Show nothing."""

    def advanced(self, fit: Fit, course: Course) -> None:
        """Show nothing."""

    def ended(self, fit: Fit, course: Course, found: Mapping[str, Table], *, kept: bool) -> None:
        """Show nothing."""


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished training study: its folder, its tables, their summary, and wall time of this process [s]."""

    folder: Path
    found: Mapping[str, Table]
    rows: Sequence[Mapping[str, str | int | float | None]]
    facts: Mapping[str, str]
    seconds: float


@dataclass(frozen=True)
class Means:
    """Who looks on, and what trains and judges: `ways` of a job, labmtj.studies.training.ways if it is not said."""

    watcher: Watcher = field(default_factory=Unseen)
    ways: Callable[[TrainingJob], Ways] | None = None


def run_training(
    file: str | Path,
    *,
    bench: str | Path | None = None,
    settings: Sequence[str] = (),
    out: Path | None = None,
    means: Means | None = None,
) -> Finished:
    """Carry out a training study; everything is checked before its folder is made.

    Raises FileProblems and MissingFile for its files, InputError without JAX, Stopped if somebody stops it; what is
    done stays, and `resume_training` goes on with it.
    """
    began, means = time.perf_counter(), means or Means()
    job = load_training(file, bench=bench, overrides=settings)
    ways = _ways(job, means)
    every = fits(job, dies=len(ways.dies))
    place = folders.new_folder(Path(file).stem, job, data=ways.digest, fits=len(every), out=out)
    with claimed(place):
        return _carry_out(place, job, ways, every, means, began)


def resume_training(folder: str | Path, *, means: Means | None = None) -> Finished:
    """Go on with a training study after its last whole epoch; of one that is done, make tables and page anew.

    Raises MissingFile where there is none, Busy while another process has it, CannotResume if its files, images, maps
    or labmtj itself have changed, and whatever `run_training` raises.
    """
    began, place, means = time.perf_counter(), Path(folder).resolve(), means or Means()
    folders.header(place)
    with claimed(place):
        job = folders.reload(place, folders.header(place))
        ways = _ways(job, means)
        return _carry_out(place, job, ways, fits(job, dies=len(ways.dies)), means, began)


def _ways(job: TrainingJob, means: Means) -> Ways:
    if means.ways is not None:
        return means.ways(job)
    from labmtj.studies.training.ways import chip_ways

    return chip_ways(job)


def _carry_out(place: Path, job: TrainingJob, ways: Ways, every: Sequence[Fit], means: Means, began: float) -> Finished:
    made = folders.header(place)
    study = folders.same(job, made, place, data=ways.digest)
    means.watcher.began(place, fits=every, facts=ways.facts())
    courses: dict[int, Course] = {}
    parts: dict[str, list[Table]] = {}
    try:
        with stop_on_signals() as stop:
            for fit in every:
                course, tables = _one(fit, courses, place, study, job, ways, means, stop)
                courses[fit.number] = course
                for name, table in tables.items():
                    parts.setdefault(name, []).append(table)
    except BaseException as error:
        if isinstance(error, Stopped):
            error = Stopped("stopped after a whole epoch", error.exit_code)
        error.add_note(f"{len(courses)} of {len(every)} fits are done and kept: {place}")
        error.add_note(f"go on with: labmtj resume {place}")
        raise error from None
    found = {name: joined(tables) for name, tables in parts.items()}
    found[ACCURACY] = with_reference(found[ACCURACY])
    found |= {PAIRED: paired(found[ACCURACY]), DEFECTS: dict(ways.defects()), CURRENTS: dict(ways.currents())}
    found = {name: table for name, table in found.items() if table and len(next(iter(table.values())))}
    facts = {"title": job.file.title, **ways.facts(), **made["provenance"], folders.FILE: job.source.effective_text()}
    write_tidy(place, found, files=FILES, attributes=facts)
    times = _times(every, courses)
    write_csv(place / f"{TIMES}.csv", times)
    rows = summary(found[ACCURACY])
    if job.file.report:
        from labmtj.studies.training.page import write_page  # it draws: two seconds of imports

        write_page(place, found, times=times, rows=rows, title=job.file.title, facts=facts)
    return Finished(place, found, rows, facts, time.perf_counter() - began)


def _one(
    fit: Fit,
    before: Mapping[int, Course],
    place: Path,
    study: str,
    job: TrainingJob,
    ways: Ways,
    means: Means,
    stop: StopRequest,
) -> tuple[Course, Mapping[str, Table]]:
    """Train and judge one fit, or take what is kept of it."""
    mine = folders.digest(fit, study=study)
    solution = None if fit.after is None else before[fit.after].best
    course = fitted(
        place / folders.FITS / f"{fit.name}.npz",
        trainer=lambda: ways.trainer(fit, before=solution),
        digest=mine,
        told=lambda course: means.watcher.advanced(fit, course),
        stop=stop,
    )
    path = place / folders.JUDGED / f"{fit.name}.npz"
    kept = read_block(path, digest=mine)
    if kept is None:
        stop.check()
        ways.keep(course.best, place / folders.NETWORKS, fit=fit)
        result = BlockResult(judged(fit, course, job=job, ways=ways, before=solution))
        write_block(path, result, digest=mine)
    else:
        result = kept
    tables = {name: _texts(dict(table)) for name, table in result.tables.items()}
    means.watcher.ended(fit, course, tables, kept=kept is not None)
    return course, tables


def _texts(table: Table) -> Table:
    """Texts as objects, as tables have them; files keep them otherwise."""
    return {name: values.astype(object) if values.dtype.kind == "U" else values for name, values in table.items()}


def _times(every: Sequence[Fit], courses: Mapping[int, Course]) -> Table:
    """What each fit took: epochs, wall and processor time [s], most memory [bytes]; this differs from run to run.

    The first epoch compiles; the time of an epoch is the median of the others.
    """
    done = [courses[fit.number] for fit in every]
    later = [course.costs["seconds"][1:] if course.epochs > 1 else course.costs["seconds"] for course in done]
    return {
        "fit": np.array([fit.name for fit in every], object),
        "method": np.array([fit.method for fit in every], object),
        "networks": np.array([fit.networks for fit in every]),
        "epochs": np.array([course.epochs for course in done]),
        "best_epoch": np.array([float(course.best_epoch.mean()) for course in done]),
        "seconds": np.array([course.costs["seconds"].sum() for course in done]),
        "seconds_an_epoch": np.array([float(np.median(each)) if each.size else np.nan for each in later]),
        "processor_seconds": np.array([course.costs["processor_seconds"].sum() for course in done]),
        "memory_bytes": np.array([course.costs["memory"].max(initial=0.0) for course in done]),
    }
