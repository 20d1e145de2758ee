"""Continuity of every line at a few millivolts where rows have sources of their own and columns pass the matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from labmtj.bench.lines import LEVEL, LineFault
from labmtj.bench.routing import Line, Router
from labmtj.errors import RouteError
from labmtj.ports import Clock, SourceMeter, VoltageBank
from labmtj.records import Role

_LITTLE = 0.2  # chosen: of the median, as in labmtj.bench.lines


class BankLineTester:
    """Drives rows from their channels (by row, from 1) and senses columns with one or two meters."""

    def __init__(
        self,
        router: Router,
        bank: VoltageBank,
        channels: Mapping[int, str],
        meters: Mapping[Role, SourceMeter],
        clock: Clock,
        *,
        cols: int,
        settle: float,
    ) -> None:
        self._router, self._bank, self._channels, self._meters = router, bank, channels, meters
        self._clock, self._settle = clock, settle
        self._cols = [Line("col", n) for n in range(1, cols + 1)]
        self._rows = [Line("row", n) for n in channels]

    @property
    def lines(self) -> list[Line]:
        """Every line of the array."""
        return [*self._rows, *self._cols]

    def faults(self) -> Iterator[LineFault]:
        """Examine every line; nothing for a good one. All lines are at 0 V after it."""
        first = next(iter(self._meters))
        try:
            everything = dict.fromkeys(self._cols, first)
            rows = {line: self._measure([line.number], everything, first) for line in self._rows}
            cols = {
                role: {line: self._measure(list(self._channels), {line: role}, role) for line in self._cols}
                for role in self._meters
            }
        finally:
            self._bank.rest()
            self._router.take(self._router.route({}))
        for line in self._little(rows):
            yield LineFault(line, "carries no current when it is driven: its wire, its probe or its channel is open")
        for role, found in cols.items():
            for line in self._little(found):
                which = "second sense" if role is Role.SECOND_SENSE else "sense"
                yield LineFault(line, f"carries no current when it is sensed: its {which} relay, wire or probe is open")

    def _little(self, found: Mapping[Line, float]) -> list[Line]:
        """Lines that carry much less than the others of their kind; all of them if none carries anything."""
        typical = float(np.median([abs(amperes) for amperes in found.values()]))
        return [line for line, amperes in found.items() if not abs(amperes) > max(_LITTLE * typical, 1e-9)]

    def _measure(self, rows: list[int], roles: Mapping[Line, Role], role: Role) -> float:
        """Amperes into a meter with these rows at `LEVEL`, half the difference of both signs; 0 without a route."""
        try:
            self._router.take(self._router.route(roles))
        except RouteError:
            return 0.0
        halves: list[float] = []
        for volts in (LEVEL, -LEVEL):
            self._bank.apply({self._channels[row]: volts for row in rows})
            self._clock.sleep(self._settle)
            halves.append(-self._meters[role].measure_current())
        self._bank.rest()
        return 0.5 * (halves[0] - halves[1])
