"""The last gate before the drivers: what is above a limit of the bench is refused, never clipped."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from labmtj.errors import LimitExceeded
from labmtj.physics.stress import Limits
from labmtj.ports import PulseSource, SensePair, SourceMeter, VoltageBank
from labmtj.units import Dimension, show

__all__ = ["Gate", "GatedBank", "GatedPulses", "GatedSense", "GatedSource", "Limits"]


class Gate:
    """Knows the level of every source, so that two of them cannot pass a cell's limit between them."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._levels: dict[str, float] = {}
        self._sent: dict[str, Mapping[str, float]] = {}
        self._granted: tuple[float, ...] = ()

    @contextmanager
    def granted(self, volts: Sequence[float]) -> Generator[None, None, None]:
        """For one pulse: exactly these terminal voltages [V] were found to keep every cell within its limit."""
        self._granted = tuple(volts)
        try:
            yield
        finally:
            self._granted = ()

    def check_across(self, volts: Sequence[float], what: str) -> None:
        """Refuse terminal voltages [V] of which two differ by more than a cell may see, unless they were granted."""
        if set(volts) <= set(self._granted):
            return
        self.limits.check_cell(max(volts) - min(volts), what)

    def check_alone(self, volts: float, what: str) -> None:
        """Refuse a level [V] above the terminal limit, or above a cell's, with a line at ground, unless granted."""
        self.limits.check_terminal(volts)
        if volts not in self._granted:
            self.limits.check_cell(volts, what)

    @property
    def safe(self) -> float:
        """What may stand on any terminal [V], whatever is granted."""
        return min(self.limits.terminal_voltage, self.limits.cell_voltage)

    def fits(self, owner: str, levels: Mapping[str, float]) -> bool:
        """Whether levels [V] of an instrument's channels are near enough to each other's and to other sources'."""
        highest, lowest = max(0.0, *levels.values()), min(0.0, *levels.values())
        for name, sent in self._sent.items():
            if name != owner and sent:
                highest, lowest = max(highest, *sent.values()), min(lowest, *sent.values())
        return highest - lowest <= self.limits.cell_voltage

    def check_sent(self, owner: str, levels: Mapping[str, float], what: str) -> None:
        """Refuse levels [V] of an instrument's channels that are too far from each other's or from other sources'."""
        others = [volts for name, sent in self._sent.items() if name != owner for volts in sent.values()]
        self.check_across([0.0, *others, *levels.values()], what)

    def others_on(self, owner: str) -> bool:
        """Whether a source of another instrument stands at a level."""
        return any(volts for name, sent in self._sent.items() if name != owner for volts in sent.values())

    def keep_sent(self, owner: str, levels: Mapping[str, float]) -> None:
        """These are the levels [V] at which an instrument's channels stand now."""
        self._sent[owner] = levels

    def admit(self, name: str, volts: float) -> None:
        """Refuse a level [V] above the terminal limit, or too far from another source's for a cell."""
        self.limits.check_terminal(volts)
        for other, level in self._levels.items():
            if other != name:
                self.limits.check_cell(volts - level, f"{show(volts, Dimension.VOLTAGE)} on {name}")
        self._levels[name] = volts


class GatedSource:
    """A source meter behind the gate (labmtj.ports.SourceMeter); one that `feeds_many` lines has a limit of its own."""

    def __init__(self, source: SourceMeter, gate: Gate, name: str, *, feeds_many: bool = False) -> None:
        self._source, self._gate, self._name = source, gate, name
        self._most = gate.limits.of_many if feeds_many else gate.limits.line_compliance

    @property
    def source_voltage(self) -> float:
        """Control the source level [V], within the limits of terminals and cells."""
        return self._source.source_voltage

    @source_voltage.setter
    def source_voltage(self, volts: float) -> None:
        self._gate.admit(self._name, volts)
        self._source.source_voltage = volts

    @property
    def compliance_current(self) -> float:
        """Control the current limit [A], within the line compliance, or that of a source that feeds many lines."""
        return self._source.compliance_current

    @compliance_current.setter
    def compliance_current(self, amperes: float) -> None:
        most = self._most
        if not 0 < amperes <= most * (1 + 1e-9):
            raise LimitExceeded(f"a compliance of {amperes} A is not above zero and up to the {most} A of this bench")
        self._source.compliance_current = amperes

    @property
    def nplc(self) -> float:
        """Control the integration time in periods of the mains."""
        return self._source.nplc

    @nplc.setter
    def nplc(self, periods: float) -> None:
        self._source.nplc = periods

    @property
    def current_range(self) -> float:
        """Control the full scale of current readings [A]."""
        return self._source.current_range

    @current_range.setter
    def current_range(self, amperes: float) -> None:
        self._source.current_range = amperes

    @property
    def source_enabled(self) -> bool:
        """Control the output."""
        return self._source.source_enabled

    @source_enabled.setter
    def source_enabled(self, enabled: bool) -> None:
        self._source.source_enabled = enabled

    @property
    def in_compliance(self) -> bool:
        """Get whether the current limit holds the output below its level."""
        return self._source.in_compliance

    def measure_current(self) -> float:
        """Measure the current out of the source [A]."""
        return self._source.measure_current()

    def shutdown(self) -> None:
        """Go to 0 V and turn the output off."""
        self._source.shutdown()


