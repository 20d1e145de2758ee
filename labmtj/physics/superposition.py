"""Sums of an array with all rows driven at once, for many drives: superposition, and what it misses to first order.

Each junction is put as a resistor of conductance g, its secant at a typical voltage, and a current source

    d(v) = I(v) - g v

across it. With a[k, row] the voltage of cell k for 1 V on a row of the resistors alone, u[k, c] that for -1 V on
column c, T their transfer conductances and V the rows' voltages, reciprocity (Tellegen's theorem) gives column c

    I_c = sum_row T[row, c] V[row] + sum_k u[k, c] d(v_k),    v = a V - Z d(v).

That is exact; what is left out here is Z d, which the sources change of the voltages by their own currents over the
wires. It changes d by the factor 1 + O(d' Z), and d is chosen small: see `SECANT`. The answers to lines cost one
elimination of the array whatever the number of drives, and a drive then costs cells x (inputs + outputs)
multiplications.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.physics.chance import Purpose
from labmtj.physics.mtj import LINEAR
from labmtj.physics.noise import BOLTZMANN, ELEMENTARY_CHARGE, flicker_span
from labmtj.physics.superposition_answers import answers
from labmtj.physics.superposition_kernels import LINES, SAMPLES, currents
from labmtj.physics.variation import DieModel, DieTruth
from labmtj.records import Floats, Ints, State

SECANT = 0.6
"""Share of the read voltage at which a junction is the resistor that stands for it.

chosen: from 0.5 to 0.7 errors are least, three times below those of resistances at zero bias.
"""
_OFF = ("heating", "back_hopping")


@dataclass(frozen=True)
class SumNoise:
    """Noise of a reading: `aperture` [s], full scales [A] and rms noise [A] of the meter's ranges, smallest first.

    A column is read on the smallest range that holds its current, on the largest if none does.
    """

    aperture: float
    full: tuple[float, ...]
    rms: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Responses:
    """What single driven lines do to arrays: as filled by `superposition_answers.answers`."""

    rows: Ints
    sense: Floats
    fields: Floats
    transfer: Floats


class Superposition:
    """Arrays of the same die in the states `state` (arrays, rows, cols), contacts [ohm] a line, at a read voltage [V].

    The cells of `truth` where `state` is 2 are resistors of r_p. Raises InputError for self-heating and
    back-hopping, which this does not know, and for values out of range.
    """

    def __init__(
        self, truth: DieTruth, state: NDArray[np.int8], *, read: float, r_row: Floats | None, r_col: Floats | None
    ) -> None:
        model = truth.model
        unknown = [name for name in _OFF if getattr(model, name)]
        if unknown:
            raise InputError(f"superposed readings know no {', '.join(unknown)}; solve each with crossbar")
        if state.ndim != 3 or state.shape[1:] != (model.rows, model.cols) or max(state.shape[1:]) > LINES:
            raise InputError(f"states of shape {state.shape}; (arrays, {model.rows}, {model.cols}) is needed")
        if not 0.0 < read < math.inf:
            raise InputError(f"a read voltage of {read} V; more than 0 is needed")
        self.truth, self.read = truth, read
        self.state = _own(state, np.int8)
        self._r_row = np.zeros(model.rows) if r_row is None else _own(r_row, np.float64)
        self._r_col = np.zeros(model.cols) if r_col is None else _own(r_col, np.float64)
        if self._r_row.shape != (model.rows,) or self._r_col.shape != (model.cols,):
            raise InputError("contact resistances are one for each row and one for each column")
        self._g0 = 1.0 / truth.r_p
        self._linear = _secants(truth, self.state, SECANT * read)

    def responses(self, rows: Ints, sense: Floats) -> Responses:
        """Answers to single driven lines: 1 V on one of `rows` (arrays, inputs), or minus weights of columns.

        The weights `sense` (arrays, cols, outputs) say what the outputs are made of.
        """
        count, height, cols = self.state.shape
        inputs, outputs = rows.shape[1], sense.shape[2]
        fields = np.empty((count, height, cols, inputs + outputs))
        transfer = np.empty((count, inputs, outputs))
        rows, sense = _own(rows, np.int64), _own(sense, np.float64)
        wire = float(self.truth.model.wire)
        answers(self._linear, wire, self._r_row, self._r_col, rows, sense, fields, transfer)
        return Responses(rows, sense, fields, transfer)

    def currents(
        self,
        to: Responses,
        drives: Floats,
        *,
        noise: SumNoise | None = None,
        numbers: Ints | None = None,
        ordinal: int = 0,
    ) -> Floats:
        """Weighed column currents [A], (arrays, samples, outputs), for row voltages `drives` (arrays, samples, inputs).

        With `noise`, numbers belong to the address (die's seed, `numbers` of the arrays, output, `ordinal`, sample).
        """
        model = self.truth.model
        count, samples = drives.shape[:2]
        if samples > SAMPLES or ordinal < 0:
            raise InputError(f"{samples} samples at ordinal {ordinal}: at most {SAMPLES}, and no ordinal below 0")
        out = np.empty((count, samples, to.sense.shape[2]))
        law = np.array([model.k_p, model.v_h**-2.0])
        meter = np.array([noise.full, noise.rms]) if noise else np.zeros((2, 1))
        currents(
            model.seed, np.array([int(Purpose.ARRAY_NOISE), int(Purpose.ARRAY_TELEGRAPH)]),
            np.arange(count, dtype=np.int64) if numbers is None else _own(numbers, np.int64), ordinal, self.state,
            self._g0, _own(self.truth.tmr, np.float64), self._linear, law, to.fields, to.transfer,
            _own(drives, np.float64), to.sense,
            _own(self.truth.telegraph, np.float64), _noise_terms(model, noise), meter, out,
        )  # fmt: skip
        return out


def _own(values: NDArray[Any], kind: type[np.generic]) -> NDArray[Any]:
    """Copy into memory that kernels may write: a view that may not would have them compiled once more."""
    return np.array(values, kind, order="C")


def _secants(truth: DieTruth, state: NDArray[np.int8], volts: float) -> Floats:
    """I/V [S] of every cell at `volts`, (arrays, rows, cols)."""
    model = truth.model
    rise = 1.0 + (volts / model.v_h) ** 2
    parallel = (1.0 + model.k_p * volts**2) / truth.r_p
    other = rise / (rise + truth.tmr) / truth.r_p
    found = np.where(state == int(State.P), parallel, other)
    return np.ascontiguousarray(np.where(state == LINEAR, 1.0 / truth.r_p, found))


def _noise_terms(model: DieModel, noise: SumNoise | None) -> Floats:
    """Numbers of `superposition_kernels.currents`; a resistor has Johnson noise only."""
    if noise is None:
        return np.zeros(8)
    span = flicker_span(noise.aperture) / model.area
    thermal = BOLTZMANN * model.temperature / ELEMENTARY_CHARGE
    flickers = model.flicker_p * span, model.flicker_ap * span, 0.0
    return np.array([thermal, 0.5 / noise.aperture, *flickers, model.fano_p, model.fano_ap, 0.0])
