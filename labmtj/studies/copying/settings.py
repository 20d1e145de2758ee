"""How the copies of a study are written: the settings of a die, the amplitudes of its cells, and their order."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.physics.crossbar_stack import Crossbar
from labmtj.physics.stress import Limits
from labmtj.ports import CellModel
from labmtj.records import Cell, Floats, Ints, Pulse, Scheme, State
from labmtj.routines.characterise import write_amplitudes
from labmtj.routines.writing.batches import RISKY
from labmtj.routines.writing.settings import Algorithm, Order, WriteSettings
from labmtj.studies.copying.door import CompiledModel, bench_limits
from labmtj.studies.records import PreparedDie


def write_settings(prepared: PreparedDie, *, retries: int = 10, repair_sweeps: int = 4) -> WriteSettings:
    """Cell by cell, verify first, with what wires take added: as a program step has it with `order: cells`."""
    die = prepared.die
    picture, amplitudes = prepared.picture, write_amplitudes(die.switching)
    return WriteSettings(
        amplitudes=amplitudes if picture.model is None else picture.at_cells(amplitudes),
        width=die.width,
        scheme=Scheme.V_HALF,
        retries=retries,
        repair_sweeps=repair_sweeps,
        read=die.read_voltage,
        order=Order.CELLS,
    )


@dataclass(eq=False)
class Plan:
    """What every cell of a die is pulsed with; cells are numbered row by row.

    `first` (2, cells) [V] are signed amplitudes of first pulses by target; `snake` the cells in the order in which
    they are written and verified, `far` (cells,) shares of the voltage that reach each, if wires take any.
    """

    settings: WriteSettings
    shape: tuple[int, int]
    limits: Limits
    model: CellModel | None
    first: Floats
    far: Floats | None
    _steps: list[Floats] = field(default_factory=list[Floats])

    @staticmethod
    def of(prepared: PreparedDie, settings: WriteSettings) -> Plan:
        """Work it out for a die. Raises InputError for ways of writing that copies in lockstep do not know."""
        known = settings.algorithm is Algorithm.VERIFY_FIRST and settings.order is Order.CELLS
        if not known or settings.scheme is not Scheme.V_HALF or settings.line_checks or settings.growth.widen != 1.0:
            raise InputError("copies in lockstep are written with verify_first, v_half and order: cells only")
        die = prepared.die
        if prepared.file is None or settings.read != die.read_voltage:
            raise InputError("copies are read at the voltage of the die's map, on the bench that it was mapped on")
        picture = prepared.picture
        compensated = settings.compensate and picture.model is not None
        wanted = picture.wanted(settings.amplitudes, margin=None)
        first, far = np.empty((2, die.defect.size)), None
        for target in State:
            volts = die.polarity.sign(target) * wanted[target]
            if compensated:
                nominal = float(np.nanmedian(wanted[target]))
                share = picture.shares(target, scheme=settings.scheme, amplitude=nominal)
                volts = volts / share
                far = share.ravel() if target is State.P else far
            first[target] = volts.ravel()
        trusted = CompiledModel(picture.lower_bound) if isinstance(picture.lower_bound, Crossbar) else None
        return Plan(settings, die.shape, bench_limits(prepared.file), trusted if compensated else None, first, far)

    def amplitude(self, attempt: int, target: Ints, cell: Ints) -> Floats:
        """Signed amplitudes [V] of a pulse; 0 where the limits leave no room for any.

        One that the limits do not allow is made as the one before it was.
        """
        while len(self._steps) <= attempt:
            grown = self.settings.growth.amplitude(len(self._steps)) * self.first
            before = self._steps[-1] if self._steps else np.zeros_like(grown)
            self._steps.append(np.where(self._allowed(grown), grown, before))
        return self._steps[attempt][target, cell]

    def check(self, cells: Ints) -> None:
        """Raise LimitExceeded, before anything is written, for amplitudes above the limits on these cells."""
        for cell in np.unique(cells).tolist():
            for state in State:
                volts = self.settings.amplitudes.towards(state) * self.settings.growth.amplitude(0)
                self._check(cell, volts)

    def far_first(self, cells: Ints, used: NDArray[np.bool_]) -> Ints:
        """Order (networks, devices) in which cells of a layer are gone through one by one; empty where any order does.

        `cells` (networks, devices) and whether they are `used`; those that are not come last.
        """
        networks = len(cells)
        if self.far is None:
            return np.zeros((networks, 0), np.int64)
        share = np.where(used, self.far[cells], np.nan)
        with np.errstate(invalid="ignore"):
            risky = 0.5 * np.nanmax(share, axis=1) >= RISKY * np.nanmin(share, axis=1)
        order = np.lexsort((cells, share), axis=1)
        found = np.take_along_axis(np.where(used, cells, -1), order, axis=1)
        return np.where(risky[:, np.newaxis], found, -1)

    def snake(self) -> Ints:
        """All cells row by row, every other row backwards."""
        rows, cols = self.shape
        grid = np.arange(rows * cols).reshape(rows, cols)
        grid[1::2] = grid[1::2, ::-1].copy()
        return grid.ravel()

    def _allowed(self, volts: Floats) -> NDArray[np.bool_]:
        """Which pulses (2, cells) the limits leave room for."""
        found = np.ones(volts.shape, np.bool_)
        limits, (rows, cols) = self.limits, self.shape
        found &= np.abs(0.5 * volts) <= limits.terminal_voltage * (1 + 1e-9)
        over = np.abs(volts) > limits.cell_voltage
        if self.model is None:
            return found & (np.abs(volts) <= limits.cell_voltage * (1 + 1e-9))
        target, cell = np.nonzero(over)
        if cell.size:
            each, half = np.arange(cell.size), 0.5 * volts[target, cell]
            on_rows, on_cols = np.zeros((cell.size, rows)), np.zeros((cell.size, cols))
            on_rows[each, cell // cols], on_cols[each, cell % cols] = half, -half
            worst = np.abs(self.model.cell_voltages(on_rows, on_cols, state=int(State.AP))).max(axis=(1, 2))
            found[target, cell] &= worst <= limits.cell_voltage * (1 + 1e-9)
        return found

    def _check(self, cell: int, volts: float) -> None:
        row, col = divmod(cell, self.shape[1])
        pulse = Pulse(Cell(row + 1, col + 1), volts, self.settings.width, self.settings.scheme)
        self.limits.check_pulse(pulse, model=self.model, shape=self.shape)
