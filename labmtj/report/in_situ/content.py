"""What the page of a study of training on the array is made from: its tables, their summary, and their origin.

Fractions are 0..1. The tables, by their names (columns are described in in-situ.h5):

runs      one row a training: part, condition, variant, spread, sigma, shorts, wires, width, die, split, train, test,
          loss, updates, pulses, events, flips, disturbed, writes, energy, seconds.
curves    part, condition, variant, epoch, copies, train, test, active, and what a training took until then, means.
paired    part, condition, variant, other_part, other_condition, other, copies, dies, difference, low, high.
time      way, lines, update_seconds, update_pulses, readings, measured.
realised  mode, width, die, cell, asked, realised, calibration.
failures  block, reason.
times     block, copies, seconds, processor_seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats
from labmtj.report.study.content import Table
from labmtj.report.study.drawing import GREY, PURPLE, VERMILION
from labmtj.report.svg import BLUE, GREEN, INK, ORANGE
from labmtj.report.training.content import keys, rows_of

COMPARISON, ABLATION, SPREAD, IMMUNITY, BAD_DIES = "comparison", "ablation", "spread", "immunity", "bad_dies"
DEFAULT = "default"
COLOURS = {
    "stochastic": BLUE,
    "deterministic": VERMILION,
    "software_real": INK,
    "software_ternary": GREY,
    "transferred": ORANGE,
}
WORDS = {
    "stochastic": "stochastic",
    "deterministic": "deterministic",
    "software_real": "software, real",
    "software_ternary": "software, ternary",
    "transferred": "transferred",
}
OTHERS = (PURPLE, GREEN)
Row = Mapping[str, str | int | float | None]


@dataclass(frozen=True, eq=False)
class Content:
    """All that the page shows; the tables are described at the top of this module, `rows` are their summary."""

    title: str
    tables: Mapping[str, Table]
    rows: Sequence[Row]
    facts: Mapping[str, str]
    times: Table
    file: str = ""

    def table(self, name: str) -> Table:
        """A table by its name, empty if the study has none."""
        return self.tables.get(name, {})

    def runs(self, part: str) -> Table:
        """Trainings of a part of the study, empty if it has none."""
        every = self.table("runs")
        if not every:
            return {}
        mask = rows_of(every, part=part)
        return {name: values[mask] for name, values in every.items()} if mask.any() else {}

    def row(self, part: str, condition: str, variant: str) -> Row | None:
        """The summary of a part, condition and variant."""
        wanted = (part, condition, variant)
        for row in self.rows:
            if (row["part"], row["condition"], row["variant"]) == wanted:
                return row
        return None


def by_die(runs: Table, mask: NDArray[np.bool_]) -> Floats:
    """Mean test accuracy [%] of each die over its splits."""
    _, where = np.unique(runs["die"][mask], return_inverse=True)
    return 100 * np.bincount(where, runs["test"][mask]) / np.bincount(where)


def conditions(runs: Table) -> list[str]:
    """Conditions of some trainings, each once, in their order."""
    return [str(name) for (name,) in keys(runs, "condition")]


def variants(runs: Table) -> list[str]:
    """Variants of some trainings, in the order of the page."""
    found = [str(name) for (name,) in keys(runs, "variant")]
    return sorted(found, key=lambda name: list(WORDS).index(name) if name in WORDS else len(WORDS))
