"""Lines at a few millivolts where rows have sources of their own and columns pass the matrix.

What each look proves:

* A column on a meter at half the level, the rows at 0 V, with the next column on the second meter at the same voltage
  of the other sign, so that no two terminals differ by more than the level: a column that is tied to ground or to the
  other meter fills its meter; a meter that another column is tied to as well is full all the time.
* The same column on the meter at 0 V, all rows at the level: its sense relay and its wire conduct.
* A few columns at ground, the others sensed, all rows driven: what the bank gives and what does not come back is what
  these few take; a ground relay that does not close takes nothing. What each row gives shows that its wire conducts.
* A column on the bank's channel for pulses, rows at 0 V: what that channel gives shows that the relay closes. If
  another column is tied to it, it gives as much as its own resistance lets it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.bench.lines import LEAST, LEVEL, LITTLE
from labmtj.bench.routing import Line, Router
from labmtj.ports import Clock, SourceMeter, VoltageBank
from labmtj.records import Floats, LineFault, Role

_EXCESS = 1.5  # chosen: of what a column takes from the bank; more goes past the cells
_SHARE = 0.7  # chosen: of a meter's range, for most columns together
_FULL = 0.9  # chosen: of a meter's range
_HALF = 0.5
_TOGETHER = 4  # chosen: as in labmtj.bench.quick_lines


@dataclass(frozen=True)
class BankEnds:
    """What hangs on the array: the bank's channel of each row (from 1), that of column pulses, meters by role.

    `ohms` stand behind each of the bank's channels.
    """

    bank: VoltageBank
    rows: Mapping[int, str]
    pulse: str
    ohms: float
    meters: Mapping[Role, SourceMeter]


class BankLineTester:
    """Looks at lines between a bank's channels and one or two meters; `settle` and `relay` [s], `level` [V]."""

    def __init__(
        self,
        router: Router,
        ends: BankEnds,
        clock: Clock,
        *,
        cols: int,
        settle: float,
        relay: float,
        full_scale: float,
        level: float = LEVEL,
    ) -> None:
        self._router, self._ends, self._clock = router, ends, clock
        self._settle, self._relay, self._range, self._level = settle, relay, full_scale, level
        self._cols = [Line("col", n) for n in range(1, cols + 1)]
        self._rows = [Line("row", n) for n in ends.rows]
        self.siemens: dict[str, Floats] = {
            "row": np.full(len(self._rows), np.nan),
            "col": np.full(len(self._cols), np.nan),
        }

    @property
    def lines(self) -> list[Line]:
        """Every line of the array."""
        return [*self._rows, *self._cols]

    def faults(self) -> Iterator[LineFault]:
        """Examine every line; nothing for a good one. All lines are at 0 V after it.

        Raises LineFaulty where the matrix does not report what it was asked for.
        """
        bank, meters = self._ends.bank, self._ends.meters
        try:
            bank.rest()
            for meter in meters.values():
                meter.current_range = self._range
            own, sensed = self._on_meters()
            if stuck := self._stuck(own):
                yield from stuck
                return
            reach = self._reaching()
            if stuck := self._stuck_to_bank(own, reach):
                yield from stuck
                return
            rows, faults = self._to_ground(sensed)
        finally:
            bank.rest()
            for meter in meters.values():
                meter.source_voltage = 0.0
        self._router.take(self._router.route({}))
        self.siemens = {"row": rows, "col": np.max(list(sensed.values()), axis=0)}
        yield from self._judge(sensed, reach, faults)

    # -- looks -----------------------------------------------------------------------------------

    def _on_meters(self) -> tuple[dict[Role, Floats], dict[Role, Floats]]:
        """Siemens of each column out of its meter (inf: the meter was full), and into it with all rows driven."""
        count = len(self._cols)
        own = {role: np.zeros(count) for role in self._ends.meters}
        sensed = {role: np.zeros(count) for role in self._ends.meters}
        for first in range(count):
            at = {role: (first + n) % count for n, role in enumerate(own)}
            self._go({self._cols[column]: role for role, column in at.items()})
            for n, role in enumerate(at):
                self._ends.meters[role].source_voltage = (-_HALF if n else _HALF) * self._level
            self._clock.sleep(self._settle)
            for role, column in at.items():
                amperes = abs(self._ends.meters[role].measure_current())
                full = not amperes < _FULL * self._range
                own[role][column] = math.inf if full else amperes / (_HALF * self._level)
            for role in at:
                self._ends.meters[role].source_voltage = 0.0
            for volts in (self._level, -self._level):
                self._drive(volts)
                for role, column in at.items():
                    amperes = -self._ends.meters[role].measure_current()
                    sensed[role][column] += _HALF * amperes / volts
            self._ends.bank.rest()
        return own, sensed

    def _reaching(self) -> Floats:
        """Siemens that each column takes from the bank's channel for pulses; the pulses' relays."""
        found = np.zeros(len(self._cols))
        for number, line in enumerate(self._cols):
            self._go({line: Role.PULSE_COL})
            halves: list[float] = []
            for volts in (self._level, -self._level):
                self._ends.bank.apply({self._ends.pulse: volts})
                self._clock.sleep(self._settle)
                halves += self._ends.bank.measure_currents([self._ends.pulse])
            self._ends.bank.rest()
            found[number] = (halves[0] - halves[1]) / (2.0 * self._level)
        return found

    def _to_ground(self, sensed: Mapping[Role, Floats]) -> tuple[Floats, list[LineFault]]:
        """Siemens that each row gives, and the columns that take no current at ground."""
        takes = np.max(list(sensed.values()), axis=0)
        rows, faults, total = np.zeros(len(self._rows)), list[LineFault](), float(np.abs(takes).sum())
        for first in range(0, len(self._cols), _TOGETHER):
            group = self._cols[first : first + _TOGETHER]
            rows, lost = self._lost(group, total)
            own = [float(takes[line.number - 1]) for line in group]
            if abs(lost - sum(own)) < _HALF * min(own):
                continue
            text = "takes no current at ground: its ground relay does not close, it floats"
            for line, siemens in zip(group, own, strict=True):
                if not self._lost([line], total)[1] > _HALF * siemens:
                    faults.append(LineFault(line, text, interrupted=True))
        return rows, faults

    def _lost(self, group: Sequence[Line], total: float) -> tuple[Floats, float]:
        """Siemens that each row gives with these columns at ground, and of what is not sensed then.

        All columns take `total` [S] together.
        """
        first, names = next(iter(self._ends.meters)), list(self._ends.rows.values())
        level = min(self._level, _SHARE * self._range / total) if total > 0 else self._level
        self._go({line: first for line in self._cols if line not in group})
        gives, back = np.zeros(len(names)), 0.0
        for volts in (level, -level):
            self._drive(volts)
            sign = 0.5 / volts
            gives += sign * np.array(self._ends.bank.measure_currents(names))
            back -= sign * self._ends.meters[first].measure_current()
        self._ends.bank.rest()
        return gives, float(gives.sum()) - back

    def _go(self, roles: Mapping[Line, Role]) -> None:
        if self._router.take(self._router.route(roles)):
            self._clock.sleep(self._relay)

    def _drive(self, volts: float) -> None:
        self._ends.bank.apply(dict.fromkeys(self._ends.rows.values(), volts))
        self._clock.sleep(self._settle)

    # -- what they say ---------------------------------------------------------------------------

    def _stuck(self, own: Mapping[Role, Floats]) -> list[LineFault]:
        """Columns that are tied to ground or to a meter; nothing else is said before that is mended."""
        for role, found in own.items():
            free = np.flatnonzero(np.isfinite(found))
            if free.size <= 1 < found.size:
                lines = [self._cols[int(n)] for n in free] or self._cols
                text = f"its {_name(role)} relay is stuck closed: that meter is full with any other column on it"
                return [LineFault(line, text) for line in lines]
        full = np.any([np.isinf(found) for found in own.values()], axis=0)
        text = "fills its meter: its ground relay is stuck closed"
        return [LineFault(self._cols[int(n)], text) for n in np.flatnonzero(full)]

    def _stuck_to_bank(self, own: Mapping[Role, Floats], reach: Floats) -> list[LineFault]:
        """The column that is always on the bank's channel for pulses: all others then take too much from it."""
        lowest = np.min(list(own.values()), axis=0)
        expected = lowest / (1.0 + self._ends.ohms * lowest)
        if np.count_nonzero(reach > _EXCESS * expected) <= reach.size / 2 or not np.median(reach) > self._least:
            return []
        text = "its relay to the bank's channel for pulses is stuck closed: any other column takes too much from it"
        return [LineFault(self._cols[int(np.argmin(reach))], text)]

    @property
    def _least(self) -> float:
        """Siemens that are told from noise."""
        return LEAST * self._range / self._level

    def _judge(self, sensed: Mapping[Role, Floats], reach: Floats, ground: list[LineFault]) -> Iterator[LineFault]:
        for line, open_ in zip(self._rows, self._little(self.siemens["row"]).tolist(), strict=True):
            if open_:
                text = "carries no current when it is driven: its wire, its probe or its channel is open"
                yield LineFault(line, text, interrupted=True)
        dark = {role: self._little(found) for role, found in sensed.items()}
        nowhere = np.all(list(dark.values()), axis=0)
        unreached = self._little(reach)
        for number, line in enumerate(self._cols):
            text = ""
            names = [_name(role) for role, found in dark.items() if found[number]]
            if nowhere[number] and unreached[number]:
                text = "carries no current in any role: its wire, its probe or all of its cells are open"
            elif names:
                text = f"carries no current when it is sensed: its {' and its '.join(names)} relay does not close"
            elif unreached[number]:
                text = "takes no current from the bank: its relay to the channel for pulses does not close"
            if text:
                yield LineFault(line, text, interrupted=True)
        yield from (fault for fault in ground if not nowhere[fault.line.number - 1])

    def _little(self, found: Floats) -> NDArray[np.bool_]:
        """Where lines pass much less than the others of their kind; everywhere if none passes anything."""
        return ~(found > max(LITTLE * float(np.median(found)), self._least))


def _name(role: Role) -> str:
    return "second sense" if role is Role.SECOND_SENSE else "sense"
