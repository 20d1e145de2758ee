"""Wear of the tunnel barrier: the damage sum of dt / t63(V), with t63 = t_ref (V / V_ref)^-n."""

from __future__ import annotations

import numpy as np

from labmtj.physics.variation import Breakdown
from labmtj.records import Floats


def damage(voltage: Floats, seconds: float, law: Breakdown) -> Floats:
    """Damage that `seconds` at `voltage` [V] add to each cell; 1 is the time to 63 % failures."""
    return seconds / law.t_ref * (np.abs(voltage) / law.v_ref) ** law.n
