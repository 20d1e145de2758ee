"""A flat file as netCDF-4 in the classic model: what every program that reads netCDF understands.

No groups, no texts but rows of characters, no integers above 32 bits
(https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html, "The Classic Model"). A dimension that
has no coordinate, such as the length of a text, is a dimension scale with the name that netCDF has for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.runs.export.flat import Flat, coordinates_of
from labmtj.runs.netcdf import CONVENTIONS, Attribute, h5py

_ONLY_DIMENSION = "This is a netCDF dimension but not a netCDF variable."
_STRICT = "_nc3_strict"  # says that the file keeps to the classic model
_LARGEST = np.iinfo(np.int32).max


def classic_image(name: str, flat: Flat) -> bytes:
    """The bytes of the file."""
    with h5py.File(name, "w", libver=("v108", "v110"), track_order=True, driver="core", backing_store=False) as file:
        lengths: dict[str, str] = {}
        for key, variable in flat.variables.items():
            values = _plain(variable.values)
            if values.dtype.kind == "S":
                lengths[key] = _length(file, values.shape[-1])
            stored = file.create_dataset(key, data=values, track_order=True)
            if variable.dims == (key,) and key not in lengths:
                stored.make_scale(key)
        for key, variable in flat.variables.items():
            stored = file[key]
            _describe(stored, key, flat, text=key in lengths)
            if stored.is_scale:
                continue
            dims = [*variable.dims, *([lengths[key]] if key in lengths else [])]
            for axis, dim in enumerate(dims):
                stored.dims[axis].attach_scale(file[dim])
        _put(file, "Conventions", CONVENTIONS)
        for key, value in flat.attributes.items():
            _put(file, key, value)
        file.attrs[_STRICT] = np.int32(1)
        file.flush()
        return bytes(file.id.get_file_image())


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """In the types of the classic model: whole numbers of 32 bits where they fit, else floats; texts as characters."""
    if values.dtype.kind in "OU":
        encoded = [str(text).encode() for text in values.ravel().tolist()]
        width = max([1, *map(len, encoded)])
        return np.array(encoded, dtype=f"S{width}").view("S1").reshape(*values.shape, width)
    if values.dtype.kind == "i" and values.dtype.itemsize > 4:
        fits = not values.size or int(np.abs(values).max()) <= _LARGEST
        return values.astype(np.int32 if fits else np.float64)
    return values


def _length(file: Any, width: int) -> str:
    """The dimension of texts that are so long."""
    name = f"length{width}"
    if name not in file:
        file.create_dataset(name, shape=(width,), dtype=">f4", track_order=True)
        file[name].make_scale(f"{_ONLY_DIMENSION}{width:10d}")
    return name


def _describe(stored: Any, name: str, flat: Flat, *, text: bool) -> None:
    variable = flat.variables[name]
    _put(stored, "long_name", variable.meaning)
    if text:
        _put(stored, "_Encoding", "utf-8")
    else:
        _put(stored, "units", variable.units)
    if name in flat.times:
        _put(stored, "standard_name", "time")
        _put(stored, "calendar", "standard")
    if stored.dtype.kind == "f" and not stored.is_scale:
        stored.attrs["_FillValue"] = stored.dtype.type(np.nan)
    if variable.flags:
        stored.attrs["flag_values"] = np.array(list(variable.flags.values()), dtype=stored.dtype)
        _put(stored, "flag_meanings", " ".join(variable.flags))
    if further := coordinates_of(name, flat):
        _put(stored, "coordinates", " ".join(further))


def _put(target: Any, name: str, value: Attribute) -> None:
    """An attribute in the types of the classic model; an empty text is left out, it has none there."""
    if isinstance(value, str):
        if value:
            encoded = value.encode()
            target.attrs.create(name, encoded, dtype=h5py.string_dtype("utf-8", len(encoded)))
        return
    target.attrs[name] = _plain(np.asarray(value))
