"""The table of a study by diameter and wire: what `--json` prints and what the first table of the report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.records import Floats
from labmtj.studies.columns import READOUTS

# In the order in which reports name them; a study has those that it was asked for.
TUNINGS = READOUTS
PARTS = ("train", "test", "all")
# What a copy is paired with: software of the same network, its scale tuned on the training samples in the same way.
REFERENCE = "software_scale"
Table = Mapping[str, NDArray[Any]]
Row = dict[str, str | int | float | None]


def tunings(table: Table) -> tuple[str, ...]:
    """Name the tunings whose training accuracy the table holds: the known ones in their order, then the others."""
    found = [name.removeprefix("train_") for name in table if name.startswith("train_")]
    return (*(name for name in TUNINGS if name in found), *(name for name in found if name not in TUNINGS))


def rows(table: Table, *, only: Sequence[str] | None = None) -> list[Row]:
    """Sum up a table of copies: one row a diameter and wire, and a placement where there are several.

    All fractions are 0..1, as everywhere in JSON. For each tuning K (all of the table, or `only`) and part P of the
    samples (train, test, all): `P_K_mean`, `P_K_median`, `P_K_p5` (5th percentile, Hyndman and Fan's definition 7,
    numpy's own), over all networks and dies; and against software with its scale tuned, copy by copy, what the copy
    has more (negative: less): `P_K_gap_mean`, `P_K_gap_p5`. `copies` are counted if they were judged: rows of nan,
    from dies that could not be mapped, are in `failed` and nowhere else; what cannot be known is None.
    Raises InputError for a table without one of the columns diameter_nm, r_wire_ohm, die, network.
    """
    missing = [name for name in ("diameter_nm", "r_wire_ohm", "die", "network") if name not in table]
    if missing:
        raise InputError(
            f"The table of the study has no column {', '.join(missing)}: make it again with `labmtj study`."
        )
    kinds = tunings(table) if only is None else tuple(only)
    diameter, wire = (np.asarray(table[name], dtype=np.float64) for name in ("diameter_nm", "r_wire_ohm"))
    place = np.full(len(diameter), "", dtype=np.str_)
    if "place" in table and len(set(table["place"].tolist())) > 1:
        place = np.asarray(table["place"], dtype=np.str_)
    groups = sorted(set(zip(diameter.tolist(), wire.tolist(), place.tolist(), strict=True)))
    found: list[Row] = []
    for group in groups:
        here = (diameter == group[0]) & (wire == group[1]) & (place == group[2])
        found.append(_row(group, {name: column[here] for name, column in table.items()}, kinds))
    return found


def _row(group: tuple[float, float, str], table: Table, kinds: Sequence[str]) -> Row:
    judged = _judged(table, kinds)
    row: Row = {"diameter_nm": group[0], "r_wire_ohm": group[1]}
    if group[2]:
        row["place"] = group[2]
    row |= {
        "networks": len(np.unique(table["network"])),
        "dies": len(np.unique(table["die"])),
        "copies": int(judged.sum()),
        "failed": int((~judged).sum()),
    }
    for name in ("write_fidelity", "write_fidelity_good"):
        if name in table:
            row |= _spread(name, np.asarray(table[name], dtype=np.float64))
    for kind in kinds:
        for part in PARTS:
            accuracy, reference = table.get(f"{part}_{kind}"), table.get(f"{part}_{REFERENCE}")
            if accuracy is None:
                continue
            row |= _spread(f"{part}_{kind}", np.asarray(accuracy, dtype=np.float64))
            if reference is not None and not kind.startswith("software"):
                gap = np.asarray(accuracy, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
                spread = _spread(f"{part}_{kind}_gap", gap)
                row |= {name: value for name, value in spread.items() if not name.endswith("_median")}
    return row


def _judged(table: Table, kinds: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows were judged on the array at all, shape (copies,)."""
    columns = [table[f"train_{kind}"] for kind in kinds if not kind.startswith("software") and f"train_{kind}" in table]
    if not columns:
        return np.ones(len(table["network"]), dtype=np.bool_)
    return np.asarray(np.isfinite(np.asarray(columns, dtype=np.float64)).any(axis=0), dtype=np.bool_)


def _spread(name: str, values: Floats) -> Row:
    known = values[np.isfinite(values)]
    if not known.size:
        return {f"{name}_mean": None, f"{name}_median": None, f"{name}_p5": None}
    return {
        f"{name}_mean": float(known.mean()),
        f"{name}_median": float(np.median(known)),
        f"{name}_p5": float(np.percentile(known, 5)),
    }
