"""The junction as a circuit element: resistance from its size, current and conductance against voltage.

    P:   I = (V / R_P) (1 + k_P V^2)                        (Brinkman, Dynes, Rowell 1970, doi:10.1063/1.1659141)
    AP:  I = (V / R_P) / (1 + TMR(V)),  TMR(V) = TMR0 / (1 + (V / V_h)^2)

The parabola is the usual expansion of a tunnel barrier, of which coherent MgO keeps little, and V_h is
the voltage at which the TMR has halved: the form of the public compact models. Both currents are odd
and strictly increasing in the voltage for every TMR0 >= 0, which makes a network of them have one
solution only (the derivative of the AP current is (1 + 2 s + s^2 + TMR0 (1 + 3 s)) / (1 + s + TMR0)^2
over R_P with s = (V / V_h)^2).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from labmtj.records import Floats, State

LINEAR = 2
"""Third value of a cell's state, beside State.P and State.AP: a resistor of the value r_p (a short, an open)."""


def law(v: float, g: float, k: float, tmr: float, inverse_v_h_squared: float) -> tuple[float, float]:
    """Return current [A] and its derivative [S] at `v` [V] of a cell with the zero-bias P conductance `g` [S].

    One formula for all states, so that a loop over cells has no branch: `tmr` is 0 for P and `k` is 0
    for AP, and both are 0 for a resistor. Compiled for kernels in `mtj_kernel`.
    """
    squared = v * v
    rise = squared * inverse_v_h_squared
    inverse = 1.0 / (1.0 + rise + tmr)
    ratio = (1.0 + rise) * inverse
    parabola = 1.0 + k * squared
    slope = (parabola + 2.0 * k * squared) * ratio + 2.0 * parabola * rise * tmr * inverse * inverse
    return g * v * parabola * ratio, g * slope


def resistance_p(diameter: ArrayLike, *, resistance_area: ArrayLike) -> Floats:
    """Zero-bias P resistance [ohm] of a round junction, RA / (pi d^2 / 4).

    `diameter` [m], `resistance_area` [ohm m^2]; both broadcast.
    """
    return np.asarray(resistance_area, float) / (math.pi / 4.0 * np.square(np.asarray(diameter, float)))


def tmr(v: ArrayLike, *, tmr0: ArrayLike, v_h: float) -> Floats:
    """(R_AP - R_P) / R_P at the cell voltage `v` [V], with R_P taken at zero bias."""
    return np.asarray(tmr0, float) / (1.0 + np.square(np.asarray(v, float) / v_h))


def _evaluate(
    v: ArrayLike, *, state: ArrayLike, r_p: ArrayLike, tmr0: ArrayLike, v_h: float, k_p: float
) -> tuple[Floats, Floats]:
    states = np.asarray(state)
    k = np.where(states == State.P, k_p, 0.0)
    ratio = np.where(states == State.AP, tmr0, 0.0)
    # law is arithmetic only, so it takes arrays as it takes numbers.
    return law(np.asarray(v, float), 1.0 / np.asarray(r_p, float), k, ratio, v_h**-2)  # pyright: ignore[reportArgumentType, reportReturnType]


def current(v: ArrayLike, *, state: ArrayLike, r_p: ArrayLike, tmr0: ArrayLike, v_h: float, k_p: float) -> Floats:
    """Return the current [A] from word line to bit line at the cell voltage `v` [V]; all arguments broadcast.

    `state` is 0 (P), 1 (AP) or 2 (a resistor of `r_p`); `r_p` [ohm] at zero bias, `v_h` [V], `k_p` [1/V^2].
    """
    return _evaluate(v, state=state, r_p=r_p, tmr0=tmr0, v_h=v_h, k_p=k_p)[0]


def differential_conductance(
    v: ArrayLike, *, state: ArrayLike, r_p: ArrayLike, tmr0: ArrayLike, v_h: float, k_p: float
) -> Floats:
    """Return the derivative dI/dV [S] of `current` at the cell voltage `v` [V]."""
    return _evaluate(v, state=state, r_p=r_p, tmr0=tmr0, v_h=v_h, k_p=k_p)[1]


def conductance(v: ArrayLike, *, state: ArrayLike, r_p: ArrayLike, tmr0: ArrayLike, v_h: float, k_p: float) -> Floats:
    """Conductance I/V [S], as a reading at `v` [V] gives it; at 0 V its limit, the zero-bias conductance."""
    volts = np.asarray(v, float)
    current_, slope = _evaluate(volts, state=state, r_p=r_p, tmr0=tmr0, v_h=v_h, k_p=k_p)
    still = volts == 0.0
    return np.where(still, slope, current_ / np.where(still, 1.0, volts))
