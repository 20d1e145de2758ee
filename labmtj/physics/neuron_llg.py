"""Trajectories of a neuron's free layer: its stochastic equation of motion, step by step.

dm/dt = w x m with w = gamma' (B + a m x B) and B = B_eff plus a white random field (physics.neuron). Heun's method
converges to Stratonovich's meaning of the equation, which is the physical one (Garcia-Palacios and Lazaro 1998,
doi:10.1103/PhysRevB.58.14937); m is brought back to unit length after each step. Time is in units of
1 / (gamma' unit), where the random field has the variance 2 a / (stiffness (1 + a^2)) a unit of time and axis.
The mean over a long time is what physics.neuron_steady gives; here is what moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.physics.chance import Purpose
from labmtj.physics.neuron import GYROMAGNETIC_RATIO, NeuronModel
from labmtj.physics.neuron_llg_kernels import run
from labmtj.records import Floats

STEP = 0.1  # chosen: precession turns by some tenths of a radian a step, and a finer one changes no mean by 2e-4


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Paths of m: `time` (moments,) [s], `m` (paths, moments, 3), and `mean` (paths, 3) over the later part."""

    time: Floats
    m: Floats
    mean: Floats

    def average(self) -> tuple[Floats, Floats]:
        """Mean m over all paths, shape (3,), and its standard error from their scatter."""
        return self.mean.mean(axis=0), self.mean.std(axis=0, ddof=1) / len(self.mean) ** 0.5


def trajectories(
    model: NeuronModel,
    i: float,
    *,
    offset: float = 0.0,
    asymmetry: float = 0.0,
    probe: float = 0.0,
    paths: int,
    steps: int,
    settle: int = 0,
    every: int = 100,
    step: float = STEP,
    start: Floats | None = None,
    seed: int = 0,
) -> Trajectories:
    """Follow `paths` free layers from `start` (a vector, +z unless said) under a reduced drive `i`.

    `settle` steps go before the `steps` of which means are taken; every `every`-th m is kept; `step` is in units of
    1 / (gamma' unit). Random numbers are addressed by (seed, path, step). Raises InputError for counts below 1.
    """
    if paths < 1 or steps < 1 or settle < 0 or not 1 <= every <= steps + settle or not 0.0 < step < 1.0:
        raise InputError("give at least one path and one step, a step below 1, and keep one of at most all steps")
    law = model.reduced
    direction = np.array([0.0, 0.0, 1.0]) if start is None else np.asarray(start, dtype=np.float64)
    begin = np.tile(direction / np.linalg.norm(direction), (paths, 1))
    numbers = np.array([law.anisotropy, law.bias, law.ratio, law.damping, law.stiffness])
    drive = np.array([i, offset, asymmetry, probe])
    mean, seen = run(numbers, drive, begin, step, settle, steps, every, seed, int(Purpose.NEURON_HEAT))
    unit = (1.0 + law.damping**2) / (GYROMAGNETIC_RATIO * model.unit)
    time: Floats = np.arange(1, seen.shape[1] + 1, dtype=np.float64) * (every * step * unit)
    return Trajectories(time, seen, mean)
