"""Lines and gates of a chip at a few millivolts: what each look proves.

* One row's gate open after the other, all rows driven and all columns sensed, in every kernel: the kernel answers, the
  gate opens, the row's drive relay and wire conduct. With all gates of a kernel closed nothing flows, or one is stuck.
* One column sensed after the other with some gates of a kernel open, in every kernel: its sense relay and its wire.
* The same column at ground, the others sensed, in the first kernel: what the driving source gives and what does not
  come back is what the column takes at ground. Less than on its meter: its ground relay does not close. More: part of
  what it should bring to its meter goes to ground, its ground relay is stuck.

A line that is dark in every kernel is so outside of them; one that is dark in some is so on the chip.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.bench.chip_array import ChipArray
from labmtj.bench.gates import LimitedGates
from labmtj.bench.lines import LEAST, LEVEL, LITTLE
from labmtj.bench.routing import Line, Router
from labmtj.gate_register import Gates, mask
from labmtj.ports import SourceMeter
from labmtj.records import Floats, LineFault, Role

_PROBED = 5  # chosen: rows through which columns are looked at, as far apart as can be; all of them are open in no cell
_WIDER = 10.0  # chosen: range of the driving meter in those of the sensing one, which some columns fill together
_SHARE = 0.7  # chosen: of the meter's range, for all columns together
_UNLIKE = 0.25  # chosen: wires differ by some per cent between both looks, a relay by half or all
_TIED = 0.1  # chosen: of the meter's range; 10 mV over 100 ohm, and a relay and its wires have a few
_NAMED = 4  # chosen: kernels that a message names


@dataclass
class ChipLines:
    """Examines the lines of a chip (labmtj.bench.contact.Examine); `size` (rows, cols) of a kernel, `range` [A]."""

    array: ChipArray
    gates: LimitedGates
    drive: SourceMeter
    router: Router
    size: tuple[int, int]
    range: float

    def __call__(self, level: float = LEVEL) -> tuple[list[LineFault], Floats, Floats]:
        """All faults, and the conductances [S] of the rows of all kernels and of the columns, their kernels' mean."""
        before = self.drive.current_range
        self.drive.current_range = _WIDER * self.range
        try:
            rows, closed = self._rows(level)
            cols = self._cols(level)
            if not (np.isfinite(rows).all() and np.isfinite(cols).all()):
                found = list(self._limited())
            else:
                found = [*self._dark(rows, closed, cols, level), *self._grounds(cols, level)]
        finally:
            self.array.rest()
            self.drive.current_range = before
        return found, rows.ravel(), cols.mean(axis=0)

    def faults(self) -> Iterator[LineFault]:
        """All faults at 10 mV."""
        yield from self(LEVEL)[0]

    @property
    def lines(self) -> list[Line]:
        """Every line: the rows of all kernels, and the columns."""
        rows, cols = self.array.shape
        return [*(Line("row", n + 1) for n in range(rows)), *(Line("col", n + 1) for n in range(cols))]

    def _rows(self, level: float) -> tuple[Floats, Floats]:
        """Siemens of the rows (kernels, rows) to all columns; and of each kernel with all gates closed (kernels,)."""
        count, cols = self.size[0], range(1, self.size[1] + 1)
        patterns = [
            Gates(kernel, rows)
            for kernel in range(1, self.array.kernels + 1)
            for rows in (0, *(1 << row for row in range(count)))
        ]
        looks = _siemens(self.array.looks(patterns, cols, voltage=level), level)
        looks = looks.reshape(self.array.kernels, count + 1)
        return looks[:, 1:] - looks[:, :1], looks[:, 0]

    def _cols(self, level: float) -> Floats:
        """Siemens of the columns to some rows, (kernels, cols)."""
        kernels = range(1, self.array.kernels + 1)
        patterns = [Gates(1, 0), *(Gates(kernel, self._probed) for kernel in kernels)]
        found = [
            _siemens(self.array.looks(patterns, [col], voltage=level), level) for col in range(1, self.size[1] + 1)
        ]
        looks = np.array(found)
        return (looks[:, 1:] - looks[:, :1]).T

    @property
    def _probed(self) -> int:
        """Mask of some rows of a kernel."""
        count = self.size[0]
        return mask([int(row) for row in np.linspace(1, count, min(_PROBED, count)).round()])

    def _dark(self, rows: Floats, closed: Floats, cols: Floats, level: float) -> Iterator[LineFault]:
        """Lines that carry little, and gates that do not close."""
        noise = LEAST * self.range / level
        typical = float(np.median(rows)), float(np.median(cols))
        if max(typical) <= noise:
            text = "no line carries current: is the chip in its socket, and do the relays move?"
            yield from (LineFault(line, text) for line in self.lines)
            return
        stuck = np.abs(closed) > max(LITTLE * typical[0], noise)
        off = ~(rows > max(LITTLE * typical[0], noise))
        for kernel, row in np.argwhere(off).tolist():
            interrupted = True
            if stuck[kernel]:
                text, interrupted = f"its gate, row {row + 1} of kernel {kernel + 1}, does not close", False
            elif off[:, row].all():
                text = "carries no current in any kernel: its drive relay, its wire or its probe is open"
            elif off[kernel].all():
                text = f"kernel {kernel + 1} does not answer: none of its rows carries current"
            else:
                text = f"carries no current: its gate, row {row + 1} of kernel {kernel + 1}, does not open"
            yield LineFault(Line("row", kernel * self.size[0] + row + 1), text, interrupted=interrupted)
        for kernel in np.flatnonzero(stuck & ~off.any(axis=1)).tolist():
            text = f"carries current with all gates of kernel {kernel + 1} closed"
            yield LineFault(Line("row", kernel * self.size[0] + 1), text)
        dead: NDArray[np.bool_] = np.asarray(off.all(axis=1), dtype=np.bool_)
        dark = ~(cols > max(LITTLE * typical[1], noise)) & ~dead[:, np.newaxis]
        for col in np.flatnonzero(dark.any(axis=0)).tolist():
            yield LineFault(Line("col", col + 1), _dark_column(dark[:, col] | dead), interrupted=True)

    def _grounds(self, cols: Floats, level: float) -> Iterator[LineFault]:
        """Columns whose ground relays do not do as they should, by the currents of one kernel that answers."""
        kernel = int(np.argmax(cols.sum(axis=1)))
        own, total = cols[kernel], float(cols[kernel].sum())
        level = min(level, _SHARE * self.range / total) if total > 0 else level
        gates, everything = Gates(kernel + 1, self._probed), range(1, self.size[1] + 1)
        if self.size[1] == 1:
            return
        for col in everything:
            if not own[col - 1] > LITTLE * float(np.median(own)):
                continue
            others = [other for other in everything if other != col]
            taken = self.array.lost(gates, others, self.drive, voltage=level) / level
            share = taken / float(own[col - 1])
            if not share > 1.0 - _UNLIKE:
                text = "takes too little current at ground: its ground relay does not close, or it is on its meter too"
                yield LineFault(Line("col", col), text, interrupted=share < LITTLE)
            elif share > 1.0 + _UNLIKE:
                yield LineFault(
                    Line("col", col), "loses current that it is sensed for: its ground relay is stuck closed"
                )

    def _limited(self) -> Iterator[LineFault]:
        """What takes a source to its limit, or fills the meter: each line by itself, with all gates closed."""
        self.array.rest()
        found = False
        for axis, count in zip(("row", "col"), self.size, strict=True):
            for number in range(1, count + 1):
                line = Line(axis, number)
                self.router.take(self.router.route({line: Role.DRIVE}))
                self.drive.source_voltage = LEVEL
                amperes = abs(self.drive.measure_current())
                self.drive.source_voltage = 0.0
                if not amperes < _TIED * self.range:
                    found = True
                    text = "takes current with all gates closed: its ground or its sense relay is stuck closed"
                    yield LineFault(line, text)
        if not found:
            yield LineFault(Line("row", 1), "a source or a meter comes to its limit at 10 mV with gates open")


def _siemens(looks: list[tuple[float, bool]], level: float) -> Floats:
    return np.array([math.nan if limited else current / level for current, limited in looks])


def _dark_column(kernels: NDArray[np.bool_]) -> str:
    if kernels.all():
        return "carries no current in any kernel: its sense relay, its wire or its probe is open"
    numbers = (np.flatnonzero(kernels) + 1).tolist()
    named = ", ".join(map(str, numbers[:_NAMED])) + (f" and {len(numbers) - _NAMED} more" if numbers[_NAMED:] else "")
    return f"carries no current in kernel {named}"
