"""One block in which networks learn: the copies of a variant under a condition, trained and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.in_situ.plant import Costs, Plant
from labmtj.nets.in_situ.rules import Deterministic, RealWeights, Rule, Stochastic
from labmtj.nets.in_situ.software import RealPlant, SoftwarePlant
from labmtj.nets.in_situ.task import Recipe, Task
from labmtj.nets.in_situ.training import Trained, Training
from labmtj.records import Floats, Ints
from labmtj.studies.in_situ import samples
from labmtj.studies.in_situ.grid import SOFTWARE, Trial
from labmtj.studies.in_situ.load import InSituJob
from labmtj.studies.in_situ.plants import plant_of
from labmtj.studies.tidy import Table

RUNS, CURVES = "runs", "curves"
COSTS = tuple(field.name for field in fields(Costs))
"""What a training takes, by the names of the table's columns."""


def recipe(job: InSituJob, *, real: bool = False) -> Recipe:
    """The study's recipe; `real`: that of software with real weights."""
    said = job.file.in_situ
    found = Recipe(
        epochs=said.epochs,
        eta=(said.eta, said.eta_end),
        gate=said.gate,
        scale=said.scale,
        smoothing=said.smoothing,
        bias_rate=said.bias_rate,
        hidden_rate=said.hidden_rate,
        judged=said.judged,
        sharpness=said.sharpness,
        restore=said.restore,
        refresh=said.refresh,
    )
    return replace(found, gate=said.real.gate, scale=said.real.scale) if real else found


def learnt(trial: Trial, job: InSituJob) -> dict[str, Table]:
    """The tables of a block: a row a copy, and the mean course of its copies, a row an epoch."""
    dies = np.repeat(np.arange(trial.first, trial.last), trial.splits)
    splits = np.tile(np.arange(trial.splits), trial.last - trial.first)
    seeds = samples.seeds(job, dies, splits)
    real = trial.variant == "software_real"
    gain = job.file.in_situ.real.gain if real else job.file.in_situ.gain
    wanted, how = samples.task(job, splits, gain=gain), recipe(job, real=real)
    if trial.variant == "transferred":
        plant, trained = _transferred(trial, job, wanted, how, seeds)
        return {RUNS: _runs(trial, dies, splits, trained, plant.costs())}
    plant, rule = _rule(trial, job, how, seeds)
    training = Training(plant, wanted, rule, recipe=how, seeds=seeds.tolist())
    curves, aside = _courses(training, plant, wanted)
    trained = training.finish()
    if trial.variant in SOFTWARE:
        curves |= {name: np.full(how.epochs, np.nan) for name in COSTS}
    spent = _less(plant.costs(), aside)
    return {RUNS: _runs(trial, dies, splits, trained, spent), CURVES: _keyed(trial, curves)}


def scores(plant: Plant, task: Task, biases: tuple[Floats, ...], which: Ints, *, scale: float) -> Floats:
    """What the last layer gives for samples `which` (copies, n) with these digital biases, (copies, n, classes)."""
    first, second = (bias[:, np.newaxis] for bias in biases)
    hidden = np.tanh(plant.products_of(0, task.inputs[which]) / scale + first)
    return plant.products_of(1, hidden) / scale + second


def _rule(trial: Trial, job: InSituJob, how: Recipe, seeds: Ints) -> tuple[Plant, Rule]:
    shape = samples.layers(job)
    if trial.variant == "software_real":
        software = RealPlant(shape, seeds=seeds.tolist())
        return software, RealWeights(software, how)
    if trial.variant == "software_ternary":
        plant: Plant = SoftwarePlant(shape, seeds=seeds.tolist())
    else:
        plant = plant_of(trial, job, seeds=seeds)
    if trial.variant == "stochastic":
        return plant, Stochastic(plant, how)
    return plant, Deterministic(plant, how, seeds=seeds)


def _transferred(trial: Trial, job: InSituJob, task: Task, how: Recipe, seeds: Ints) -> tuple[Plant, Trained]:
    """Ternary weights of software, the same as that variant's, on the arrays by write-verify."""
    software = SoftwarePlant(samples.layers(job), seeds=seeds.tolist())
    training = Training(software, task, Deterministic(software, how, seeds=seeds), recipe=how, seeds=seeds.tolist())
    for _ in training.epochs():
        pass
    found = training.finish()
    plant = plant_of(trial, job, seeds=seeds)
    for layer in range(len(software.layers)):
        plant.write(layer, software.states(layer))
    right: list[Floats] = []
    for which in (task.train, task.test):
        guessed = scores(plant, task, found.biases, which, scale=how.scale).argmax(axis=2)
        right.append((guessed == task.labels[which]).mean(axis=1))
    return plant, Trained(right[0], right[1], np.full(len(seeds), np.nan), found.biases)


def _courses(training: Training, plant: Plant, task: Task) -> tuple[Table, Costs]:
    """Means over the copies after each epoch, and what looking at test samples took, which is no part of training."""
    rows: dict[str, list[float]] = {name: [] for name in ("epoch", "train", "test", "active", *COSTS)}
    aside = Costs(*(np.zeros(plant.copies) for _ in COSTS))
    for epoch in training.epochs():
        before = plant.costs()
        test = training.accuracy(task.test)
        after = plant.costs()
        aside = Costs(*(a + y - x for a, x, y in zip(*map(astuple, (aside, before, after)), strict=True)))
        spent = _less(after, aside)
        found = {"epoch": epoch.number, "train": epoch.judged.accuracy, "test": test, "active": epoch.active}
        for name, value in (found | {name: getattr(spent, name) for name in COSTS}).items():
            rows[name].append(float(np.mean(value)))
    columns: Table = {name: np.array(values) for name, values in rows.items()}
    columns["epoch"] = columns["epoch"].astype(np.int64)
    return {"copies": np.full(len(columns["epoch"]), plant.copies), **columns}, aside


def _less(costs: Costs, aside: Costs) -> Costs:
    return Costs(*(x - y for x, y in zip(astuple(costs), astuple(aside), strict=True)))


def _runs(trial: Trial, dies: Ints, splits: Ints, trained: Trained, costs: Costs) -> Table:
    rows: Table = {"die": dies, "split": splits, "train": trained.train, "test": trained.test, "loss": trained.loss}
    nothing = trial.variant in SOFTWARE  # no array: nothing is pulsed, read or written
    rows |= {name: np.full(len(dies), np.nan) if nothing else getattr(costs, name) for name in COSTS}
    return _keyed(trial, rows)


def _keyed(trial: Trial, rows: Mapping[str, NDArray[Any]]) -> Table:
    """Rows with what they have in common before them."""
    condition, count = trial.condition, len(next(iter(rows.values())))
    assert condition is not None
    sigma = np.nan if condition.sigma is None else condition.sigma
    numbers = {"spread": condition.spread, "sigma": sigma, "shorts": condition.shorts, "wires": condition.wires}
    keys: Table = {
        name: np.full(count, text, object)
        for name, text in (("part", trial.part), ("variant", trial.variant), ("condition", condition.name))
    }
    keys |= {name: np.full(count, value) for name, value in numbers.items()}
    return {**keys, "width": np.full(count, condition.width), **rows}
