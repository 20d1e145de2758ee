"""A simulated die of neurons: what its junctions are, and where they lie in the array that a bench sees.

Rows 2n - 1 and 2n (from 1) of that array are the x and the z terminal of neuron n, column n is its common terminal.
Junctions are counted like rows: those of the x and of the z terminal in turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.chance import Purpose, uniforms
from labmtj.physics.neuron import NeuronModel
from labmtj.physics.neuron_die import NeuronTruth
from labmtj.physics.variation import Breakdown
from labmtj.records import Floats


@dataclass(frozen=True)
class NeuronDie:
    """Neurons as they were drawn (`neurons`) from a `model`, and the law by which their barriers break.

    `initial` is the state of each place of the array, which means nothing here: a free layer without current lies
    where its bias holds it. `damage_at_breakdown` (junctions,) is the damage sum at which a barrier breaks.
    """

    model: NeuronModel
    neurons: NeuronTruth
    breakdown: Breakdown
    initial: NDArray[np.int8] = field(init=False)
    damage_at_breakdown: Floats = field(init=False)

    def __post_init__(self) -> None:
        model, law = self.model, self.breakdown
        draws = uniforms(model.seed, Purpose.BREAKDOWN, 2 * model.count)
        sizes = np.tile([model.area_x, model.area_z], model.count)
        weibull = (-np.log(draws) * 0.25 * math.pi * law.diameter**2 / sizes) ** (1.0 / law.beta)
        object.__setattr__(self, "initial", np.zeros(self.shape, dtype=np.int8))
        object.__setattr__(self, "damage_at_breakdown", weibull)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of the array that a bench sees."""
        return 2 * self.model.count, self.model.count
