"""What a reading sees of neurons beside the mean current: noise of their junctions, and the meter's draw.

Shot, thermal and 1/f noise of the tunnel junctions (physics.noise). What the free layer adds by itself, wandering about
its mean within nanoseconds, is far below the 1/f noise after an aperture of milliseconds.
"""

from __future__ import annotations

import math

import numpy as np

from labmtj.physics import noise
from labmtj.records import Floats
from labmtj.twin.neuron_die import NeuronDie
from labmtj.twin.readings import Draws, View
from labmtj.twin.state import DieState


class NeuronReadings(Draws):
    """Counts the readings of every line and draws what they see."""

    def __init__(self, truth: NeuronDie, state: DieState) -> None:
        super().__init__(truth.model.seed, truth.shape, state)
        model = truth.model
        self._model, self._rows = model, truth.shape[0]
        # Junctions of different areas in one call: what counts is the flicker over the area.
        self._flicker = np.tile([model.flicker / model.area_x, model.flicker / model.area_z], model.count)

    def view(self, cell_v: Floats, cell_i: Floats, lines: tuple[int, ...], aperture: float) -> View:
        """What a source on these lines sees of the junctions at their volts and currents, (rows, cols)."""
        seen: set[int] = set()
        for line in lines:
            neuron = line - self._rows
            seen |= {line} if neuron < 0 else {2 * neuron, 2 * neuron + 1}
        junctions = np.array(sorted(seen), dtype=np.int64)
        place, fano = (junctions, junctions // 2), np.full(len(junctions), self._model.fano)
        variance = noise.current_variance(
            cell_v[place],
            cell_i[place],
            fano=fano,
            flicker=self._flicker[junctions],
            area=1.0,
            temperature=self._model.temperature,
            aperture=aperture,
        )
        return View(lines[0], math.sqrt(float(variance.sum())), ())
