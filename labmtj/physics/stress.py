"""What a request puts on cells and terminals, held against limits: refused, never clipped.

A pulse's largest terminal-to-terminal voltage bounds what any cell sees. Where wires take much of it that bound
says little; then a model of the array (a die map's crossbar) tells what the worst cell would get, at the most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError, LimitExceeded
from labmtj.physics.schemes import levels
from labmtj.ports import CellModel
from labmtj.records import LinePulse, Pulse, State
from labmtj.units import Dimension, show


def largest_cell_voltage(pulse: Pulse, model: CellModel, *, shape: tuple[int, int]) -> float:
    """Magnitude [V] of the largest voltage over any cell of an array of `shape` during a pulse.

    All cells are taken as AP, in which wires take least from them: an upper bound where the model's wires and
    contacts are lower ones. A scheme that lets lines float is bounded by its amplitude.
    """
    volts = levels(pulse.scheme, pulse.amplitude)
    if volts.other_rows is None or volts.other_cols is None:
        return abs(pulse.amplitude)
    rows, cols = np.full((1, shape[0]), volts.other_rows), np.full((1, shape[1]), volts.other_cols)
    rows[0, pulse.cell.row - 1] = volts.row
    cols[0, np.array(pulse.columns) - 1] = volts.col
    return float(np.abs(model.cell_voltages(rows, cols, state=int(State.AP))).max())


@dataclass(frozen=True)
class Limits:
    """What no command may exceed: volts across a cell, volts at a terminal, compliance of a source [A].

    `bias_compliance` is that of a source that feeds many lines. Of one pulse in a cell: energy [J]. Of a cell in its
    whole life (labmtj.bench.life): damage (physics.breakdown), expected flips by reads, pulses. None: no such limit.
    """

    cell_voltage: float
    terminal_voltage: float
    line_compliance: float
    bias_compliance: float | None = None
    pulse_energy: float | None = None
    damage: float | None = None
    read_dose: float | None = None
    pulses: int | None = None

    @property
    def of_many(self) -> float:
        """Compliance of a source that feeds many lines [A]: that of one where nothing else is said."""
        return self.bias_compliance or self.line_compliance

    def check_pulse(self, pulse: Pulse, *, model: CellModel | None = None, shape: tuple[int, int] = (1, 1)) -> None:
        """Refuse a pulse whose largest terminal-to-terminal voltage, which bounds the cell's, is above the limit.

        With a `model` of the array of `shape` it is what the worst cell sees that counts.
        """
        if not (math.isfinite(pulse.width) and pulse.width > 0):
            raise LimitExceeded(f"a pulse on cell {pulse.cell} of width {pulse.width} s makes no sense")
        what = f"a pulse on cell {pulse.cell}"
        if model is None or not abs(pulse.amplitude) > self.cell_voltage or not math.isfinite(pulse.amplitude):
            self.check_cell(pulse.amplitude, what)
        else:
            shown = show(pulse.amplitude, Dimension.VOLTAGE)
            worst = largest_cell_voltage(pulse, model, shape=shape)
            self.check_cell(worst, f"{what}: {shown} between its terminals, of which the worst cell gets")
        for volts in levels(pulse.scheme, pulse.amplitude):
            self.check_terminal(0.0 if volts is None else volts)

    def check_lines(self, pulse: LinePulse, *, shape: tuple[int, int], model: CellModel | None = None) -> None:
        """Refuse a pulse on many lines by the voltage between its highest and its lowest, which bounds all cells'.

        With a `model` it is what the worst cell sees that counts. Raises LimitExceeded, and InputError for lines that
        an array of `shape` does not have and for a pulse without rows or without columns.
        """
        what = f"a pulse on {pulse}"
        for kind, lines, count in (("row", pulse.rows, shape[0]), ("column", pulse.cols, shape[1])):
            if not lines or not all(1 <= line <= count for line in lines):
                raise InputError(f"{what}: name {kind}s of this array, which has {count}, one at least")
        if not (math.isfinite(pulse.width) and pulse.width > 0):
            raise LimitExceeded(f"{what}, of width {pulse.width} s, makes no sense")
        for volts in (*pulse.row_volts, *pulse.col_volts):
            self.check_terminal(volts)
        if model is None or pulse.span <= self.cell_voltage:
            self.check_cell(pulse.span, what)
            return
        rows, cols = pulse.volts(shape)
        across = model.cell_voltages(rows[np.newaxis], cols[np.newaxis], state=int(State.AP))
        shown = show(pulse.span, Dimension.VOLTAGE)
        worst = float(np.abs(across).max())
        self.check_cell(worst, f"{what}: {shown} between its terminals, of which the worst cell gets")

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


def check_neuron(limits: Limits, neuron: int, *, drive: float, probe: float) -> None:
    """Refuse voltages [V] on the x and the z terminal of a neuron whose common terminal is at 0 V.

    Each stands across one junction; their difference across both, should the common terminal come loose.
    """
    for volts, terminal in ((drive, "x"), (probe, "z")):
        limits.check_terminal(volts)
        limits.check_cell(volts, f"the {terminal} terminal of neuron {neuron}")
    limits.check_cell(drive - probe, f"between the terminals of neuron {neuron}")
