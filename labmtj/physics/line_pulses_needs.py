"""What a cell must see to flip with a wanted probability, as a cubic in ln H, H = -ln(1 - P): of cells or of a die.

Over the probabilities of an update the voltage is so smooth in ln H that a cubic misses it by less than 1e-3.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.line_pulses_levels_kernels import LOG_COUNT, LOG_FIRST
from labmtj.physics.switching_cells import Switching
from labmtj.physics.switching_table import DELTA_COUNT, DELTA_FIRST, DELTA_STEP
from labmtj.records import Floats

HAZARDS: Floats = np.linspace(-7.0, 1.6, 44)
"""ln H at which needs are fitted: P from 0.001 to 0.993."""
_LAST = DELTA_FIRST + DELTA_STEP * (DELTA_COUNT - 1)
_BARRIERS: Floats = np.linspace(DELTA_FIRST, _LAST, 57)
_DRIVES: Floats = np.linspace(0.0, 4.0, 801)
_VOLTS = 96  # chosen: points of a die's mean probability against voltage; 1 % of it in between


@functools.lru_cache(maxsize=16)
def _law(width: float, tau_d: float) -> tuple[Floats, Floats]:
    """Ln H (barriers, drives) at one width, and the drive (barriers, HAZARDS) that gives it."""
    barriers, drives = np.meshgrid(_BARRIERS, _DRIVES, indexing="ij")
    hazard = Switching(barriers.ravel(), tau_d=tau_d).hazards(drives.ravel(), width=width)
    log = np.log(np.maximum(hazard, 1e-300)).reshape(barriers.shape)
    rising = np.maximum.accumulate(log, axis=1)
    return log, np.stack([np.interp(HAZARDS, row, _DRIVES) for row in rising])


def _between(delta: Floats) -> tuple[NDArray[np.intp], Floats]:
    place = (np.clip(delta, DELTA_FIRST, _LAST) - DELTA_FIRST) / (_BARRIERS[1] - _BARRIERS[0])
    first = np.minimum(place.astype(np.intp), len(_BARRIERS) - 2)
    return first, place - first


def _cubic(volts: Floats) -> Floats:
    """Coefficients (..., 4) of `volts` (..., HAZARDS) in ln H."""
    powers = np.stack([HAZARDS**n for n in range(4)], axis=1)
    return np.ascontiguousarray(volts @ np.linalg.pinv(powers).T)


def cell_needs(v_c0: Floats, delta: Floats, field: Floats, *, width: float, tau_d: float) -> Floats:
    """Of every cell (dies, 2, cells, 4), towards P and towards AP, in volts of magnitude.

    `v_c0` (2, dies, cells) [V], `delta` and `field` (dies, cells); the drive is V / v_c0 + field towards P.
    """
    drive, (first, share) = _law(width, tau_d)[1], _between(delta)
    wanted = drive[first] + share[..., np.newaxis] * (drive[first + 1] - drive[first])
    helped = np.stack([field, -field])[..., np.newaxis]
    return np.ascontiguousarray(np.swapaxes(_cubic((wanted - helped) * v_c0[..., np.newaxis]), 0, 1))


def die_needs(
    v_c0: Floats, delta: Floats, field: Floats, good: NDArray[np.bool_], *, width: float, tau_d: float
) -> Floats:
    """One for each die (dies, 2, 1, 4): what gives the wanted probability in the mean of its `good` cells."""
    log = _law(width, tau_d)[0]
    first, share = _between(delta)
    found = np.empty((len(delta), 2, len(HAZARDS)))
    wanted = -np.expm1(-np.exp(HAZARDS))
    for target in range(2):
        helped = field if target == 0 else -field
        for die in range(len(delta)):
            chosen = good[die]
            scale, at, part = v_c0[target, die, chosen], first[die, chosen], share[die, chosen]
            low, high = 0.25 * float(np.median(scale)), 2.5 * float(np.median(scale))
            volts = np.linspace(low, high, _VOLTS)
            drive = np.clip(volts[:, np.newaxis] / scale + helped[die, chosen], 0.0, _DRIVES[-1])
            place = drive / (_DRIVES[1] - _DRIVES[0])
            left = np.minimum(place.astype(np.intp), len(_DRIVES) - 2)
            rest = place - left
            value = (1.0 - part) * ((1.0 - rest) * log[at, left] + rest * log[at, left + 1])
            value += part * ((1.0 - rest) * log[at + 1, left] + rest * log[at + 1, left + 1])
            mean = -np.expm1(-np.exp(np.minimum(value, 5.0))).mean(axis=1)
            found[die, target] = np.interp(np.log(wanted), np.log(np.maximum.accumulate(mean)), volts)
    return _cubic(found)[:, :, np.newaxis, :]


def hazard_table(most: float) -> Floats:
    """Ln H over ln P, from LOG_FIRST to ln of the largest P, for `line_pulses_levels_kernels.levels`."""
    logs: Floats = np.linspace(LOG_FIRST, math.log(most), LOG_COUNT)
    return np.log(-np.log1p(-np.exp(logs)))
