"""What a characterisation step found, in a form that the journal, run.h5 and the report all take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Column:
    """Values over named dimensions, with the SI unit ("1": none, "": a text) and what they mean."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    units: str = "1"
    meaning: str = ""


@dataclass(frozen=True, eq=False)
class Finding:
    """Tables and figures of one measurement.

    `name` is the step's, `columns` are arrays over named dimensions (a column that bears the name of its only
    dimension is its coordinate), `figures` scalars whose names end in their unit (`v_h_volt`), `line` is what a
    person reads.
    """

    name: str
    columns: Mapping[str, Column] = field(default_factory=dict[str, Column])
    figures: Mapping[str, float | int | str] = field(default_factory=dict[str, float | int | str])
    line: str = ""
