"""Carries a study out: blocks on all cores or on a cluster, each kept as it ends, tables at the end; and goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from labmtj.errors import LabmtjError
from labmtj.protocol.stop import Stopped, stop_on_signals
from labmtj.runs.claim import claimed
from labmtj.studies import folder as folders
from labmtj.studies.checkpoint import digest, read_block, write_block
from labmtj.studies.grid import Task
from labmtj.studies.load import load_study
from labmtj.studies.overall import overall
from labmtj.studies.prediction import answered
from labmtj.studies.setting import Setting, setting
from labmtj.studies.table import COPIES, FAILURES, TIMES, tables, times, write_tables
from labmtj.studies.tidy import Table, write_csv
from labmtj.studies.work import Block
from labmtj.studies.workers import Ended, Lost, run_here, run_local

_SHOWN = 5  # chosen: lost blocks that a message names; all stand in errors.txt


class Watcher(Protocol):
    """Whoever shows how a study goes; weights are shares of its work."""

    def began(self, folder: Path, *, tasks: Sequence[Task], done: Sequence[Task], how: str) -> None:
        """The study's folder, its blocks and those that were done before, and where the others are computed."""
        ...

    def ended(self, task: Task, why: str) -> None:
        """A block has ended; `why` it could not be computed, if so."""
        ...


class Unseen:
    """Shows nothing."""

    def began(self, folder: Path, *, tasks: Sequence[Task], done: Sequence[Task], how: str) -> None:
        """Show nothing."""

    def ended(self, task: Task, why: str) -> None:
        """Show nothing."""


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished study: its folder, its tables, wall time of this process and processor time of all blocks [s]."""

    folder: Path
    found: Mapping[str, Table]
    seconds: float
    processor_seconds: float
    workers: int
    failures: int = 0


@dataclass(frozen=True)
class Means:
    """Where blocks are computed: in `workers` processes (0: one a processor; 1: this one), or on a Dask cluster.

    `block` computes one, labmtj.studies.block.run_block if it is not said.
    """

    workers: int = 0
    dask: str | None = None
    watcher: Watcher = field(default_factory=Unseen)
    block: Block | None = None

    @property
    def count(self) -> int:
        """Processes of this machine."""
        return self.workers or os.cpu_count() or 1


def run_study(
    study: str | Path,
    *,
    bench: str | Path | None = None,
    settings: Sequence[str] = (),
    out: Path | None = None,
    means: Means | None = None,
) -> Finished:
    """Carry out a study; everything is checked before its folder is made.

    Raises FileProblems and MissingFile for its files, Stopped if somebody stops it, LabmtjError for blocks that no
    process could compute; what is done stays, and `resume_study` goes on with it.
    """
    began = time.perf_counter()
    found = setting(load_study(study, bench=bench, overrides=settings))
    place = folders.new_folder(Path(study).stem, found, out=out)
    with claimed(place):
        return _carry_out(place, found, means or Means(), began)


def resume_study(folder: str | Path, *, means: Means | None = None) -> Finished:
    """Go on with a study that was stopped, failed, or whose process died; of one that is done, make the tables anew.

    Raises MissingFile where there is no study, Busy while another process has it, CannotResume if its files, its
    networks or labmtj itself have changed, and whatever `run_study` raises.
    """
    began, place = time.perf_counter(), Path(folder).resolve()
    folders.header(place)
    with claimed(place):
        found = setting(folders.reload(place, folders.header(place)))
        return _carry_out(place, found, means or Means(), began)


def _carry_out(place: Path, found: Setting, means: Means, began: float) -> Finished:
    made, found = folders.header(place), replace(found, folder=place)
    study, every = folders.same(found, made, place), found.tasks
    paths = {task.number: place / folders.BLOCKS / f"{task.name}.npz" for task in every}
    results = {task.number: read_block(paths[task.number], digest=digest(task, study=study)) for task in every}
    kept = {number: result for number, result in results.items() if result is not None}
    waiting = [task for task in every if task.number not in kept]
    lost: dict[Task, Lost] = {}
    how = f"Dask, {means.dask}" if means.dask else f"{means.count} workers" if means.count > 1 else "1 worker"
    means.watcher.began(place, tasks=every, done=[task for task in every if task.number in kept], how=how)
    try:
        with stop_on_signals() as stop, closing(_compute(waiting, found, means)) as ended:
            for event in ended:
                if event is not None:
                    task, result = event
                    if isinstance(result, Lost):
                        lost[task] = result
                        means.watcher.ended(task, result.why)
                    else:
                        write_block(paths[task.number], result, digest=digest(task, study=study))
                        kept[task.number] = result
                        means.watcher.ended(task, result.failure)
                stop.check()
        _complain(place, [task for task in every if task.number not in kept], lost)
    except BaseException as error:
        if isinstance(error, Stopped):
            error = Stopped("stopped; blocks in hand are begun anew", error.exit_code)
        error.add_note(f"{len(kept)} of {len(every)} blocks are done and kept: {place}")
        error.add_note(f"go on with: labmtj resume {place}")
        raise error from None
    tidy = tables(every, kept)
    tidy |= overall(found.networks, tidy[COPIES])
    answer = answered(tidy)
    if answer is not None:
        tidy |= {"prediction": dict(answer.ranks), "regression": dict(answer.regression)}
    facts = folders.attributes(found, made)
    write_tables(place, tidy, attributes=facts)
    write_csv(place / f"{TIMES}.csv", times(every, kept))
    if found.job.study.report:
        from labmtj.studies.page import write_page  # it draws: two seconds of imports

        write_page(place, tidy, title=found.job.study.title, facts=facts, answer=answer)
    return Finished(
        place,
        tidy,
        time.perf_counter() - began,
        sum(result.processor_seconds for result in kept.values()),
        0 if means.dask else means.count,
        len(tidy[FAILURES]["block"]) if FAILURES in tidy else 0,
    )


def _compute(waiting: Sequence[Task], found: Setting, means: Means) -> Generator[Ended | None, None, None]:
    if not waiting:
        return
    if means.dask is not None:
        from labmtj.studies.cluster import run_dask

        yield from run_dask(waiting, setting=found, address=means.dask, block=means.block)
    elif means.count == 1 or found.job.real:
        yield from run_here(waiting, setting=found, block=means.block)
    else:
        yield from run_local(waiting, setting=found, workers=means.count, block=means.block)


def _complain(place: Path, missing: Sequence[Task], lost: Mapping[Task, Lost]) -> None:
    """Raise LabmtjError if blocks are missing, with their kinds and dies and why."""
    if not missing:
        (place / folders.ERRORS).unlink(missing_ok=True)
        return
    nobody = Lost("no process was left to compute it")
    whole = {task: lost.get(task, nobody).why.strip() for task in missing}
    text = "\n\n".join(f"{task.words}\n{why}" for task, why in whole.items())
    (place / folders.ERRORS).write_text(text + "\n", encoding="utf-8")
    shown = [f"{task.words}: {why.splitlines()[-1]}" for task, why in list(whole.items())[:_SHOWN]]
    more = [f"and {len(missing) - _SHOWN} more"] if len(missing) > _SHOWN else []
    head = f"{len(missing)} blocks could not be computed; all that is known stands in {place / folders.ERRORS}:"
    raise LabmtjError("\n".join([head, *shown, *more]))
