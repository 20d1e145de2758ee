"""What marks a cell as leaky, unstable or back-hopping: criteria on measured numbers, without a bench.

A leak beside the junction adds the same conductance to both states, so the difference G_P - G_AP stays what the
junction alone would show. With the TMR of the median cell this tells the junction's own G_P, and what is left is
the leak. A cell that is merely large has a large difference too, and one with a low TMR alone is not told from a leak:
both are worth to be avoided.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats, Ints, State
from labmtj.routines.significance import chi_squared_beyond, chi_squared_median, fisher_greater

LEAST_LEAK = 0.15
"""Leak over the junction's own G_P. chosen: 4 % of spread of the TMR looks like 2 % of leak, wires like 5 %."""
_SIGMAS = 5.0  # chosen: of the robust spread of all cells; one false mark in 10^6 if they were normal
_MAD = 1.4826  # turns a median absolute deviation into the sigma of normal numbers
_ECHO = 4.0  # chosen: wires take a quarter of a voltage at 75 nm, and pass on no more of what changes it
FIRST_LOOK = 0.05
"""Share of quiet cells that are looked at again for noise. chosen: what a second look costs is little."""
SURE = 1e-4
"""Share of quiet cells that the second look would mark, of those that are looked at again. chosen: none on a die."""


def leaks(g_p: Floats, g_ap: Floats) -> Floats:
    """Conductance beside each junction over its own in P, of conductances [S] in both states; nan where unknown."""
    contrast = 1.0 - g_ap / g_p
    typical = float(np.nanmedian(contrast))
    own = (g_p - g_ap) / typical
    return g_p / own - 1.0


def leaky(leak: Floats, g_p: Floats) -> NDArray[np.bool_]:
    """Cells that leak more than the others scatter, and conduct more than the median cell."""
    middle = float(np.nanmedian(leak))
    spread = _MAD * float(np.nanmedian(np.abs(leak - middle)))
    with np.errstate(invalid="ignore"):
        return (leak > max(LEAST_LEAK, middle + _SIGMAS * spread)) & (g_p > np.nanmedian(g_p))


def relative_variance(readings: Floats) -> Floats:
    """Variance of the last axis over the square of its mean."""
    return readings.var(axis=-1, ddof=1) / readings.mean(axis=-1) ** 2


def quiet_variance(variance: Floats, state: Ints, *, repeats: int) -> tuple[float, float]:
    """Relative variance of a reading of a quiet cell in P and in AP, from all cells; nan for a state that none is in.

    A median, corrected for that of chi squared: so the few cells with telegraph noise do not count.
    """
    middle = chi_squared_median(repeats - 1)
    found = [variance[state == kind] for kind in (State.P, State.AP)]
    p, ap = (float(np.median(few)) / middle if few.size else float("nan") for few in found)
    return p, ap


def louder_lines(ratio: Floats, *, repeats: int) -> Floats:
    """Factor of each column (1, cols), at least 1: how much louder its median cell is than a quiet one.

    `ratio` (rows, cols): variance over that of a quiet cell, nan for cells that do not count.
    """
    middle = chi_squared_median(repeats - 1)
    unknown = ~np.isfinite(ratio).any(axis=0, keepdims=True)
    found = np.nanmedian(np.where(unknown, middle, ratio), axis=0, keepdims=True) / middle
    return np.maximum(found, 1.0)


def echoes(loudness: Floats) -> NDArray[np.bool_]:
    """Cells whose noise may be that of a much noisier one on their row or column, which wires pass on.

    `loudness` (rows, cols): relative variances, 0 for cells that are quiet.
    """
    loudest = np.maximum(loudness.max(axis=1, keepdims=True), loudness.max(axis=0, keepdims=True))
    return (loudness > 0) & (loudest > _ECHO**2 * loudness)


def noisy(variance: Floats, quiet: Floats, *, repeats: int, false: float) -> NDArray[np.bool_]:
    """Cells whose variance is above that of a share `false` of quiet cells (chi squared of repeats - 1)."""
    return variance / quiet > chi_squared_beyond(false, repeats - 1)


def rises(errors: tuple[int, int], *, trials: int, level: float = 1e-3) -> bool:
    """Whether write errors rise from the lower to the higher amplitude: Fisher's exact test at this level.

    `errors` (lower, higher) of `trials` each.
    """
    low, high = errors
    return fisher_greater(high, low, trials=trials) < level
