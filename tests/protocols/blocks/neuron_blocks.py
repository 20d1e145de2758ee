"""Blocks of studies of neurons that take no time, for tests of what drives them; workers import this module."""

import os
import time
from pathlib import Path

import numpy as np

from labmtj.errors import InputError
from labmtj.studies.neurons.grid import DEVICE, TABLES
from labmtj.studies.neurons.learning import HISTORY, RUNS, keyed
from labmtj.studies.neurons.shapes import DEVIATIONS, SHAPES, shapes


def quick(task, *, setting):
    """Numbers that follow from the block alone: variation costs a hundredth of itself, what the host knows a half."""
    if task.role == TABLES:
        return _shapes(setting.job) if setting.job.file.device.source == "simulated" else shapes(setting.job)
    cost = 0.0
    if task.role == DEVICE:
        cost = 0.01 * (task.variation or 0.0) * (0.5 if task.calibration == "neuron" else 1.0) + 1e-5 * (task.seed % 3)
    dies = np.arange(task.dies) if task.role == DEVICE else np.array([-1])
    test = 0.9 + 0.001 * task.seed - cost + 1e-4 * (dies - dies.mean())
    share = np.full(len(dies), 0.01)
    runs = {"die": dies, "train": test + 0.01, "test": test, "clipped": share, "saturated": share}
    tables = {RUNS: keyed(task, runs)}
    if task.gradient or task.role != DEVICE:
        epochs = np.arange(1, 4)
        course = dict.fromkeys(("loss", "accuracy", "clipped", "saturated"), 0.3 * epochs - cost)
        tables[HISTORY] = keyed(task, {"epoch": epochs, **course})
    return tables


def _shapes(job):
    drawn, off = [], []
    inputs = np.linspace(-3.0, 3.0, 7)
    for variation in job.variations:
        for known in job.calibrations:
            for neuron in (1, 2):
                tanh, sech = np.tanh(inputs), 1.0 / np.cosh(inputs)
                residual = 0.05 * np.sin(inputs) * (1.0 + variation * neuron)
                keys = {"variation": np.full(7, variation), "calibration": np.full(7, known, object)}
                curves = {"neuron": np.full(7, neuron), "input": inputs, "m_x": tanh + residual, "m_z": sech - residual}
                ideal = {"tanh": tanh, "sech": sech, "residual_x": residual, "residual_z": -residual}
                drawn.append({**keys, **curves, **ideal})
                keys = {"variation": np.full(1, variation), "calibration": np.full(1, known, object)}
                largest = {name: np.array([np.abs(residual).max()]) for name in ("deviation_x", "deviation_z")}
                off.append({**keys, "neuron": np.array([neuron]), **largest})
    return {
        name: {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        for name, parts in ((SHAPES, drawn), (DEVIATIONS, off))
    }


def failing(task, *, setting):
    """No die can be had with more variation."""
    if task.variation is not None and task.variation > 0.1:
        raise InputError("a neuron's offset leaves what its table holds")
    return quick(task, setting=setting)


def waiting(task, *, setting):
    """Blocks after the first wait until a file says that they may end."""
    go = Path(os.environ["LABMTJ_TEST_GO"])
    while task.number > 0 and not go.exists():
        time.sleep(0.02)
    return quick(task, setting=setting)
