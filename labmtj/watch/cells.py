"""The array of a run as the page shows it: a value a cell and layer, taken from the journal's entries.

States are those of the map and of what steps read back; between, a reading tells the state by the middle of the cell's
two conductances in the map, as the routines do, and after a pulse nobody knows it before the next reading. A reading
through one cell of a chip counts as one of that cell.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Defect

LAYERS = {"target": "<i1", "state": "<i1", "ohm": "<f4", "pulses": "<u4", "readings": "<u4", "defect": "<i1"}
"""Layers and their types: target and state 0 P, 1 AP, -1 none or unknown; last resistance [ohm]; counts; `Defect`."""
_FULL = 0.25  # chosen: share of the cells above which all of them are sent and no list of places


class Cells:
    """Layers of shape (rows, cols), flat; `changed` is the edition in which each cell was touched last."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        count = shape[0] * shape[1]
        self.layers: dict[str, NDArray[Any]] = {name: np.zeros(count, kind) for name, kind in LAYERS.items()}
        self.layers["target"][:] = self.layers["state"][:] = -1
        self.layers["ohm"][:] = np.nan
        self.changed = np.zeros(count, dtype=np.int64)
        self.edition = 0
        self._middle = np.full(count, np.nan)  # conductances [S] between both states of each cell, by the map
        self._lines_of: dict[int, NDArray[np.int64]] = {}  # places of the devices of each layer

    def take(self, entry: dict[str, Any]) -> list[int]:
        """Take an entry; the places of the single cells that it read or pulsed."""
        match entry["k"]:
            case "read":
                return self._read(entry)
            case "products":
                return self._products(entry)
            case "neuron":
                return [*self._read(x_reading(entry)), *self._read(z_reading(entry))]
            case "intent":
                return self._pulse(entry)
            case "map":
                self._map(entry)
            case "states":
                self._all("state", entry["state"])
            case "plan" | "program" | "program_network" | "verify":
                self._written(entry)
            case _:
                pass
        return []

    def aim(self, target: NDArray[Any] | None) -> None:
        """From here on these are the targets, (rows, cols), -1 where there is none; None is not known."""
        if target is not None and target.shape == self.shape:
            self._all("target", target)

    def packed(self, since: int) -> dict[str, Any] | None:
        """What changed after an edition, each layer as base64 of its little-endian bytes; None for nothing.

        `places` (u4) says which cells, row by row from 0; without it they are all.
        """
        places = np.flatnonzero(self.changed > since)
        if not len(places):
            return None
        full = since == 0 or len(places) > _FULL * self.changed.size
        chosen = slice(None) if full else places
        found: dict[str, Any] = {name: _text(layer[chosen]) for name, layer in self.layers.items()}
        return found if full else found | {"places": _text(places.astype("<u4"))}

    def _touch(self, places: Any) -> None:
        self.changed[places] = self.edition

    def _place(self, row: int, col: int) -> int:
        return (row - 1) * self.shape[1] + col - 1

    def _read(self, entry: dict[str, Any]) -> list[int]:
        place = self._place(*entry["cell"])
        self.layers["readings"][place] += 1
        amperes, volts = entry["i"], entry["v"]
        known = amperes is not None and not entry.get("compliance", False)
        self.layers["ohm"][place] = np.nan if not known else volts / amperes if amperes else np.inf
        middle = self._middle[place]
        if known and np.isfinite(middle) and volts:  # the map knows both states of this cell
            self.layers["state"][place] = 0 if amperes / volts > middle else 1
        self._touch(place)
        return [place]

    def _products(self, entry: dict[str, Any]) -> list[int]:
        """Currents of a column with one gate open each are readings of its cells."""
        opened = [single_gate(text) for text in entry["patterns"]]
        single = [number for number, row in enumerate(opened) if row is not None]
        if not single:
            return []
        rows = np.array([opened[number] for number in single], dtype=np.int64) + (entry["kernel"] - 1) * entry["rows"]
        places = rows * self.shape[1] + entry["col"] - 1
        siemens = np.array(entry["i"], dtype=np.float64)[single] / entry["v"]
        np.add.at(self.layers["readings"], places, 1)
        with np.errstate(divide="ignore"):
            self.layers["ohm"][places] = 1.0 / siemens
        known = np.isfinite(siemens) & np.isfinite(self._middle[places])
        self.layers["state"][places[known]] = siemens[known] <= self._middle[places[known]]
        self._touch(places)
        return places.tolist()

    def _pulse(self, entry: dict[str, Any]) -> list[int]:
        if "lines" in entry:
            lines = entry["lines"]
            at = np.ix_(np.array(lines["rows"], dtype=np.int64) - 1, np.array(lines["cols"], dtype=np.int64) - 1)
            places = np.ravel_multi_index(at, self.shape).ravel()
            self._pulsed(places)
            return []
        row, col = entry["cell"]
        found = [self._place(row, other) for other in (col, *entry.get("cols", ()))]
        self._pulsed(found)
        return found

    def _pulsed(self, places: Any) -> None:
        self.layers["pulses"][places] += 1
        self.layers["state"][places] = -1
        self._touch(places)

    def _map(self, entry: dict[str, Any]) -> None:
        p, ap = (np.array(entry[name], dtype=np.float64).ravel() for name in ("r_p", "r_ap"))
        with np.errstate(divide="ignore", invalid="ignore"):
            self._middle = 0.5 * (1.0 / p + 1.0 / ap)
        self._all("defect", entry["defect"])
        self._middle[self.layers["defect"] != int(Defect.NONE)] = np.nan
        if "state" in entry:
            self._all("state", entry["state"])

    def _all(self, layer: str, values: Any) -> None:
        self.layers[layer][:] = np.array(values, dtype=LAYERS[layer]).ravel()
        self._touch(slice(None))

    def _written(self, entry: dict[str, Any]) -> None:
        """What a step was to write, and what it read back, on its lines or (of a chip) everywhere."""
        if "rows" in entry:
            at = np.ix_(np.array(entry["rows"], dtype=np.int64) - 1, np.array(entry["cols"], dtype=np.int64) - 1)
            places = np.ravel_multi_index(at, self.shape).ravel()
            self._lines_of[entry["layer"]] = places
        elif "layer" in entry:
            places = self._lines_of.get(entry["layer"])
        else:
            places = np.arange(self.changed.size)
        if places is None:
            return
        for layer in ("target", "state", "defect"):
            if layer in entry:
                self.layers[layer][places] = np.array(entry[layer], dtype=LAYERS[layer]).ravel()
        self._touch(places)


def x_reading(entry: dict[str, Any]) -> dict[str, Any]:
    """What a reading of a neuron says of its x terminal, as the reading of a cell: row 2n - 1, column n of neuron n."""
    number = entry["neuron"]
    return entry | {"cell": (2 * number - 1, number), "v": entry["drive"], "i": entry["x"]}


def z_reading(entry: dict[str, Any]) -> dict[str, Any]:
    """The same of its z terminal: row 2n, column n."""
    number = entry["neuron"]
    return entry | {"cell": (2 * number, number), "v": entry["probe"], "i": entry["z"]}


def single_gate(text: str) -> int | None:
    """The row, from 0, of a pattern of gates (labmtj.runs.journal.patterns_of) with one of them open; else None."""
    pattern = int(text, 16)
    return pattern.bit_length() - 1 if pattern and not pattern & (pattern - 1) else None


def _text(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
