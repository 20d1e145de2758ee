"""Tables of a study as a whole: what its networks forgive in software, and what each makes of all dies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.measuring.sensitivity import injected_errors
from labmtj.nets.measuring.spread import across_dies
from labmtj.nets.readout import ideal_products, infer
from labmtj.nets.tuning.copies import one_scale
from labmtj.nets.tuning.judging import accuracies
from labmtj.records import Floats
from labmtj.studies.population import Population

Table = dict[str, NDArray[Any]]
_SCALES = np.arange(40, 181, 5) / 100.0  # the range of the tuned scale (nets.tune)
_RATES = np.array([0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1])  # chosen: the rates of papers.md, and between
_DRAWS = 3  # chosen: of wrong devices for each network; there are many networks
_ACROSS = ("untuned", "scale", "best")


def overall(networks: Population, copies: Table) -> dict[str, Table]:
    """`scales` (accuracy of software against the scale f), `injected` (against wrong devices), `across_dies`."""
    return {**of_software(networks), **of_dies(copies)}


def of_software(networks: Population) -> dict[str, Table]:
    """Accuracy (0..1) over all networks in software: means by scale, and by the share of devices that are wrong."""
    stack, data = networks.stack, networks.data
    means: list[tuple[float, float]] = []
    for scale in _SCALES.tolist():
        how = one_scale(stack, np.full(len(stack), scale))
        right = accuracies(infer(stack, data.inputs, products=ideal_products(stack), readout=how).scores, data)
        means.append((float(right.train.mean()), float(right.test.mean())))
    by_scale = np.array(means)
    found = injected_errors(stack, data, rates=_RATES, draws=_DRAWS)
    return {
        "scales": {"f": _SCALES, "train": by_scale[:, 0], "test": by_scale[:, 1]},
        "injected": {
            "rate": _RATES,
            "train_mean": found.train.mean(axis=1),
            "train_median": np.median(found.train, axis=1),
            "train_p5": np.percentile(found.train, 5, axis=1),
            "test_mean": found.test.mean(axis=1),
        },
    }


def of_dies(copies: Table) -> dict[str, Table]:
    """Training accuracy (0..1) of each network over the dies of a kind: mean, worst, and mean of the worst fifth."""
    keys = [name for name in ("diameter_nm", "r_wire_ohm", "place") if name in copies]
    labels = np.array(["\0".join(map(str, row)) for row in zip(*(copies[key] for key in keys), strict=True)])
    rows: dict[str, list[NDArray[Any]]] = {}
    for label in dict.fromkeys(labels.tolist()):
        here = labels == label
        dies = np.unique(copies["die"][here])
        for tuning in (name for name in _ACROSS if f"train_{name}" in copies):
            grid: Floats = copies[f"train_{tuning}"][here].reshape(len(dies), -1).T
            networks = copies["network"][here][: len(grid)]
            found = across_dies(grid)
            part = {key: np.repeat(copies[key][here][:1], len(grid)) for key in keys}
            part |= {"tuning": np.full(len(grid), tuning, object), "network": networks}
            part |= {"train_mean": found.mean, "train_worst": found.worst, "train_cvar": found.cvar}
            for name, values in part.items():
                rows.setdefault(name, []).append(values)
    return {"across_dies": {name: np.concatenate(values) for name, values in rows.items()}} if rows else {}
