"""Copies by kind of die, and numbers that stand for many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats, Ints
from labmtj.report.content import NONE
from labmtj.report.study.content import Mask, Table, length, numbers, texts

# In the order in which a report shows them; what is not here comes after, by name.
TUNINGS = (
    "software",
    "software_scale",
    "untuned",
    "scale",
    "layer_scales",
    "columns",
    "rows_columns",
    "bias",
    "threshold",
    "best",
)
WORDS = {
    "software": "software",
    "software_scale": "software, scale tuned",
    "untuned": "untuned",
    "scale": "one scale",
    "layer_scales": "a scale a layer",
    "columns": "gain and offset a column",
    "rows_columns": "rows and columns",
    "bias": "bias refit",
    "threshold": "thresholds",
    "best": "best",
}


@dataclass(frozen=True)
class Spread:
    """What stands for many numbers; nan if there are none (nan among them are left out)."""

    count: int
    mean: float
    p5: float
    p25: float
    median: float
    p75: float
    p95: float


def spread(values: Floats) -> Spread:
    """Take mean, median and percentiles of what is known of some numbers."""
    known = values[np.isfinite(values)]
    if not known.size:
        return Spread(0, *(float("nan"),) * 6)
    p5, p25, median, p75, p95 = (float(value) for value in np.percentile(known, (5, 25, 50, 75, 95)))
    return Spread(known.size, float(known.mean()), p5, p25, median, p75, p95)


def mean_interval(values: Floats, *, clusters: NDArray[np.generic]) -> tuple[float, float, float]:
    """Mean of numbers and its 95 % interval, where those of one cluster (a network) are not independent.

    The interval is 1.96 standard errors of the clusters' means to each side; nan from fewer than two clusters.
    """
    known = np.isfinite(values)
    if not known.any():
        return float("nan"), float("nan"), float("nan")
    mean = float(values[known].mean())
    _, where = np.unique(clusters[known], return_inverse=True)
    means = np.bincount(where, weights=values[known]) / np.bincount(where)
    if len(means) < 2:
        return mean, float("nan"), float("nan")
    half = 1.96 * float(means.std(ddof=1)) / len(means) ** 0.5
    return mean, mean - half, mean + half


def tunings(table: Table, *, part: str = "train") -> tuple[str, ...]:
    """Name the tunings that a table has an accuracy of, in the order of a report."""
    prefix = f"{part}_"
    found = [name.removeprefix(prefix) for name in table if name.startswith(prefix)]
    return ordered(name for name in found if np.isfinite(numbers(table, prefix + name)).any())


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Put names of tunings in the order of a report."""
    found = set(names)
    return (*(name for name in TUNINGS if name in found), *sorted(found - set(TUNINGS)))


def on_array(names: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what never was on an array."""
    return tuple(name for name in names if not name.startswith("software"))


def diameters(table: Table) -> list[float]:
    """The diameters [nm] of a table, rising."""
    return _distinct(table, "diameter_nm")


def wires(table: Table) -> list[float]:
    """The wire resistances [ohm a segment] of a table, rising."""
    return _distinct(table, "r_wire_ohm")


def of_kind(table: Table, *, diameter: float | None = None, wire: float | None = None) -> Mask:
    """Which rows are of a diameter [nm], of a wire [ohm a segment], or of both."""
    mask = np.ones(len(numbers(table, "diameter_nm")), dtype=np.bool_)
    if diameter is not None:
        mask &= numbers(table, "diameter_nm") == diameter
    if wire is not None:
        mask &= numbers(table, "r_wire_ohm") == wire
    return mask


def split(table: Table, *names: str) -> dict[tuple[Any, ...], Ints]:
    """Find the rows of each combination of values of some columns, texts or numbers, in rising order."""
    codes = np.zeros(length(table), dtype=np.int64)
    values: list[list[Any]] = []
    for name in names:
        found = numbers(table, name) if np.asarray(table.get(name, 0.0)).dtype.kind in "fiub" else texts(table, name)
        distinct, code = np.unique(found, return_inverse=True)
        codes = codes * len(distinct) + code
        values.append(distinct.tolist())
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    sizes = [len(distinct) for distinct in values]
    return {
        tuple(column[int(at)] for column, at in zip(values, np.unravel_index(codes[rows[0]], sizes), strict=True)): rows
        for rows in np.split(order, starts[1:])
        if rows.size
    }


def gaps(table: Table, tuning: str, part: str) -> Floats:
    """What copies have more than software with its scale tuned [points], shape (copies,)."""
    return 100 * (numbers(table, f"{part}_{tuning}") - numbers(table, f"{part}_software_scale"))


def signed(value: float) -> str:
    """Write a difference with its sign and two digits, a dash if there is none."""
    return NONE if np.isnan(value) else f"{round(value, 2) + 0.0:+.2f}"


def named(table: Table, name: str) -> list[str]:
    """The texts of a column, each once, in the order in which they first stand there."""
    return list(dict.fromkeys(texts(table, name).tolist()))


def _distinct(table: Table, name: str) -> list[float]:
    found = numbers(table, name)
    return sorted(set(found[np.isfinite(found)].tolist()))
