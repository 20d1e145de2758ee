"""The junctions of a neuron as circuit elements: conductance from the angle to the polarizer, and the bias.

    G = G_0 (1 + k_p V^2) (1 + chi(V) m),   chi = TMR(V) / (2 + TMR(V)),   TMR(V) = TMR_0 / (1 + (V / V_h)^2)

with m the component of the magnetisation along the polarizer (Slonczewski 1989, doi:10.1103/PhysRevB.39.6995: the
conductance goes with the cosine). m = 1 is parallel and conducts best; G_0 is that at m = 0 without bias.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labmtj.records import Floats


def amplitude(volts: ArrayLike, *, tmr: ArrayLike, v_h: float) -> Floats:
    """chi: half the relative swing of the conductance from m = -1 to 1 at `volts` [V]; all broadcast."""
    here = np.asarray(tmr, dtype=np.float64) / (1.0 + np.square(np.asarray(volts, dtype=np.float64) / v_h))
    return here / (2.0 + here)


def conductance(volts: ArrayLike, m: ArrayLike, *, g0: ArrayLike, tmr: ArrayLike, v_h: float, k_p: float) -> Floats:
    """Conductance I/V [S] at `volts` [V], with `m` along the polarizer; `g0` [S], `v_h` [V], `k_p` [1/V2]."""
    parabola = 1.0 + k_p * np.square(np.asarray(volts, dtype=np.float64))
    swing = 1.0 + amplitude(volts, tmr=tmr, v_h=v_h) * np.asarray(m, dtype=np.float64)
    return np.asarray(g0, dtype=np.float64) * parabola * swing
