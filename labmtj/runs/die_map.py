"""die.h5: a die map in a file, readable as netCDF-4, and its form in the journal.

| variable | dimensions | unit | what |
|---|---|---|---|
| r_p, r_ap | row, col | ohm | resistance at `read_volt`, wires included; nan where the cell has no such state |
| defect, traits | row, col | 1 | `Defect` values; `Trait` bits (1 leaky, 2 unstable, 4 back-hopping) |
| state | row, col | 1 | last known state: 0 P, 1 AP, -1 unknown |
| fixed | row, col | S | conductance at `read_volt` of a cell without two states; nan where it has two |
| v_switch_p, v_switch_ap | row, col | V | cell voltage that writes P, AP half the time at `width_second` |
| v_c0_p, v_c0_ap, delta_p, delta_ap | row, col | V, kT | effective critical voltage and barrier, stray field included |

Attributes: `format`, `kind` = "die map", `name`, `read_volt`, `width_second`, `positive_writes`, `polarity_cell`,
`polarity_*_volt`, `switching_*_volt`, and where measured `wire_ohm`, `row_contact_ohm`, `col_contact_ohm`, `v_h_volt`,
`tmr0`, `k_p_per_volt2`, `temperature_kelvin`. The fingerprint of a die is `r_p`, `r_ap` and `defect`
(labmtj.routines.fingerprint). What was not measured is not in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labmtj.errors import StorageError
from labmtj.records import Amplitudes, Cell, Defect, DieMap, Ints, Polarity, State
from labmtj.runs.netcdf import FORMAT, ROOT, Attribute, Group, Variable, flags, read, write

_KIND = "die map"
_CELLS = {
    "r_p": ("ohm", "parallel resistance, wires included"),
    "r_ap": ("ohm", "antiparallel resistance, wires included"),
    "v_switch_p": ("V", "cell voltage that writes P with probability 1/2"),
    "v_switch_ap": ("V", "cell voltage that writes AP with probability 1/2"),
    "v_c0_p": ("V", "effective critical voltage towards P"),
    "v_c0_ap": ("V", "effective critical voltage towards AP"),
    "delta_p": ("1", "effective barrier towards P in kT"),
    "delta_ap": ("1", "effective barrier towards AP in kT"),
    "fixed": ("S", "conductance of a cell without two states"),
}
_WHOLE = {
    "wire": "wire_ohm",
    "row_contact": "row_contact_ohm",
    "col_contact": "col_contact_ohm",
    "v_h": "v_h_volt",
    "tmr0": "tmr0",
    "k_p": "k_p_per_volt2",
    "temperature": "temperature_kelvin",
}


def write_die_map(path: Path, die: DieMap) -> None:
    """Write a die map, whole or not at all. Raises StorageError."""
    write(path, die_map_groups(die))


def die_map_groups(die: DieMap) -> dict[str, Group]:
    """What the file of a die map holds."""
    rows, cols = die.shape
    found = {
        "row": Variable(("row",), np.arange(1, rows + 1), meaning="word line, from 1"),
        "col": Variable(("col",), np.arange(1, cols + 1), meaning="bit line, from 1"),
    }
    dims = ("row", "col")
    for name, (units, meaning) in _CELLS.items():
        values = getattr(die, name)
        if values is not None:
            found[name] = Variable(dims, values, units=units, meaning=meaning)
    found["defect"] = Variable(dims, die.defect.astype(np.int8), meaning="defect", flags=flags(Defect))
    if die.traits is not None:
        found["traits"] = Variable(
            dims, die.traits.astype(np.int8), meaning="sum of 1 leaky, 2 unstable, 4 back-hopping"
        )
    if die.state is not None:
        states = flags(State, unknown=-1)
        found["state"] = Variable(dims, die.state.astype(np.int8), meaning="last known state", flags=states)
    attributes: dict[str, Attribute] = {
        "format": FORMAT,
        "kind": _KIND,
        "name": die.name,
        "read_volt": die.read_voltage,
        "width_second": die.width,
        "positive_writes": die.polarity.positive_writes.name,
        "polarity_cell": list(die.polarity.cell),
        "polarity_ap_to_p_volt": die.polarity.ap_to_p,
        "polarity_p_to_ap_volt": die.polarity.p_to_ap,
        "switching_ap_to_p_volt": die.switching.ap_to_p,
        "switching_p_to_ap_volt": die.switching.p_to_ap,
    }
    attributes |= {key: value for name, key in _WHOLE.items() if (value := getattr(die, name)) is not None}
    return {ROOT: Group(found, attributes)}


def read_die_map(path: Path) -> DieMap:
    """Read a die map. Raises StorageError for a file that is none."""
    group = read(path)[ROOT]
    said: dict[str, Any] = dict(group.attributes)
    if said.get("kind") != _KIND:
        raise StorageError(f"{path}: this is no die map; a run that maps a die leaves one as die.h5")
    try:
        cells: dict[str, Any] = {name: group.values(name) for name in _CELLS}
        whole: dict[str, Any] = {name: said.get(key) for name, key in _WHOLE.items()}
        polarity = Polarity(
            State[said["positive_writes"]],
            Cell(*said["polarity_cell"]),
            said["polarity_ap_to_p_volt"],
            said["polarity_p_to_ap_volt"],
        )
        r_p, r_ap = cells.pop("r_p"), cells.pop("r_ap")
        defect = _ints(group, "defect")
        if r_p is None or r_ap is None or defect is None:
            raise KeyError("r_p, r_ap or defect")
        return DieMap(
            r_p=r_p,
            r_ap=r_ap,
            defect=defect,
            read_voltage=said["read_volt"],
            polarity=polarity,
            switching=Amplitudes(said["switching_ap_to_p_volt"], said["switching_p_to_ap_volt"]),
            width=said["width_second"],
            traits=_ints(group, "traits"),
            state=_ints(group, "state"),
            name=str(said.get("name", "")),
            **whole,
            **cells,
        )
    except (KeyError, TypeError) as error:
        raise StorageError(f"{path}: this die map lacks {error}") from error


def _ints(group: Group, name: str) -> Ints | None:
    values = group.values(name)
    return None if values is None else values.astype(np.int64)


def die_map_entry(die: DieMap) -> dict[str, Any]:
    """What the journal keeps of a die map; nan is null."""
    entry: dict[str, Any] = {
        "defect": die.defect.tolist(),
        "read": die.read_voltage,
        "switching": [die.switching.ap_to_p, die.switching.p_to_ap],
        "width": die.width,
        "name": die.name,
        "polarity": {
            "positive_writes": die.polarity.positive_writes.name,
            "cell": list(die.polarity.cell),
            "volts": [die.polarity.ap_to_p, die.polarity.p_to_ap],
        },
    }
    for name in (*_CELLS, "traits", "state"):
        values = getattr(die, name)
        if values is not None:
            plain = values.astype(object)
            if values.dtype.kind == "f":
                plain[~np.isfinite(values)] = None
            entry[name] = plain.tolist()
    return entry | {name: value for name in _WHOLE if (value := getattr(die, name)) is not None}


def die_map_from(entry: Mapping[str, Any], *, state: Any = None) -> DieMap:
    """The die map of a journal's entry; `state` (rows, cols) are later states than those it had.

    Raises StorageError for an entry of an old version, which did not keep all of it.
    """
    if "polarity" not in entry:
        raise StorageError("this journal was written by a version of labmtj whose maps cannot be rebuilt from it")
    said = entry["polarity"]
    arrays: dict[str, Any] = {name: np.array(entry[name], dtype=np.float64) for name in _CELLS if name in entry}
    whole = {name: entry[name] for name in _WHOLE if name in entry}
    states = entry.get("state") if state is None else state
    return DieMap(
        defect=np.array(entry["defect"], dtype=np.int64),
        read_voltage=entry["read"],
        polarity=Polarity(State[said["positive_writes"]], Cell(*said["cell"]), *said["volts"]),
        switching=Amplitudes(*entry["switching"]),
        width=entry["width"],
        traits=np.array(entry["traits"], dtype=np.int64) if "traits" in entry else None,
        state=None if states is None else np.array(states, dtype=np.int64),
        name=entry["name"],
        **arrays,
        **whole,
    )
