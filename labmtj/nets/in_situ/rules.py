"""How errors become changes of devices.

`Stochastic` is the rule of Mondal and Srivastava, arXiv 1806.09057: a device flips towards the sign of its update
with probability min(1, eta |x delta|), and nothing but the devices remembers anything. `Deterministic` keeps a hidden
real number for every device in the host, whose sign is written when it changes (straight-through estimator,
arXiv 1308.3432). `RealWeights` is plain gradient descent in software.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.in_situ.plant import Plant
from labmtj.nets.in_situ.software import RealPlant
from labmtj.nets.in_situ.task import Recipe
from labmtj.records import Floats

_START = 0.3  # chosen: hidden weights begin within +-0.3, fifteen steps of 0.02 from a change


class Rule(Protocol):
    """Turns the inputs (copies, inputs) and errors (copies, outputs) of one sample into changes of a layer."""

    def step(self, layer: int, inputs: Floats, errors: Floats, *, done: float) -> None:
        """Apply one sample; `done` is how much of the training is over, 0..1."""
        ...

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Remember the present state of these copies (copies,) as their best."""
        ...

    def restore(self, which: NDArray[np.bool_], *, last: bool) -> None:
        """Take these copies back to their best; `last`: training is over."""
        ...


class Stochastic:
    """Flips by chance, in parallel; nothing but the array has a memory. Its best states are read, and written back."""

    def __init__(self, plant: Plant, recipe: Recipe) -> None:
        self._plant, self._recipe = plant, recipe
        self._best = [plant.states(layer) for layer in range(len(plant.layers))]

    def step(self, layer: int, inputs: Floats, errors: Floats, *, done: float) -> None:
        """One outer product of pulses, for copies with an error."""
        first, end = self._recipe.eta
        self._plant.update(layer, inputs, -first * (end / first) ** done * errors)

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Read the devices."""
        for layer, best in enumerate(self._best):
            best[which] = self._plant.states(layer)[which]

    def restore(self, which: NDArray[np.bool_], *, last: bool) -> None:
        """Write the devices that have changed since."""
        if not (last or self._recipe.restore):
            return
        for layer, best in enumerate(self._best):
            self._plant.write(layer, np.where(which[:, np.newaxis, np.newaxis], best, np.int8(-1)))


class Deterministic:
    """A hidden real number for every device; what changes sign is written with verify."""

    def __init__(self, plant: Plant, recipe: Recipe, *, seeds: NDArray[np.int64]) -> None:
        self._plant, self._recipe = plant, recipe
        # RandomState, because numpy promises that its stream never changes (NEP 19).
        random = [np.random.RandomState([int(seed), 2]) for seed in seeds]
        self._hidden: list[Floats] = [
            np.stack([one.uniform(-_START, _START, (rows, 2 * outputs)) for one in random])
            for rows, outputs in plant.layers
        ]
        self._best = [hidden.copy() for hidden in self._hidden]
        for layer, hidden in enumerate(self._hidden):
            plant.write(layer, _bits(hidden))

    def step(self, layer: int, inputs: Floats, errors: Floats, *, done: float) -> None:
        """One step of gradient descent of the hidden numbers, each held within -1..1; changed signs are written."""
        if not errors.any():
            return
        slopes = (inputs[:, :, np.newaxis] * errors[:, np.newaxis, :]).repeat(2, axis=2)
        slopes[:, :, 1::2] *= -1.0
        before = self._hidden[layer]
        after = np.clip(before - self._recipe.hidden_rate * (1.0 - done) * slopes, -1.0, 1.0)
        self._hidden[layer] = after
        changed = (before > 0.0) != (after > 0.0)
        if changed.any():
            self._plant.write(layer, np.where(changed, _bits(after), np.int8(-1)))

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Remember the hidden numbers."""
        for best, hidden in zip(self._best, self._hidden, strict=True):
            best[which] = hidden[which]

    def restore(self, which: NDArray[np.bool_], *, last: bool) -> None:
        """Write the best at the end; hidden numbers need no going back on the way."""
        if not last:
            return
        for layer, best in enumerate(self._best):
            self._hidden[layer][which] = best[which]
            self._plant.write(layer, np.where(which[:, np.newaxis, np.newaxis], _bits(best), np.int8(-1)))


class RealWeights:
    """Gradient descent on real numbers, in software."""

    def __init__(self, plant: RealPlant, recipe: Recipe) -> None:
        self._plant, self._recipe = plant, recipe
        self._best = [values.copy() for values in plant.values]

    def step(self, layer: int, inputs: Floats, errors: Floats, *, done: float) -> None:
        """One step down the slope of this sample; chosen: five times the rate of hidden weights, tried on Wine."""
        rate = 5.0 * self._recipe.hidden_rate * (1.0 - done)
        self._plant.values[layer] -= rate * inputs[:, :, np.newaxis] * errors[:, np.newaxis, :]

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Remember the weights."""
        for best, values in zip(self._best, self._plant.values, strict=True):
            best[which] = values[which]

    def restore(self, which: NDArray[np.bool_], *, last: bool) -> None:
        """Take the best weights at the end."""
        if last:
            for values, best in zip(self._plant.values, self._best, strict=True):
                values[which] = best[which]


def _bits(hidden: Floats) -> NDArray[np.int8]:
    return (hidden > 0.0).astype(np.int8)
