"""What each line gives with nothing connected to it, at 10 mV: to the others, to ground, past open relays.

Between two source meters a line is driven while all others hang on the sensing one; between banks of voltages every
channel tells what comes back into it. Half the difference of both signs counts, so that offsets do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from labmtj.bench.assemble import Connected, Roles, bank_ends, meter
from labmtj.bench.assemble_lines import line_banks
from labmtj.bench.bank_lines import BankEnds
from labmtj.bench.limits import Gate
from labmtj.bench.line_array import LineBanks
from labmtj.bench.lines import LEVEL
from labmtj.bench.routing import Line, Router
from labmtj.config.bench import Bench
from labmtj.config.model import VoltageBankModel
from labmtj.ports import Clock, SourceMeter
from labmtj.records import Role

FINE = 1e-6  # [A] chosen: range of the meters meanwhile; its noise shows 100 Mohm, and it settles within a period
LEAST = 10e6  # [ohm] chosen: a thousand cells of 10 kohm; less, and the leak takes a part of every reading
_PART = 0.5  # chosen: of the fine range, with room for offsets
_SIGMAS = 5.0  # chosen: of thirty lines none is called leaky for noise alone


@dataclass(frozen=True)
class Look:
    """What one line gives at 10 mV, and what of it comes back through others whose current is seen [A]."""

    out: float
    back: float


class Probe(Protocol):
    """Looks at the lines of a bench, one after the other; all stand at 0 V after each look."""

    lines: list[Line]
    bound: float
    """What a line may give [A]."""
    most: float
    """More than this [A] need not be looked at on a finer range: it is no leak, but a connection."""

    def refine(self) -> bool:
        """Put the meters on their fine range; False where there is none, and the first look was as fine."""
        ...

    def idle(self) -> Mapping[str, float]:
        """What sources give to no line at all [A], by a text that says which."""
        ...

    def look(self, line: Line) -> Look:
        """Drive one line at 10 mV, the others at 0 V."""
        ...

    def between(self, line: Line, other: Line) -> float:
        """What comes back through one other line [A]; 0 where that cannot be seen."""
        ...


def bound_of(noise: float) -> float:
    """What a line may give [A], where a meter's readings have this rms noise [A]."""
    return max(LEVEL / LEAST, _SIGMAS * noise)


def _both_signs(measure: Callable[[float], Mapping[str, float]]) -> dict[str, float]:
    plus, minus = measure(LEVEL), measure(-LEVEL)
    return {name: 0.5 * (plus[name] - minus[name]) for name in plus}


class MeterProbe:
    """Lines that pass a matrix, between a driving and a sensing source meter."""

    def __init__(self, router: Router, drive: SourceMeter, sense: SourceMeter, clock: Clock, bench: Bench) -> None:
        self._router, self._drive, self._sense, self._clock = router, drive, sense, clock
        self._wait = bench.wait.after_relay + bench.wait.after_source
        self.lines = matrix_lines(bench)
        self.bound, self.most = bound_of(0.0), _PART * FINE

    def refine(self) -> bool:
        """Both meters to their fine range, at 0 V."""
        for box in (self._drive, self._sense):
            box.current_range = FINE
        return True

    def idle(self) -> Mapping[str, float]:
        """The driving source with every relay open, and with all lines on the sensing meter."""
        floating = self._currents(dict.fromkeys(self.lines, Role.FLOAT)).out
        sensed = self._currents(dict.fromkeys(self.lines, Role.SENSE)).out
        return {"every relay open": floating, "no line on the driving source": sensed}

    def look(self, line: Line) -> Look:
        """This line on the driving source, the others on the sensing one."""
        return self._currents(dict.fromkeys(self.lines, Role.SENSE) | {line: Role.DRIVE})

    def between(self, line: Line, other: Line) -> float:
        """This line on the driving source, the other one alone on the sensing one."""
        return self._currents({line: Role.DRIVE, other: Role.SENSE}).back

    def _currents(self, roles: Mapping[Line, Role]) -> Look:
        self._router.take(self._router.route(roles))

        def measure(level: float) -> Mapping[str, float]:
            self._drive.source_voltage = level
            self._clock.sleep(self._wait)
            return {"out": self._drive.measure_current(), "back": -self._sense.measure_current()}

        try:
            found = _both_signs(measure)
        finally:
            self._drive.source_voltage = 0.0
        return Look(found["out"], found["back"])


