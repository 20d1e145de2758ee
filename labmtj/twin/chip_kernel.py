"""One kernel of a simulated chip: an array with a transistor in every cell, of which some rows' gates are open."""

from __future__ import annotations

import dataclasses

import numpy as np

from labmtj.errors import InputError
from labmtj.physics.transistor import Transistor
from labmtj.physics.variation import DieTruth
from labmtj.records import Floats
from labmtj.twin.chip_state import KernelState
from labmtj.twin.electrics import BARRIER, Electrics
from labmtj.twin.hookup import Hookup
from labmtj.twin.operating_point import Network, OperatingPoint
from labmtj.twin.state import DieState


class KernelElectrics(Electrics):
    """Kernel `number` (from 0) of a chip; its draws have the addresses that its cells have in the whole die."""

    def __init__(self, chip: DieTruth, state: DieState, number: int) -> None:
        truth = part(chip, number)
        rows, cols = truth.model.rows, truth.model.cols
        self.own = KernelState(state, number, rows)
        self._transistor, self._v_t = transistor(truth), truth.threshold
        self._barrier = np.clip(truth.delta, *BARRIER)
        super().__init__(truth, self.own, first=number * rows * cols)

    def _crossbar(self, hookup: Hookup, level: Floats, ohms: Floats) -> Network:
        # Compiled, and of use for chips only.
        from labmtj.physics.gated import solve_gated

        (rows, _), model, gates = self._shape, self.truth.model, hookup.gates
        volts = np.full(rows, np.nan)
        if gates is not None:
            volts[[n for n in range(rows) if gates.rows >> n & 1]] = gates.volts
        return solve_gated(
            self._states(), self._r_p, v_row=level[:rows], v_col=level[rows:], gates=volts, r_wire=model.wire,
            tmr=self.truth.tmr, v_h=model.v_h, k_p=model.k_p, transistor=self._transistor, v_t=self._v_t,
            r_row=ohms[:rows], r_col=ohms[rows:],
        )  # fmt: skip

    def _leaving(self, point: OperatingPoint) -> Floats:
        """Only where gates are open it is another rate than at rest; of those alone it is worked out."""
        rows = np.flatnonzero(point.cell_v.any(axis=1))
        if point is self._at_rest or not rows.size or self.truth.model.heating:
            return super()._leaving(point)
        from labmtj.physics.switching import switching_rate

        rates = self._rates(self._at_rest).copy()
        drive = self._drive(point.cell_v)[rows]
        found = switching_rate(drive, delta=self._barrier[rows], tau_d=self.truth.model.tau_d)
        rates[rows] = np.where(self._stays[rows], 0.0, found)
        return rates


def transistor(truth: DieTruth) -> Transistor:
    """The transistor of a chip's cells. Raises InputError for a die without."""
    found = truth.model.transistor
    if found is None:
        raise InputError("a die without transistors has no kernels")
    return found


def part(chip: DieTruth, number: int) -> DieTruth:
    """What kernel `number` (from 0) of a chip is: its rows of everything."""
    model = chip.model
    rows = model.rows // model.kernels
    own = slice(number * rows, (number + 1) * rows)
    cells = {
        field.name: getattr(chip, field.name)[own]
        for field in dataclasses.fields(chip)
        if isinstance(getattr(chip, field.name), np.ndarray)
    }
    return dataclasses.replace(chip, model=dataclasses.replace(model, rows=rows, kernels=1), **cells)
