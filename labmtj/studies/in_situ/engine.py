"""Carries a study of training on the array out: blocks in all processes, each kept; tables and page; and goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from labmtj.runs.claim import claimed
from labmtj.studies.carrying import Unseen, Watcher, Work, carried_out
from labmtj.studies.checkpoint import BlockResult
from labmtj.studies.in_situ import columns
from labmtj.studies.in_situ import folder as folders
from labmtj.studies.in_situ.comparing import merged, paired, summary
from labmtj.studies.in_situ.grid import Trial, trials
from labmtj.studies.in_situ.learning import CURVES, RUNS
from labmtj.studies.in_situ.load import InSituJob, load_in_situ
from labmtj.studies.in_situ.samples import fitting
from labmtj.studies.tidy import Files, Table, write_csv, write_tidy
from labmtj.studies.work import Block

PAIRED, FAILURES, TIMES = "paired", "failures", "times"
FILES = Files("in-situ.h5", "in-situ.csv", RUNS, "training", columns.of)


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished study: its folder, its tables, their summary, wall and processor time of its blocks [s]."""

    folder: Path
    found: Mapping[str, Table]
    rows: Sequence[Mapping[str, str | int | float | None]]
    facts: Mapping[str, str]
    seconds: float
    processor_seconds: float
    workers: int
    failures: int


@dataclass(frozen=True)
class Means:
    """Where blocks are computed: in `workers` processes (0: one a processor; 1: this one), or on a Dask cluster.

    `block` computes one, labmtj.studies.in_situ.block.run_trial if it is not said.
    """

    workers: int = 0
    dask: str | None = None
    watcher: Watcher = field(default_factory=Unseen)
    block: Block[Trial] | None = None

    @property
    def count(self) -> int:
        """Processes of this machine."""
        return self.workers or os.cpu_count() or 1


def run_in_situ(
    file: str | Path,
    *,
    bench: str | Path | None = None,
    settings: Sequence[str] = (),
    out: Path | None = None,
    means: Means | None = None,
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


def resume_in_situ(folder: str | Path, *, means: Means | None = None) -> Finished:
    """Go on with a study that was stopped, failed, or whose process died; of one that is done, make the tables anew.

    Raises MissingFile where there is no study, Busy while another process has it, CannotResume if its files, its
    samples or labmtj itself have changed, and whatever `run_in_situ` raises.
    """
    began, place = time.perf_counter(), Path(folder).resolve()
    folders.header(place)
    with claimed(place):
        job = folders.reload(place, folders.header(place))
        return _carry_out(place, job, means or Means(), began)


def _carry_out(place: Path, job: InSituJob, means: Means, began: float) -> Finished:
    made, every = folders.header(place), trials(job)
    study = folders.same(job, made, place)
    block = means.block
    if block is None:
        from labmtj.studies.in_situ.block import run_trial as block
    kept = carried_out(
        place,
        every,
        digests={trial.number: folders.digest(trial, study=study) for trial in every},
        work=Work(block, job, means.count, means.dask),
        watcher=means.watcher,
    )
    found, facts = tables(every, kept), folders.facts(job, made)
    if RUNS in found:
        write_tidy(place, found, files=FILES, attributes=facts)
    else:  # only parts in which nothing learns
        for name, table in found.items():
            write_csv(place / f"{name}.csv", table)
    times = _times(every, kept)
    write_csv(place / f"{TIMES}.csv", times)
    rows = summary(found[RUNS]) if RUNS in found else []
    if job.file.report:
        from labmtj.studies.in_situ.page import write_page  # it draws: two seconds of imports

        write_page(place, found, times=times, rows=rows, title=job.file.title, facts=facts)
    processor = float(times["processor_seconds"].sum())
    failures = len(found[FAILURES]["block"]) if FAILURES in found else 0
    workers = 0 if means.dask else means.count
    return Finished(place, found, rows, facts, time.perf_counter() - began, processor, workers, failures)


def tables(every: Sequence[Trial], kept: Mapping[int, BlockResult]) -> dict[str, Table]:
    """The tables of a study from those of its blocks, in their order; and the blocks that could not be had."""
    parts: dict[str, list[Table]] = {}
    failed: list[tuple[str, str]] = []
    for trial in every:
        result = kept[trial.number]
        if result.failure:
            failed.append((trial.words, result.failure))
        for name, table in result.tables.items():
            texts = {key: col.astype(object) if col.dtype.kind == "U" else col for key, col in table.items()}
            parts.setdefault(name, []).append(texts)
    found = {
        name: {key: np.concatenate([part[key] for part in tables]) for key in tables[0]}
        for name, tables in parts.items()
    }
    if CURVES in found:
        found[CURVES] = merged(found[CURVES])
    if RUNS in found and (compared := paired(found[RUNS])):
        found[PAIRED] = compared
    if failed:
        blocks, reasons = zip(*failed, strict=True)
        found[FAILURES] = {"block": np.array(blocks, object), "reason": np.array(reasons, object)}
    return found


def _times(every: Sequence[Trial], kept: Mapping[int, BlockResult]) -> Table:
    """What each block took [s]; this differs from run to run."""
    return {
        "block": np.array([trial.name for trial in every], object),
        "copies": np.array([trial.copies for trial in every]),
        "seconds": np.array([kept[trial.number].seconds for trial in every]),
        "processor_seconds": np.array([kept[trial.number].processor_seconds for trial in every]),
    }
