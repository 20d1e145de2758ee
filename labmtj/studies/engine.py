"""Carries a study out: blocks on all cores or on a cluster, each kept as it ends, tables at the end; and goes on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labmtj.runs.claim import claimed
from labmtj.studies import folder as folders
from labmtj.studies.carrying import Means, Work, carried_out
from labmtj.studies.checkpoint import digest
from labmtj.studies.grid import Task
from labmtj.studies.load import load_study
from labmtj.studies.overall import overall
from labmtj.studies.prediction import answered
from labmtj.studies.setting import Setting, setting
from labmtj.studies.table import COPIES, FAILURES, TIMES, tables, times, write_tables
from labmtj.studies.tidy import Table, write_csv


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished study: its folder, its tables, wall time of this process and processor time of all blocks [s]."""

    folder: Path
    found: Mapping[str, Table]
    seconds: float
    processor_seconds: float
    workers: int
    failures: int = 0


def run_study(
    study: str | Path,
    *,
    bench: str | Path | None = None,
    settings: Sequence[str] = (),
    out: Path | None = None,
    means: Means[Task] | None = None,
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


def resume_study(folder: str | Path, *, means: Means[Task] | None = None) -> Finished:
    """Go on with a study that was stopped, failed, or whose process died; of one that is done, make the tables anew.

    Raises MissingFile where there is no study, Busy while another process has it, CannotResume if its files, its
    networks or labmtj itself have changed, and whatever `run_study` raises.
    """
    began, place = time.perf_counter(), Path(folder).resolve()
    folders.header(place)
    with claimed(place):
        found = setting(folders.reload(place, folders.header(place)))
        return _carry_out(place, found, means or Means(), began)


def _carry_out(place: Path, found: Setting, means: Means[Task], began: float) -> Finished:
    made, found = folders.header(place), replace(found, folder=place)
    study, every = folders.same(found, made, place), found.tasks
    digests = {task.number: digest(task, study=study) for task in every}
    kept = carried_out(place, every, digests=digests, work=_work(found, means), watcher=means.watcher)
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


def _work(found: Setting, means: Means[Task]) -> Work[Task]:
    from labmtj.studies.block import run_block

    return means.work(run_block, found, here=found.job.real)
