"""What methods are worth beside one another: die by die, with intervals over dies."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats
from labmtj.studies.tidy import Table
from labmtj.studies.training.schema import METHODS

_RESAMPLES = 9999  # scipy's default for a bootstrap
_SEED = 0  # chosen: resampling is the same for the same table


def with_reference(accuracy: Table) -> Table:
    """The table with the `reference`, accuracy of the same seed's baseline with perfect devices, and the `gap` to it.

    Both are nan without a baseline.
    """
    baseline = accuracy["method"] == "baseline"
    reference = np.full(len(baseline), np.nan)
    for seed in np.unique(accuracy["seed"]):
        here = accuracy["seed"] == seed
        if (here & baseline).any():
            reference[here] = accuracy["software"][here & baseline][0]
    return {**accuracy, "reference": reference, "gap": accuracy["accuracy"] - reference}


def matched(accuracy: Table) -> NDArray[np.bool_]:
    """Rows whose networks were trained for the rate of shorts that they are judged at, or for none at all."""
    return np.isnan(accuracy["trained_at"]) | (accuracy["trained_at"] == accuracy["shorts"])


def groups(table: Table) -> dict[tuple[str, str, float], NDArray[np.bool_]]:
    """Rows of each (method, mask, rate of shorts), in the order of methods."""
    found = list(dict.fromkeys(zip(*(table[name].tolist() for name in ("method", "mask", "shorts")), strict=True)))
    found.sort(key=lambda key: (METHODS.index(key[0]), key[1] != "none", key[2]))
    return {key: (table["method"] == key[0]) & (table["mask"] == key[1]) & (table["shorts"] == key[2]) for key in found}


def paired(accuracy: Table) -> Table:
    """Methods against each other and the baseline's software, with the same mask and rate: mean difference by die.

    Rows of seeds are averaged die by die; the interval (95 %) is scipy's bootstrap (BCa) over dies.
    """
    table = {name: values[matched(accuracy)] for name, values in accuracy.items()}
    by_die = {key: _by_die(table, rows) for key, rows in groups(table).items()}
    rows: list[tuple[str, str, str, float, int, float, float, float]] = []
    for (method, mask, shorts), (dies, mean, gap) in by_die.items():
        if np.isfinite(gap).all():
            rows.append((method, "software", mask, shorts, len(dies), *interval(gap)))
        for other in METHODS[: METHODS.index(method)]:
            beside = by_die.get((other, mask, shorts))
            if beside is not None and np.array_equal(beside[0], dies):
                rows.append((method, other, mask, shorts, len(dies), *interval(mean - beside[1])))
    names = ("method", "other", "mask", "shorts", "dies", "difference", "low", "high")
    columns = list(zip(*rows, strict=True)) or [() for _ in names]
    texts = {"method", "other", "mask"}
    return {name: np.array(col, object if name in texts else None) for name, col in zip(names, columns, strict=True)}


def interval(values: Floats) -> tuple[float, float, float]:
    """Mean of values and its 95 % interval by the bootstrap; all three the mean where all values are the same."""
    mean = float(values.mean())
    if len(values) < 2 or np.ptp(values) == 0.0:
        return mean, mean if len(values) > 1 else float("nan"), mean if len(values) > 1 else float("nan")
    stats: Any = importlib.import_module("scipy.stats")
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=_RESAMPLES, vectorized=True, axis=-1, random_state=np.random.default_rng(_SEED)
    ).confidence_interval
    return mean, float(found.low), float(found.high)


def _by_die(table: Table, rows: NDArray[np.bool_]) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Dies, and for each the mean over seeds of accuracy and gap."""
    dies, where = np.unique(table["die"][rows], return_inverse=True)
    count = np.bincount(where)
    mean = np.bincount(where, table["accuracy"][rows]) / count
    return dies, mean, np.bincount(where, table["gap"][rows]) / count


def summary(accuracy: Table) -> list[dict[str, str | int | float | None]]:
    """One row a method, mask and rate of shorts: what `--json` prints and the first table of the page shows.

    Fractions are 0..1; `worst` and `best` are over dies, `gap_*` against the baseline's software; None is not known.
    """
    table = {name: values[matched(accuracy)] for name, values in accuracy.items()}
    out: list[dict[str, str | int | float | None]] = []
    for (method, mask, shorts), rows in groups(table).items():
        dies, mean, gap = _by_die(table, rows)
        known = bool(np.isfinite(gap).all())
        out.append(
            {
                "method": method,
                "mask": mask,
                "shorts": shorts,
                "dies": len(dies),
                "software": float(table["software"][rows].mean()),
                "mean": float(mean.mean()),
                "median": float(np.median(mean)),
                "worst": float(mean.min()),
                "best": float(mean.max()),
                "gap_mean": float(gap.mean()) if known else None,
                "gap_worst": float(gap.min()) if known else None,
            }
        )
    return out
