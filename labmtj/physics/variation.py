"""Device-to-device variation: the parameters of every cell of a die, drawn from a model and a seed.

All draws are addressed (physics.chance) by the cell's number row * cols + col, so a cell's parameters
depend neither on the other cells nor on the order in which they are drawn. Options add draws of their own:
one that is off leaves every number as it was.

A wafer's gradient reaches R_P through RA and V_c0 through V_c0 = J_c0 RA, so both drift along one direction, which
is drawn; what neighbours share beyond it is noise with a length (physics.spatial). V_c0 and Delta
both rise with the anisotropy: the logarithms of their spreads may be drawn with a correlation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.physics.chance import Purpose, normals, uniform, uniforms
from labmtj.physics.spatial import correlated, drift
from labmtj.physics.temperature import barrier_at, resistance_at, tmr_at
from labmtj.physics.transistor import Transistor
from labmtj.records import Defect, Floats, Ints

ANISOTROPY_FIELD = 0.3  # [T] chosen: see data/reference/mtj-dies.yaml; it matters in an external field only


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

    temperature [K] of the bench, diameter [m]; at the reference temperature resistance_area [ohm m2], tmr at
    zero bias and delta at zero field; v_h [V], k_p [1/V2], v_c0 [V] of AP->P and v_c0_ratio of P->AP over it,
    tau_d [s], stray_field in units of H_k (positive favours P), anisotropy_field mu0 H_k [T] (of use in an external
    field only), wire [ohm] a segment, short/open/stuck and telegraph as fractions of cells, flicker [m2] of 1/f noise,
    fano factors, and the sign (1 or -1) of the cell voltage that writes P.

    Options, off unless said: relative change of R_P and R_AP per kelvin, `heating` [K/W] of a junction by its
    current; `back_hopping`, the voltage V_bh in units of V_c0, with its attempt rate [1/s] and barrier [kT];
    drift of RA and V_c over the array (gradient to an edge, bow to a corner) and the sigma of their correlated
    noise with `correlation_length` [cells]; correlation of V_c0 and Delta (-1 to 1); shift of the stray field by
    each neighbour, in units of H_k; the fraction of `leaky` cells, with `least_leak` to `most_leak` times the
    conductance of the junction in P beside it, which bends with the voltage as the junction does; the `transistor` of
    every cell, with which `rows` are those of all `kernels` together.
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
    reference_temperature: float = 300.0  # [K] at which devices are characterised
    r_p_per_kelvin: float = 0.0
    r_ap_per_kelvin: float = 0.0
    heating: float = 0.0
    back_hopping: float = 0.0
    back_hopping_rate: float = 0.0
    back_hopping_delta: float = 0.0
    gradient_r_p: float = 0.0
    gradient_v_c: float = 0.0
    bow_r_p: float = 0.0
    bow_v_c: float = 0.0
    correlated_r_p: float = 0.0
    correlated_v_c: float = 0.0
    correlation_length: float = 1.0
    correlation_v_c_delta: float = 0.0
    neighbour_field: float = 0.0
    anisotropy_field: float = ANISOTROPY_FIELD
    leaky: float = 0.0
    least_leak: float = 0.3  # chosen: less is spread
    most_leak: float = 0.8  # chosen: more is a stuck cell or a short
    transistor: Transistor | None = None
    kernels: int = 1

    @property
    def area(self) -> float:
        """Junction area [m2]."""
        return math.pi * self.diameter**2 / 4


@dataclass(frozen=True)
class DieTruth:
    """What a die is, hidden from everything but the twin; arrays have shape (rows, cols).

    r_p [ohm] (of the short or open itself where defect says so), tmr, v_c0 [V] of AP->P and delta, all at the
    bench's temperature, stray field h without neighbours, defect (`Defect`), initial state, telegraph step (0 for
    quiet cells), the damage sum at which the barrier breaks, and the `threshold` [V] of the transistors where there are
    any.
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
    threshold: Floats | None = None


