"""The arrays on which the copies of a block learn: dies of the bench's kind, side by side in lockstep."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, cast

import numpy as np

from labmtj.dies import die_model
from labmtj.nets.in_situ.plant import Plant
from labmtj.nets.in_situ.software import SoftwarePlant
from labmtj.records import Ints
from labmtj.studies.in_situ import samples
from labmtj.studies.in_situ.conditions import Condition
from labmtj.studies.in_situ.grid import Trial
from labmtj.studies.in_situ.load import InSituJob


def plant_of(trial: Trial, job: InSituJob, *, seeds: Ints) -> Plant:
    """The arrays of a block; copies of one die have the same devices, `seeds` (copies,) draw what differs.

    Raises what the arrays' classes raise for layers and pulses that cannot be had.
    """
    condition = trial.condition
    assert condition is not None
    if condition.ideal:
        return SoftwarePlant(samples.layers(job), seeds=seeds.tolist())
    return _chips(trial, condition, job, seeds) if job.gated else _passive(trial, condition, job)


def _passive(trial: Trial, condition: Condition, job: InSituJob) -> Plant:
    """A passive die a layer; the life of a copy is that of its split."""
    from labmtj.studies.in_situ.passive_plant import PassivePlant
    from labmtj.studies.in_situ.passive_setting import PassiveSetting
    from labmtj.studies.inference import bench_noise

    setting = PassiveSetting(
        width=condition.width,
        shape=trial.shapes,
        noise=condition.without != "noise",
        disturb=condition.without != "disturb",
    )
    return PassivePlant(
        condition.model(die_model(job.bench.bench), seed=job.file.dies.seed),
        samples.layers(job),
        dies=np.repeat(np.arange(trial.first, trial.last), trial.splits),
        lives=np.tile(np.arange(trial.splits), trial.last - trial.first),
        setting=setting,
        noise=bench_noise(job.bench) if setting.noise else None,
    )


def _chips(trial: Trial, condition: Condition, job: InSituJob, seeds: Ints) -> Plant:
    """A chip with a transistor in every cell, of as many kernels as both layers need."""
    from labmtj.studies.in_situ.chip_plant import ChipPlant, ChipPulses, sized_chip

    bench, layers = job.bench.bench, samples.layers(job)
    assert bench.gates is not None
    pulses = ChipPulses(
        width=condition.width, rail=bench.gates.write, shapes=cast("Literal['die', 'cell']", trial.shapes)
    )
    if condition.without == "noise":
        pulses = replace(pulses, read_noise=0.0)
    model = sized_chip(die_model(bench), layers)
    first = job.file.dies.seed
    dies = [condition.model(model, seed=first + die) for die in range(trial.first, trial.last)]
    of = np.repeat(np.arange(trial.last - trial.first), trial.splits)
    return ChipPlant(dies, layers, pulses, of=of, seeds=seeds)
