"""The array of a run over its journal (labmtj.ports.ArrayAccess), and its clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.bench.around import AroundArray
from labmtj.ports import ArrayAccess, Clock, GatedArray
from labmtj.protocol.replay.past import Entry, Past
from labmtj.records import (
    Cell,
    Floats,
    LineOutcome,
    LinePulse,
    Pulse,
    PulseOutcome,
    Reading,
    Sample,
    Scheme,
    Sum,
)
from labmtj.runs.journal import line_pulse_of, lines_entry, patterns_of

_SAME = 1e-9  # two computers may differ in the last digit of what they work out from the same readings


class RunClock:
    """Seconds on the bench's clock as a run knows them: those of the last answer, and what it has waited since.

    It says the same over a journal and on the bench, so that what depends on time goes the same way twice.
    """

    def __init__(self, clock: Clock, past: Past) -> None:
        self._clock, self._past = clock, past
        if past.live:
            past.seen(clock.now())
            past.began = past.time

    def now(self) -> float:
        """Seconds since the bench was opened first, at the last answer."""
        return self._past.time

    def sleep(self, seconds: float) -> None:
        """Wait until so much has passed since the last answer."""
        self._past.time += max(0.0, seconds)
        if self._past.live:
            self._clock.sleep(max(0.0, self._past.time - self._clock.now()))


class RunArray(AroundArray):
    """An array whose answers come from a journal until it ends, and then from the bench.

    `before` each question it may be told to stop.
    """

    def __init__(self, array: ArrayAccess, past: Past, *, before: Callable[[], None]) -> None:
        super().__init__(array)
        self._past, self._before = past, before
        self._clock = RunClock(array.clock, past)

    @property
    def clock(self) -> Clock:
        """The run's clock."""
        return self._clock

    def rest(self) -> None:
        """All lines to ground, sources at 0 V."""
        if self._past.live:
            self._array.rest()

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage and -voltage [V]."""
        found: list[Reading] = []
        for done, cell in enumerate(cells):
            entry = self._answer("read")
            if entry is None:
                found += self._array.read(cells[done:], voltage=voltage)
                self._past.seen(found[-1].time)
                break
            self._same(entry, cell=list(cell), v=voltage)
            found.append(Reading(cell, voltage, _amperes(entry), entry["t"], entry.get("compliance", False)))
        return found

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one pulse, or say what became of it; one whose end nobody saw was settled by a reading."""
        entry = self._answer("intent")
        if entry is None:
            outcome = self._array.pulse(pulse)
            self._past.seen(outcome.time)
            return outcome
        if "lines" in entry:
            raise self._past.differs(entry, "the kind of pulse", "one on many lines", "one on a cell")
        self._same(entry, cell=list(pulse.cell), v=pulse.amplitude, width=pulse.width, scheme=pulse.scheme.value)
        if tuple(entry.get("cols", ())) != tuple(pulse.cols):
            raise self._past.differs(entry, "cols", entry.get("cols", []), list(pulse.cols))
        found = self._past.outcome(entry["n"])
        self._past.time = max(self._past.time, float(found["t"]))
        return PulseOutcome(pulse, found["t"], found.get("compliance", False), found.get("uncertain", False))

    def pulse_lines(self, pulse: LinePulse) -> LineOutcome:
        """Fire one pulse on many lines, or say what became of it; one whose end nobody saw was settled by readings."""
        entry = self._answer("intent")
        if entry is None:
            outcome = self._array.pulse_lines(pulse)
            self._past.seen(outcome.time)
            return outcome
        if "lines" not in entry:
            raise self._past.differs(entry, "the kind of pulse", "one on a cell", "one on many lines")
        self._same(entry, width=pulse.width)
        then, now = entry["lines"], lines_entry(pulse)["lines"]
        for name in ("rows", "cols", "row_v", "col_v"):
            if len(then[name]) != len(now[name]) or not np.allclose(then[name], now[name], rtol=_SAME, atol=1e-15):
                raise self._past.differs(entry, name, then[name], now[name])
        found = self._past.outcome(entry["n"])
        self._past.time = max(self._past.time, float(found["t"]))
        return LineOutcome(pulse, found["t"], found.get("compliance", False), found.get("uncertain", False))

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """Currents [A] into `cols` with all of `rows` at their own of `volts` [V], (cols,)."""
        currents = np.zeros(len(cols))
        for done, col in enumerate(cols if len(rows) else ()):
            entry = self._answer("product")
            if entry is None:
                currents[done:] = self._array.multiply(rows, cols[done:], volts=volts)
                self._past.seen(self._array.clock.now())
                break
            self._same(entry, rows=list(rows), col=col)
            currents[done] = math.nan if entry.get("compliance", False) else _amperes(entry)
        return currents

    def total(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sum:
        """One current of all of `rows` at +voltage and -voltage [V] into all of `cols` together."""
        entry = self._answer("sum")
        if entry is None:
            found = self._array.total(rows, cols, voltage=voltage)
            self._past.seen(found.time)
            return found
        self._same(entry, rows=list(rows), cols=list(cols), v=voltage)
        return Sum(tuple(rows), tuple(cols), voltage, _amperes(entry), entry["t"], entry.get("compliance", False))

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """One integration at one sign: `rows` at `voltage` [V], `cols` together on the ammeter."""
        entry = self._answer("sample")
        if entry is None:
            found = self._array.sense(rows, cols, voltage=voltage)
            self._past.seen(found.time)
            return found
        self._same(entry, rows=list(rows), cols=list(cols), v=voltage)
        return Sample(tuple(rows), tuple(cols), voltage, _amperes(entry), entry["t"], entry.get("compliance", False))

    def _answer(self, kind: str) -> Entry | None:
        self._before()
        return self._past.answer(kind)

    def _same(self, entry: Entry, **asked: Any) -> None:
        """Raise CannotResume unless the journal's entry answers this question."""
        for name, now in asked.items():
            then = entry[name]
            close = isinstance(now, float) and math.isclose(then, now, rel_tol=_SAME, abs_tol=1e-15)
            if then != now and not close:
                raise self._past.differs(entry, name, then, now)


class RunChip(RunArray):
    """The same for an array with a transistor in every cell (labmtj.ports.GatedArray)."""

    def __init__(self, array: GatedArray, past: Past, *, before: Callable[[], None]) -> None:
        super().__init__(array, past, before=before)
        self._chip = array

    @property
    def kernels(self) -> int:
        """How many kernels there are."""
        return self._chip.kernels

    def multiply_each(self, kernel: int, patterns: NDArray[np.bool_], col: int, *, voltage: float) -> Floats:
        """Currents [A] into column `col` of a kernel (from 1), (patterns,), each with a pattern of its gates open."""
        entry = self._answer("products")
        if entry is None:
            currents = self._chip.multiply_each(kernel, patterns, col, voltage=voltage)
            self._past.seen(self._chip.clock.now())
            return currents
        self._same(entry, kernel=kernel, col=col, v=voltage)
        then = patterns_of(entry)
        if not np.array_equal(then, patterns):
            raise self._past.differs(entry, "the gates", f"{len(then)} patterns", f"{len(patterns)} others")
        return np.array(entry["i"], dtype=np.float64)


def run_array(array: ArrayAccess, past: Past, *, before: Callable[[], None]) -> RunArray:
    """The array of a run over its journal, with gates where the bench's has them."""
    if isinstance(array, GatedArray):
        return RunChip(array, past, before=before)
    return RunArray(array, past, before=before)


def pulse_of(entry: Mapping[str, Any]) -> Pulse | LinePulse:
    """The pulse that a journal's intent is about."""
    if "lines" in entry:
        return line_pulse_of(entry)
    cell, cols = Cell(*entry["cell"]), tuple(entry.get("cols", ()))
    return Pulse(cell, entry["v"], entry["width"], Scheme(entry["scheme"]), cols)


def _amperes(entry: Entry) -> float:
    """A current [A]; what the journal could not write as a number is none."""
    return math.nan if entry["i"] is None else float(entry["i"])
