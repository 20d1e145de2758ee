"""What the report of a study is made from: plain columns of numbers and texts, and what was said about them.

A table is a mapping of column names to arrays of one length. Accuracies, fidelities and the like are fractions 0..1;
gaps are in percentage points, what a copy has more than software of the same network with its scale tuned (so a loss
is negative). Columns that a figure wants and does not find, and rows of nan (copies that were not judged), are said
on the page and are no error. A table may have any other column as well. The columns of each:

copies      one row a copy: diameter_nm, r_wire_ohm, die, network, place (text), write_fidelity, write_fidelity_good,
            wrong (devices; negative: not known), scale and software_scale (the tuned f), and for every tuning T
            train_T, test_T, all_T (nan where a copy was not judged) and measurements_T; measures m_NAME.
ablation    variant (text: "only", "without", "all", "none"), failure (text; any for "all" and "none"), diameter_nm,
            r_wire_ohm, tuning (text), gap_train, gap_test, gap_all [points]. One row a copy, or means: rows of the
            same variant, failure, kind and tuning are averaged.
inverse     plane (text), x_axis and y_axis (texts, with units), x, y, median (0..1) and, if there are, p25, p75,
            default_x, default_y (where the default die lies).
crossings   label (text: a thing that can be wrong, with its unit), at (where the median falls to the paper's number,
            all else at its default; nan if it does not).
ageing      seconds (since the write), diameter_nm, r_wire_ohm, train_T, test_T, all_T. One row a copy, or means.
placements  place (text), diameter_nm, r_wire_ohm, tuning (text), gap_train, gap_test, gap_all [points]. One row a
            copy, or means. Without it the copies are used, if they have more than one placement.
prediction  target (text), measure (text), scope (text: "pooled", or what it is within, "40 nm"), spearman, low, high,
            and, if there are, labels (text: "none" for measures that can be had without labels).
scales      f, train, test (mean accuracy of the software networks at this scale), and, if there are, array_train,
            array_test.
costs       tuning (text), measurements (a copy), calibration (text: what of), labels (text: "none", "training").
            Without it the columns measurements_T of the copies are used, their medians.
targets     one row a copy, in the order of `copies`: what is predicted, named as in `prediction`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats

Table = Mapping[str, NDArray[Any]]
Mask = NDArray[np.bool_]
PARTS = ("train", "test", "all")
# The placements in the order in which one stands for the study where there are several.
PLACES = ("identity", "avoid_defects", "optimise")


def _no_table() -> Table:
    return {}


def _no_words() -> Mapping[str, Sequence[str]]:
    return {}


def _no_names() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, eq=False)
class Content:
    """All that a report shows; the tables are described at the top of this module.

    `summary` are the rows of studies.summary (also printed by --json); `facts` names and texts of the last section;
    `predictors` names for a target the measure whose scatter is drawn (a column m_NAME, without the m_);
    `sentences` are added, as they are, to the section named (found, accuracy, fidelity, tuning, placement,
    ablation, measures, inverse, ageing); `study_file` is the text of the study, shown folded.
    """

    title: str
    copies: Table
    summary: Sequence[Mapping[str, str | int | float | None]]
    facts: Mapping[str, str]
    ablation: Table = field(default_factory=_no_table)
    inverse: Table = field(default_factory=_no_table)
    crossings: Table = field(default_factory=_no_table)
    ageing: Table = field(default_factory=_no_table)
    placements: Table = field(default_factory=_no_table)
    prediction: Table = field(default_factory=_no_table)
    scales: Table = field(default_factory=_no_table)
    costs: Table = field(default_factory=_no_table)
    targets: Table = field(default_factory=_no_table)
    predictors: Mapping[str, str] = field(default_factory=_no_names)
    sentences: Mapping[str, Sequence[str]] = field(default_factory=_no_words)
    study_file: str = ""

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The placements of the copies, in the order of PLACES, others after them."""
        found = set(np.unique(texts(self.copies, "place")).tolist())
        return (*(place for place in PLACES if place in found), *sorted(found - set(PLACES)))

    @cached_property
    def place(self) -> str:
        """The placement that all figures show but those that compare placements; empty if there is one at most."""
        return self.places[-1] if len(self.places) > 1 else ""

    @cached_property
    def shown_mask(self) -> Mask:
        """Which copies are of the placement shown, shape (copies,)."""
        if not self.place:
            return np.ones(length(self.copies), dtype=np.bool_)
        return texts(self.copies, "place") == self.place

    @cached_property
    def shown(self) -> Table:
        """The copies of the placement shown."""
        return chosen(self.copies, self.shown_mask) if self.place else self.copies

    @cached_property
    def shown_summary(self) -> list[Mapping[str, str | int | float | None]]:
        """The rows of the summary of the placement shown."""
        return [row for row in self.summary if not self.place or row.get("place") == self.place]


def length(table: Table) -> int:
    """Count the rows of a table."""
    return len(next(iter(table.values()))) if table else 0


def chosen(table: Table, mask: Mask) -> Table:
    """Keep the rows of a mask (rows,)."""
    return {name: np.asarray(column)[mask] for name, column in table.items()}


def numbers(table: Table, name: str) -> Floats:
    """Take a column as numbers, nan if there is none."""
    found = table.get(name)
    return np.full(length(table), np.nan) if found is None else np.asarray(found, dtype=np.float64)


def texts(table: Table, name: str) -> NDArray[np.str_]:
    """Take a column as texts, empty if there is none; HDF5 gives them as bytes."""
    found = table.get(name)
    if found is None:
        return np.full(length(table), "", dtype=np.str_)
    if found.dtype.kind == "U":
        return np.asarray(found, dtype=np.str_)
    values = cast("list[object]", np.asarray(found).tolist())
    return np.array([value.decode() if isinstance(value, bytes) else str(value) for value in values], dtype=np.str_)


def has(table: Table, *names: str) -> bool:
    """Tell whether a table has rows and all these columns, each with a number or text at least."""
    if not length(table) or any(name not in table for name in names):
        return False
    columns = [np.asarray(table[name]) for name in names]
    return all(column.dtype.kind not in "fiu" or bool(np.isfinite(column).any()) for column in columns)
