"""Temperature: what it does to a junction's two resistances and to its barrier.

    R_P(T) = R_P (1 + a_P (T - T0)),   R_AP(T) = R_AP (1 + a_AP (T - T0)),   Delta(T) = Delta T0 / T

R_AP falls faster than R_P, because the spin polarisation of the electrodes falls, and with it the TMR
(direction seen, arXiv 1710.09561; coefficients in data/reference/mtj-dies.yaml). Delta is an energy over kT:
the energy is kept (chosen: what the anisotropy loses on top depends on the stack; give delta at the
temperature of interest instead), and so is the critical voltage (chosen likewise).

A current heats the junction by a number of kelvin per watt. The steady state is reached within tens of
nanoseconds, so a pulse of microseconds is at one temperature; resistances are not corrected for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labmtj.errors import InputError
from labmtj.records import Floats


def resistance_at(r: ArrayLike, *, per_kelvin: float, temperature: float, reference: float) -> Floats:
    """Resistance [ohm] at `temperature` [K] of one that is `r` at `reference` [K], linear in between.

    Raises InputError where the straight line has fallen to zero.
    """
    factor = 1.0 + per_kelvin * (temperature - reference)
    if not (factor > 0.0 and temperature > 0.0):
        raise InputError(
            f"{per_kelvin:g} per kelvin from {reference:g} K to {temperature:g} K leaves {factor:g} of a resistance: "
            "the law is for small changes; give the resistances at that temperature instead"
        )
    return np.asarray(r, dtype=np.float64) * factor


def tmr_at(
    tmr: ArrayLike, *, p_per_kelvin: float, ap_per_kelvin: float, temperature: float, reference: float
) -> Floats:
    """TMR at `temperature` [K] of one that is `tmr` at `reference` [K], through R_P and R_AP, never below 0."""
    p = resistance_at(1.0, per_kelvin=p_per_kelvin, temperature=temperature, reference=reference)
    ap = resistance_at(1.0, per_kelvin=ap_per_kelvin, temperature=temperature, reference=reference)
    # Written so that equal factors leave the TMR as it is, to the last digit.
    return np.maximum(np.asarray(tmr, dtype=np.float64) * (ap / p) + (ap / p - 1.0), 0.0)


def barrier_at(delta: ArrayLike, *, temperature: ArrayLike, reference: float) -> Floats:
    """Delta at `temperature` [K] of a barrier that is `delta` kT at `reference` [K]."""
    return np.asarray(delta, dtype=np.float64) * (reference / np.asarray(temperature, dtype=np.float64))


def heated(temperature: float, *, power: ArrayLike, heating: float) -> Floats:
    """Temperature [K] of junctions that take up `power` [W], with `heating` [K/W] above `temperature` [K]."""
    return temperature + heating * np.asarray(power, dtype=np.float64)
