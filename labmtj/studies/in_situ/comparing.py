"""What variants and conditions are worth beside one another: paired by die and split, with intervals over dies."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats
from labmtj.studies.in_situ.conditions import DEFAULT
from labmtj.studies.in_situ.grid import COMPARISON
from labmtj.studies.in_situ.learning import COSTS
from labmtj.studies.in_situ.schema import VARIANTS
from labmtj.studies.tidy import Table
from labmtj.studies.training.comparing import interval

Key = tuple[str, str, str]
"""Part, condition and variant."""
_NAMES = ("part", "condition", "variant")
_MEANS = ("train", "active", "test", *COSTS)


def groups(table: Table) -> dict[Key, NDArray[np.bool_]]:
    """Rows of each part, condition and variant, in the order in which they stand there."""
    found: dict[Key, NDArray[np.bool_]] = {}
    for part, condition, variant in dict.fromkeys(zip(*(table[name].tolist() for name in _NAMES), strict=True)):
        rows = (table["part"] == part) & (table["condition"] == condition) & (table["variant"] == variant)
        found[part, condition, variant] = rows
    return found


def paired(runs: Table) -> Table:
    """Test accuracies of variants under the same condition, and of conditions against the comparison's dies.

    The difference is that of copies with the same die and split; the interval (95 %) is scipy's bootstrap (BCa) over
    dies, each the mean of its splits.
    """
    rows = groups(runs)
    out: list[tuple[str, str, str, str, str, str, int, int, float, float, float]] = []
    for one, other in _pairs(list(rows)):
        found = _differences(runs, rows[one], rows[other])
        if found is not None:
            dies, copies = found
            out.append((*one, *other, copies, len(dies), *interval(dies)))
    names = ("part", "condition", "variant", "other_part", "other_condition", "other", "copies", "dies")
    columns = list(zip(*out, strict=True))
    if not columns:
        return {}
    texts = {name for name, values in zip(names, columns, strict=False) if isinstance(values[0], str)}
    every = (*names, "difference", "low", "high")
    return {name: np.array(col, object if name in texts else None) for name, col in zip(every, columns, strict=True)}


def _pairs(keys: list[Key]) -> Iterator[tuple[Key, Key]]:
    """A variant less those before it under the same condition, and less itself on the dies of the comparison."""
    for key in keys:
        part, condition, variant = key
        for other in keys:
            if other[:2] == key[:2] and VARIANTS.index(other[2]) < VARIANTS.index(variant):
                yield other, key
        base = (COMPARISON, DEFAULT, variant)
        if part != COMPARISON and condition != DEFAULT and base in keys:
            yield key, base


def _differences(runs: Table, one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[Floats, int] | None:
    """Mean difference of each die, and how many copies have a partner; None without any."""
    keys = [dict(zip(zip(*_places(runs, rows), strict=True), runs["test"][rows].tolist(), strict=True))
            for rows in (one, other)]  # fmt: skip
    shared = [key for key in keys[0] if key in keys[1]]
    if not shared:
        return None
    difference = np.array([keys[0][key] - keys[1][key] for key in shared])
    _, where = np.unique([die for die, _ in shared], return_inverse=True)
    # rounded, so that dies that are alike are exactly alike, and a bootstrap of them is not asked for
    return np.round(np.bincount(where, difference) / np.bincount(where), 12), len(shared)


def _places(runs: Table, rows: NDArray[np.bool_]) -> tuple[list[int], list[int]]:
    return runs["die"][rows].tolist(), runs["split"][rows].tolist()


def merged(curves: Table) -> Table:
    """Courses of all copies of a part, condition and variant from those of its blocks: means over copies."""
    parts: list[Table] = []
    for rows in groups(curves).values():
        table = {name: values[rows] for name, values in curves.items()}
        epochs, where = np.unique(table["epoch"], return_inverse=True)
        copies = np.bincount(where, table["copies"])
        first = {name: values[: len(epochs)] for name, values in table.items()}
        first |= {"epoch": epochs, "copies": copies.astype(np.int64)}
        for name in _MEANS:
            first[name] = np.bincount(where, table[name] * table["copies"]) / copies
        parts.append(first)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}


def summary(runs: Table) -> list[dict[str, str | int | float | None]]:
    """One row a part, condition and variant: what `--json` prints and the first table of the page shows.

    Accuracies are 0..1; `worst` and `best` are dies, each the mean of its splits; what a training took is the mean
    over copies, None where it is not known.
    """
    out: list[dict[str, str | int | float | None]] = []
    for (part, condition, variant), rows in groups(runs).items():
        dies, where = np.unique(runs["die"][rows], return_inverse=True)
        test = runs["test"][rows]
        by_die = np.bincount(where, test) / np.bincount(where)
        row: dict[str, str | int | float | None] = {
            "part": part, "condition": condition, "variant": variant, "copies": int(rows.sum()), "dies": len(dies),
            "train": float(runs["train"][rows].mean()), "test": float(test.mean()), "median": float(np.median(test)),
            "worst": float(by_die.min()), "best": float(by_die.max()),
        }  # fmt: skip
        for name in COSTS:
            mean = float(runs[name][rows].mean())
            row[name] = mean if np.isfinite(mean) else None
        out.append(row)
    return out
