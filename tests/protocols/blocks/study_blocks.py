"""Blocks that take no time, for tests of what drives them; workers import this module by its name."""

import os
import time
from pathlib import Path

import numpy as np

from labmtj.errors import InputError
from labmtj.studies.grid import What


def quick(task, *, setting):
    """Numbers that follow from the block alone."""
    count = task.last - task.first
    draws = np.random.default_rng([task.die, task.number]).random((3, count))
    found = {"network": np.arange(task.first, task.last), "m_slope": draws[0], "pulses": np.arange(count)}
    if task.what is not What.COPIES:
        return {task.what.value: found}
    samples = len(setting.networks.data.labels)
    named = {f"{part}_{name}": draws[1] for part in ("train", "test") for name in ("software", "untuned", "best")}
    return {"copies": {**found, **named, "all_best": np.full(count, samples / 1000)}, "ageing": {"after": draws[2]}}


def failing(task, *, setting):
    """The first die cannot be mapped, the second one meets a bug."""
    if task.die % 1000 == 0:
        raise InputError("this die has no map")
    if task.die % 1000 == 1:
        raise ZeroDivisionError("a bug")
    return quick(task, setting=setting)


def waiting(task, *, setting):
    """Blocks of the first die are done at once, others wait until a file says that they may end."""
    go = Path(os.environ["LABMTJ_TEST_GO"])
    while task.die % 1000 > 0 and not go.exists():
        time.sleep(0.02)
    return quick(task, setting=setting)


def dying(task, *, setting):
    """A process that runs out of memory says nothing."""
    if task.die % 1000 == 1 and task.kind.wire == 1.0:
        os._exit(9)
    return quick(task, setting=setting)
