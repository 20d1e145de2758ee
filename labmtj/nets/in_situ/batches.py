"""The stochastic rule for arrays that can give every cell a probability of its own: sums of outer products, at once.

With a transistor in every cell an update goes row by row, each cell at its own voltage, so nothing ties it to the outer
product of one sample: the host adds those of some samples up and asks every weight for min(1, eta |sum x delta|). What
samples disagree about cancels before a pulse is fired, and not by flips to and fro. Devices remember, as before,
nothing but their bit; one batch is all that the host keeps. A batch of one is the rule of arXiv 1806.09057.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.in_situ.plant import Plant
from labmtj.nets.in_situ.rules import Stochastic
from labmtj.nets.in_situ.task import Recipe
from labmtj.records import Floats


class AskingPlant(Plant, Protocol):
    """A plant whose cells can each have a probability of their own."""

    def ask(self, layer: int, wanted: Floats) -> None:
        """Ask every weight to move with probability |wanted| (copies, inputs, outputs) along its sign."""
        ...


@dataclass(frozen=True)
class Batches:
    """`size` samples with an error go into one update; weights of which |sum x delta| is below `floor` are left alone.

    `last` multiplies eta for the last layer, whose errors are larger.
    """

    size: int = 32
    floor: float = 0.5
    last: float = 0.5

    def __post_init__(self) -> None:
        if self.size < 1 or self.floor < 0.0 or not self.last > 0.0:
            raise InputError(
                f"batches of {self.size} with a floor of {self.floor:g} and a last layer of {self.last:g}: give 1 or "
                "more samples, 0 or more, and above 0"
            )


class StochasticBatches(Stochastic):
    """Flips by chance after every `batches.size` samples with an error, counted for each copy."""

    def __init__(self, plant: AskingPlant, recipe: Recipe, *, batches: Batches) -> None:
        super().__init__(plant, recipe)
        self._asked, self._eta, self._batches = plant, recipe.eta, batches
        self._sums = [np.zeros((plant.copies, *size)) for size in plant.layers]
        self._counts = np.zeros((len(plant.layers), plant.copies), np.int64)

    def step(self, layer: int, inputs: Floats, errors: Floats, *, done: float) -> None:
        """Add one sample; copies whose batch is full are pulsed."""
        active = np.flatnonzero(errors.any(axis=1))
        if not active.size:
            return
        sums, counts = self._sums[layer], self._counts[layer]
        sums[active] -= inputs[active, :, np.newaxis] * errors[active, np.newaxis, :]
        counts[active] += 1
        full = counts >= self._batches.size
        if not full.any():
            return
        first, end = self._eta
        factor = first * (end / first) ** done * (self._batches.last if layer == len(self._sums) - 1 else 1.0)
        wanted = np.zeros_like(sums)
        wanted[full] = np.where(np.abs(sums[full]) >= self._batches.floor, factor * sums[full], 0.0)
        sums[full], counts[full] = 0.0, 0
        self._asked.ask(layer, np.clip(wanted, -1.0, 1.0))
