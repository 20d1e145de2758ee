"""neurons.h5: a neuron map in a file, readable as netCDF-4, and its form in the journal.

| variable | dimensions | unit | what |
|---|---|---|---|
| neuron | neuron | 1 | number of the neuron, from 1 |
| current | neuron, point | A | input of each point, rising; nan where the current limit was reached |
| m_x, m_z | neuron, point | 1 | read-outs between -1 and 1 that the polarizers' amplitudes leave; nan where none |
| m_x_error, m_z_error | neuron, point | 1 | their standard errors |
| critical, offset | neuron | A | of the fit m_x = tanh(s), m_z = sech(s), s = (1 +- asymmetry) (I - offset)/critical |
| asymmetry | neuron | 1 | of the same fit, the sign being that of s |
| critical_error, offset_error, asymmetry_error | neuron | A, A, 1 | their standard errors |
| conductance_x, conductance_z | neuron | S | at m = 0 |
| amplitude_x, amplitude_z | neuron | 1 | half the relative swing from m = -1 to 1 at small voltage |
| deviation_x, deviation_z | neuron | 1 | largest distance of a point from the fitted tanh, sech |
| good | neuron | 1 | whether the neuron works |

Attributes: `format`, `kind` = "neuron map", `name`, `probe_volt` (on the z terminals). A neuron that does not work has
nan where it has no fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labmtj.errors import StorageError
from labmtj.records import NeuronMap
from labmtj.runs.netcdf import FORMAT, ROOT, Attribute, Group, Variable, read, write

_KIND = "neuron map"
_CURVES = {
    "current": ("A", "input of each point"),
    "m_x": ("1", "x read-out without the polarizer's amplitude"),
    "m_z": ("1", "z read-out without the polarizer's amplitude"),
    "m_x_error": ("1", "standard error of m_x"),
    "m_z_error": ("1", "standard error of m_z"),
}
_EACH = {
    "critical": ("A", "current at which tanh has the argument 1"),
    "critical_error": ("A", "standard error of it"),
    "offset": ("A", "input at which m_x is 0"),
    "offset_error": ("A", "standard error of it"),
    "asymmetry": ("1", "gain above the offset over that of both signs, less one"),
    "asymmetry_error": ("1", "standard error of it"),
    "conductance_x": ("S", "of the x junction at m = 0"),
    "conductance_z": ("S", "of the z junction at m = 0"),
    "amplitude_x": ("1", "half the relative swing of the x junction at small voltage"),
    "amplitude_z": ("1", "half the relative swing of the z junction at small voltage"),
    "deviation_x": ("1", "largest distance of m_x from the fitted tanh"),
    "deviation_z": ("1", "largest distance of m_z from the fitted sech"),
}
_NO_YES = {"no": 0, "yes": 1}


def write_neuron_map(path: Path, found: NeuronMap) -> None:
    """Write a neuron map, whole or not at all. Raises StorageError."""
    write(path, neuron_map_groups(found))


def neuron_map_groups(found: NeuronMap) -> dict[str, Group]:
    """What the file of a neuron map holds."""
    points = np.arange(1, found.current.shape[1] + 1, dtype=np.int64)
    variables = {
        "neuron": Variable(("neuron",), found.neurons, meaning="number of the neuron, from 1"),
        "point": Variable(("point",), points, meaning="point of the curves, from 1"),
    }
    for dims, names in ((("neuron", "point"), _CURVES), (("neuron",), _EACH)):
        for name, (units, meaning) in names.items():
            variables[name] = Variable(dims, getattr(found, name), units=units, meaning=meaning)
    good = found.good.astype(np.int8)
    variables["good"] = Variable(("neuron",), good, meaning="whether the neuron works", flags=_NO_YES)
    attributes: dict[str, Attribute] = {
        "format": FORMAT, "kind": _KIND, "name": found.name, "probe_volt": found.probe,
    }  # fmt: skip
    return {ROOT: Group(variables, attributes)}


def read_neuron_map(path: Path) -> NeuronMap:
    """Read a neuron map. Raises StorageError for a file that is none, of a newer format, or damaged."""
    group = read(path)[ROOT]
    said: dict[str, Any] = dict(group.attributes)
    if said.get("kind") != _KIND:
        what = f"a {said['kind']}" if "kind" in said else "something else"
        raise StorageError(
            f"{path}: this is {what}, not a neuron map; a run with a neuron_curves step leaves one as neurons.h5"
        )
    names = ("neuron", *_CURVES, *_EACH, "good")
    missing = [name for name in names if name not in group.variables]
    missing += [name for name in ("probe_volt",) if name not in said]
    if missing:
        raise StorageError(f"{path}: this neuron map lacks {', '.join(missing)}")
    values = {name: group.variables[name].values for name in names}
    count, points = len(values["neuron"]), values["current"].shape[-1] if values["current"].ndim == 2 else 0
    wrong = [name for name in names if values[name].shape != ((count, points) if name in _CURVES else (count,))]
    if wrong:
        raise StorageError(f"{path}: in this neuron map {', '.join(wrong)} do not have the shape of the others")
    return NeuronMap(
        neurons=values.pop("neuron").astype(np.int64),
        good=values.pop("good").astype(np.bool_),
        probe=float(said["probe_volt"]),
        name=str(said.get("name", "")),
        **{name: column.astype(np.float64) for name, column in values.items()},
    )


def neuron_map_entry(found: NeuronMap) -> dict[str, Any]:
    """What the journal keeps of a neuron map; nan is null."""
    entry: dict[str, Any] = {
        "neurons": found.neurons.tolist(),
        "good": found.good.tolist(),
        "probe": found.probe,
        "map_name": found.name,
    }
    for name in (*_CURVES, *_EACH):
        values = getattr(found, name)
        plain = values.astype(object)
        plain[~np.isfinite(values)] = None
        entry[name] = plain.tolist()
    return entry


def neuron_map_from(entry: Mapping[str, Any]) -> NeuronMap:
    """The neuron map of a journal's entry. Raises StorageError for one that lacks something."""
    missing = [name for name in ("neurons", "good", "probe", *_CURVES, *_EACH) if name not in entry]
    if missing:
        raise StorageError(f"journal.jsonl: its neuron map lacks {', '.join(missing)}")
    return NeuronMap(
        neurons=np.array(entry["neurons"], dtype=np.int64),
        good=np.array(entry["good"], dtype=np.bool_),
        probe=float(entry["probe"]),
        name=str(entry.get("map_name", "")),
        **{name: np.array(entry[name], dtype=np.float64) for name in (*_CURVES, *_EACH)},
    )
