"""What a study says in short: one row a diameter and wire resistance, from the table of copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats

SHOWN = ("software", "software_scale", "untuned", "scale", "best")
"""Readouts that a row has."""


def rows(copies: Mapping[str, NDArray[Any]]) -> list[dict[str, float | int | str | None]]:
    """One row a diameter and wire (and place, where there are several), in the order of the table.

    Fractions are 0..1, None is what no copy has: mean, median and 5th percentile of the accuracy over copies.
    """
    names = ["diameter_nm", "r_wire_ohm"]
    if "place" in copies and len(set(copies["place"].tolist())) > 1:
        names.append("place")
    keys = list(zip(*(copies[name].tolist() for name in names), strict=True))
    out: list[dict[str, float | int | str | None]] = []
    for key in dict.fromkeys(keys):
        here = np.array([found == key for found in keys])
        row: dict[str, float | int | str | None] = dict(zip(names, key, strict=True))
        row["networks"] = len(set(copies["network"][here].tolist()))
        row["dies"] = len(set(copies["die"][here].tolist()))
        row["write_fidelity_median"] = _of(copies, "write_fidelity", here, 50)
        for name in SHOWN:
            for part in ("train", "test"):
                column = f"{part}_{name}"
                row[f"{column}_mean"] = _of(copies, column, here, None)
                row[f"{column}_median"] = _of(copies, column, here, 50)
                row[f"{column}_p5"] = _of(copies, column, here, 5)
        out.append(row)
    return out


def _of(copies: Mapping[str, NDArray[Any]], name: str, here: NDArray[np.bool_], percent: int | None) -> float | None:
    """Mean, or a percentile, of what is known of a column; None if nothing is."""
    values: Floats = copies[name][here] if name in copies else np.empty(0)
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    return float(values.mean()) if percent is None else float(np.percentile(values, percent))
