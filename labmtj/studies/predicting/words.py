"""The answer to the question which measures predict a good copy, in sentences made from figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = Mapping[str, NDArray[Any]]

POOLED = "pooled"
_NAMES = {
    "drop_untuned": "the loss of training accuracy of an untuned copy",
    "drop_scale": "the loss of training accuracy with one tuned scale",
    "drop_best": "the loss of training accuracy with the best tuning",
    "rise_scale": "the rise of the cross-entropy with one tuned scale",
    "rise_best": "the rise of the cross-entropy with the best tuning",
}


def sentences(
    ranks: Table, regression: Table, targets: Mapping[str, NDArray[np.float64]], predictors: Mapping[str, str]
) -> tuple[str, ...]:
    """What was found of each target: the named predictor, the best of the others, within one kind, on new dies."""
    found: list[str] = []
    for target, values in targets.items():
        known = values[np.isfinite(values)]
        here = ranks["target"] == target
        pooled = here & (ranks["scope"] == POOLED)
        if not known.size or not np.isfinite(ranks["spearman"][pooled]).any():
            continue
        name = _NAMES[target]
        unit = "points" if target.startswith("drop") else "nat"
        factor = 100.0 if target.startswith("drop") else 1.0
        same = 100.0 * np.unique(known, return_counts=True)[1].max() / known.size
        found.append(
            f"Over {known.size} copies {name} is {factor * known.mean():.2g} {unit} on average, with a standard "
            f"deviation of {factor * known.std():.2g}; {same:.0f} % of the copies share the commonest value."
        )
        found.extend(_of_measures(ranks, here, pooled, name, predictors.get(target, "")))
        found.extend(_of_regression(regression, target, name, factor, unit))
    return tuple(found)


def _of_measures(
    ranks: Table, here: NDArray[np.bool_], pooled: NDArray[np.bool_], name: str, predictor: str
) -> Iterator[str]:
    free = pooled & (ranks["needs"] == "map") & (ranks["labels"] == "none")  # said once if it is the best of all
    told = -1
    for words, among in (("of all measures", pooled), ("of those that need a map and no labels", free)):
        strength = np.where(among, np.abs(np.nan_to_num(ranks["spearman"])), -1.0)
        best = int(np.argmax(strength))
        if strength[best] > 0.0 and best != told:
            told = best
            yield f"Pooled over sizes and wires, {words} {_told(ranks, best)} goes best with {name}."
    own = np.flatnonzero(pooled & (ranks["measure"] == predictor))
    fidelity = np.flatnonzero(pooled & (ranks["measure"] == "write_fidelity"))
    if own.size and fidelity.size and np.isfinite(ranks["spearman"][[own[0], fidelity[0]]]).all():
        yield f"Predicted from the map: {_told(ranks, int(own[0]))}; write fidelity: {_told(ranks, int(fidelity[0]))}."
    within = here & ~pooled & (ranks["measure"] == predictor) & np.isfinite(ranks["spearman"])
    if not within.any():
        return
    values, clear = ranks["spearman"][within], ranks["low"][within] > 0.0
    order = np.argsort(values, kind="stable")
    scopes = ranks["scope"][within]
    yield (
        f"Within one size and wire the same prediction reaches a median of {np.median(values):.2f}, from "
        f"{values[order[0]]:.2f} ({scopes[order[0]]}) to {values[order[-1]]:.2f} ({scopes[order[-1]]}); in "
        f"{int(clear.sum())} of {len(values)} kinds its interval lies above 0."
    )


def _told(ranks: Table, row: int) -> str:
    name = str(ranks["measure"][row]).removeprefix("m_").replace("_", " ")
    rho, low, high = (float(ranks[key][row]) for key in ("spearman", "low", "high"))
    interval = f" ({low:+.2f} to {high:+.2f})" if np.isfinite([low, high]).all() else ""
    return f"{name} with a rank correlation of {rho:+.2f}{interval}"


def _of_regression(regression: Table, target: str, name: str, factor: float, unit: str) -> Iterator[str]:
    here: list[int] = np.flatnonzero(regression["target"] == target).tolist()
    told = [
        f"{regression['features'][row]} explain {100 * regression['r_squared'][row]:.0f} % of the variance (mean "
        f"error {factor * regression['error'][row]:.2g} {unit}, rank correlation {regression['spearman'][row]:+.2f})"
        for row in here
    ]
    if told:
        yield f"On dies that the regression had not seen, of {name}: {'; '.join(told)}."
