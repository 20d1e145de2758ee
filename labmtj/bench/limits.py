"""The last gate before the drivers: what is above a limit of the bench is refused, never clipped."""

from __future__ import annotations

import math

from labmtj.errors import LimitExceeded
from labmtj.physics.stress import Limits
from labmtj.ports import PulseSource, SourceMeter


class GatedSource:
    """A source meter behind the gate (labmtj.ports.SourceMeter)."""

    def __init__(self, source: SourceMeter, limits: Limits) -> None:
        self._source, self._limits = source, limits

    @property
    def source_voltage(self) -> float:
        """Control the source level [V], within the terminal limit."""
        return self._source.source_voltage

    @source_voltage.setter
    def source_voltage(self, volts: float) -> None:
        self._limits.check_terminal(volts)
        self._source.source_voltage = volts

    @property
    def compliance_current(self) -> float:
        """Control the current limit [A], within the line compliance."""
        return self._source.compliance_current

    @compliance_current.setter
    def compliance_current(self, amperes: float) -> None:
        if not 0 < amperes <= self._limits.line_compliance * (1 + 1e-9):
            raise LimitExceeded(f"a compliance of {amperes} A is above {self._limits.line_compliance} A of this bench")
        self._source.compliance_current = amperes

    @property
    def nplc(self) -> float:
        """Control the integration time in periods of the mains."""
        return self._source.nplc

    @nplc.setter
    def nplc(self, periods: float) -> None:
        self._source.nplc = periods

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


class GatedPulses:
    """A pulse source behind the gate (labmtj.ports.PulseSource)."""

    def __init__(self, pulses: PulseSource, limits: Limits) -> None:
        self._pulses, self._limits = pulses, limits

    def pulse(self, amplitudes: tuple[float, float], width: float) -> bool:
        """Fire both channels once [V], [s]; their difference is held against the cell limit."""
        for volts in amplitudes:
            self._limits.check_terminal(volts)
        self._limits.check_cell(amplitudes[0] - amplitudes[1], "a pulse")
        if not 0 < width < math.inf:
            raise LimitExceeded(f"a pulse of width {width} s makes no sense")
        return self._pulses.pulse(amplitudes, width)
