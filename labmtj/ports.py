"""The ports: small Protocols that real and simulated things implement alike.

Nothing above a port asks what stands behind it. All quantities are SI floats; a cell voltage is word
line minus bit line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Cell, Contact, Floats, LineOutcome, LinePulse, Pulse, PulseOutcome, Reading, Sample, Sum
from labmtj.records.neurons import NeuronReading


class Clock(Protocol):
    """Time in seconds, real or virtual."""

    def now(self) -> float:
        """Seconds since the bench was opened."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class Journal(Protocol):
    """The append-only record of a run; every call returns once the entry is stored."""

    def intent(self, pulse: Pulse) -> int:
        """Store, on disk, that `pulse` is about to leave; return its number."""
        ...

    def intent_lines(self, pulse: LinePulse) -> int:
        """Store, on disk, that this pulse on many lines is about to leave; return its number."""
        ...

    def outcome(self, number: int, outcome: PulseOutcome | LineOutcome) -> None:
        """Store what became of the pulse with this number."""
        ...

    def record(self, kind: str, content: Mapping[str, Any]) -> None:
        """Store anything else, of a kind that readers of the journal know."""
        ...


class SourceMeter(Protocol):
    """One channel that forces a voltage and measures the current out of it."""

    @property
    def source_voltage(self) -> float:
        """Control the source level [V]."""
        ...

    @source_voltage.setter
    def source_voltage(self, volts: float) -> None: ...

    @property
    def compliance_current(self) -> float:
        """Control the current limit [A]."""
        ...

    @compliance_current.setter
    def compliance_current(self, amperes: float) -> None: ...

    @property
    def nplc(self) -> float:
        """Control the integration time in periods of the mains."""
        ...

    @nplc.setter
    def nplc(self, periods: float) -> None: ...

    @property
    def current_range(self) -> float:
        """Control the full scale of current readings [A]."""
        ...

    @current_range.setter
    def current_range(self, amperes: float) -> None: ...

    @property
    def source_enabled(self) -> bool:
        """Control the output."""
        ...

    @source_enabled.setter
    def source_enabled(self, enabled: bool) -> None: ...

    def measure_current(self) -> float:
        """Current [A] out of the channel, positive for a positive voltage across a resistor; inf beyond the range."""
        ...

    @property
    def in_compliance(self) -> bool:
        """Whether the current limit holds the channel below its voltage."""
        ...

    def shutdown(self) -> None:
        """Go to 0 V and turn the output off."""
        ...


class PulseSource(Protocol):
    """Two channels that fire together: the selected row's and the selected column's."""

    def pulse(self, amplitudes: tuple[float, float], width: float) -> bool:
        """Fire both channels once from 0 V and back; [V] and [s]. True if a channel was in compliance."""
        ...

    def rest(self) -> None:
        """Both channels to 0 V."""
        ...


class SensePair(Protocol):
    """Two channels of which one senses what the other drives."""

    def sense(self, volts: float, *, settle: float) -> tuple[float, bool]:
        """Put the first channel at `volts`, wait `settle` [s], measure, return it to 0 V.

        The current [A] that flows from the first channel's lines into the second, and whether the first
        was in compliance.
        """
        ...

    def rest(self) -> None:
        """Both channels to 0 V."""
        ...


class SourcePair(PulseSource, SensePair, Protocol):
    """Two channels of one instrument that do both."""


class VoltageBank(Protocol):
    """Many voltage outputs, by name, that change together and measure their currents, all at the same time."""

    def apply(self, levels: Mapping[str, float]) -> None:
        """Put these channels at these volts, all at once; read back."""
        ...

    def pulse(
        self, levels: Mapping[str, float], width: float, *, meanwhile: AbstractContextManager[None] | None = None
    ) -> None:
        """Put these channels at these volts for `width` [s] on one trigger, from 0 V and back to 0 V.

        `meanwhile` is entered when all is ready for the trigger, and left when the channels are back at 0 V.
        """
        ...

    def measure_currents(self, names: Sequence[str]) -> list[float]:
        """Currents [A] out of these channels, as a source meter's are; inf beyond the range."""
        ...

    def measure_together(self, names: Sequence[str], *, nplc: float) -> list[float]:
        """The same, all over one integration time in periods of the mains."""
        ...

    def rest(self) -> None:
        """All channels to 0 V."""
        ...


class SwitchMatrix(Protocol):
    """Crosspoints between matrix rows (letters) and matrix columns (numbers from 1)."""

    def switch(self, steps: Sequence[tuple[str, Sequence[tuple[str, int]]]]) -> frozenset[tuple[str, int]]:
        """Carry out `("close" | "open", crosspoints)` in this order; return what is closed after it."""
        ...

    def closed(self) -> frozenset[tuple[str, int]]:
        """The crosspoints that are closed now."""
        ...

    def open_all(self) -> None:
        """Open every crosspoint."""
        ...


class CellModel(Protocol):
    """A model of an array that tells what its cells see, for example a die map's crossbar."""

    def cell_voltages(self, rows: Floats, cols: Floats, *, state: int) -> Floats:
        """Voltages of all cells [V], (biases, rows, cols), for line voltages (biases, rows) and (biases, cols) [V]."""
        ...