class BankProbe:
    """Rows on channels of a bank, columns that pass a matrix to a source meter."""

    def __init__(self, router: Router, ends: BankEnds, clock: Clock, bench: Bench, noise: float) -> None:
        self._router, self._ends, self._clock, self._wait = router, ends, clock, bench.wait
        self._columns, self._nplc = matrix_lines(bench), bench.measure.nplc
        self.lines = [*(Line("row", n) for n in ends.rows), *self._columns]
        self.bound = self.most = bound_of(noise)

    def refine(self) -> bool:
        """The bank has one range, and bounds what can be seen."""
        return False

    def idle(self) -> Mapping[str, float]:
        """The sensing meters with every relay open."""
        self._router.take(self._router.route(dict.fromkeys(self._columns, Role.FLOAT)))
        return {f"{role.value} with every relay open": self._metered(role) for role in self._ends.meters}

    def look(self, line: Line) -> Look:
        """A row on its channel, or a column on its meter; the other rows' channels tell what comes back."""
        if line.axis == "col":
            self._router.take(self._router.route({line: Role.SENSE}))
            self._clock.sleep(self._wait.after_relay)
            return Look(self._metered(Role.SENSE), 0.0)
        self._router.take(self._router.route({}))
        found = self._bank(line.number)
        own = found.pop(self._ends.rows[line.number])
        return Look(own, -sum(found.values()))

    def between(self, line: Line, other: Line) -> float:
        """What comes back through another row's channel, or through a column on the second meter."""
        if line.axis == "row" and other.axis == "row":
            return -self._bank(line.number)[self._ends.rows[other.number]]
        if line.axis == "col" and other.axis == "col" and Role.SECOND_SENSE in self._ends.meters:
            self._router.take(self._router.route({line: Role.SENSE, other: Role.SECOND_SENSE}))
            second = self._ends.meters[Role.SECOND_SENSE]
            return -self._swept(self._ends.meters[Role.SENSE], {"second": second})["second"]
        return 0.0

    def _bank(self, row: int) -> dict[str, float]:
        names = list(self._ends.rows.values())

        def measure(level: float) -> Mapping[str, float]:
            self._ends.bank.apply({self._ends.rows[row]: level})
            self._clock.sleep(self._wait.after_source)
            return dict(zip(names, self._ends.bank.measure_together(names, nplc=self._nplc), strict=True))

        try:
            return _both_signs(measure)
        finally:
            self._ends.bank.rest()

    def _metered(self, role: Role) -> float:
        source = self._ends.meters[role]
        return self._swept(source, {"out": source})["out"]

    def _swept(self, source: SourceMeter, seen: Mapping[str, SourceMeter]) -> dict[str, float]:
        def measure(level: float) -> Mapping[str, float]:
            source.source_voltage = level
            self._clock.sleep(self._wait.after_source)
            return {name: box.measure_current() for name, box in seen.items()}

        try:
            return _both_signs(measure)
        finally:
            source.source_voltage = 0.0


class LineProbe:
    """Every line on a channel of its own."""

    def __init__(self, banks: LineBanks, clock: Clock, bench: Bench, noise: float) -> None:
        self._banks, self._clock, self._settle = banks, clock, bench.wait.after_source
        rows = {Line("row", n): name for n, name in enumerate(banks.row_names, start=1)}
        cols = {Line("col", n): name for n, name in enumerate(banks.col_names, start=1)}
        self._names, self._kept = rows | cols, dict[Line, Mapping[str, float]]()
        self.lines = list(self._names)
        self.bound = self.most = bound_of(noise)

    def refine(self) -> bool:
        """The banks have one range."""
        return False

    def idle(self) -> Mapping[str, float]:
        """There is no relay that could be open."""
        return {}

    def look(self, line: Line) -> Look:
        """One channel at 10 mV, the others at 0 V and read together."""
        bank = self._banks.rows if line.axis == "row" else self._banks.cols

        def measure(level: float) -> Mapping[str, float]:
            bank.apply({self._names[line]: level})
            self._clock.sleep(self._settle)
            rows = self._banks.rows.measure_together(self._banks.row_names, nplc=self._banks.nplc)
            cols = self._banks.cols.measure_together(self._banks.col_names, nplc=self._banks.nplc)
            return {str(at): amperes for at, amperes in zip(self._names, [*rows, *cols], strict=True)}

        try:
            found = _both_signs(measure)
        finally:
            bank.apply({self._names[line]: 0.0})
        self._kept[line] = dict(found)
        own = found.pop(str(line))
        return Look(own, -sum(found.values()))

    def between(self, line: Line, other: Line) -> float:
        """What came back through another line's channel when this one was looked at."""
        return -self._kept[line][str(other)]


def matrix_lines(bench: Bench) -> list[Line]:
    """The lines that pass the matrix."""
    return [*_passing("row", bench.lines.rows.items()), *_passing("col", bench.lines.cols.items())]


def _passing(axis: str, wires: Iterable[tuple[int, object]]) -> list[Line]:
    return [Line(axis, number) for number, end in wires if isinstance(end, int)]


def probe(bench: Bench, roles: Roles, connected: Connected, gate: Gate, router: Router | None, clock: Clock) -> Probe:
    """What looks at the lines of this bench, with its meters on at 0 V, first on the range of readings."""
    if router is None:
        return LineProbe(line_banks(bench, connected, gate), clock, bench, _bank_noise(connected))
    if roles.drive is None:
        ends = bank_ends(bench, roles, connected, gate)
        return BankProbe(router, ends, clock, bench, _bank_noise(connected))
    drive, sense = meter(bench, connected, roles.drive, gate), meter(bench, connected, roles.sense, gate)
    for box in (drive, sense):
        box.current_range = bench.measure.range
    return MeterProbe(router, drive, sense, clock, bench)


def _bank_noise(connected: Connected) -> float:
    """Noise [A] of a bank's sensors on their largest range, which they stay on."""
    found = [max(m.measure_current, key=lambda entry: entry.range).noise for m in _banks(connected)]
    return max(found, default=0.0)


def _banks(connected: Connected) -> list[VoltageBankModel]:
    return [model for model in connected.models.values() if isinstance(model, VoltageBankModel)]
