"""Blocks of studies in situ that take no time, for tests of what drives them; workers import this module."""

import os
import time
from pathlib import Path

import numpy as np

from labmtj.errors import InputError
from labmtj.studies.in_situ.grid import REALISED, TIME
from labmtj.studies.in_situ.learning import COSTS, CURVES, RUNS

_OF = {"stochastic": 0.95, "deterministic": 0.96, "software_real": 0.98, "software_ternary": 0.97, "transferred": 0.9}


def quick(task, *, setting):
    """Numbers that follow from the block alone: a die is worth a little, spread and shorts cost something."""
    if task.part == TIME:
        way = np.array(["parallel", "line by line"], object)
        lines, seconds = np.full(2, task.lines), np.array([0.01, 0.01 * task.lines])
        counts = {"update_pulses": np.array([4.0, 4.0 * task.lines]), "readings": np.zeros(2)}
        measured = {"measured": np.array(["whole", "a line"], object)}
        return {TIME: {"way": way, "lines": lines, "update_seconds": seconds, **counts, **measured}}
    if task.part == REALISED:
        asked = np.repeat(setting.file.realised.asked, 10)
        got = asked * (1.0 + 0.05 * np.tile(np.linspace(-1, 1, 10), len(setting.file.realised.asked)))
        cells = {"cell": np.tile(np.arange(10), len(setting.file.realised.asked)), "asked": asked, "realised": got}
        count = len(asked)
        keys = {"mode": np.full(count, "cells", object), "width": np.full(count, task.condition.width)}
        return {REALISED: {**keys, "die": np.full(count, task.first), **cells, "calibration": np.full(count, 200.0)}}
    condition, count = task.condition, task.copies
    dies = np.repeat(np.arange(task.first, task.last), task.splits)
    splits = np.tile(np.arange(task.splits), task.last - task.first)
    cost = 0.02 * (condition.spread - 1.0) + 0.01 * (condition.shorts - 1.0) + (condition.sigma or 0.0) / 4.0
    test = _OF[task.variant] - cost + 0.001 * dies + 0.0001 * splits
    texts = {"part": task.part, "variant": task.variant, "condition": condition.name}
    numbers = {name: getattr(condition, name) for name in ("spread", "shorts", "wires", "width")}
    numbers["sigma"] = np.nan if condition.sigma is None else condition.sigma

    def keyed(rows, many):
        keys = {name: np.full(many, text, object) for name, text in texts.items()}
        return {**keys, **{name: np.full(many, value) for name, value in numbers.items()}, **rows}

    runs = {"die": dies, "split": splits, "train": test + 0.01, "test": test, "loss": 1.0 - test}
    runs |= {name: np.full(count, 10.0) for name in COSTS}
    epochs = np.arange(1, 4)
    curves = {"copies": np.full(3, count), "epoch": epochs}
    curves |= dict.fromkeys(("train", "test", "active"), 0.3 * epochs + task.first)
    curves |= dict.fromkeys(COSTS, 10.0 * epochs)
    return {RUNS: keyed(runs, count), CURVES: keyed(curves, 3)}


def failing(task, *, setting):
    """No array can be had with more shorts."""
    if task.condition is not None and task.condition.shorts > 1.0:
        raise InputError("this die has too many shorts")
    return quick(task, setting=setting)


def waiting(task, *, setting):
    """Blocks after the first wait until a file says that they may end."""
    go = Path(os.environ["LABMTJ_TEST_GO"])
    while task.number > 0 and not go.exists():
        time.sleep(0.02)
    return quick(task, setting=setting)
