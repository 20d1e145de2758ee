"""How far one fit has come: its state, the best networks so far, how its epochs went; kept in a file as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats
from labmtj.studies.arrays import of_another, read_arrays, write_arrays
from labmtj.studies.training.trainer import Epoch, Solution, State, Trainer

_WHAT = "fit"
HISTORY = ("loss", "train", "validation")
_COSTS = ("seconds", "processor_seconds", "memory")


def _none() -> Mapping[str, NDArray[Any]]:
    return {}


@dataclass(frozen=True, eq=False)
class Course:
    """A fit after so many epochs.

    `state` goes on, `best` are the networks with the highest accuracy in `validation` (networks,), each of its own
    epoch in `best_epoch`; `history` has a column for each name of HISTORY, (epochs, networks). `seconds` of each epoch
    and `processor_seconds` of the process (epochs,), `memory`: most that the process had held after it [bytes].
    """

    state: State = field(default_factory=_none)
    best: Solution = field(default_factory=_none)
    best_epoch: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    validation: Floats = field(default_factory=lambda: np.zeros(0))
    history: Mapping[str, Floats] = field(default_factory=_none)
    costs: Mapping[str, Floats] = field(default_factory=_none)
    finished: bool = False

    @property
    def epochs(self) -> int:
        """Epochs that are done."""
        return len(self.history["loss"]) if self.history else 0


def begun(trainer: Trainer) -> Course:
    """A fit before its first epoch."""
    count = trainer.networks
    nothing = {name: np.zeros((0, count)) for name in HISTORY}
    state = trainer.begin()
    return Course(
        state,
        trainer.solution(state),
        np.zeros(count, np.int64),
        np.full(count, -np.inf),
        nothing,
        {name: np.zeros(0) for name in _COSTS},
    )


def advanced(course: Course, state: State, epoch: Epoch, *, networks: Solution, costs: Mapping[str, float]) -> Course:
    """The fit after one more epoch; of each network the better is kept, the earlier of two that are as good."""
    better = epoch.validation > course.validation
    best = {name: _where(better, networks[name], before) for name, before in course.best.items()}
    added = {"loss": epoch.loss, "train": epoch.train, "validation": epoch.validation}
    return Course(
        state,
        best,
        np.where(better, course.epochs + 1, course.best_epoch),
        np.where(better, epoch.validation, course.validation),
        {name: np.vstack([course.history[name], added[name]]) for name in HISTORY},
        {name: np.append(course.costs[name], costs[name]) for name in _COSTS},
    )


def closed(course: Course) -> Course:
    """A fit that is over: its state is not needed any more."""
    return replace(course, state={}, finished=True)


def write_course(path: Path, course: Course, *, digest: str) -> None:
    """Keep a fit. Raises StorageError; then the file is as it was."""
    arrays: dict[str, NDArray[Any]] = {
        "digest": np.array(digest),
        "finished": np.array(course.finished),
        "best_epoch": course.best_epoch,
        "validation": course.validation,
    }
    for part, found in _parts(course).items():
        arrays |= {f"{part}/{name}": values for name, values in found.items()}
    write_arrays(path, arrays, what=_WHAT)


def read_course(path: Path, *, digest: str) -> Course | None:
    """A fit that was kept, or None. Raises CannotResume for one of another study or version, or a damaged one."""
    stored = read_arrays(path, what=_WHAT)
    if stored is None:
        return None
    if str(stored.get("digest", "")) != digest:
        raise of_another(path, what=_WHAT)
    parts: dict[str, dict[str, NDArray[Any]]] = {part: {} for part in _parts(Course())}
    for key, values in stored.items():
        part, slash, name = key.partition("/")
        if slash:
            parts[part][name] = values
    return Course(
        best_epoch=stored["best_epoch"], validation=stored["validation"], finished=bool(stored["finished"]), **parts
    )


def _parts(course: Course) -> dict[str, Mapping[str, NDArray[Any]]]:
    return {"state": course.state, "best": course.best, "history": course.history, "costs": course.costs}


def _where(mask: NDArray[np.bool_], then: NDArray[Any], otherwise: NDArray[Any]) -> NDArray[Any]:
    shape = (len(mask), *(1,) * (np.asarray(then).ndim - 1))
    return np.where(mask.reshape(shape), then, otherwise)
