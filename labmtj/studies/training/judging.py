"""What a finished fit is worth: its networks on every die at every rate of shorts, and what lies around them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.studies.tidy import Table
from labmtj.studies.training.course import Course
from labmtj.studies.training.fits import Fit
from labmtj.studies.training.load import TrainingJob
from labmtj.studies.training.trainer import Judged, Solution, Ways

ACCURACY, MATRIX, HISTORY, SURFACE, FLIPPED, MEASURES = (
    "accuracy", "matrix", "history", "surface", "flipped", "measures",
)  # fmt: skip
_ALL = -1  # a network for all dies


def judged(
    fit: Fit, course: Course, *, job: TrainingJob, ways: Ways, before: Solution | None = None
) -> dict[str, Table]:
    """The tables of a fit by their names; `before` are the networks that it began from."""
    networks, compare = course.best, job.file.compare
    shorts = job.shorts[0] if fit.shorts is None else fit.shorts
    made: dict[str, Table] = {ACCURACY: _accuracy(fit, course, job, ways), HISTORY: _history(fit, course)}
    if fit.method == "hardware_aware" and compare.matrix:
        found = ways.judge(networks, shorts=shorts, mask=fit.mask)
        made[MATRIX] = _keyed(fit, _grid(found, np.arange(fit.networks)), shorts=shorts, mask=fit.mask)
    if compare.measures:
        found_measures = ways.measures(networks, shorts=shorts, mask=fit.mask, before=before)
        dies = np.arange(len(next(iter(found_measures.values()))))
        made[MEASURES] = _keyed(fit, {"die": dies, **found_measures}, shorts=shorts, mask=fit.mask)
    if compare.surface is not None and fit.method != "tuned":
        around = ways.surface(networks, shorts=shorts, mask=fit.mask, wanted=compare.surface, seed=fit.seed)
        x, y = np.meshgrid(around.along, around.along, indexing="ij")
        points: Table = {"x": x.ravel(), "y": y.ravel(), "loss": around.loss.ravel()}
        turned: Table = {"flipped": around.rates, "loss": around.flipped, "right": around.right}
        made[SURFACE] = _keyed(fit, points, shorts=shorts, mask=fit.mask)
        made[FLIPPED] = _keyed(fit, turned, shorts=shorts, mask=fit.mask)
    return made


def _accuracy(fit: Fit, course: Course, job: TrainingJob, ways: Ways) -> Table:
    """Networks for all dies on every die at every rate of shorts; those of a die on that die, at the rate they know.

    The baseline knows no mask and is judged with each.
    """
    own = fit.networks > 1 or fit.method in {"hardware_aware", "tuned"}
    software = ways.software(course.best).accuracy[:, 0]
    masks = tuple(job.file.masks) if fit.method == "baseline" else (fit.mask,)
    parts: list[Table] = []
    for shorts in (fit.shorts,) if own and fit.shorts is not None else job.shorts:
        for mask in masks:
            if own:
                found = ways.judge_own(course.best, shorts=shorts, mask=mask)
                rows: Table = {
                    "network": np.arange(fit.networks),
                    "die": np.arange(fit.networks),
                    "accuracy": found.accuracy[:, 0],
                    "loss": found.loss[:, 0],
                    "software": software,
                }
            else:
                found = ways.judge(course.best, shorts=shorts, mask=mask)
                rows = _grid(found, np.array([_ALL]))
                rows["software"] = np.full(len(rows["die"]), software[0])
            parts.append(_keyed(fit, rows, shorts=shorts, mask=mask))
    return joined(parts)


def _grid(found: Judged, networks: NDArray[np.int64]) -> Table:
    """Every network on every die, a row each."""
    count, dies = found.accuracy.shape
    return {
        "network": np.repeat(networks, dies),
        "die": np.arange(count * dies) % dies,
        "accuracy": found.accuracy.ravel(),
        "loss": found.loss.ravel(),
    }


def _history(fit: Fit, course: Course) -> Table:
    best = np.maximum.accumulate(course.history["validation"], axis=0)
    rows: Table = {"epoch": np.arange(1, course.epochs + 1)}
    rows |= {name: values.mean(axis=1) for name, values in course.history.items()}
    rows["best"] = best.mean(axis=1)
    return _keyed(fit, rows, shorts=np.nan if fit.shorts is None else fit.shorts, mask=fit.mask)


def _keyed(fit: Fit, rows: Table, *, shorts: float, mask: str) -> Table:
    """Rows with what they have in common before them."""
    count = len(next(iter(rows.values())))
    keys: dict[str, Any] = {
        "method": np.full(count, fit.method, object),
        "mask": np.full(count, mask, object),
        "trained_at": np.full(count, np.nan if fit.shorts is None else fit.shorts),
        "shorts": np.full(count, shorts),
        "seed": np.full(count, fit.seed, np.int64),
    }
    return {**keys, **rows}


def joined(parts: list[Table]) -> Table:
    """Tables of the same columns below each other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
