"""Kernels of physics.lockstep: which cells of many dies a pulse switches."""

# Kernels take plain arrays by position.

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.chance_kernels import locate, uniform_there
from labmtj.physics.jit import jit
from labmtj.physics.mtj import LINEAR
from labmtj.physics.switching import probabilities
from labmtj.records import Floats, Ints, State

Words = NDArray[np.uint64]

STRIDE, LAST = 0.05, 15
_MARGIN = 1.25  # chosen: far above what the table's interpolation may be off from being monotone
_AP = int(State.AP)


@jit
def locate_all(seeds: Ints, purpose: int, located: Words) -> None:
    """Addresses of the draws of every cell of every die, (dies, cells), but for the ordinal."""
    for die in range(located.shape[0]):
        for cell in range(located.shape[1]):
            located[die, cell] = locate(seeds[die], purpose, cell)


@jit
def bound(table: Floats, tau: float, delta: float, highest: Floats) -> None:
    """Fill `highest`: a probability that no cell with a drive up to STRIDE x place and this barrier exceeds.

    The probability rises with the drive and falls with the barrier, so `delta` is the lowest one.
    """
    for place in range(highest.size):
        highest[place] = _MARGIN * probabilities(table, STRIDE * place, tau, delta)[0]


@jit
def switch(
    table: Floats,
    highest: Floats,
    tau: float,
    cell_v: Floats,
    of: Ints,
    v_c0: Floats,
    field: Floats,
    delta: Floats,
    stays: NDArray[np.bool_],
    located: Words,
    pulses: Words,
    limit: float,
    state: NDArray[np.int8],
) -> int:
    """Draw once for every cell of every pulsed die, and flip those that switch; returns how many are outside the table.

    `cell_v` (pulses, cells) [V] writes P where it is positive; `of` (pulses,) is the die of each, none twice. The
    others are (dies, cells), `v_c0` (2, dies, cells) towards P and towards AP. Only if a draw lies below the
    bound on the probability is the probability itself looked up: the outcome is the same, and one cell in fifty
    needs it.
    """
    outside = 0
    for pulse in range(of.size):
        die = of[pulse]
        for cell in range(cell_v.shape[1]):
            now = state[die, cell]
            if stays[die, cell] or now == LINEAR:
                continue
            if now == _AP:
                drive = cell_v[pulse, cell] / v_c0[0, die, cell] + field[die, cell]
            else:
                drive = -cell_v[pulse, cell] / v_c0[1, die, cell] - field[die, cell]
            drive = min(max(drive, -limit), limit)
            draw = uniform_there(located[die, cell], np.uint64(pulses[die]))
            place = math.ceil(max(drive, 0.0) / STRIDE)
            if place < highest.size and draw >= highest[place]:
                continue
            chance = probabilities(table, drive, tau, delta[die, cell])[0]
            outside += np.isnan(chance)
            if draw < chance:
                state[die, cell] = 1 - now
        pulses[die] += np.uint64(1)
    return outside
