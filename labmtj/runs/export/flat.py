"""All groups of a run in one: for programs that know neither groups nor texts nor integers of 64 bits.

A variable is called `<group>_<name>`, what is said of each cell of the array only by its name. Times on the bench's
clock become times of the calendar, as the CF conventions write them (section 4.4): "seconds since 2026-11-23 08:04:06".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

import labmtj
from labmtj.runs.export.about import zero
from labmtj.runs.netcdf import ROOT, Attribute, Group, Variable
from labmtj.runs.store import CELLS
from labmtj.runs.tables import CLOCK

LABEL = "_label"


@dataclass(frozen=True, eq=False)
class Flat:
    """Variables and attributes of a file without groups; `times` names variables that are times of the calendar."""

    variables: dict[str, Variable]
    attributes: dict[str, Attribute]
    times: frozenset[str]


def flattened(groups: Mapping[str, Group]) -> Flat:
    """One group of all."""
    root, cells = groups[ROOT], groups[CELLS]
    said = {name: value for name, value in root.attributes.items() if value != ""}
    attributes: dict[str, Attribute] = {"title": root.attributes.get("title", ""), "source": "labmtj: arrays of MTJs"}
    attributes |= {"history": f"{said.get('started', '')} labmtj run; labmtj export --to netcdf, {labmtj.__version__}"}
    attributes |= said
    variables: dict[str, Variable] = {}
    times: set[str] = set()
    for group_name, group in groups.items():
        names = {name: _name(group_name, name, variable, cells) for name, variable in group.variables.items()}
        if group_name != ROOT:
            attributes |= {f"{group_name}_{name}": value for name, value in group.attributes.items() if value != ""}
        for name, variable in group.variables.items():
            dims = tuple(names.get(dim, f"{group_name}_{dim}") for dim in variable.dims)
            flat = replace(variable, dims=dims)
            if variable.meaning.startswith(CLOCK):
                flat = replace(flat, units=f"seconds since {zero(groups):%Y-%m-%d %H:%M:%S.%f}")
                times.add(names[name])
            if flat.dims == (names[name],) and flat.values.dtype.kind == "O":
                # In the classic model a text is a row of characters, which no dimension can have for its coordinate.
                count = np.arange(1, len(flat.values) + 1)
                variables[names[name]] = Variable(flat.dims, count, meaning=f"{flat.meaning}: its number, from 1")
                variables[f"{names[name]}{LABEL}"] = replace(flat, coordinate=True)
            else:
                variables[names[name]] = flat
    return Flat(variables, attributes, frozenset(times))


def coordinates_of(name: str, flat: Flat) -> list[str]:
    """Further coordinates of a variable: those of its group that lie over some of its dimensions."""
    dims = set(flat.variables[name].dims)
    if flat.variables[name].coordinate or dims == {name}:
        return []
    return [other for other, found in flat.variables.items() if found.coordinate and set(found.dims) <= dims]


def _name(group: str, name: str, variable: Variable, cells: Group) -> str:
    """Lines of the array are the same ones in all groups, and need to be there only once."""
    if group == CELLS:
        return name
    known = cells.variables.get(name)
    same = known is not None and known.dims == variable.dims == (name,)
    if same and known is not None and np.array_equal(known.values, variable.values):
        return name
    return f"{group}_{name}"
