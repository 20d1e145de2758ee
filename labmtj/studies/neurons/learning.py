"""One block of a study of networks of neurons that trains or judges one network: rows of its tables."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.neurons import ways
from labmtj.nets.neurons.curves import DeviceCurves
from labmtj.nets.neurons.training import Trained
from labmtj.studies.neurons import devices, tasks
from labmtj.studies.neurons.grid import (
    DEVICE,
    DISTILLATION,
    KEPT,
    NETWORK,
    SOFTWARE,
    SOURCE,
    TEACHER,
    TRANSFER,
    TWIN,
    Trial,
)
from labmtj.studies.neurons.setting import Setting, keep, kept
from labmtj.studies.tidy import Table

RUNS, HISTORY = "runs", "history"


def learnt(trial: Trial, setting: Setting) -> dict[str, Table]:
    """The rows of a block: runs, one a die, and the course of its training. Raises InputError."""
    if trial.role in KEPT:
        found = software(setting, trial.part, trial.role, trial.seed)
        keep(setting, _name(trial.part, trial.role, trial.seed), found)
        return {RUNS: _runs(trial, [(-1, found.train, found.test, 0.0, 0.0)]), **_history(trial, found)}
    if not trial.gradient:
        return {RUNS: _judged(trial, setting)}
    found = _trained(trial, setting)
    row = (0, found.train, found.test, found.clipped, found.saturated)
    return {RUNS: _runs(trial, [row]), **_history(trial, found)}


def software(setting: Setting, part: str, role: str, seed: int) -> Trained:
    """Train a network in software: the study's, that of the first task, the teacher, or the twin of a part."""
    job = setting.job
    how = tasks.recipe(job)
    if role == TEACHER:
        form, own = tasks.teacher(job)
        return ways.software(form, tasks.task(job), own, seed=seed)
    if role == SOURCE:
        first = tasks.source_task(job)
        return ways.software(tasks.transfer_form(job, classes=first.classes), first, how, seed=seed)
    if (part, role) == (TRANSFER, TWIN):
        return _transferred(setting, seed, curves=None)
    if (part, role) == (DISTILLATION, TWIN):
        return _distilled(setting, seed, curves=None)
    return ways.software(tasks.form(job), tasks.task(job), how, seed=seed)


@functools.lru_cache(maxsize=3)
def _known(setting: Setting, part: str, role: str, seed: int) -> Trained:
    """A software network that a block before this one has kept, or trained again, to the same numbers."""
    job = setting.job
    if role == TEACHER:
        form = tasks.teacher(job)[0]
    elif role == SOURCE:
        form = tasks.transfer_form(job, classes=tasks.source_task(job).classes).in_software
    else:
        form = tasks.form(job).in_software
    return kept(setting, _name(part, role, seed), form=form) or software(setting, part, role, seed)


def _name(part: str, role: str, seed: int) -> str:
    return f"{part}-{role}-seed{seed}"


def _trained(trial: Trial, setting: Setting) -> Trained:
    """Train with neurons in both passes."""
    job = setting.job
    if trial.part == TRANSFER:
        form = tasks.transfer_form(job, classes=tasks.target_task(job).classes)
        return _transferred(setting, trial.seed, curves=_curves(trial, setting, neurons=form.neurons))
    form = tasks.form(job)
    own = _curves(trial, setting, neurons=form.neurons)
    if trial.part == DISTILLATION:
        return _distilled(setting, trial.seed, curves=own)
    how = tasks.recipe(job, gradient=trial.gradient)
    return ways.scratch(form, tasks.task(job), how, curves=own, seed=trial.seed)


def _transferred(setting: Setting, seed: int, *, curves: DeviceCurves | None) -> Trained:
    job, then = setting.job, tasks.target_task(setting.job)
    return ways.transfer(
        tasks.transfer_form(job, classes=then.classes),
        then,
        tasks.recipe(job),
        source=_known(setting, TRANSFER, SOURCE, seed).weights,
        way=tasks.transfer_way(job),
        seed=seed,
        curves=curves,
    )


def _distilled(setting: Setting, seed: int, *, curves: DeviceCurves | None) -> Trained:
    job = setting.job
    return ways.distillation(
        tasks.form(job),
        tasks.task(job),
        tasks.recipe(job),
        teacher=_known(setting, DISTILLATION, TEACHER, seed),
        softening=tasks.softening(job),
        seed=seed,
        curves=curves,
    )


def _judged(trial: Trial, setting: Setting) -> Table:
    """Software's weights on every die."""
    form, task = tasks.form(setting.job), tasks.task(setting.job)
    weights = _known(setting, SOFTWARE, NETWORK, trial.seed).weights
    rows: list[tuple[int, float, float, float, float]] = []
    for die in range(trial.dies):
        own = _curves(trial, setting, neurons=form.neurons, die=die)
        found = ways.inference(form, weights, task, curves=own, seed=trial.seed)
        rows.append((die, np.nan, found.accuracy, found.clipped, found.saturated))
    return _runs(trial, rows)


def _curves(trial: Trial, setting: Setting, *, neurons: int, die: int = 0) -> DeviceCurves:
    return devices.curves(
        setting.job,
        variation=trial.variation,
        calibration=trial.calibration,
        neurons=neurons,
        seed=devices.die_seed(setting.job, seed=trial.seed, die=die),
        plain=trial.plain,
    )


def _runs(trial: Trial, rows: list[tuple[int, float, float, float, float]]) -> Table:
    names = ("die", "train", "test", "clipped", "saturated")
    columns: Table = {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return keyed(trial, columns)


def _history(trial: Trial, found: Trained) -> dict[str, Table]:
    course = found.history
    rows: Table = {
        "epoch": np.array([epoch.number for epoch in course]),
        **{
            name: np.array([getattr(epoch, name) for epoch in course])
            for name in ("loss", "accuracy", "clipped", "saturated")
        },
    }
    return {HISTORY: keyed(trial, rows)}


def keyed(trial: Trial, rows: Table) -> Table:
    """Rows with what they have in common before them; the variation of software and of a map's neurons is nan."""
    count = len(next(iter(rows.values())))
    device = trial.role == DEVICE
    reading = ("plain" if trial.plain else "noisy") if device else ""
    texts = {"part": trial.part, "role": trial.role, "calibration": trial.calibration, "gradient": trial.gradient}
    keys: dict[str, NDArray[Any]] = {name: np.full(count, text, object) for name, text in texts.items()}
    keys["reading"] = np.full(count, reading, object)
    keys["variation"] = np.full(count, np.nan if trial.variation is None else trial.variation)
    keys["seed"] = np.full(count, trial.seed, np.int64)
    return {**keys, **rows}
