"""Where two files of groups and variables differ, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.runs.netcdf import ROOT, Group, Variable


def differences(
    found: Mapping[str, Group], expected: Mapping[str, Group], *, known_only: bool = False, ignore: frozenset[str]
) -> list[str]:
    """What is in `found` otherwise than in `expected`; with `known_only`, only of what both have.

    Attributes of the root whose names are in `ignore` are not compared.
    """
    said: list[str] = []
    if not known_only:
        said += [f"group {name} is missing" for name in expected if name not in found]
        said += [f"group {name} is not of this run" for name in found if name not in expected]
    for name in (name for name in expected if name in found):
        said += _group(name, found[name], expected[name], known_only, ignore if name == ROOT else frozenset())
    return said


def _group(name: str, found: Group, expected: Group, known_only: bool, ignore: frozenset[str]) -> list[str]:
    said: list[str] = []
    place = "" if name == ROOT else f"{name}/"
    for kind, ours, theirs in (
        ("attribute ", found.attributes, expected.attributes),
        ("", found.variables, expected.variables),
    ):
        if not known_only:
            said += [f"{kind}{place}{key} is missing" for key in theirs if key not in ours and key not in ignore]
            said += [f"{kind}{place}{key} is not of this run" for key in ours if key not in theirs]
    for key in (key for key in expected.attributes if key in found.attributes and key not in ignore):
        if not _alike(np.asarray(found.attributes[key]), np.asarray(expected.attributes[key])):
            said.append(f"attribute {place}{key} is another one")
    for key in (key for key in expected.variables if key in found.variables):
        said += _variable(f"{place}{key}", found.variables[key], expected.variables[key], known_only)
    return said


def _variable(name: str, found: Variable, expected: Variable, known_only: bool) -> list[str]:
    if found.values.shape != expected.values.shape:
        return [f"{name} has {_size(found.values)} in the place of {_size(expected.values)}"]
    if not _alike(found.values, expected.values):
        same = _same(found.values, expected.values)
        count = int(np.count_nonzero(~same))
        first = tuple(int(place) + 1 for place in np.argwhere(~same)[0])
        where = f"value {first[0]}" if len(first) == 1 else f"value {first}"
        ours, theirs = found.values[~same].ravel()[0], expected.values[~same].ravel()[0]
        return [f"{name}: {count} of {same.size} values, first {where}: {ours} in the place of {theirs}"]
    words = ("units", "meaning", "flags", "dims")
    if not known_only and any(getattr(found, word) != getattr(expected, word) for word in words):
        return [f"what is said of {name} (unit, meaning, flags or dimensions) is another text"]
    return []


def _size(values: NDArray[Any]) -> str:
    return " x ".join(map(str, values.shape)) + " values"


def _alike(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    return found.shape == expected.shape and bool(_same(found, expected).all())


def _same(found: NDArray[Any], expected: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are the same ones, nan being the same as nan."""
    same: NDArray[np.bool_] = np.asarray(found == expected, dtype=np.bool_)
    if found.dtype.kind == "f" and expected.dtype.kind == "f":
        same = same | (np.isnan(found) & np.isnan(expected))
    return np.broadcast_to(same, found.shape)
