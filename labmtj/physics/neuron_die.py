"""Neurons of a die: what each one is, drawn from a model, and what its terminals do.

All draws are addressed (physics.chance) by the neuron's number, so a neuron depends neither on the others nor on how
many there are. Offset and asymmetry are normal; one that the table of the magnetisation does not hold is drawn again.
The terminals are solved together with the magnetisation: the current through the x junction turns m, and m sets the
conductance. Its feedback is weak, |d ln G / d ln I| < chi / 2, so putting the current in again converges.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from labmtj.errors import InputError, SolveError
from labmtj.physics.chance import Purpose, normals, uniforms
from labmtj.physics.neuron import NeuronModel
from labmtj.physics.neuron_electric import conductance
from labmtj.physics.neuron_own import OwnCurves, own_curves
from labmtj.physics.neuron_table import ASYMMETRY_LIMIT, OFFSET_LIMIT, table_of
from labmtj.records import Defect, Floats, Ints

_TIMES = 80
_CLOSE = 1e-13


@dataclass(frozen=True, eq=False)
class NeuronTruth:
    """What the neurons of a die are, hidden from everything but the twin; arrays have shape (count,).

    `gain` multiplies the model's torque and divides the critical current (0 for a short, whose current carries no
    spin); `offset` [critical currents of the model's field unit], `asymmetry`, `tmr_x`, `tmr_z`, conductances `g_x`,
    `g_z` [S] at zero bias and m = 0, `defect` (NONE, SHORT or OPEN).
    """

    model: NeuronModel
    gain: Floats
    offset: Floats
    asymmetry: Floats
    tmr_x: Floats
    tmr_z: Floats
    g_x: Floats
    g_z: Floats
    defect: Ints

    def __len__(self) -> int:
        return len(self.gain)

    @functools.cached_property
    def own(self) -> OwnCurves:
        """The neurons' own curves, made from the model's table when they are first asked for."""
        return own_curves(table_of(self.model), self.offset, self.asymmetry)


class Operating(NamedTuple):
    """Currents [A] into the x and the z terminal and the magnetisation, all of one shape (neurons, points)."""

    i_x: Floats
    i_z: Floats
    m_x: Floats
    m_z: Floats


def _spread(seed: int, purpose: Purpose, count: int, sigma: float, ordinal: int = 0) -> Floats:
    # Log-normal with this relative spread and a mean of 1: none of these is ever negative.
    width = math.sqrt(math.log1p(sigma**2))
    return np.exp(width * normals(seed, purpose, count, ordinal) - 0.5 * width**2)


def _within(seed: int, purpose: Purpose, count: int, *, mean: float, sigma: float, limit: float) -> Floats:
    """Normal numbers within the limit: what falls outside is drawn again at the next ordinal."""
    found = mean + sigma * normals(seed, purpose, count)
    for ordinal in range(1, 64):
        outside = np.abs(found) > limit
        if not np.any(outside):
            return found
        found = np.where(outside, mean + sigma * normals(seed, purpose, count, ordinal), found)
    raise InputError(
        f"a neuron's {purpose.name.rpartition('_')[2].lower()} of {mean:g} with a spread of {sigma:g} "
        f"leaves what its table holds, {limit:g}: lower them"
    )


def draw_neurons(model: NeuronModel) -> NeuronTruth:
    """Draw every neuron of a die from its model; the same model gives the same die. Raises InputError."""
    seed, count = model.seed, model.count
    kind = uniforms(seed, Purpose.NEURON_DEFECT, count)
    defect = np.full(count, int(Defect.NONE), dtype=np.int64)
    defect[kind < model.short + model.open] = Defect.OPEN
    defect[kind < model.short] = Defect.SHORT
    low, high = model.short_resistance
    shorted = 1.0 / (low + (high - low) * uniforms(seed, Purpose.NEURON_SHORT, count))
    whole, broken = defect == Defect.NONE, defect == Defect.OPEN

    def resistances(ordinal: int) -> Floats:
        return _spread(seed, Purpose.NEURON_RESISTANCE, count, model.sigma_resistance, ordinal)

    def tmrs(ordinal: int) -> Floats:
        return _spread(seed, Purpose.NEURON_TMR, count, model.sigma_tmr, ordinal)

    g_x = 1.0 / (model.resistance_x * resistances(0))
    g_z = 1.0 / (model.resistance_z * resistances(1))
    return NeuronTruth(
        model=model,
        gain=np.where(whole, 1.0 / _spread(seed, Purpose.NEURON_CURRENT, count, model.sigma_current), 0.0),
        offset=_within(
            seed, Purpose.NEURON_OFFSET, count, mean=model.offset, sigma=model.sigma_offset, limit=OFFSET_LIMIT
        ),
        asymmetry=_within(
            seed, Purpose.NEURON_ASYMMETRY, count,
            mean=model.asymmetry, sigma=model.sigma_asymmetry, limit=ASYMMETRY_LIMIT,
        ),
        tmr_x=np.where(whole, model.tmr_x * tmrs(0), 0.0),
        tmr_z=np.where(broken, 0.0, model.tmr_z * tmrs(1)),
        g_x=np.where(whole, g_x, np.where(broken, 1.0 / model.open_resistance, shorted)),
        g_z=np.where(broken, 1.0 / model.open_resistance, g_z),
        defect=defect,
    )  # fmt: skip


def magnetisation(
    truth: NeuronTruth,
    current: ArrayLike,
    probe_current: ArrayLike = 0.0,
    *,
    neurons: Ints | None = None,
) -> tuple[Floats, Floats]:
    """m_x and m_z of neurons under currents [A] into their x and z terminals, shape (neurons, points).

    `current` and `probe_current` broadcast to that shape; `neurons` are places from 0, all unless said.
    Raises InputError for a current beyond the table.
    """
    model = truth.model
    here = np.arange(len(truth), dtype=np.int64) if neurons is None else np.asarray(neurons, dtype=np.int64)
    i = truth.gain[here, None] * (model.torque / model.unit) * np.asarray(current, dtype=np.float64)
    p = truth.gain[here, None] * (model.probe_torque / model.unit) * np.asarray(probe_current, dtype=np.float64)
    i, p = np.broadcast_arrays(i, p)
    return truth.own.at(i, p, neurons=here)


def operate(truth: NeuronTruth, volts_x: ArrayLike, volts_z: ArrayLike, *, neurons: Ints | None = None) -> Operating:
    """Currents and magnetisation of neurons with `volts_x` and `volts_z` [V] on their terminals, the common one at 0.

    Voltages broadcast to (neurons, points); `neurons` are places from 0, all unless said. Currents flow in.
    Raises InputError for a drive beyond the table, SolveError if currents and magnetisation do not settle.
    """
    model = truth.model
    here = np.arange(len(truth), dtype=np.int64) if neurons is None else np.asarray(neurons, dtype=np.int64)
    shape = np.broadcast_shapes((len(here), 1), np.shape(volts_x), np.shape(volts_z))
    v_x = np.broadcast_to(np.asarray(volts_x, dtype=np.float64), shape)
    v_z = np.broadcast_to(np.asarray(volts_z, dtype=np.float64), shape)
    law = {"v_h": model.v_h, "k_p": model.k_p}
    x = {"g0": truth.g_x[here, None], "tmr": truth.tmr_x[here, None]}
    z = {"g0": truth.g_z[here, None], "tmr": truth.tmr_z[here, None]}
    i_x = v_x * conductance(v_x, 0.0, **x, **law)
    i_z = v_z * conductance(v_z, 0.0, **z, **law)
    for _ in range(_TIMES):
        m_x, m_z = magnetisation(truth, i_x, i_z, neurons=here)
        next_x = v_x * conductance(v_x, m_x, **x, **law)
        next_z = v_z * conductance(v_z, m_z, **z, **law)
        moved = np.abs(next_x - i_x) + np.abs(next_z - i_z)
        settled = bool(np.all(moved <= _CLOSE * (np.abs(next_x) + np.abs(next_z))))
        i_x, i_z = next_x, next_z
        if settled:
            return Operating(i_x, i_z, m_x, m_z)
    raise SolveError(f"currents and magnetisation of neurons did not settle in {_TIMES} steps")
