"""What the page of a study of networks of neurons is made from: its tables, their summary, and their origin.

Fractions are 0..1. The tables, by their names (columns are described in neuron-study.h5):

runs        one row a network and die: part, role, calibration, gradient, reading, variation, seed, die, train, test,
            clipped, saturated, software, loss.
paired      part, variation, calibration, gradient, reading, against, seeds, loss, low, high, boot_low, boot_high,
            upper, bound, bound_upper, holds.
history     part, role, calibration, gradient, reading, variation, seed, epoch, loss, accuracy, clipped, saturated.
curves      variation, calibration, neuron, input, m_x, m_z, tanh, sech, residual_x, residual_z.
deviations  variation, calibration, neuron, deviation_x, deviation_z.
failures    block, reason.
times       block, seconds, processor_seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.report.content import NONE
from labmtj.report.study.content import Table
from labmtj.report.study.drawing import GREY, PURPLE, VERMILION
from labmtj.report.svg import BLUE, GREEN, ORANGE

DEVICE, NOISY, PLAIN, MEASURED = "device", "noisy", "plain", "measured"
PARTS = {
    "inference": "Inference with weights of software",
    "training": "Training with neurons in both passes",
    "transfer": "Transfer learning",
    "distillation": "Distillation",
}
"""Parts whose losses are drawn against the variation."""
KNOWN = {"none": "one current for all", "neuron": "each neuron's own"}
COLOURS = {"none": ORANGE, "neuron": BLUE}
GRADIENTS = {"measured": BLUE, "derivative": GREEN, "output": PURPLE}
GRADIENT_WORDS = {"measured": "z read-out squared", "derivative": "true slope of x", "output": "1 - x²"}
BOUND = VERMILION
SOFTWARE = GREY
Row = Mapping[str, str | int | float | None]


@dataclass(frozen=True, eq=False)
class Content:
    """All that the page shows; the tables are described at the top of this module, `rows` are their summary.

    `software_bound` is the accuracy (0..1) that software is asked to have, None if nothing is asked.
    """

    title: str
    tables: Mapping[str, Table]
    rows: Sequence[Row]
    facts: Mapping[str, str]
    times: Table
    software_bound: float | None = None
    file: str = ""

    def table(self, name: str) -> Table:
        """A table by its name, empty if the study has none."""
        return self.tables.get(name, {})

    def devices(self, part: str) -> list[Row]:
        """The summary's rows of a part with neurons."""
        return [row for row in self.rows if row["part"] == part and row["role"] == DEVICE]

    def software(self, part: str, role: str) -> Row | None:
        """The summary of a network in software."""
        for row in self.rows:
            if (row["part"], row["role"]) == (part, role):
                return row
        return None


def value(row: Row, name: str) -> float:
    """A number of a summary's row, nan where there is none."""
    found = row.get(name)
    return float(found) if isinstance(found, int | float) else math.nan


def points(found: float) -> str:
    """A fraction as points with their sign and three digits, a dash if there is none."""
    return NONE if math.isnan(found) else f"{round(100 * found, 3) + 0.0:+.3f}"


def spread(row: Row) -> str:
    """The variation of a row, in words."""
    found = value(row, "variation")
    return "as measured" if math.isnan(found) else f"{100 * found:g} %"


def varying(table: Table, variation: float) -> NDArray[np.bool_]:
    """Rows of dies with this variation; nan: those of a measured map."""
    return np.isnan(table["variation"]) if math.isnan(variation) else table["variation"] == variation


def variations(table: Table) -> list[float]:
    """Variations of a table's dies, each once, in their order; nan once for a measured map."""
    every = np.asarray(table["variation"], dtype=np.float64).tolist()
    known = list(dict.fromkeys(each for each in every if not math.isnan(each)))
    return known or [math.nan]


def calibrations(rows: Sequence[Row]) -> list[str]:
    """What the host knows in some rows, each once."""
    return list(dict.fromkeys(str(row["calibration"]) for row in rows))
