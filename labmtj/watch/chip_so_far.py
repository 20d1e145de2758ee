"""How good the network on a chip is while its columns are still being sensed.

The step's own comparison once more, with an array in the chip's place that answers with the journal, and for columns
that are still to come with the currents that the chip's map foretells.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import LabmtjError
from labmtj.ports import GatedArray
from labmtj.protocol.chip_task import ChipTask
from labmtj.records import ChipMaps, DieMap, Floats, Ints, State
from labmtj.runs.die_map import die_map_from

_SHARE = 0.05  # chosen: of the page's time; a comparison of a thousand images takes about a second


class ChipSoFar:
    """Follows an infer_network step of the run in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.why_not = ""
        self._task: ChipTask | None = None
        self._map: dict[str, Any] = {}
        self._fields: dict[str, Any] | None = None
        self._sensed: list[tuple[int, int, Floats]] = []
        self._found: dict[str, Any] | None = None
        self._not_before = 0.0

    def take(self, entry: dict[str, Any]) -> bool:
        """Take an entry of the journal; whether it adds to what the step in hand has summed."""
        match entry["k"]:
            case "map":
                self._map = entry
            case "step":
                self._fields = entry["fields"] if entry["name"] == "infer_network" else None
                self._sensed, self._found, self._not_before = [], None, 0.0
            case "finding" | "done":
                self._fields = None
            case "products" if self._fields is not None:
                self._sensed.append((entry["kernel"], entry["col"], np.array(entry["i"], dtype=np.float64)))
                return True
            case _:
                pass
        return False

    def row(self) -> dict[str, Any] | None:
        """`label`, `all` the fraction that is right, `count` columns `of` all; as it was a little ago, None if unknown.

        What it takes to find that is no more than a twentieth of the time.
        """
        if self._fields is None or not self._sensed or not self._map or self.why_not:
            return None
        begun = time.monotonic()
        if begun >= self._not_before:
            try:
                self._found = self._compare(self._fields)
            except LabmtjError as error:
                self.why_not = f"no accuracy before the end of the step: {error}"
                return None
            now = time.monotonic()
            self._not_before = now + (now - begun) / _SHARE
        return self._found

    def _compare(self, fields: dict[str, Any]) -> dict[str, Any]:
        from labmtj.routines.chips.comparing import compare_network
        from labmtj.routines.chips.inference import columns_of

        self._task = task = self._task or _task_of(self._folder)
        assert task is not None  # an infer_network step has a network
        die, wanted = die_map_from(self._map), fields["samples"]
        numbers = task.samples(tuple(cast("list[int]", wanted)) if isinstance(wanted, list) else wanted)
        finding = compare_network(
            cast("GatedArray", _Foretold(task, die, self._sensed)),
            task.network,
            task.tiling,
            die_map=die,
            samples=task.images.test.take(numbers),
            numbers=numbers,
            voltage=fields["read"] or die.read_voltage,
            mask=fields["mask"] == "defects",
        )
        return {
            "label": "chip so far, the rest from its map",
            "all": finding.figures["right_measured"],
            "count": len(self._sensed),
            "of": sum(columns_of(task.tiling, layer=layer) for layer in range(len(task.tiling.shapes))),
            "what": "columns",
        }


def chip_targets(folder: Path) -> Ints | None:
    """What a run is to write onto its chip, (rows, cols), -1 for no device; None where that cannot be had."""
    try:
        task = _task_of(folder)
        return None if task is None else task.tiling.targets(task.network)
    except LabmtjError:
        return None  # a file has moved: the targets come with the entry that ends the step


def _task_of(folder: Path) -> ChipTask | None:
    from labmtj.protocol.course import chip_of
    from labmtj.protocol.load import load_protocol
    from labmtj.protocol.run_folder import BENCH, PROTOCOL

    return chip_of(load_protocol(folder / PROTOCOL, bench=folder / BENCH))


class _Foretold:
    """Answers `multiply_each` with what was sensed, in the same order, and from there on with what the map says."""

    def __init__(self, task: ChipTask, die: DieMap, sensed: list[tuple[int, int, Floats]]) -> None:
        maps, written = ChipMaps.measured([die]), task.tiling.targets(task.network) == int(State.P)
        self._siemens: Floats = np.where(written, maps.g_p[0], maps.g_ap[0])
        self._sensed = iter(sensed)

    def multiply_each(self, kernel: int, patterns: NDArray[np.bool_], col: int, *, voltage: float) -> Floats:
        """Currents [A] into `col` of a kernel, (patterns,)."""
        found = next(self._sensed, None)
        if found is not None:
            if found[:2] == (kernel, col) and len(found[2]) == len(patterns):
                return found[2]
            self._sensed = iter(())  # another column, or other inputs than these: what follows is no answer to this
        rows = patterns.shape[1]
        return patterns @ self._siemens[(kernel - 1) * rows : kernel * rows, col - 1] * voltage
