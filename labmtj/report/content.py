"""What a report says, taken from run.h5: numbers with their units, texts, and values laid on the array."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from labmtj.config import source
from labmtj.errors import FileProblems
from labmtj.records import Defect, Floats, Ints
from labmtj.runs.netcdf import ROOT, Group
from labmtj.runs.store import CELLS

NONE = "\u2013"


@dataclass(frozen=True, eq=False)
class Run:
    """A run as its store tells it (runs.store)."""

    groups: Mapping[str, Group]

    @property
    def root(self) -> Group:
        """What is known of the run, in attributes."""
        return self.groups[ROOT]

    @property
    def cells(self) -> Group:
        """What is known of each cell of the array."""
        return self.groups[CELLS]

    def text(self, name: str) -> str:
        """Give an attribute of the run as text; empty if it is not there."""
        return str(self.root.attributes.get(name, ""))

    def mapping(self, name: str) -> dict[str, Any]:
        """Give an attribute that holds a JSON object."""
        return json.loads(self.text(name) or "{}")

    @property
    def layers(self) -> dict[int, Group]:
        """The layers that were written, by their number from 1."""
        return {int(name[5:]): group for name, group in self.groups.items() if name.startswith("layer")}

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of the array."""
        rows, cols = self.cells.variables["pulse_count"].values.shape
        return rows, cols

    @property
    def defect(self) -> Ints:
        """`Defect` values of the array, none where there was no map."""
        found = self.cells.values("defect")
        return np.zeros(self.shape, dtype=np.int64) if found is None else found.astype(np.int64)

    def on_array(self, layer: Group, values: Any) -> Floats:
        """Values of a layer's devices at their place on the array, nan elsewhere."""
        out = np.full(self.shape, np.nan)
        rows, cols = layer.variables["physical_row"].values, layer.variables["physical_col"].values
        out[np.ix_(rows - 1, cols - 1)] = values
        return out

    @property
    def bench_seconds(self) -> float:
        """Bench time [s]: the summary's, or that of the steps that were finished."""
        summed = float(np.nansum(self.groups["steps"].variables["seconds"].values))
        return float(self.mapping("summary").get("bench_seconds", summed))

    def bench(self) -> dict[str, Any]:
        """Read the bench file; empty if it was not kept or cannot be read."""
        text = self.text("bench_yaml")
        try:
            data: object = source.parse(text, name="bench.yaml").data if text else {}
        except FileProblems:
            return {}
        return cast("dict[str, Any]", data) if isinstance(data, dict) else {}

    def die(self) -> tuple[str, str]:
        """Name of the die, and what else is known of it."""
        bench = self.bench()
        if self.root.attributes.get("simulated"):
            die = _within(bench, "simulation", "die")
            parts = [f"{name} {die[name]}" for name in ("diameter", "wire") if name in die]
            return f"simulated, seed {die.get('seed', 0)}", ", ".join(parts)
        return str(_within(bench, "array").get("die", NONE)), ""


def _within(data: Mapping[str, Any], *path: str) -> dict[str, Any]:
    found: Any = data
    for name in path:
        found = cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def percent(fraction: float | None) -> str:
    """0.9797 as "97.97 %"."""
    return NONE if fraction is None or math.isnan(fraction) else f"{100 * fraction:.2f} %"


def number(value: float | None, digits: int = 4) -> str:
    """Write a number with so many digits; a dash if there is none."""
    return NONE if value is None or math.isnan(value) else f"{value:.{digits}g}"


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds: "00:07:48"."""
    if math.isnan(seconds):
        return NONE
    whole = round(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def defects_in_words(defect: Ints) -> str:
    """Count defects by kind: "2 short, 1 stuck", or "no defects"."""
    kinds = [kind for kind in Defect if kind is not Defect.NONE]
    counts = [f"{count} {kind.name.lower()}" for kind in kinds if (count := int(np.count_nonzero(defect == kind)))]
    return ", ".join(counts) or "no defects"
