"""Has the bench drifted: reference cells and resistors that are read again while other things are measured.

A `Watch` knows what is read and when it is due. `Watched` is the array that routines get meanwhile: before any of
its operations it lets the watch look if the time has come, so that no routine needs to know of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.ports import ArrayAccess, CellModel, Clock
from labmtj.records import (
    Cell,
    Column,
    Finding,
    Floats,
    LineOutcome,
    LinePulse,
    Pulse,
    PulseOutcome,
    Reading,
    Sample,
    Sum,
)
from labmtj.routines.polarity import CONTRAST

ACCURACY = 4e-4
"""Relative drift that is none: gain of a source and of a meter, 0.02 % each (keithley_2636b.yaml, one year)."""
_SIGMAS = 4.0  # chosen: of the noise; one false alarm in 30000 looks


@dataclass(frozen=True)
class Standard:
    """What is read again: a cell that nobody writes, or in its place a resistor of known `ohms`."""

    name: str
    cell: Cell
    ohms: float | None = None


@dataclass(frozen=True)
class Look:
    """One look at all standards: when it began [s], conductances [S] with standard errors, temperature [K] or nan."""

    time: float
    conductance: Floats
    error: Floats
    temperature: float


class Watch:
    """Reads `standards` at `voltage` [V], `repeats` times each, whenever `every` [s] have passed."""

    def __init__(
        self,
        array: ArrayAccess,
        *,
        standards: Sequence[Standard],
        voltage: float,
        every: float,
        repeats: int = 16,
        temperature: Callable[[], float] | None = None,
    ) -> None:
        """Raises InputError where there is nothing to watch, or too few repeats to know the noise."""
        if not standards or repeats < 2:
            raise InputError("a watch needs one cell or resistor at least, and two readings of each")
        self.array, self.standards = array, tuple(standards)
        self._voltage, self._every, self._repeats, self._temperature = voltage, every, repeats, temperature
        self.looks: list[Look] = []

    def look(self) -> None:
        """Read all standards now."""
        time, means, errors = self.array.clock.now(), list[float](), list[float]()
        for standard in self.standards:
            readings = self.array.read([standard.cell] * self._repeats, voltage=self._voltage)
            values = np.array([reading.conductance for reading in readings])
            means.append(float(values.mean()))
            errors.append(float(values.std(ddof=1)) / self._repeats**0.5)
        kelvin = self._temperature() if self._temperature else float("nan")
        self.looks.append(Look(time, np.array(means), np.array(errors), kelvin))

    def look_if_due(self) -> None:
        """Read all standards if that has not been done for `every` seconds."""
        if not self.looks or self.array.clock.now() - self.looks[-1].time >= self._every:
            self.look()

    def finding(self) -> Finding:
        """How far each standard has drifted since the first look, and what is beyond accuracy and noise."""
        time = np.array([look.time for look in self.looks])
        conductance, error = (
            np.array([getattr(look, name) for look in self.looks]) for name in ("conductance", "error")
        )
        kelvin = np.array([look.temperature for look in self.looks])
        ratio = conductance / conductance[0]
        drift, allowed = ratio - 1.0, ACCURACY + _SIGMAS * np.hypot(error / conductance, error[0] / conductance[0])
        flipped = (np.maximum(ratio, 1 / ratio) > CONTRAST).any(axis=0)
        drifted = (np.abs(drift) > allowed).any(axis=0) & ~flipped
        known = np.array([np.nan if s.ohms is None else s.ohms for s in self.standards])
        columns = {
            "look": Column(("look",), np.arange(1, len(time) + 1), "1", "number of the look"),
            "time": Column(("look",), time, "s", "when the look began"),
            "temperature": Column(("look",), kelvin, "K", "beside the die; nan where the bench has no sensor"),
            "standard": Column(("standard",), np.array([s.name for s in self.standards]), "", "name"),
            "standard_row": Column(("standard",), np.array([s.cell.row for s in self.standards]), "1", "from 1"),
            "standard_col": Column(("standard",), np.array([s.cell.col for s in self.standards]), "1", "from 1"),
            "known": Column(("standard",), known, "ohm", "of a resistor, nan for a cell"),
            "resistance": Column(("look", "standard"), 1 / conductance, "ohm", "as read, wires included"),
            "drift": Column(("look", "standard"), drift, "1", "of the conductance since the first look"),
            "allowed": Column(("look", "standard"), allowed, "1", "what accuracy and noise explain"),
            "flipped": Column(("standard",), flipped.astype(int), "1", "1 where a cell changed its state"),
        }
        still = np.abs(drift[:, ~flipped])
        figures: dict[str, float | int | str] = {
            "looks_1": len(time),
            "largest_drift_1": float(still.max()) if still.size else float("nan"),
            "drifted_1": int(drifted.sum()),
            "flipped_1": int(flipped.sum()),
            "span_s": float(time[-1] - time[0]),
        }
        if np.isfinite(kelvin).any():
            figures["temperature_change_kelvin"] = float(np.nanmax(kelvin) - np.nanmin(kelvin))
        beyond = [s.name for s, over in zip(self.standards, drifted, strict=True) if over]
        line = f"{len(self.standards)} standards in {len(time)} looks over {(time[-1] - time[0]) / 60:.3g} min"
        line += f", at most {1e2 * float(still.max()):.2g} % off" if still.size else ""
        line += f"; beyond accuracy and noise: {', '.join(beyond)}" if beyond else ", none beyond accuracy and noise"
        line += f"; {int(flipped.sum())} flipped" if flipped.any() else ""
        return Finding("reference", columns, figures, line)


class Watched:
    """An array that lets a watch look before an operation, whenever that is due (labmtj.ports.ArrayAccess)."""

    def __init__(self, array: ArrayAccess, watch: Watch) -> None:
        self.array, self._watch = array, watch

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.array.shape

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        return self.array.clock

    @property
    def analog(self) -> bool:
        """Whether each row can have a voltage of its own in `multiply`."""
        return self.array.analog

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage and -voltage [V]."""
        self._watch.look_if_due()
        return self.array.read(cells, voltage=voltage)

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one programming pulse on all of its cells."""
        self._watch.look_if_due()
        return self.array.pulse(pulse)

    def check(self, pulse: Pulse) -> None:
        """Raise `LimitExceeded` if `pulse` would pass a limit; touches nothing."""
        self.array.check(pulse)

    @property
    def own_levels(self) -> tuple[bool, bool]:
        """Whether driven rows, and driven columns, can each have a voltage of their own in `pulse_lines`."""
        return self.array.own_levels

    def check_lines(self, pulse: LinePulse) -> None:
        """Raise `LimitExceeded` if `pulse` would pass a limit or cannot be made here; touches nothing."""
        self.array.check_lines(pulse)

    def pulse_lines(self, pulse: LinePulse) -> LineOutcome:
        """Fire one pulse on many lines at once."""
        self._watch.look_if_due()
        return self.array.pulse_lines(pulse)

    def trust(self, model: CellModel | None) -> None:
        """Hold pulses against the cell limit by what this model says that cells get."""
        self.array.trust(model)

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """Currents [A] into `cols` with all of `rows` driven at once, (cols,)."""
        self._watch.look_if_due()
        return self.array.multiply(rows, cols, volts=volts)

    def total(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sum:
        """One current of all of `rows` into all of `cols` together."""
        self._watch.look_if_due()
        return self.array.total(rows, cols, voltage=voltage)

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """One integration at one sign."""
        self._watch.look_if_due()
        return self.array.sense(rows, cols, voltage=voltage)

    def rest(self) -> None:
        """All lines to ground, sources at 0 V."""
        self.array.rest()
