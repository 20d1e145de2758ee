"""What the die map says of an array while it is written: currents that readings should show, volts that pulses put.

Without a measured wire resistance nothing is added for wires, and sums of cells are not trusted.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labmtj.errors import SolveError
from labmtj.physics.crossbar_stack import Crossbar
from labmtj.physics.schemes import levels
from labmtj.records import Amplitudes, Cell, DieMap, Floats, Ints, Scheme, State
from labmtj.routines.cell_voltage import cell_voltages, crossbar_of

# chosen: a map's reading repeats within 0.3 %, its wire resistance within 10 %; a sum is trusted where both together
# are less than a quarter of what the smallest cell's flip would change.
_READING, _WIRE, _TRUSTED = 0.003, 0.1, 0.25
_LINES = ("wire", "row_contact", "col_contact", "v_h", "k_p", "read_voltage")
_LEAST = 0.8  # chosen: of the measured wire resistance, two of its largest errors below


@dataclass(frozen=True, eq=False)
class Picture:
    """An array as its die map has it; `state` arrays are `State` values (rows, cols), -1 where unknown."""

    die: DieMap

    def of(self, die: DieMap) -> Picture:
        """The picture of a map that may have changed since; what has been worked out is kept where it still holds."""
        known = self.__dict__.get("model")
        same = all(getattr(die, name) is getattr(self.die, name) for name in ("r_p", "r_ap", "defect"))
        same = same and all(getattr(die, name) == getattr(self.die, name) for name in _LINES)
        found = Picture(die)
        if same and known is not None:
            found.__dict__["model"] = known
            found.__dict__["_shares"] = self._shares
        return found

    @functools.cached_property
    def model(self) -> Crossbar | None:
        """The crossbar behind the map's readings; None where its wires are not known, or cannot be what is said.

        Junctions that read what they do behind such wires may not exist: then nothing is made of the wires, cells
        are written one by one and verified by themselves.
        """
        die = self.die
        if die.wire is None:
            return None
        try:
            return crossbar_of(
                die.r_p,
                r_ap=die.r_ap,
                defect=die.defect,
                read_voltage=die.read_voltage,
                wire=die.wire,
                row_contact=die.row_contact,
                col_contact=die.col_contact,
                v_h=0.5 if die.v_h is None else die.v_h,
                k_p=0.2 if die.k_p is None else die.k_p,
            )
        except SolveError:
            return None

    @property
    def lower_bound(self) -> Crossbar | None:
        """The model with the least that wires may take: what limits of cells are held against."""
        return (
            None
            if self.model is None
            else replace(self.model, wire=_LEAST * self.model.wire, row_contact=0.0, col_contact=0.0)
        )

    def row_currents(self, rows: Sequence[int], *, state: Ints, voltage: float) -> tuple[Floats, Floats]:
        """Currents [A] of all columns, (rows, cols), with each of `rows` (from 1) at `voltage` [V] by itself.

        The second array has them without wires. Defective cells show what the crossbar of the map makes of them.
        """
        model = self.model
        assert model is not None
        driven = np.zeros((len(rows), self.die.shape[0]))
        driven[np.arange(len(rows)), np.array(rows) - 1] = voltage
        still = np.zeros((len(rows), self.die.shape[1]))
        wired = model.column_currents(driven, still, state=state)
        bare = Crossbar(model.r_p, model.tmr0, 0.0, 0.0, 0.0, model.v_h, model.k_p)
        return wired, bare.column_currents(driven, still, state=state)

    def column_currents(self, rows: Sequence[int], *, state: Ints, voltage: float) -> tuple[Floats, Floats]:
        """Currents [A] of all columns, (cols,), with all of `rows` (from 1) at `voltage` [V]; also without wires."""
        model = self.model
        assert model is not None
        driven = np.zeros((1, self.die.shape[0]))
        driven[0, np.array(rows) - 1] = voltage
        still = np.zeros((1, self.die.shape[1]))
        bare = Crossbar(model.r_p, model.tmr0, 0.0, 0.0, 0.0, model.v_h, model.k_p)
        return model.column_currents(driven, still, state=state)[0], bare.column_currents(driven, still, state=state)[0]

    def step(self, *, voltage: float) -> Floats:
        """Current [A] by which a cell's reading differs between its states, (rows, cols); nan for defective cells."""
        return voltage * (1.0 / self.die.r_p - 1.0 / self.die.r_ap)

    @staticmethod
    def trusted(expected: float, bare: float, smallest: float) -> bool:
        """Whether a sum [A] tells one wrong cell of its group; `smallest` [A] is the least that a flip changes."""
        doubt = _READING * abs(expected) + _WIRE * abs(bare - expected)
        return doubt < _TRUSTED * smallest

    def pulse_volts(
        self, pulses: Sequence[tuple[int, Sequence[int]]], *, amplitude: Floats, scheme: Scheme, state: Ints
    ) -> Floats:
        """Voltages [V] of all cells, (pulses, rows, cols), for pulses on a row's columns (all from 1).

        `amplitude` (pulses,) [V] is signed. Lines that float are not known here and are taken as held at 0 V.
        """
        model = self.model
        assert model is not None
        rows, cols = np.zeros((len(pulses), self.die.shape[0])), np.zeros((len(pulses), self.die.shape[1]))
        for number, (row, chosen) in enumerate(pulses):
            volts = levels(scheme, float(amplitude[number]))
            rows[number], cols[number] = volts.other_rows or 0.0, volts.other_cols or 0.0
            rows[number, row - 1], cols[number, np.array(chosen) - 1] = volts.row, volts.col
        return model.cell_voltages(rows, cols, state=state)

    def own_volts(self, cells: Sequence[Cell], *, amplitude: Floats, state: Ints, before: State) -> Floats:
        """Voltage [V] over each of `cells`, (cells,), by its own V/2 pulse; it is in the state `before` then."""
        model = self.model
        assert model is not None
        return cell_voltages(model, cells, amplitude=amplitude, state=state, before=before)

    @functools.cached_property
    def _shares(self) -> dict[tuple[State, Scheme], Floats]:
        return {}

    def shares(self, target: State, *, scheme: Scheme, amplitude: float) -> Floats:
        """Cell voltage over terminal amplitude, (rows, cols), of single pulses of about `amplitude` [V] to `target`.

        Other cells are taken as halfway between their states; worked out once a scheme.
        """
        found = self._shares.get((target, scheme))
        if found is None:
            rows, cols = self.die.shape
            pulses = [(row + 1, (col + 1,)) for row, col in np.ndindex(rows, cols)]
            state = np.full((len(pulses), rows, cols), -1)
            each = np.arange(len(pulses))
            state[each, each // cols, each % cols] = int(target.other)
            volts = np.full(len(pulses), self.die.polarity.sign(target) * amplitude)
            over = self.pulse_volts(pulses, amplitude=volts, scheme=scheme, state=state)
            found = over[each, each // cols, each % cols].reshape(rows, cols) / volts[0]
            self._shares[target, scheme] = found
        return found

    def terminal(
        self, pulses: Sequence[tuple[int, Sequence[int]]], *, wanted: Floats, signs: Floats, scheme: Scheme, state: Ints
    ) -> tuple[Floats, Floats]:
        """Amplitudes [V], (pulses,), that put at least `wanted` (rows, cols) [V] on every cell of each pulse.

        Also by how much the best supplied cell of each pulse gets more than it wants, as a ratio.
        """
        amplitude = np.array([wanted[row - 1, np.array(cols) - 1].max() for row, cols in pulses])
        excess = np.ones(len(pulses))
        for _turn in range(6):
            volts = np.abs(self.pulse_volts(pulses, amplitude=signs * amplitude, scheme=scheme, state=state))
            change = np.empty(len(pulses))
            for number, (row, cols) in enumerate(pulses):
                at = row - 1, np.array(cols) - 1
                ratio = volts[number][at] / wanted[at]
                change[number], excess[number] = 1.0 / ratio.min(), ratio.max() / ratio.min()
            amplitude = amplitude * change
            if np.abs(change - 1.0).max() < 2e-3:  # chosen: a tenth of what maps know of a cell's switching voltage
                break
        return amplitude, excess

    def at_cells(self, amplitudes: Amplitudes) -> Amplitudes:
        """Cell voltages [V] that terminal `amplitudes` [V] gave the median cell of the diagonal, where maps probe."""
        rows, cols = self.die.shape
        diagonal = [
            (1 + n * rows // min(rows, cols), (1 + n * cols // min(rows, cols),)) for n in range(min(rows, cols))
        ]
        unknown = np.full(self.die.shape, -1)
        found: list[float] = []
        for target in (State.P, State.AP):
            volts = np.full(len(diagonal), amplitudes.towards(target))
            over = self.pulse_volts(diagonal, amplitude=volts, scheme=Scheme.V_HALF, state=unknown)
            found.append(float(np.median([over[n, row - 1, col[0] - 1] for n, (row, col) in enumerate(diagonal)])))
        return Amplitudes(*found)

    def wanted(self, amplitudes: Amplitudes, *, margin: float | None) -> dict[State, Floats]:
        """Cell voltages [V] to write with, by target: `amplitudes` for all, or each cell's own times `margin`.

        A cell whose own switching voltage is unknown gets the median's.
        """
        die = self.die
        out: dict[State, Floats] = {}
        for target, own in ((State.P, die.v_switch_p), (State.AP, die.v_switch_ap)):
            volts = np.full(die.shape, amplitudes.towards(target))
            if margin is not None and own is not None:
                known = np.isfinite(own) & die.good
                middle = float(np.median(own[known])) if known.any() else amplitudes.towards(target) / margin
                volts = margin * np.where(known, own, middle)
            out[target] = volts
        return out


def spread_out(cells: Sequence[Cell]) -> list[Cell]:
    """Cells row by row, every other row backwards, so that two neighbours in the list share a line."""
    return sorted(cells, key=lambda cell: (cell.row, cell.col if cell.row % 2 else -cell.col))