class ArrayAccess(Protocol):
    """What routines use: cells and lines, with routes and instruments hidden."""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        ...

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        ...

    def read(self, cells: Sequence[Cell], *, voltage: float) -> list[Reading]:
        """Read cells one after the other at +voltage and -voltage [V]."""
        ...

    def pulse(self, pulse: Pulse) -> PulseOutcome:
        """Fire one programming pulse on all of its cells, with its intent and outcome in the journal."""
        ...

    def check(self, pulse: Pulse) -> None:
        """Raise `LimitExceeded` if `pulse` would pass a limit; touches nothing."""
        ...

    @property
    def own_levels(self) -> tuple[bool, bool]:
        """Whether driven rows, and driven columns, can each have a voltage of their own in `pulse_lines`.

        Where they cannot, all driven lines of that kind share one.
        """
        ...

    def pulse_lines(self, pulse: LinePulse) -> LineOutcome:
        """Fire one pulse on many lines at once, with its intent and outcome in the journal."""
        ...

    def check_lines(self, pulse: LinePulse) -> None:
        """Raise `LimitExceeded` if `pulse` would pass a limit or cannot be made here; touches nothing."""
        ...

    def trust(self, model: CellModel | None) -> None:
        """Hold pulses against the cell limit by what this model of the array says that cells get, from now on.

        Its wires must be a lower bound. Without one (None) all of an amplitude counts as the cell's.
        """
        ...

    @property
    def analog(self) -> bool:
        """Whether each row can have a voltage of its own in `multiply`."""
        ...

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """Currents [A] into `cols` with all of `rows` driven at once, each at its own of `volts` [V], (cols,).

        Where the array is not `analog` all of `volts` are the same.
        """
        ...

    def total(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sum:
        """One current of all of `rows` at +voltage and -voltage [V] into all of `cols` together."""
        ...

    def sense(self, rows: Sequence[int], cols: Sequence[int], *, voltage: float) -> Sample:
        """One integration at one sign: `rows` at `voltage` [V] (0 for offsets), `cols` together on the ammeter."""
        ...

    def rest(self) -> None:
        """All lines to ground, sources at 0 V."""
        ...


@runtime_checkable
class GatedArray(ArrayAccess, Protocol):
    """An array with a transistor in every cell, in kernels of which one is on the lines at a time.

    Rows count through all kernels. Rows that one call drives together belong to one kernel.
    """

    @property
    def kernels(self) -> int:
        """How many kernels there are; each has shape[0] / kernels rows and shape[1] columns."""
        ...

    def multiply_each(self, kernel: int, patterns: NDArray[np.bool_], col: int, *, voltage: float) -> Floats:
        """Currents [A] into column `col` of a kernel (from 1), (patterns,), each with a pattern of its gates open.

        `patterns` (patterns, rows of a kernel); all rows are driven at `voltage` [V], those with closed gates take no
        part. The current with all gates closed is subtracted. nan where the range or the limit was reached.
        """
        ...


class NeuronAccess(Protocol):
    """Neurons made of one three-terminal junction each, with routes and instruments hidden (labmtj.records.neurons)."""

    @property
    def count(self) -> int:
        """How many there are; they count from 1."""
        ...

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        ...

    def operate(self, neuron: int, drives: Sequence[float], *, probe: float) -> list[NeuronReading]:
        """Put the x terminal at each of `drives` [V] in turn, the z terminal at `probe` [V], and read all three.

        The sources are at 0 V before and after. What is read is in the journal. Raises `LimitExceeded` with nothing
        sent if any of it is above a limit.
        """
        ...

    def check(self, neuron: int, drives: Sequence[float], *, probe: float) -> None:
        """Raise `LimitExceeded` if `operate` would; `InputError` for a neuron that is not there; touches nothing."""
        ...

    def rest(self) -> None:
        """All terminals to ground, sources at 0 V."""
        ...


class DigitalPort(Protocol):
    """Digital lines of an instrument."""

    def write(self, levels: Sequence[int], *, before: int | None = None) -> None:
        """Put the port at these levels one after the other, in one message; the last is read back.

        Raises `GatesClosed` if it does not, or if the port was not at the level `before` until then.
        """
        ...


class ContactCheck(Protocol):
    """Looks at every line of an array before anything else is put on it."""

    def __call__(self, *, level: float = 10e-3, quarantine: Literal["none", "open"] = "none") -> Contact:
        """Examine all lines at no more than `level` [V]; what is found is in the journal, nothing is raised for it.

        With `quarantine` "open" lines that current does not get through are left out from here on.
        """
        ...


class Ticker(Protocol):
    """Told whenever a routine has finished one of its items; may raise to stop after it."""

    def __call__(self, done: int = 1) -> None:
        """`done` more items are finished."""
        ...


def no_ticks(done: int = 1) -> None:
    """A ticker for callers that want no progress; it keeps nothing."""
    del done


class FieldSource(Protocol):
    """A magnet: field [T] along the easy axis of the junctions, positive where it favours P."""

    @property
    def field(self) -> float:
        """Control the field [T]: setting it ramps there at the bench's rate; getting it gives what was set.

        Raises `LimitExceeded` above a limit, with nothing sent, and `BenchError`.
        """
        ...

    @field.setter
    def field(self, tesla: float) -> None: ...

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest field [T] that can be set."""
        ...

    def check(self, tesla: float) -> None:
        """Raise `LimitExceeded` for a field [T] above a limit; touches nothing."""
        ...

    def read(self) -> float:
        """Measure the field [T], by the current of its supply."""
        ...

    def wait_until_stable(self, timeout: float) -> float:
        """Wait until the field stands where it was set; return it [T]. Raises `BenchError` after `timeout` [s]."""
        ...

    def zero(self) -> None:
        """Ramp to 0 T and wait until it is there."""
        ...


class Thermometer(Protocol):
    """A sensor beside the die."""

    def temperature(self) -> float:
        """Measure the temperature [K]. Raises `BenchError` where the sensor gives none."""
        ...