class GatedSense:
    """A driving and a sensing channel behind the gate (labmtj.ports.SensePair)."""

    def __init__(self, pair: SensePair, gate: Gate) -> None:
        self._pair, self._limits = pair, gate.limits

    def sense(self, volts: float, *, settle: float) -> tuple[float, bool]:
        """Current into the second channel with the first at `volts` [V]; all of it may fall across a cell."""
        self._limits.check_terminal(volts)
        self._limits.check_cell(volts, "a read")
        return self._pair.sense(volts, settle=settle)

    def rest(self) -> None:
        """Both channels to 0 V."""
        self._pair.rest()


class GatedPulses:
    """Two channels that fire together, behind the gate (labmtj.ports.PulseSource).

    `ohms` is the resistance of each output where nothing else limits the current, 0 where a compliance does.
    """

    def __init__(self, pair: PulseSource, gate: Gate, *, ohms: float = 0.0) -> None:
        self._pair, self._gate, self._limits, self.ohms = pair, gate, gate.limits, ohms

    def pulse(self, amplitudes: tuple[float, float], width: float) -> bool:
        """Fire both channels once [V], [s]; their difference is held against the cell limit."""
        for volts in amplitudes:
            self._limits.check_terminal(volts)
        across = amplitudes[0] - amplitudes[1]
        self._gate.check_across((*amplitudes, 0.0), "a pulse")
        if self.ohms:
            self._limits.check_current(abs(across) / (2 * self.ohms), "a pulse into a short")
        if not 0 < width < math.inf:
            raise LimitExceeded(f"a pulse of width {width} s makes no sense")
        return self._pair.pulse(amplitudes, width)

    def rest(self) -> None:
        """Both channels to 0 V."""
        self._pair.rest()


class GatedBank:
    """A bank of voltages behind the gate (labmtj.ports.VoltageBank); 0 V stands on every line that it does not name."""

    def __init__(self, bank: VoltageBank, gate: Gate) -> None:
        self._bank, self._gate, self._limits = bank, gate, gate.limits

    def _admit(self, levels: Mapping[str, float], what: str) -> None:
        for volts in levels.values():
            self._limits.check_terminal(volts)
        self._gate.check_across([0.0, *levels.values()], what)

    def apply(self, levels: Mapping[str, float]) -> None:
        """Put these channels at these volts; any two of them may stand across a cell."""
        self._admit(levels, "these levels together")
        self._bank.apply(levels)

    def pulse(
        self, levels: Mapping[str, float], width: float, *, meanwhile: AbstractContextManager[None] | None = None
    ) -> None:
        """Fire these channels at these volts [V] for `width` [s] together."""
        self._admit(levels, "a pulse")
        if not 0 < width < math.inf:
            raise LimitExceeded(f"a pulse of width {width} s makes no sense")
        self._bank.pulse(levels, width, meanwhile=meanwhile)

    def measure_currents(self, names: Sequence[str]) -> list[float]:
        """Measure the currents out of these channels [A]."""
        return self._bank.measure_currents(names)

    def measure_together(self, names: Sequence[str], *, nplc: float) -> list[float]:
        """Measure the currents out of these channels [A] over one integration time."""
        return self._bank.measure_together(names, nplc=nplc)

    def rest(self) -> None:
        """All channels to 0 V."""
        self._bank.rest()
