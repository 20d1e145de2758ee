"""Which measures of a copy go with what it costs: the question of the paper, answered in figures and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.records import Floats
from labmtj.studies.predicting.ranking import rank_correlations
from labmtj.studies.predicting.regression import held_out
from labmtj.studies.predicting.words import POOLED, sentences

Table = Mapping[str, NDArray[Any]]

_TUNED = ("scale", "best")
# Measures that labels have a part in, and of which samples; all others do without.
_LABELLED = {"m_hamming_weighted": "training", "m_plateau": "training", "m_flip_rate": "all", "m_mcnemar": "all"}
# What the map or the read-back behind it gives; all other measures need inference of the samples.
_OF_MAP = ("m_wer", "m_hamming", "m_predicted", "m_plateau", "m_weights", "write_fidelity")
_OF_COPY = ("write_fidelity", "write_fidelity_good")
_FEWEST = 3  # copies that can be put in an order that says anything
_KIND = ("diameter_nm", "r_wire_ohm")


@dataclass(frozen=True, eq=False)
class Answer:
    """Tables of columns of one length, what was predicted, and the answer in words.

    `ranks` has target, measure, scope ("pooled" or a kind, "40 nm, 5 ohm"), needs ("map" or "samples"), labels
    ("none", "training" or "all"), spearman, low, high, copies. `regression` has target, features, r_squared, error,
    spearman, copies. `targets` are (copies,) in the order of the table; `predictors` names for a target the measure
    that was made for it.
    """

    ranks: Table
    regression: Table
    targets: Mapping[str, Floats]
    predictors: Mapping[str, str]
    sentences: tuple[str, ...]


def targets(table: Table) -> dict[str, Floats]:
    """What copies cost, as far as the table has it: loss of training accuracy (0..1), rise of the loss [nat].

    An untuned copy is compared with software at its nominal scale, a tuned one with software at its tuned scale.
    """
    pairs = {"drop_untuned": ("train_software", "train_untuned")}
    for tuning in _TUNED:
        pairs[f"drop_{tuning}"] = ("train_software_scale", f"train_{tuning}")
        pairs[f"rise_{tuning}"] = (f"loss_train_{tuning}", "loss_train_software_scale")
    return {
        name: np.asarray(table[first], np.float64) - np.asarray(table[second], np.float64)
        for name, (first, second) in pairs.items()
        if first in table and second in table
    }


def answer(table: Table, *, regress: Sequence[str] = ("drop_untuned", "rise_scale", "rise_best")) -> Answer:
    """Rank correlations of all measures with all targets, pooled and within each size and wire, and regressions.

    `table` is the tidy one of a study: columns diameter_nm, r_wire_ohm, die, network, measures m_NAME and accuracies.
    Copies that were not judged (nan) do not count. Pooled intervals draw dies; those within a kind draw networks,
    because there are too few dies of one kind to draw from, so that they say nothing of other dies. Regressions are
    made of the targets named in `regress`. Raises InputError for a table without measures or targets.
    """
    found = targets(table)
    names = [*(name for name in _OF_COPY if name in table), *sorted(name for name in table if name.startswith("m_"))]
    if not found or not names:
        raise InputError("the table of the study has no measures (m_NAME) with accuracies to compare: make it anew")
    measured = np.stack([np.asarray(table[name], np.float64) for name in names], axis=1)
    wanted = np.stack(list(found.values()), axis=1)
    kinds = np.stack([np.asarray(table[name], np.float64) for name in _KIND], axis=1)
    judged: NDArray[np.bool_] = np.asarray(np.isfinite(wanted).all(axis=1))
    # Dies of one seed but another size or wire are other dies.
    dies = np.unique(np.column_stack([kinds, table["die"]]), axis=0, return_inverse=True)[1]
    scopes: list[tuple[str, NDArray[np.bool_], NDArray[Any]]] = [(POOLED, judged, dies)]
    for diameter, wire in np.unique(kinds, axis=0).tolist():
        here = judged & (kinds == (diameter, wire)).all(axis=1)
        scopes.append((f"{diameter:g} nm, {wire:g} ohm", here, np.asarray(table["network"])))
    ranks = _Rows()
    for scope, here, groups in scopes:
        ranked = rank_correlations(measured[here], wanted[here], groups[here])
        for target_at, target in enumerate(found):
            for at, name in enumerate(names):
                ranks.add(
                    target=target,
                    measure=name,
                    scope=scope,
                    needs=needs(name),
                    labels=labels(name),
                    spearman=ranked.spearman[at, target_at],
                    low=ranked.low[at, target_at],
                    high=ranked.high[at, target_at],
                    copies=int(here.sum()),
                )
    # m_predicted_drop_untuned is made for drop_untuned, and so on.
    predictors = {target: name for target in found if (name := f"m_predicted_{target}") in names}
    chosen = {name: found[name] for name in regress if name in found}
    regression = _regressions(table, names, measured, kinds, judged, chosen, predictors)
    told = sentences(ranks.table, regression, {name: values[judged] for name, values in found.items()}, predictors)
    return Answer(ranks.table, regression, found, predictors, told)


def answered(found: Mapping[str, Table]) -> Answer | None:
    """The answer to all copies of a study; None where fewer than three were judged, or nothing was measured."""
    copies = found["copies"]
    judged = np.isfinite(np.asarray(copies.get("train_untuned", ()), np.float64)).sum()
    if judged < _FEWEST or not any(name.startswith("m_") for name in copies):
        return None
    return answer(copies)


def needs(measure: str) -> str:
    """What a measure is computed from: "map", what writing leaves behind, or "samples", inference of all of them."""
    return "map" if measure.startswith(_OF_MAP) else "samples"


def labels(measure: str) -> str:
    """Labels of which samples have a part in a measure: "none", "training" or "all".

    A tuned scale was itself found with labels of training samples; the measures of its readout do not count them.
    """
    return next((samples for name, samples in _LABELLED.items() if measure.startswith(name)), "none")


def _regressions(
    table: Table,
    names: list[str],
    measured: Floats,
    kinds: Floats,
    judged: NDArray[np.bool_],
    wanted: Mapping[str, Floats],
    predictors: Mapping[str, str],
) -> Table:
    """Targets from size and wire alone, from the measure made for them, and from all of the map without labels."""
    free = [at for at, name in enumerate(names) if needs(name) == "map" and labels(name) == "none"]
    seeds = np.asarray(table["die"])
    rows = _Rows()
    for target, values in wanted.items():
        sets = {"size and wire alone": kinds}
        if target in predictors:
            own = measured[:, [names.index(predictors[target])]]
            sets["size, wire and the prediction made for it"] = np.concatenate([kinds, own], axis=1)
        if free:
            sets["size, wire and all measures of the map"] = np.concatenate([kinds, measured[:, free]], axis=1)
        for words, features in sets.items():
            fit = held_out(features[judged], values[judged], seeds[judged])
            if fit is not None:
                rows.add(
                    target=target,
                    features=words,
                    r_squared=fit.r_squared,
                    error=fit.error,
                    spearman=fit.spearman,
                    copies=fit.copies,
                )
    return rows.table or {"target": np.array([], dtype=np.str_)}


class _Rows:
    """Rows that become columns."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def add(self, **row: Any) -> None:
        self._rows.append(row)

    @property
    def table(self) -> dict[str, NDArray[Any]]:
        return {name: np.array([row[name] for row in self._rows]) for name in (self._rows[0] if self._rows else {})}
