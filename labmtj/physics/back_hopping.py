"""Back-hopping: a cell that a strong pulse has written does not stay so.

    P_bh = 1 - exp(-t k_bh exp(-Delta_ref (1 - V / V_bh)^2))

The effect is seen in perpendicular junctions at high bias (arXiv 2006.05108); the form, an escape whose
barrier a voltage V_bh of 2 to 2.5 times V_c0 removes, and its parameters are chosen. Above V_bh there is no
barrier left, and the rate stays k_bh.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labmtj.records import Floats


def back_hopping_rate(voltage: ArrayLike, *, v_bh: ArrayLike, k_bh: float, delta_ref: float) -> Floats:
    """Rate [1/s] at which a written cell hops back under `voltage` [V, of either sign]; `k_bh` [1/s]."""
    left = np.maximum(1.0 - np.abs(np.asarray(voltage, dtype=np.float64)) / np.asarray(v_bh, dtype=np.float64), 0.0)
    return k_bh * np.exp(-delta_ref * left**2)


def back_hopping_probability(
    voltage: ArrayLike, pulse: ArrayLike, *, v_bh: ArrayLike, k_bh: float, delta_ref: float
) -> Floats:
    """Probability that a cell has hopped back once or more during a pulse of `pulse` [s] at `voltage` [V]."""
    rate = back_hopping_rate(voltage, v_bh=v_bh, k_bh=k_bh, delta_ref=delta_ref)
    return -np.expm1(-np.asarray(pulse, dtype=np.float64) * rate)
