"""What the page of a training study is made from: its tables, their summary, and what is known of its origin.

Fractions are 0..1. The tables, by their names (columns are described in train.h5):

accuracy  one row a network, die, rate of shorts and mask: method, mask, trained_at (nan: no rate is known in training),
          shorts, seed, network (-1: for all dies), die, accuracy, loss, software, reference, gap.
matrix    the same columns for networks that were trained for one die, on every die.
history   method, mask, trained_at, shorts, seed, epoch, loss, train, validation, best.
surface   method, mask, shorts, seed, x, y, loss.
flipped   method, mask, shorts, seed, flipped (share of devices in the other state), loss, right.
measures  method, mask, shorts, seed, die, and columns m_NAME.
paired    method, other, mask, shorts, dies, difference, low, high.
defects   die, shorts, and a column of counts for each kind of defect.
currents  cell, rail, volts, amperes.
times     fit, method, networks, epochs, best_epoch, seconds, seconds_an_epoch, processor_seconds, memory_bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.report.study.content import Table
from labmtj.report.study.drawing import PURPLE, VERMILION
from labmtj.report.svg import BLUE, GREEN, ORANGE

COLOURS = {"baseline": ORANGE, "hardware_aware": VERMILION, "statistics_aware": BLUE, "tuned": GREEN}
WORDS = {
    "software": "perfect devices",
    "baseline": "baseline",
    "hardware_aware": "hardware-aware",
    "statistics_aware": "statistics-aware",
    "tuned": "tuned per die",
}
MASKS = {"none": "all gates as the input says", "defects": "gates of shorted and open cells stay closed"}
OTHER = PURPLE


@dataclass(frozen=True, eq=False)
class Content:
    """All that the page shows; the tables are described at the top of this module, `rows` are their summary."""

    title: str
    tables: Mapping[str, Table]
    rows: Sequence[Mapping[str, str | int | float | None]]
    facts: Mapping[str, str]
    times: Table
    file: str = ""

    def table(self, name: str) -> Table:
        """A table by its name, empty if the study has none."""
        return self.tables.get(name, {})


def keys(table: Table, *names: str) -> list[tuple[Any, ...]]:
    """The combinations of values of some columns, each once, in the order in which they first stand there."""
    if not table:
        return []
    return list(dict.fromkeys(zip(*(table[name].tolist() for name in names), strict=True)))


def rows_of(table: Table, **wanted: str | float) -> NDArray[np.bool_]:
    """Which rows have these values."""
    mask = np.ones(len(next(iter(table.values()))), dtype=np.bool_)
    for name, value in wanted.items():
        mask &= table[name] == value
    return mask


def matched(table: Table) -> NDArray[np.bool_]:
    """Rows whose networks were trained for the rate of shorts that they are judged at, or for none."""
    return np.isnan(table["trained_at"]) | (table["trained_at"] == table["shorts"])


def named(method: str, mask: str) -> str:
    """A method with its mask, for a legend or a table."""
    return WORDS.get(method, method) + ("" if mask == "none" else ", masked")
