"""Device-to-device variation: the parameters of every cell of a die, drawn from a model and a seed.

All draws are addressed (physics.chance) by the cell's number row * cols + col, so a cell's parameters
depend neither on the other cells nor on the order in which they are drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.chance import Purpose, normals, uniforms
from labmtj.records import Defect, Floats, Ints


@dataclass(frozen=True)
class Breakdown:
    """Oxide breakdown, F = 1 - exp(-(A/A0) D^beta) with D = sum dt / t63(V), t63 = t_ref (V/V_ref)^-n."""

    v_ref: float
    t_ref: float
    n: float
    beta: float
    diameter: float


@dataclass(frozen=True)
class DieModel:
    """Statistics of a die: means, and relative standard deviations sigma_*.

    diameter [m], resistance_area [ohm m2], tmr at zero bias, v_h [V], k_p [1/V2], delta at zero field
    and the bench's temperature [K], v_c0 [V] of AP->P and v_c0_ratio of P->AP over it, tau_d [s],
    stray_field in units of H_k (positive favours P), wire [ohm] a segment, short/open/stuck and
    telegraph as fractions of cells, flicker [m2] of 1/f noise, fano factors, and the sign (1 or -1) of the
    cell voltage that writes P.
    """

    seed: int
    rows: int
    cols: int
    temperature: float
    diameter: float
    resistance_area: float
    tmr: float
    v_h: float
    k_p: float
    delta: float
    v_c0: float
    v_c0_ratio: float
    tau_d: float
    sigma_r_p: float
    sigma_tmr: float
    sigma_v_c: float
    sigma_delta: float
    stray_field: float
    sigma_stray_field: float
    wire: float
    short: float
    open: float
    stuck: float
    short_resistance: tuple[float, float]
    open_resistance: float
    telegraph: float
    telegraph_size: tuple[float, float]
    flicker_p: float
    flicker_ap: float
    fano_p: float
    fano_ap: float
    breakdown: Breakdown
    sign: int = 1

    @property
    def area(self) -> float:
        """Junction area [m2]."""
        return math.pi * self.diameter**2 / 4


@dataclass(frozen=True)
class DieTruth:
    """What a die is, hidden from everything but the twin; arrays have shape (rows, cols).

    r_p [ohm] (of the short or open itself where defect says so), tmr, v_c0 [V] of AP->P, delta,
    stray field h, defect (`Defect`), initial state, telegraph step (0 for quiet cells) and the damage
    sum at which the barrier breaks.
    """

    model: DieModel
    r_p: Floats
    tmr: Floats
    v_c0: Floats
    delta: Floats
    stray_field: Floats
    defect: Ints
    initial: NDArray[np.int8]
    telegraph: Floats
    damage_at_breakdown: Floats


def draw_die(model: DieModel) -> DieTruth:
    """Draw every cell of a die from its model; the same model gives the same die."""
    shape, count, seed = (model.rows, model.cols), model.rows * model.cols, model.seed

    def gauss(purpose: Purpose) -> Floats:
        return normals(seed, purpose, count).reshape(shape)

    def flat(purpose: Purpose) -> Floats:
        return uniforms(seed, purpose, count).reshape(shape)

    def spread(purpose: Purpose, sigma: float) -> Floats:
        # Log-normal with this relative spread: a resistance or a barrier is never negative.
        width = math.sqrt(math.log1p(sigma**2))
        return np.exp(width * gauss(purpose) - 0.5 * width**2)

    kind, share = flat(Purpose.DEFECT), (model.short, model.open, model.stuck)
    defect = np.full(shape, int(Defect.NONE), dtype=np.int64)
    defect[kind < share[0] + share[1] + share[2]] = Defect.STUCK
    defect[kind < share[0] + share[1]] = Defect.OPEN
    defect[kind < share[0]] = Defect.SHORT

    low, high = model.short_resistance
    r_p = model.resistance_area / model.area * spread(Purpose.RESISTANCE_AREA, model.sigma_r_p)
    r_p = np.where(defect == Defect.SHORT, low + (high - low) * flat(Purpose.SHORT_RESISTANCE), r_p)
    r_p = np.where(defect == Defect.OPEN, model.open_resistance, r_p)

    noisy = flat(Purpose.TELEGRAPH_CELL) < model.telegraph
    small, large = model.telegraph_size
    weibull = (-np.log(flat(Purpose.BREAKDOWN)) * model.breakdown.diameter**2 / model.diameter**2) ** (
        1 / model.breakdown.beta
    )
    return DieTruth(
        model=model,
        r_p=r_p,
        tmr=model.tmr * spread(Purpose.TMR, model.sigma_tmr),
        v_c0=model.v_c0 * spread(Purpose.CRITICAL_VOLTAGE, model.sigma_v_c),
        delta=model.delta * spread(Purpose.BARRIER, model.sigma_delta),
        stray_field=model.stray_field + model.sigma_stray_field * gauss(Purpose.STRAY_FIELD),
        defect=defect,
        initial=(flat(Purpose.INITIAL_STATE) < 0.5).astype(np.int8),
        telegraph=np.where(noisy, small + (large - small) * flat(Purpose.TELEGRAPH_SIZE), 0.0),
        damage_at_breakdown=weibull,
    )
