"""Whether a pulse can write the cells of a die and leave the others alone: chances over the spread of a die.

What is asked is about a kind of die, not about one: chances are means over a sample of cells that is drawn from the
die's statistics as the twin draws a die, so that spreads, their correlation and the stray field are all in it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from labmtj.physics.breakdown import breakdown_probability, damage
from labmtj.physics.switching_cells import Switching
from labmtj.physics.variation import DieModel, draw_die
from labmtj.records import Defect, Floats, State

_SIDE = 24  # chosen: 576 cells tell a mean chance of 1e-2 to a fifth of it where the spread decides it
_DRIVE, _BARRIER = 5.99, (10.0, 122.0)  # range of the switching table
_POINTS = 41  # chosen: of a curve of chance against volts, which is smooth in its logarithm
_LEAST = 1e-30  # a chance below it never matters


@dataclass(frozen=True, eq=False)
class CellSample:
    """Cells of dies of one kind: V_c0 of AP->P [V], Delta [kT], stray field [of H_k]; arrays (cells,)."""

    model: DieModel
    v_c0: Floats
    delta: Floats
    stray_field: Floats


@functools.lru_cache(maxsize=8)
def sample(model: DieModel, *, spread: bool = True) -> CellSample:
    """A sample of the good cells of such dies; without `spread` the one cell that all of them vary about."""
    if not spread:
        return CellSample(model, *(np.array([x]) for x in (model.v_c0, model.delta, model.stray_field)))
    # A seed of its own: the sample must not be the die that the bench will have.
    die = draw_die(replace(model, rows=_SIDE, cols=_SIDE, seed=2**62))
    good = die.defect == Defect.NONE
    return CellSample(model, die.v_c0[good], die.delta[good], die.stray_field[good])


def switch_chances(cells: CellSample, volts: Floats, *, width: float, target: State) -> Floats:
    """Chance of each cell to be switched to `target` from the other state by one pulse; shape (volts, cells).

    `volts` [V] across the cell, positive where they write `target`; `width` [s].
    """
    model, towards_p = cells.model, target is State.P
    v_c0 = cells.v_c0 if towards_p else cells.v_c0 * model.v_c0_ratio
    drive = volts[:, np.newaxis] / v_c0 + (cells.stray_field if towards_p else -cells.stray_field)
    delta = np.broadcast_to(np.clip(cells.delta, *_BARRIER), drive.shape).ravel()
    chances = Switching(delta, tau_d=model.tau_d).probabilities(np.clip(drive, -_DRIVE, _DRIVE).ravel(), width=width)
    return np.clip(chances.reshape(drive.shape), 0.0, 1.0)


def mean_chance(cells: CellSample, *, width: float, target: State, most: float) -> Callable[[Floats], Floats]:
    """Mean chance to be switched to `target` as a function of the volts across a cell, up to `most` [V]."""
    grid: Floats = np.linspace(0.0, most, _POINTS)
    found: Floats = switch_chances(cells, grid, width=width, target=target).mean(axis=1)
    chances: Floats = np.log(np.maximum(found, _LEAST))

    def chance(at: Floats) -> Floats:
        return np.exp(np.interp(at, grid, chances))

    return chance


def survivors(cells: CellSample, volts: Floats, *, width: ArrayLike, target: State) -> Floats:
    """Share of cells that is still not switched after each of the pulses of `volts` [V across the cell]; (pulses,).

    `width` [s] is that of all pulses or one a pulse.
    """
    widths: Floats = np.broadcast_to(np.asarray(width, dtype=np.float64), volts.shape)
    stays = np.ones((volts.size, cells.v_c0.size))
    for one in dict.fromkeys(widths.tolist()):
        chosen = widths == one
        stays[chosen] -= switch_chances(cells, volts[chosen], width=one, target=target)
    return np.cumprod(stays, axis=0).mean(axis=1)


def switching_volts(model: DieModel, *, width: float, target: State, chance: float = 0.5) -> float:
    """Voltage [V] across the middle cell of a die at which a pulse writes `target` with this chance."""
    middle = sample(model, spread=False)
    low, high = 0.0, _DRIVE * model.v_c0
    for _ in range(50):
        volts = 0.5 * (low + high)
        if float(switch_chances(middle, np.array([volts]), width=width, target=target)[0, 0]) < chance:
            low = volts
        else:
            high = volts
    return 0.5 * (low + high)


def wear(model: DieModel, volts: ArrayLike, *, width: ArrayLike) -> tuple[float, float]:
    """Damage sum of pulses of `volts` [V, across the cell] and `width` [s], and the share of cells that break by it."""
    total = float(np.sum(np.asarray(width) * damage(np.asarray(volts, dtype=np.float64), 1.0, model.breakdown)))
    return total, float(breakdown_probability(total, diameter=model.diameter, law=model.breakdown))
