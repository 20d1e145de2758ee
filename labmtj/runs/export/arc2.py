"""The data file of the ArC TWO control panel, the program that belongs to ArC Instruments' tester of crossbars.

Its layout is that of `H5DataStore`, version 0.1 (github.com/arc-instruments/arc2control, arc2control/h5utils.py at
08ccd278, with the release 0.1.0 of 2022; version 0.2, at d081223d, adds what is not used here: `H5DataStore` of
the release 0.2.0 opened a file made here, and added to it):

- root: attributes `H5DS_VERSION_MAJOR`, `H5DS_VERSION_MINOR`, `PYTABLES_FORMAT_VERSION`, `words`, `bits`, `TITLE`;
- `crosspoints/WwwBbb` (word line and bit line from 0, two digits or more): `timeseries`, a table of single-precision
  current, voltage, pulse_width and read_voltage and the kind of operation (1 read, 2 pulse), with as many rows in use
  as its attribute `NROWS` says, and the group `experiments`, which the panel's tree of devices opens;
- `crossbar`: the last `voltage` and `current` of every cell, (bits, words); attributes `words`, `bits`;
- `synthetics`: measurements over many cells, empty here.

The panel opens a file only with a channel mapping of the same size, and those that come with it are 32 x 32
(arc2control/widgets/app.py and mapper.py at 8b17a5ae): smaller arrays are written as 32 x 32, cells beyond them unread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.runs.netcdf import ROOT, Group, h5py
from labmtj.runs.store import CELLS

PANEL = 32  # word lines and bit lines of the panel's own mappings
_VERSION = (0, 1)
_PYTABLES = "2.1"
_BASE = 1000  # rows that the panel makes room for at first; it doubles them
_CHUNK = 64  # chosen: rows; most cells have a few, and a chunk is stored whole
_READ, _PULSE = 1, 2
_ROW = np.dtype(
    [
        ("current", "<f4"),
        ("voltage", "<f4"),
        ("pulse_width", "<f4"),
        ("read_voltage", "<f4"),
        ("op_type", "<u4"),
    ]
)


@dataclass(frozen=True, eq=False)
class Events:
    """Readings and pulses of single cells in their order: cells (n, 2) from 0, and rows of the panel's tables (n,)."""

    cells: NDArray[np.int64]
    rows: NDArray[Any]


def arc2_image(name: str, groups: Mapping[str, Group], told: Callable[[str], None]) -> tuple[bytes, list[str]]:
    """The bytes of the file, and what it cannot hold, in words. Raises InputError for a run without cells."""
    events = _events(groups)
    if not len(events.rows):
        raise InputError(
            "this run has neither readings nor pulses of single cells; the panel's file holds nothing else"
        )
    shape = tuple(max(PANEL, int(size)) for size in groups[CELLS].variables["pulse_count"].values.shape)
    with h5py.File(name, "w", libver=("v108", "v110"), driver="core", backing_store=False) as file:
        _root(file, shape, str(groups[ROOT].attributes.get("title", name)))
        order = np.lexsort((np.arange(len(events.rows)), events.cells[:, 1], events.cells[:, 0]))
        cells, rows = events.cells[order], events.rows[order]
        begins = np.flatnonzero(np.any(np.diff(cells, axis=0, prepend=-1) != 0, axis=1))
        for begin, end in zip(begins.tolist(), [*begins.tolist()[1:], len(rows)], strict=True):
            word, bit = cells[begin].tolist()
            told(f"W{word:02d}B{bit:02d}")
            _crosspoint(file["crosspoints"], word, bit, rows[begin:end])
        _crossbar(file["crossbar"], shape, cells, rows)
        file.flush()
        return bytes(file.id.get_file_image()), _left_out(groups)


def _root(file: Any, shape: tuple[int, ...], title: str) -> None:
    words, bits = shape
    file.attrs.update({"CLASS": "GROUP", "PYTABLES_FORMAT_VERSION": _PYTABLES, "TITLE": title})
    file.attrs.update({"H5DS_VERSION_MAJOR": _VERSION[0], "H5DS_VERSION_MINOR": _VERSION[1]})
    file.attrs.update({"words": words, "bits": bits})
    for name in ("crossbar", "crosspoints", "synthetics"):
        file.create_group(name).attrs["CLASS"] = "GROUP"
    file["crossbar"].attrs.update({"words": words, "bits": bits})


