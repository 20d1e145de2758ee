"""netCDF4-readable HDF5 through h5py: plain columns in, plain columns out; nothing else touches h5py.

Every dimension is a dimension scale that carries its coordinate, so that
`xarray.open_dataset(path, group=..., engine="h5netcdf")` finds names, units and missing values
(netCDF-4 format specification, https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html).
Attributes are those of the CF conventions (https://cfconventions.org): `units` as UDUNITS writes them, `long_name`,
`coordinates`, `flag_values` with `flag_meanings`, `_FillValue` where a number may be missing.
"""

from __future__ import annotations

import enum
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py as _untyped
import numpy as np
from numpy.typing import NDArray

from labmtj.errors import StorageError

FORMAT = 1
ROOT = "/"
h5py: Any = _untyped  # it carries no types; what leaves this module is typed again
# Names that belong to the file format and not to what is stored.
_OWN = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates", "Conventions"}
CONVENTIONS = "CF-1.11"
Attribute = str | int | float | list[int] | list[float]


@dataclass(frozen=True, eq=False)
class Variable:
    """Values over named dimensions, with the SI unit ("1": none, "": a text) and what they mean.

    `flags` names the values of an integer column; a missing float is nan. A variable that bears the
    name of its only dimension is the coordinate of that dimension; `coordinate` marks further ones.
    """

    dims: tuple[str, ...]
    values: NDArray[Any]
    units: str = "1"
    meaning: str = ""
    flags: Mapping[str, int] = field(default_factory=dict[str, int])
    coordinate: bool = False


@dataclass(frozen=True, eq=False)
class Group:
    """Variables by name and attributes by name."""

    variables: Mapping[str, Variable] = field(default_factory=dict[str, Variable])
    attributes: Mapping[str, Attribute] = field(default_factory=dict[str, Attribute])

    def values(self, name: str) -> NDArray[Any] | None:
        """Values of a variable, or None if the group has no such variable."""
        return self.variables[name].values if name in self.variables else None


def flags(kind: type[enum.IntEnum], **more: int) -> dict[str, int]:
    """Names and values of an enum's members, and further ones."""
    return {member.name: int(member) for member in kind} | more


def write(path: Path, groups: Mapping[str, Group]) -> None:
    """Write a file, whole or not at all: beside it first, then renamed. Raises StorageError.

    It is made in memory: HDF5 itself, on a disk that is full, may end the process (tried: h5py 3, HDF5 1.14).
    """
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_bytes(image(path.name, groups))
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise StorageError(f"{path}: this file cannot be written: {error}") from error


def image(name: str, groups: Mapping[str, Group]) -> bytes:
    """The bytes of the file, the same ones for the same groups and versions of h5py and HDF5."""
    # Attributes above 64 KiB (a long bench file) need the 1.8 format; netCDF keeps creation order.
    with h5py.File(name, "w", libver=("v108", "v110"), track_order=True, driver="core", backing_store=False) as file:
        for group_name, group in groups.items():
            target = file if group_name == ROOT else file.create_group(group_name, track_order=True)
            _write_group(target, group)
        file.attrs["Conventions"] = CONVENTIONS
        file.flush()
        return bytes(file.id.get_file_image())


def read(path: Path) -> dict[str, Group]:
    """All groups of a file, the root under ROOT. Raises StorageError for what is no run file, or a newer one."""
    return _read(path, path)


def read_image(path: Path, data: bytes) -> dict[str, Group]:
    """All groups of a file that was read already; `path` is its name in errors. Raises StorageError as `read` does."""
    return _read(path, io.BytesIO(data))


def _read(path: Path, source: Path | io.BytesIO) -> dict[str, Group]:
    try:
        with h5py.File(source, "r") as file:
            number = file.attrs.get("format")
            if number is None or int(number) > FORMAT:
                raise StorageError(f"{path}: format {number} is not known here (up to {FORMAT}); update labmtj")
            groups = {ROOT: _read_group(file)}
            for name, item in file.items():
                if isinstance(item, h5py.Group):
                    groups[str(name)] = _read_group(item)
            return groups
    except StorageError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError) as error:  # h5py raises all of these for damaged files
        raise StorageError(
            f"{path}: this file cannot be read: {error}; it can be built anew from journal.jsonl"
        ) from error


def _write_group(target: Any, group: Group) -> None:
    for name, value in group.attributes.items():
        target.attrs[name] = value
    further = {name: set(variable.dims) for name, variable in group.variables.items() if variable.coordinate}
    for name, variable in group.variables.items():
        values = variable.values
        text = values.dtype.kind in "OU"
        stored = target.create_dataset(
            name, shape=values.shape, dtype=h5py.string_dtype() if text else values.dtype, track_order=True
        )
        if values.size:
            stored[...] = values.astype(object) if text else values
        scale = variable.dims == (name,)
        _describe(stored, variable, text=text, scale=scale)
        of_it = [other for other, dims in further.items() if dims <= set(variable.dims)]
        if scale:
            stored.make_scale(name)
        elif of_it and not variable.coordinate:
            stored.attrs["coordinates"] = " ".join(of_it)
    for name, variable in group.variables.items():
        if variable.dims == (name,):
            continue
        for axis, dim in enumerate(variable.dims):
            target[name].dims[axis].attach_scale(target[dim])


def _describe(stored: Any, variable: Variable, *, text: bool, scale: bool) -> None:
    if variable.meaning:
        stored.attrs["long_name"] = variable.meaning
    if not text:
        stored.attrs["units"] = variable.units
    if variable.values.dtype.kind == "f" and not scale:  # a coordinate of a dimension may not be missing (CF 2.5.1)
        stored.attrs["_FillValue"] = variable.values.dtype.type(np.nan)
    if variable.flags:
        stored.attrs["flag_values"] = np.array(list(variable.flags.values()), dtype=variable.values.dtype)
        stored.attrs["flag_meanings"] = " ".join(variable.flags)


def _read_group(source: Any) -> Group:
    attributes = {str(name): _plain(value) for name, value in source.attrs.items() if name not in _OWN}
    variables: dict[str, Variable] = {}
    further: set[str] = set()
    for name, item in source.items():
        if not isinstance(item, h5py.Dataset):
            continue
        stored: Any = item
        text = h5py.check_string_dtype(stored.dtype) is not None
        values: NDArray[Any] = np.asarray(stored.asstr()[...] if text else stored[...])
        dims = tuple(
            str(stored.dims[axis][0].name).rsplit("/", 1)[-1] for axis in range(stored.ndim) if stored.dims[axis]
        )
        variables[str(name)] = Variable(
            dims or (str(name),),
            values,
            units=str(stored.attrs.get("units", "")),
            meaning=str(stored.attrs.get("long_name", "")),
            flags=_flags(stored.attrs),
        )
        further |= set(str(stored.attrs.get("coordinates", "")).split())
    for name in further & set(variables):
        variables[name] = replace(variables[name], coordinate=True)
    return Group(variables, attributes)


def _flags(attributes: Any) -> dict[str, int]:
    names = str(attributes.get("flag_meanings", "")).split()
    return dict(zip(names, np.atleast_1d(attributes["flag_values"]).tolist(), strict=True)) if names else {}


def _plain(value: Any) -> Attribute:
    return value if isinstance(value, str) else np.asarray(value).tolist()
