"""Each line of an array between two banks at a few millivolts: what it carries, and what it is tied to.

There are no relays to look at, only wires. Each line is driven alone, all others at 0 V, and every channel's current
is read at once: a line whose wire is open gives nothing; what flows back out of a line of the same axis passes no
cells but a tie between them; what comes back nowhere goes to ground.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labmtj.bench.line_array import LineBanks
from labmtj.bench.lines import LEVEL, LITTLE
from labmtj.bench.routing import Line
from labmtj.ports import Clock
from labmtj.records import Floats, LineFault

_LEAST = 3e-5  # chosen: of the sensors' range, 0.3 uA of 10 mA: four times what both halves of a look have as noise
_TIED = 0.5  # chosen: of what a line gives; by way of cells and the sources' own resistance some per cent come back


class DirectLineTester:
    """Looks at lines that are wired to channels, at `level` [V], after which they `settle` [s]."""

    def __init__(self, banks: LineBanks, clock: Clock, *, settle: float, level: float = LEVEL) -> None:
        self._banks, self._clock, self._settle, self._level = banks, clock, settle, level
        self._rows = [Line("row", n + 1) for n in range(len(banks.row_names))]
        self._cols = [Line("col", n + 1) for n in range(len(banks.col_names))]
        self.siemens: dict[str, Floats] = {
            "row": np.full(len(self._rows), np.nan),
            "col": np.full(len(self._cols), np.nan),
        }

    @property
    def lines(self) -> list[Line]:
        """Every line of the array."""
        return [*self._rows, *self._cols]

    def faults(self) -> Iterator[LineFault]:
        """Examine every line; nothing for a good one. All lines are at 0 V after it."""
        banks, count = self._banks, len(self._rows)
        try:
            banks.rest()
            found = np.array([self._alone(number) for number in range(len(self.lines))])
        finally:
            banks.rest()
        own = np.diagonal(found).copy()
        self.siemens = {"row": own[:count], "col": own[count:]}
        dark = np.concatenate([self._little(values) for values in self.siemens.values()])
        lost = found.sum(axis=1)
        for number, line in enumerate(self.lines):
            axis = slice(0, count) if number < count else slice(count, None)
            back = -found[number, axis]
            back[number - (axis.start or 0)] = 0.0
            typical = float(np.median(own[axis]))
            if dark[number]:
                text = "carries no current when it is driven: its wire, its probe or its channel is open"
                yield LineFault(line, text, interrupted=True)
            elif back.max() > _TIED * typical:
                other = self.lines[int(back.argmax()) + (axis.start or 0)]
                yield LineFault(line, f"is tied to {other}: what it is given comes back there")
            elif lost[number] > _TIED * typical:
                yield LineFault(line, "is tied to ground: what it is given comes back nowhere")

    def _alone(self, number: int) -> Floats:
        """Siemens of what every channel gives with one line driven, (lines,)."""
        banks, on_rows = self._banks, number < len(self._rows)
        bank = banks.rows if on_rows else banks.cols
        name = (*banks.row_names, *banks.col_names)[number]
        halves: list[Floats] = []
        for volts in (self._level, -self._level):
            bank.apply({name: volts})
            self._clock.sleep(self._settle)
            rows = banks.rows.measure_together(banks.row_names, nplc=banks.nplc)
            halves.append(np.array([*rows, *banks.cols.measure_together(banks.col_names, nplc=banks.nplc)]))
        bank.apply({name: 0.0})
        full = self._banks.full_scale
        return np.clip(halves[0] - halves[1], -2.0 * full, 2.0 * full) / (2.0 * self._level)

    def _little(self, found: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which lines pass much less than the others of their axis; all if none passes anything."""
        least = _LEAST * self._banks.full_scale / self._level
        return ~(found > max(LITTLE * float(np.median(found)), least))
