"""One kernel of a simulated chip: an array with a transistor in every cell, of which some rows' gates are open.

What follows from the states of its cells is kept until one changes, and only open rows are worked out anew: a pattern
of gates costs what its open cells cost.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.physics.transistor import Transistor
from labmtj.physics.variation import DieTruth
from labmtj.records import Floats, State
from labmtj.twin.chip_state import KernelState
from labmtj.twin.electrics import BARRIER, DRIVE, Electrics
from labmtj.twin.hookup import Hookup
from labmtj.twin.operating_point import Network, OperatingPoint
from labmtj.twin.state import DieState

if TYPE_CHECKING:
    from labmtj.physics.gated import GatedKernel


class KernelElectrics(Electrics):
    """Kernel `number` (from 0) of a chip; its draws have the addresses that its cells have in the whole die."""

    def __init__(self, chip: DieTruth, state: DieState, number: int) -> None:
        truth = part(chip, number)
        rows, cols = truth.model.rows, truth.model.cols
        self.own = KernelState(state, number, rows)
        self._transistor = transistor(truth)
        self._barrier = np.clip(truth.delta, *BARRIER)
        self._solver: GatedKernel | None = None  # of the present states, once something was solved
        self._steered: tuple[Floats, Floats] | None = None  # drive of each cell at 0 V, and by a volt
        # Rates at rest change with every flip where neighbours matter, else with that of a cell itself.
        self._apart = not truth.model.neighbour_field and not truth.model.heating
        super().__init__(truth, self.own, first=number * rows * cols)

    def _crossbar(self, hookup: Hookup, level: Floats, ohms: Floats) -> Network:
        (rows, _), gates = self._shape, hookup.gates
        if self._solver is None:
            self._solver = self._prepared()
        volts = np.full(rows, np.nan)
        if gates is not None:
            volts[[n for n in range(rows) if gates.rows >> n & 1]] = gates.volts
        return self._solver.solve(
            gates=volts, v_row=level[:rows], v_col=level[rows:], r_row=ohms[:rows], r_col=ohms[rows:]
        )

    def _prepared(self) -> GatedKernel:
        # Compiled, and of use for chips only.
        from labmtj.physics.gated import GatedKernel

        model = self.truth.model
        return GatedKernel(
            self._states(), self._r_p, r_wire=model.wire, tmr=self.truth.tmr, v_h=model.v_h, k_p=model.k_p,
            transistor=self._transistor, v_t=self.truth.threshold,
        )  # fmt: skip

    def _leaving(self, point: OperatingPoint) -> Floats:
        """Only where gates are open it is another rate than at rest; of those alone it is worked out."""
        rows = np.flatnonzero(point.cell_v.any(axis=1))
        if point is self._at_rest or not rows.size or not self._apart:
            return super()._leaving(point)
        rates = self._rates(self._at_rest).copy()
        rates[rows] = np.where(self._stays[rows], 0.0, self._rates_at(rows, point.cell_v[rows]))
        return rates

    def _rates_at(self, rows: NDArray[np.intp], cell_v: Floats) -> Floats:
        """Rates [1/s] of the cells of some rows at `cell_v` [V], (rows, cols)."""
        from labmtj.physics.switching import switching_rate

        if self._steered is None:
            still = self._drive(np.zeros(self._shape))
            model, is_ap = self.truth.model, self.state.state == State.AP
            by_volt = model.sign / np.where(is_ap, self.truth.v_c0, -self.truth.v_c0 * model.v_c0_ratio)
            self._steered = still, by_volt
        still, by_volt = self._steered
        drive = np.clip(still[rows] + by_volt[rows] * cell_v, -DRIVE, DRIVE)
        return switching_rate(drive, delta=self._barrier[rows], tau_d=self.truth.model.tau_d)

    def _flip(self, cell: tuple[np.intp, ...]) -> None:
        rates = self._at_rest.rates
        super()._flip(cell)
        if rates is not None and self._apart:
            row = np.array([cell[0]])
            rates[row] = np.where(self._stays[row], 0.0, self._rates_at(row, np.zeros((1, self._shape[1]))))
            self._at_rest.rates = rates

    def _forget(self) -> None:
        super()._forget()
        self._solver = self._steered = None


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
