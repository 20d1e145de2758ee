"""Carries a study of training on the array out: blocks in all processes, each kept; tables and page; and goes on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from labmtj.runs.claim import claimed
from labmtj.studies.carrying import Means, carried_out
from labmtj.studies.checkpoint import BlockResult
from labmtj.studies.finishing import FAILURES, TIMES, Finished, failed, gathered, spent, write_found
from labmtj.studies.in_situ import columns
from labmtj.studies.in_situ import folder as folders
from labmtj.studies.in_situ.block import run_trial
from labmtj.studies.in_situ.comparing import merged, paired, summary
from labmtj.studies.in_situ.grid import Trial, trials
from labmtj.studies.in_situ.learning import CURVES, RUNS
from labmtj.studies.in_situ.load import InSituJob, load_in_situ
from labmtj.studies.in_situ.samples import fitting
from labmtj.studies.tidy import Files, Table, write_csv

PAIRED = "paired"
FILES = Files("in-situ.h5", "in-situ.csv", RUNS, "training", columns.of)


def run_in_situ(
    file: str | Path,
    *,
    bench: str | Path | None = None,
    settings: Sequence[str] = (),
    out: Path | None = None,
    means: Means[Trial] | None = None,
) -> Finished:
    """Carry out a study of training on the array; everything is checked before its folder is made.

    Raises FileProblems and MissingFile for its files, Stopped if somebody stops it, LabmtjError for blocks that no
    process could compute; what is done stays, and `resume_in_situ` goes on with it.
    """
    began = time.perf_counter()
    job = load_in_situ(file, bench=bench, overrides=settings)
    fitting(job)
    place = folders.new_folder(Path(file).stem, job, out=out)
    with claimed(place):
        return _carry_out(place, job, means or Means(), began)


def resume_in_situ(folder: str | Path, *, means: Means[Trial] | None = None) -> Finished:
    """Go on with a study that was stopped, failed, or whose process died; of one that is done, make the tables anew.

    Raises MissingFile where there is no study, Busy while another process has it, CannotResume if its files, its
    samples or labmtj itself have changed, and whatever `run_in_situ` raises.
    """
    began, place = time.perf_counter(), Path(folder).resolve()
    folders.header(place)
    with claimed(place):
        job = folders.reload(place, folders.header(place))
        return _carry_out(place, job, means or Means(), began)


def _carry_out(place: Path, job: InSituJob, means: Means[Trial], began: float) -> Finished:
    made, every = folders.header(place), trials(job)
    study = folders.same(job, made, place)
    kept = carried_out(
        place,
        every,
        digests={trial.number: folders.digest(trial, study=study) for trial in every},
        work=means.work(run_trial, job),
        watcher=means.watcher,
    )
    found, facts = tables(every, kept), folders.facts(job, made)
    write_found(place, found, files=FILES, facts=facts)  # RUNS is not there if nothing learns in any part
    times = _times(every, kept)
    write_csv(place / f"{TIMES}.csv", times)
    rows = summary(found[RUNS]) if RUNS in found else []
    if job.file.report:
        from labmtj.studies.in_situ.page import write_page  # it draws: two seconds of imports

        write_page(place, found, times=times, rows=rows, title=job.file.title, facts=facts)
    processor = float(times["processor_seconds"].sum())
    workers = 0 if means.dask else means.count
    return Finished(place, found, rows, facts, time.perf_counter() - began, processor, workers, failed(found))


def tables(every: Sequence[Trial], kept: Mapping[int, BlockResult]) -> dict[str, Table]:
    """The tables of a study from those of its blocks, in their order; and the blocks that could not be had."""
    found = gathered(every, kept)
    if CURVES in found:
        found[CURVES] = merged(found[CURVES])
    if RUNS in found and (compared := paired(found[RUNS])):
        failures = {FAILURES: found.pop(FAILURES)} if FAILURES in found else {}
        found |= {PAIRED: compared, **failures}
    return found


def _times(every: Sequence[Trial], kept: Mapping[int, BlockResult]) -> Table:
    """What each block took [s], and how many networks learnt in it."""
    found = spent(every, kept)
    return {"block": found.pop("block"), "copies": np.array([trial.copies for trial in every]), **found}
