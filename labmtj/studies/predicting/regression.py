"""A small regression that predicts what copies cost on dies that it has not seen."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from labmtj.records import Floats, Ints
from labmtj.studies.predicting.ranking import centred_ranks

_FOLDS = 5
# chosen: few shallow trees, because there are far fewer dies than copies
_TREES: dict[str, Any] = {"max_iter": 60, "max_leaf_nodes": 8, "learning_rate": 0.1, "min_samples_leaf": 50}


@dataclass(frozen=True)
class HeldOut:
    """How predictions for held-out dies fit: share of the variance explained, mean absolute error, Spearman."""

    r_squared: float
    error: float
    spearman: float
    copies: int


def held_out(features: Floats, target: Floats, dies: Ints) -> HeldOut | None:
    """Predict `target` (copies,) from `features` (copies, features) for dies that were left out of the fit.

    `dies` (copies,) are the seeds of the dies, each of which is left out once, in groups. Gradient boosted trees of
    scikit-learn (Friedman 2001, doi:10.1214/aos/1013203451). None with fewer than two dies, or too few copies.
    """
    known = np.isfinite(target) & np.isfinite(features).all(axis=1)
    features, target, dies = features[known], target[known], dies[known]
    groups = np.unique(dies)
    if len(groups) < 2 or len(target) < 2 * _TREES["min_samples_leaf"] or not features.shape[1]:
        return None
    regressor = _regressor()
    guessed = np.empty(len(target))
    # One thread, so that the sums do not depend on the number of processors, and none waits for another.
    with threadpool_limits(1):
        for fold in range(min(_FOLDS, len(groups))):
            left_out = np.isin(dies, groups[fold::_FOLDS])
            guessed[left_out] = regressor.fit(features[~left_out], target[~left_out]).predict(features[left_out])
    error = target - guessed
    total = float(np.sum((target - target.mean()) ** 2))
    x, y = centred_ranks(np.stack([guessed, target], axis=1)).T
    power = float(np.sqrt((x @ x) * (y @ y)))
    return HeldOut(
        1.0 - float(error @ error) / total if total > 0.0 else np.nan,
        float(np.abs(error).mean()),
        float(x @ y) / power if power > 0.0 else np.nan,
        len(target),
    )


def _regressor() -> Any:
    """scikit-learn's regressor; importing it takes 2 s of processor time, so it is done here."""
    ensemble: Any = importlib.import_module("sklearn.ensemble")
    return ensemble.HistGradientBoostingRegressor(early_stopping=False, random_state=0, **_TREES)
