"""The account of a simulated bench: what was done to its die since it was built, and what that cost.

A real bench cannot say any of it. The twin offers it to whoever plans a protocol, as it offers its clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labmtj.records import Floats


@dataclass(frozen=True, eq=False)
class Account:
    """What a die went through. Arrays have the shape (rows, cols), or (matrix rows, matrix columns) for `closures`.

    `seconds` of the bench's time, `pulses` that were fired; `closures` of each relay; energy [J] taken up by the
    cells and given by the sources, by pulses and by everything else; `peak` is the largest |V| [V] across each
    cell, `terminal` at the end of any line, `damage` each cell's sum of dt / t63(V), `broken` how many barriers
    broke. A cell is selected by a pulse if its lines are as far apart as any: `selected` counts those pulses.
    `disturb` is the number of flips that pulses on other cells were expected to cause, the sum of their
    probabilities, and `disturbed` how many they did cause; `read_disturb` and `read_disturbed` the same for reads
    and all else that stood on the lines, `rest_loss` and `rest_lost` for time with nothing on them.
    """

    seconds: float
    pulses: int
    closures: Floats
    pulse_energy: float
    source_energy: float
    read_energy: float
    terminal: float
    broken: int
    peak: Floats
    damage: Floats
    selected: Floats
    disturb: Floats
    disturbed: Floats
    read_disturb: float
    read_disturbed: int
    rest_loss: float
    rest_lost: int

    @property
    def relay_operations(self) -> int:
        """How often a relay has closed, all of them together."""
        return int(self.closures.sum())

    @property
    def worst(self) -> tuple[int, int]:
        """Row and column, from 1, of the cell that saw the largest voltage."""
        row, col = np.unravel_index(int(np.argmax(self.peak)), self.peak.shape)
        return int(row) + 1, int(col) + 1

    def entry(self) -> dict[str, Any]:
        """The same for a journal: lists, and of the relays only those that moved, as "A7": closures."""
        moved: list[list[int]] = np.argwhere(self.closures).tolist()
        found: dict[str, Any] = {
            field.name: value.tolist() if isinstance(value := getattr(self, field.name), np.ndarray) else value
            for field in fields(self)
        }
        found["closures"] = {f"{chr(65 + row)}{col + 1}": int(self.closures[row, col]) for row, col in moved}
        return found


def from_entry(entry: Mapping[str, Any]) -> Account:
    """An account from what a journal keeps of it; relays that did not move are left out beyond the last one."""
    relays = {(ord(name[0]) - 65, int(name[1:]) - 1): count for name, count in entry["closures"].items()}
    size = (1 + max((row for row, _ in relays), default=0), 1 + max((col for _, col in relays), default=0))
    closures = np.zeros(size)
    for place, count in relays.items():
        closures[place] = count

    def grid(name: str) -> Floats:
        values: ArrayLike = entry[name]
        return np.array(values, dtype=np.float64)

    arrays = {name: grid(name) for name in ("peak", "damage", "selected", "disturb", "disturbed")}
    rest = {f.name: entry[f.name] for f in fields(Account) if f.name not in arrays and f.name != "closures"}
    return Account(closures=closures, **arrays, **rest)
