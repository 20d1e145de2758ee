"""A die's hidden truth in a file, so that the very same cells can be used again, whatever draws dies by then.

An .npz with the arrays of `DieTruth` and one text: the format's number and the model that the die was drawn from,
as JSON (floats as the shortest text that reads back as the same float). Nothing in it is executed on reading.
"""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile
from pathlib import Path
from typing import Any, cast

import numpy as np

from labmtj.errors import StorageError
from labmtj.physics.transistor import Transistor
from labmtj.physics.variation import Breakdown, DieModel, DieTruth

FORMAT = 1
_ARRAYS = {
    "r_p": np.float64,
    "tmr": np.float64,
    "v_c0": np.float64,
    "delta": np.float64,
    "stray_field": np.float64,
    "defect": np.int64,
    "initial": np.int8,
    "telegraph": np.float64,
    "damage_at_breakdown": np.float64,
}
_THRESHOLD = "threshold"  # of chips with transistors only
_PAIRS = ("short_resistance", "telegraph_size")


def save_die(path: str | Path, *, truth: DieTruth) -> None:
    """Write a die to `path` (.npz), whole or not at all. Raises StorageError."""
    place = Path(path)
    header = json.dumps({"format": FORMAT, "model": dataclasses.asdict(truth.model)})
    beside = place.with_name(place.name + ".new")
    try:
        with open(beside, "wb") as file:
            arrays: dict[str, Any] = {name: getattr(truth, name) for name in _names(truth.model)}
            np.savez_compressed(file, allow_pickle=False, header=np.array(header), **arrays)
        os.replace(beside, place)
    except OSError as error:
        raise StorageError(f"{place}: the die cannot be written: {error}") from error


def load_die(path: str | Path) -> DieTruth:
    """Read a die that `save_die` wrote.

    Raises StorageError if there is none, if it is damaged, or if a newer labmtj wrote it.
    """
    place = Path(path)
    try:
        with open(place, "rb") as file, np.load(file, allow_pickle=False) as stored:
            said: Any = json.loads(str(stored["header"]))
            arrays = {name: stored[name] for name in (*_ARRAYS, _THRESHOLD) if name in stored}
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StorageError(f"{place}: not a die that can be read: {error}") from error
    header = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    written = header.get("format")
    if not isinstance(written, int) or written < 1:
        raise StorageError(f"{place}: not a die of labmtj: it names no format")
    if written > FORMAT:
        raise StorageError(f"{place}: written by a newer labmtj (format {written}, this one reads {FORMAT}): update it")
    model = _model(place, header.get("model"))
    for name in _names(model):
        found, kind = arrays.get(name), _ARRAYS.get(name, np.float64)
        if found is None or found.dtype != kind or found.shape != (model.rows, model.cols):
            was = "missing" if found is None else f"{found.dtype} of shape {found.shape}"
            raise StorageError(f"{place}: {name} is {was}, not {np.dtype(kind)} of {(model.rows, model.cols)}")
    return DieTruth(model=model, **arrays)


def _names(model: DieModel) -> list[str]:
    """The arrays that a die of this model has."""
    return [*_ARRAYS, *([] if model.transistor is None else [_THRESHOLD])]


def _model(place: Path, said: Any) -> DieModel:
    """The model of a header; options that it does not name are off."""
    fields = {field.name for field in dataclasses.fields(DieModel)}
    if not isinstance(said, dict) or not (named := cast("dict[str, Any]", said)).keys() <= fields:
        raise StorageError(f"{place}: its model has entries that this labmtj does not know")
    try:
        pairs: dict[str, Any] = {name: (float(named[name][0]), float(named[name][1])) for name in _PAIRS}
        gated = named.get("transistor")
        law: dict[str, Any] = {"breakdown": Breakdown(**named["breakdown"])}
        law["transistor"] = None if gated is None else Transistor(**gated)
        numbers = [*(value for name, value in named.items() if name not in _PAIRS and name not in law)]
        numbers += [*named["breakdown"].values(), *(gated or {}).values()]
        if not all(isinstance(value, int | float) for value in numbers):
            raise ValueError("an entry is not a number")
        return DieModel(**(named | pairs | law))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise StorageError(f"{place}: its model is not complete: {error}") from error
