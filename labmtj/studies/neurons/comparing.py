"""What neurons cost against software: paired by seed, with intervals over seeds, and whether what is asked holds."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats
from labmtj.studies.finishing import Row
from labmtj.studies.neurons.grid import (
    CURVES,
    DEVICE,
    DISTILLATION,
    GRADIENT,
    MEASURED,
    NETWORK,
    SOFTWARE,
    TRAINING,
    TRANSFER,
    TWIN,
)
from labmtj.studies.neurons.schema import Bound, Bounds
from labmtj.studies.tidy import Table
from labmtj.studies.training.comparing import interval

_SLACK = 1e-9  # accuracies are counts over a number of images; sums of them are not exact


class Key(NamedTuple):
    """A condition: all that rows of other seeds and dies have in common; `variation` is None where there is none."""

    part: str
    variation: float | None
    calibration: str
    gradient: str
    reading: str


class Paired(NamedTuple):
    """Mean of paired differences, its two-sided 95 % intervals by Student's t and the bootstrap, one-sided bound."""

    mean: float
    low: float
    high: float
    boot_low: float
    boot_high: float
    upper: float


def with_software(runs: Table) -> Table:
    """The table with `software`, the test accuracy of each row's software twin, and `loss`, what the row lacks to it.

    Both are nan for software itself, and where the twin's block failed.
    """
    twins: dict[tuple[str, int], float] = {}
    for part, role, seed, test in _rows(runs, "part", "role", "seed", "test"):
        if role in (NETWORK, TWIN):
            twins[part, seed] = test
    found: list[float] = []
    for part, role, seed in _rows(runs, "part", "role", "seed"):
        own = part if part in (TRANSFER, DISTILLATION) else SOFTWARE
        found.append(twins.get((own, seed), math.nan) if role == DEVICE else math.nan)
    software = np.array(found)
    return {**runs, "software": software, "loss": software - runs["test"]}


def conditions(runs: Table) -> dict[Key, NDArray[np.bool_]]:
    """Rows of each condition with neurons, in the order in which they stand there."""
    if not runs:
        return {}
    keys = [_key(*row) for row in _rows(runs, *Key._fields)]
    device = runs["role"] == DEVICE
    places: dict[Key, list[int]] = {}
    for place in np.flatnonzero(device).tolist():
        places.setdefault(keys[place], []).append(place)
    found: dict[Key, NDArray[np.bool_]] = {}
    for key, here in places.items():
        mask = np.zeros(len(keys), np.bool_)
        mask[here] = True
        found[key] = mask
    return found


def student(values: Floats) -> Paired:
    """The mean of differences, a value a seed, and its intervals; nan where one value says nothing of its spread."""
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return Paired(mean, *(math.nan,) * 5)
    error = float(values.std(ddof=1)) / math.sqrt(count)
    t: Any = importlib.import_module("scipy.stats").t
    two, one = float(t.ppf(0.975, count - 1)) * error, float(t.ppf(0.95, count - 1)) * error
    _, boot_low, boot_high = interval(np.round(values, 12))
    return Paired(mean, mean - two, mean + two, boot_low, boot_high, mean + one)


def paired(runs: Table, bounds: Bounds) -> Table:
    """One row a condition: mean loss of accuracy against its software twin, other gradients against the measured one.

    Pairs have the seed in common; a seed with several dies counts as their mean.
    `bound` and `bound_upper` are what is asked of mean and one-sided upper bound, `holds` is yes, no, or empty where
    nothing is asked or nothing can be said.
    """
    every = conditions(runs)
    out: list[tuple[str | int | float, ...]] = []
    for key, rows in every.items():
        losses = _by_seed(runs, rows, "loss")
        known = {seed: loss for seed, loss in losses.items() if math.isfinite(loss)}
        if known:
            asked = bound_for(key, bounds)
            out.append(_line(key, "software", np.array(list(known.values())), asked))
        for other in _measured(key, every):
            one, two = (_by_seed(runs, mask, "test") for mask in (rows, every[other]))
            pairs = np.array([two[seed] - one[seed] for seed in one if seed in two])
            if len(pairs):
                out.append(_line(key, MEASURED, pairs, None))
    if not out:
        return {}
    names = (*Key._fields, "against", "seeds", *(name for name in Paired._fields), "bound", "bound_upper", "holds")
    texts = {"part", "calibration", "gradient", "reading", "against", "holds"}
    columns = zip(*out, strict=True)
    found = {name: np.array(col, object if name in texts else None) for name, col in zip(names, columns, strict=True)}
    return {"loss" if name == "mean" else name: values for name, values in found.items()}


