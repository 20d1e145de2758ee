"""Wear of the tunnel barrier: the damage sum of dt / t63(V), with t63 = t_ref (V / V_ref)^-n.

A barrier of area A breaks at a damage D with F = 1 - exp(-(A / A0) D^beta): Weibull's law with area scaling,
and a power law in the voltage (parameters: data/reference/mtj-dies.yaml).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labmtj.physics.variation import Breakdown
from labmtj.records import Floats


def time_to_63_percent(voltage: ArrayLike, law: Breakdown) -> Floats:
    """Time t63 [s] at `voltage` [V, of either sign, not 0] after which 63 % of junctions of the law's size break."""
    return law.t_ref * (np.abs(np.asarray(voltage, dtype=np.float64)) / law.v_ref) ** -law.n


def damage(voltage: Floats, seconds: float, law: Breakdown) -> Floats:
    """Damage that `seconds` at `voltage` [V] add to each cell; 1 is the time to 63 % failures."""
    return seconds / law.t_ref * (np.abs(voltage) / law.v_ref) ** law.n


def breakdown_probability(damage_sum: ArrayLike, *, diameter: float, law: Breakdown) -> Floats:
    """Share of junctions of `diameter` [m] that have broken by a damage sum."""
    area = (diameter / law.diameter) ** 2
    return -np.expm1(-area * np.asarray(damage_sum, dtype=np.float64) ** law.beta)