def draw_die(model: DieModel) -> DieTruth:
    """Draw every cell of a die from its model; the same model gives the same die.

    Raises InputError for an option that makes no sense.
    """
    shape, count, seed = (model.rows, model.cols), model.rows * model.cols, model.seed

    def gauss(purpose: Purpose) -> Floats:
        return normals(seed, purpose, count).reshape(shape)

    def flat(purpose: Purpose) -> Floats:
        return uniforms(seed, purpose, count).reshape(shape)

    def spread(draws: Floats, sigma: float) -> Floats:
        # Log-normal with this relative spread: a resistance or a barrier is never negative.
        width = math.sqrt(math.log1p(sigma**2))
        return np.exp(width * draws - 0.5 * width**2)

    def over_the_wafer(purpose: Purpose, linear: float, bow: float, sigma: float) -> Floats:
        factor = np.exp(drift(shape, linear=linear, bow=bow, angle=angle)) if linear or bow else np.ones(shape)
        return factor * spread(correlated(gauss(purpose), length=model.correlation_length), sigma) if sigma else factor

    angle = 2.0 * math.pi * uniform(seed, int(Purpose.GRADIENT), 0, 0)
    share_of_v_c = model.correlation_v_c_delta
    if not abs(share_of_v_c) <= 1.0:
        raise InputError(f"a correlation of V_c0 and Delta of {share_of_v_c} makes no sense: give -1 to 1")
    v_c_draws = gauss(Purpose.CRITICAL_VOLTAGE)
    delta_draws = share_of_v_c * v_c_draws + math.sqrt(1.0 - share_of_v_c**2) * gauss(Purpose.BARRIER)
    warm = {"temperature": model.temperature, "reference": model.reference_temperature}

    kind, share = flat(Purpose.DEFECT), (model.short, model.open, model.stuck)
    defect = np.full(shape, int(Defect.NONE), dtype=np.int64)
    defect[kind < share[0] + share[1] + share[2]] = Defect.STUCK
    defect[kind < share[0] + share[1]] = Defect.OPEN
    defect[kind < share[0]] = Defect.SHORT

    low, high = model.short_resistance
    r_p = model.resistance_area / model.area * spread(gauss(Purpose.RESISTANCE_AREA), model.sigma_r_p)
    r_p *= over_the_wafer(Purpose.RESISTANCE_AREA_FIELD, model.gradient_r_p, model.bow_r_p, model.correlated_r_p)
    r_p = resistance_at(r_p, per_kelvin=model.r_p_per_kelvin, **warm)
    r_p = np.where(defect == Defect.SHORT, low + (high - low) * flat(Purpose.SHORT_RESISTANCE), r_p)
    r_p = np.where(defect == Defect.OPEN, model.open_resistance, r_p)

    noisy = flat(Purpose.TELEGRAPH_CELL) < model.telegraph
    small, large = model.telegraph_size
    weibull = (-np.log(flat(Purpose.BREAKDOWN)) * model.breakdown.diameter**2 / model.diameter**2) ** (
        1 / model.breakdown.beta
    )
    tmr = tmr_at(
        model.tmr * spread(gauss(Purpose.TMR), model.sigma_tmr),
        p_per_kelvin=model.r_p_per_kelvin, ap_per_kelvin=model.r_ap_per_kelvin, **warm,
    )  # fmt: skip
    if model.leaky:
        least, most = model.least_leak, model.most_leak
        leaks = (flat(Purpose.LEAKY_CELL) < model.leaky) & (defect == Defect.NONE)
        beside = np.where(leaks, least + (most - least) * flat(Purpose.LEAK), 0.0)
        r_p = r_p / (1.0 + beside)
        tmr = (1.0 + beside) / (1.0 / (1.0 + tmr) + beside) - 1.0
    gated = model.transistor
    v_c0 = model.v_c0 * spread(v_c_draws, model.sigma_v_c)
    v_c0 *= over_the_wafer(Purpose.CRITICAL_VOLTAGE_FIELD, model.gradient_v_c, model.bow_v_c, model.correlated_v_c)
    return DieTruth(
        model=model,
        r_p=r_p,
        tmr=tmr,
        v_c0=v_c0,
        delta=barrier_at(model.delta * spread(delta_draws, model.sigma_delta), **warm),
        stray_field=model.stray_field + model.sigma_stray_field * gauss(Purpose.STRAY_FIELD),
        defect=defect,
        initial=(flat(Purpose.INITIAL_STATE) < 0.5).astype(np.int8),
        telegraph=np.where(noisy, small + (large - small) * flat(Purpose.TELEGRAPH_SIZE), 0.0),
        damage_at_breakdown=weibull,
        threshold=None if gated is None else gated.threshold + gated.sigma_threshold * gauss(Purpose.THRESHOLD),
    )
