"""Carries a study of networks of neurons out: blocks in all processes, each kept; tables and page; and goes on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from labmtj.nets.chips.jax_library import installed
from labmtj.runs.claim import claimed
from labmtj.studies.carrying import Means, carried_out
from labmtj.studies.checkpoint import BlockResult
from labmtj.studies.finishing import FAILURES, TIMES, Finished, failed, gathered, spent, write_found
from labmtj.studies.neurons import columns, tasks
from labmtj.studies.neurons import folder as folders
from labmtj.studies.neurons.block import run_trial
from labmtj.studies.neurons.comparing import paired, summary, with_software
from labmtj.studies.neurons.grid import Trial, trials
from labmtj.studies.neurons.load import NeuronJob, load_neuron_study
from labmtj.studies.neurons.schema import Bounds
from labmtj.studies.neurons.setting import Setting
from labmtj.studies.tidy import Files, Table, write_csv

RUNS, PAIRED = "runs", "paired"
FILES = Files("neuron-study.h5", "neuron-study.csv", RUNS, "network", columns.of)


def run_neuron_study(
    file: str | Path,
    *,
    bench: str | Path | None = None,
    settings: Sequence[str] = (),
    out: Path | None = None,
    means: Means[Trial] | None = None,
) -> Finished:
    """Carry out a study of networks of neurons; everything is checked before its folder is made.

    Raises FileProblems and MissingFile for its files, InputError without JAX, Stopped if somebody stops it, LabmtjError
    for blocks that no process could compute; what is done stays, and `resume_neuron_study` goes on with it.
    """
    began = time.perf_counter()
    job = load_neuron_study(file, bench=bench, overrides=settings)
    tasks.fitting(job)
    _able(means)
    place = folders.new_folder(Path(file).stem, job, out=out)
    with claimed(place):
        return _carry_out(place, job, means or Means(), began)


def resume_neuron_study(folder: str | Path, *, means: Means[Trial] | None = None) -> Finished:
    """Go on with a study that was stopped, failed, or whose process died; of one that is done, make the tables anew.

    Raises MissingFile where there is no study, Busy while another process has it, CannotResume if its files, its
    images or labmtj itself have changed, and whatever `run_neuron_study` raises.
    """
    began, place = time.perf_counter(), Path(folder).resolve()
    folders.header(place)
    _able(means)
    with claimed(place):
        job = folders.reload(place, folders.header(place))
        return _carry_out(place, job, means or Means(), began)


def _able(means: Means[Trial] | None) -> None:
    """Raise InputError where blocks would have to train here, and JAX is not installed."""
    if means is None or (means.block is None and means.dask is None):
        installed()


def _carry_out(place: Path, job: NeuronJob, means: Means[Trial], began: float) -> Finished:
    made, every = folders.header(place), trials(job)
    study = folders.same(job, made, place)
    kept = carried_out(
        place,
        every,
        digests={trial.number: folders.digest(trial, study=study) for trial in every},
        work=means.work(run_trial, Setting(job, place, study), apart=True),
        watcher=means.watcher,
    )
    found, facts = tables(every, kept, job.file.bounds), folders.facts(job, made)
    write_found(place, found, files=FILES, facts=facts)
    times = spent(every, kept)
    write_csv(place / f"{TIMES}.csv", times)
    rows = summary(found[RUNS], found.get(PAIRED, {})) if RUNS in found else []
    if job.file.report:
        from labmtj.studies.neurons.page import write_page  # it draws: two seconds of imports

        write_page(place, found, times=times, rows=rows, job=job, facts=facts)
    processor = float(times["processor_seconds"].sum())
    workers = 0 if means.dask else means.count
    return Finished(place, found, rows, facts, time.perf_counter() - began, processor, workers, failed(found))


def tables(every: Sequence[Trial], kept: Mapping[int, BlockResult], bounds: Bounds) -> dict[str, Table]:
    """The tables of a study from those of its blocks; and the blocks that could not be had."""
    found = gathered(every, kept)
    if RUNS in found:
        failures = {FAILURES: found.pop(FAILURES)} if FAILURES in found else {}
        found[RUNS] = with_software(found[RUNS])
        compared = paired(found[RUNS], bounds)
        found |= ({PAIRED: compared} if compared else {}) | failures
    return found