def bound_for(key: Key, bounds: Bounds) -> Bound | None:
    """What is asked of a condition: of networks with noisy neurons and the measured gradient."""
    if key.variation is None or key.part in (CURVES, GRADIENT) or key.reading != "noisy":
        return None
    return next((bound for bound in bounds.device if key.variation <= bound.up_to + _SLACK), None)


def holds(found: Paired, bound: Bound | None) -> str:
    """Whether a bound holds: yes, no, or empty where nothing is asked, or too few seeds say nothing."""
    if bound is None or (bound.loss is None and bound.upper is None):
        return ""
    if bound.loss is not None and found.mean > bound.loss + _SLACK:
        return "no"
    if bound.upper is None:
        return "yes"
    if math.isnan(found.upper):
        return ""
    return "yes" if found.upper <= bound.upper + _SLACK else "no"


def summary(runs: Table, compared: Table) -> list[Row]:
    """One row a condition: what `--json` prints and the page's table shows; accuracies and losses are 0..1.

    Networks in software come first: mean, worst and best over seeds.
    """
    out: list[Row] = []
    software = dict.fromkeys((part, role) for part, role in _rows(runs, "part", "role") if role != DEVICE)
    for part, role in software:
        rows = (runs["part"] == part) & (runs["role"] == role)
        out.append(_described(_Words(part, role), runs, rows))
    losses = {
        _key(*row[:5]): place
        for place, row in enumerate(_rows(compared, *Key._fields, "against"))
        if row[5] == "software"
    }
    for key, rows in conditions(runs).items():
        row = {**_described(_Words(key.part, DEVICE), runs, rows), **key._asdict()}
        place = losses.get(key)
        for name in ("loss", "low", "high", "boot_low", "boot_high", "upper", "bound", "bound_upper"):
            value = math.nan if place is None else float(compared[name][place])
            row[name] = value if math.isfinite(value) else None
        row["holds"] = "" if place is None else str(compared["holds"][place])
        out.append(row)
    return out


class _Words(NamedTuple):
    part: str
    role: str


def _described(words: _Words, runs: Table, rows: NDArray[np.bool_]) -> dict[str, str | int | float | None]:
    test = np.array(list(_by_seed(runs, rows, "test").values()))
    software = runs["software"][rows]
    train = float(runs["train"][rows].mean())
    return {
        "part": words.part, "role": words.role, "variation": None, "calibration": "", "gradient": "", "reading": "",
        "seeds": len(test), "networks": int(rows.sum()),
        "software": float(software.mean()) if np.isfinite(software).all() else None,
        "train": train if math.isfinite(train) else None,
        "test": float(test.mean()), "worst": float(test.min()), "best": float(test.max()),
        "clipped": float(runs["clipped"][rows].mean()), "saturated": float(runs["saturated"][rows].mean()),
    }  # fmt: skip


def _line(key: Key, against: str, values: Floats, bound: Bound | None) -> tuple[str | int | float, ...]:
    found = student(values)
    loss = math.nan if bound is None or bound.loss is None else bound.loss
    upper = math.nan if bound is None or bound.upper is None else bound.upper
    where = (key.part, math.nan if key.variation is None else key.variation, *key[2:])
    return (*where, against, len(values), *found, loss, upper, holds(found, bound))


def _measured(key: Key, every: Mapping[Key, object]) -> Iterator[Key]:
    """The same condition with the measured gradient, from this part or the training."""
    if key.part != GRADIENT or key.gradient == MEASURED:
        return
    for part in (GRADIENT, TRAINING):
        other = key._replace(part=part, gradient=MEASURED)
        if other in every:
            yield other
            return


def _by_seed(runs: Table, rows: NDArray[np.bool_], name: str) -> dict[int, float]:
    """Mean over the dies of each seed."""
    seeds, where = np.unique(runs["seed"][rows], return_inverse=True)
    means = np.bincount(where, runs[name][rows]) / np.bincount(where)
    return dict(zip(seeds.tolist(), means.tolist(), strict=True))


def _key(part: str, variation: float, calibration: str, gradient: str, reading: str) -> Key:
    return Key(part, None if math.isnan(variation) else variation, calibration, gradient, reading)


def _rows(table: Table, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].tolist() for name in names), strict=True)) if table else []
