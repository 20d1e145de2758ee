"""Cells by class: leaks, noise, and where the marked ones are."""

from __future__ import annotations

import numpy as np

from labmtj.records import Defect, Floats, Ints, Trait
from labmtj.report import html
from labmtj.report.findings.chart import section
from labmtj.report.maps import Marks, Spread, value_map
from labmtj.report.svg import styled
from labmtj.runs.netcdf import Group

_MOST_ROWS = 60  # chosen: a table longer than that is read from run.h5


def draw(group: Group, key: str) -> str:
    """Maps of leak and noise, and a table of all cells that stand out."""
    defect, traits, leak, noise = (group.values(name) for name in ("defect", "traits", "leak", "noise"))
    if defect is None or traits is None or leak is None or noise is None:
        return section(group, key, [])
    marks = Marks(defect.astype(np.int64), traits > 0)
    with styled():
        pictures = [
            (
                value_map(
                    100 * leak, title="Leak", label="% of G_P", marks=marks, alt="Leak of cells", key=f"{key}-leak"
                ),
                "Conductance beside the junction; crosses: cells that are better avoided.",
            ),
            (
                value_map(
                    noise, title="Noise", label="of a quiet cell", marks=marks, alt="Noise of cells",
                    key=f"{key}-noise", spread=Spread.LINEAR,
                ),
                "Variance of readings over that of a quiet cell in the same state.",
            ),
        ]  # fmt: skip
    return section(group, key, pictures) + _table(defect, traits, leak, noise)


def _table(defect: Ints, traits: Ints, leak: Floats, noise: Floats) -> str:
    rows = [
        [
            f"({row + 1}, {col + 1})",
            _names(int(defect[row, col]), int(traits[row, col])),
            *_numbers(leak, noise, row, col),
        ]
        for row, col in np.argwhere((defect != Defect.NONE) | (traits != 0)).tolist()
    ]
    if not rows:
        return ""
    head = ["cell", "class", "leak (% of G_P)", "noise (of a quiet cell)"]
    return html.table(head, rows[:_MOST_ROWS], caption=f"{len(rows)} cells that stand out.", numbers=2)


def _numbers(leak: Floats, noise: Floats, row: int, col: int) -> list[str]:
    values = (100 * leak[row, col], noise[row, col])
    return [f"{value:.3g}" if np.isfinite(value) else "" for value in values]


def _names(defect: int, traits: int) -> str:
    names = [Defect(defect).name] if defect else []
    names += [str(trait.name) for trait in Trait if trait and traits & trait]
    return ", ".join(name.lower().replace("_", "-") for name in names)
