"""What the cells of a die feel at given voltages: drive, barrier, and the chance to hop back.

Everything that depends on the state of the array (neighbours' fields) is taken as it was when the pulse
began: one operating point a pulse.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.back_hopping import back_hopping_probability
from labmtj.physics.stray_field import neighbour_field
from labmtj.physics.temperature import barrier_at, heated
from labmtj.physics.variation import DieTruth
from labmtj.records import Floats, State

States = NDArray[np.int8]


def drive(truth: DieTruth, *, state: States, cell_v: Floats, external: float = 0.0) -> Floats:
    """V / V_c0 of every cell towards its other state, stray fields included; `cell_v` [V], all (rows, cols).

    A field h that favours P adds to the drive of AP->P and takes from that of P->AP: Delta (1 - i -+ h)^2.
    `external` is that of a magnet along the easy axis, H / H_k, for all cells alike.
    """
    model, field = truth.model, truth.stray_field
    if model.neighbour_field:
        field = field + neighbour_field(state, each=model.neighbour_field)
    if external:
        field = field + external
    is_ap = state == State.AP
    to_p = model.sign * cell_v / np.where(is_ap, truth.v_c0, truth.v_c0 * model.v_c0_ratio) + field
    return np.where(is_ap, to_p, -to_p)


def barrier(truth: DieTruth, *, power: Floats) -> Floats:
    """Delta of every cell that takes up `power` [W], lowered by its own heat; shape (rows, cols)."""
    model = truth.model
    if not model.heating:
        return truth.delta
    hot = heated(model.temperature, power=np.abs(power), heating=model.heating)
    return barrier_at(truth.delta, temperature=hot, reference=model.temperature)


def back_hopping(truth: DieTruth, *, state: States, cell_v: Floats, seconds: float) -> Floats:
    """Probability that each cell leaves again the state that a pulse of `cell_v` [V] wrote; (rows, cols).

    `state` is that after the pulse has switched what it switched; a cell that it did not write has 0.
    """
    model = truth.model
    if not model.back_hopping:
        return np.zeros_like(cell_v)
    writes_p = model.sign * cell_v > 0
    written = (cell_v != 0) & (state == np.where(writes_p, State.P, State.AP))
    v_bh = model.back_hopping * truth.v_c0 * np.where(writes_p, 1.0, model.v_c0_ratio)
    chance = back_hopping_probability(
        cell_v, seconds, v_bh=v_bh, k_bh=model.back_hopping_rate, delta_ref=model.back_hopping_delta
    )
    return np.where(written, chance, 0.0)