def _crosspoint(parent: Any, word: int, bit: int, rows: NDArray[Any]) -> None:
    name = f"W{word:02d}B{bit:02d}"
    group = parent.create_group(name)
    room = _BASE
    while room < len(rows):
        room *= 2
    table = group.create_dataset("timeseries", shape=(room,), dtype=_ROW, maxshape=(None,), chunks=(_CHUNK,))
    table[: len(rows)] = rows
    table.attrs.update({"NROWS": len(rows), "TITLE": name, "CLASS": "TABLE", "BASE_SIZE": _BASE})
    group.create_group("experiments")


def _crossbar(group: Any, shape: tuple[int, ...], cells: NDArray[np.int64], rows: NDArray[Any]) -> None:
    """What was read last of each cell; 0 V and 0 A where nothing was."""
    words, bits = shape
    current, voltage = np.zeros((bits, words), np.float32), np.zeros((bits, words), np.float32)
    read = (rows["op_type"] == _READ) & np.isfinite(rows["current"])
    word, bit = cells[read].T
    current[bit, word], voltage[bit, word] = rows["current"][read], rows["read_voltage"][read]
    group.create_dataset("voltage", data=voltage)
    group.create_dataset("current", data=current)


def _events(groups: Mapping[str, Group]) -> Events:
    """A current that was in compliance is not one of the cell, and is left open."""
    numbers: list[NDArray[np.int64]] = []
    cells: list[NDArray[np.int64]] = []
    rows: list[NDArray[Any]] = []

    def add(number: NDArray[Any], word: NDArray[Any], bit: NDArray[Any], **values: Any) -> None:
        found = np.zeros(len(number), dtype=_ROW)
        for name, value in values.items():
            found[name] = value
        numbers.append(np.asarray(number, dtype=np.int64))
        cells.append(np.stack([word, bit], axis=1).astype(np.int64) - 1)
        rows.append(found)

    read = {name: variable.values for name, variable in groups["readings"].variables.items()}
    current = np.where(read["compliance"] > 0, np.nan, read["current"])
    add(
        read["reading"], read["row"], read["col"],
        current=current, voltage=read["voltage"], read_voltage=read["voltage"], op_type=_READ,
    )  # fmt: skip
    fired = {name: variable.values for name, variable in groups["pulses"].variables.items()}
    cols = [
        [first, *map(int, str(more).split())] for first, more in zip(fired["col"], fired["further_cols"], strict=True)
    ]
    which = np.repeat(np.arange(len(cols)), [len(found) for found in cols])
    add(
        fired["pulse"][which], fired["row"][which], np.array([col for found in cols for col in found], dtype=np.int64),
        current=np.nan, voltage=fired["amplitude"][which], pulse_width=fired["width"][which],
        read_voltage=np.nan, op_type=_PULSE,
    )  # fmt: skip
    if "line_pulses" in groups:
        _add_line_pulses(groups["line_pulses"], add)
    order = np.argsort(np.concatenate(numbers), kind="stable")
    return Events(np.concatenate(cells)[order], np.concatenate(rows)[order])


def _add_line_pulses(group: Group, add: Callable[..., None]) -> None:
    """A pulse on many lines is one of every cell between them, at the difference of their voltages."""
    found = {name: variable.values for name, variable in group.variables.items()}
    texts = zip(*(found[name] for name in ("rows", "row_volts", "cols", "col_volts")), strict=True)
    for number, width, lines in zip(found["line_pulse"], found["width"], texts, strict=True):
        rows, row_volts, cols, col_volts = (np.array(str(text).split(), dtype=np.float64) for text in lines)
        volts = row_volts[:, None] - col_volts[None, :]
        word, bit = (grid.ravel() for grid in np.meshgrid(rows, cols, indexing="ij"))
        add(
            np.full(volts.size, number), word, bit,
            current=np.nan, voltage=volts.ravel(), pulse_width=width, read_voltage=np.nan, op_type=_PULSE,
        )  # fmt: skip


def _left_out(groups: Mapping[str, Group]) -> list[str]:
    """What the format has no place for."""
    said: list[str] = []
    for name in ("sums", "samples", "products", "gate_products", "neurons"):
        if name in groups:
            count = len(next(iter(groups[name].variables.values())).values)
            said += [f"{count} {name.replace('_', ' ')}"] if count else []
    return said
