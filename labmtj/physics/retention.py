"""Retention and read disturb: the loss of a state at rest and under a small drive, for seconds to years.

Both are the escape rate of `switching` at i = 0 and at small i, so a stray field, an idle source's offset and a
read differ only in the drive that they are. Losses here count a first escape, 1 - exp(-rate t): a state that
was lost and has come back by chance was lost all the same. `switching_probability` is the chance to *be* in
the other well and tends to the Boltzmann ratio instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labmtj.physics.switching import effective_drive, switching_rate
from labmtj.records import Floats


def retention_loss(seconds: ArrayLike, *, delta: ArrayLike, tau_d: ArrayLike, stray_field: ArrayLike = 0.0) -> Floats:
    """Probability that a state at rest is lost within `seconds`; `stray_field` positive where it helps the loss."""
    return read_disturb(0.0, seconds, delta=delta, tau_d=tau_d, stray_field=stray_field)


def read_disturb(
    i: ArrayLike, seconds: ArrayLike, *, delta: ArrayLike, tau_d: ArrayLike, stray_field: ArrayLike = 0.0
) -> Floats:
    """Probability that a state is lost in `seconds` of reading at the drive `i` = V / V_c0, positive against it.

    For reads of many tau_d. Raises InputError outside the switching table.
    """
    rate = switching_rate(effective_drive(i, stray_field=stray_field), delta=delta, tau_d=tau_d)
    return -np.expm1(-rate * np.asarray(seconds, dtype=np.float64))


def retention_time(
    probability: ArrayLike, *, delta: ArrayLike, tau_d: ArrayLike, stray_field: ArrayLike = 0.0
) -> Floats:
    """Seconds after which a state at rest is lost with `probability` (between 0 and 1)."""
    rate = switching_rate(stray_field, delta=delta, tau_d=tau_d)
    return -np.log1p(-np.asarray(probability, dtype=np.float64)) / rate
