"""What a request puts on cells and terminals, held against limits: refused, never clipped."""

from __future__ import annotations

import math
from dataclasses import dataclass

from labmtj.errors import LimitExceeded
from labmtj.physics.schemes import levels
from labmtj.records import Pulse
from labmtj.units import Dimension, show


@dataclass(frozen=True)
class Limits:
    """What no command may exceed: volts across a cell, volts at a terminal, compliance of a source [A]."""

    cell_voltage: float
    terminal_voltage: float
    line_compliance: float

    def check_pulse(self, pulse: Pulse) -> None:
        """Refuse a pulse whose largest terminal-to-terminal voltage, which bounds the cell's, is above the limit."""
        if not (math.isfinite(pulse.width) and pulse.width > 0):
            raise LimitExceeded(f"a pulse on cell {pulse.cell} of width {pulse.width} s makes no sense")
        self.check_cell(pulse.amplitude, f"a pulse on cell {pulse.cell}")
        for volts in levels(pulse.scheme, pulse.amplitude):
            self.check_terminal(0.0 if volts is None else volts)

    def check_cell(self, volts: float, what: str) -> None:
        """Refuse a voltage across a cell."""
        if not abs(volts) <= self.cell_voltage * (1 + 1e-9):
            raise LimitExceeded(
                f"{what}: {show(volts, Dimension.VOLTAGE)} is above the cell limit "
                f"{show(self.cell_voltage, Dimension.VOLTAGE)} of this bench"
            )

    def check_terminal(self, volts: float) -> None:
        """Refuse a voltage at a terminal; not a number is refused too."""
        if not abs(volts) <= self.terminal_voltage * (1 + 1e-9):
            raise LimitExceeded(
                f"{volts} V at a terminal is above the limit "
                f"{show(self.terminal_voltage, Dimension.VOLTAGE)} of this bench"
            )

    def check_current(self, amperes: float, what: str) -> None:
        """Refuse a current that no compliance holds back."""
        if not abs(amperes) <= self.line_compliance * (1 + 1e-9):
            raise LimitExceeded(
                f"{what}: {show(amperes, Dimension.CURRENT)} is above the line compliance "
                f"{show(self.line_compliance, Dimension.CURRENT)} of this bench"
            )
