"""Networks in software, behind the same door as arrays: exact devices, or weights that are real numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.in_situ.plant import Costs
from labmtj.records import Floats


class SoftwarePlant:
    """Devices that are what they should be (labmtj.nets.in_situ.plant.Plant): bits, drawn at first, and exact flips.

    `seeds` (copies,) draw the first bits and every flip, each copy from its own.
    """

    def __init__(self, layers: Sequence[tuple[int, int]], *, seeds: Sequence[int]) -> None:
        self._layers = tuple(layers)
        # RandomState, because numpy promises that its stream never changes (NEP 19).
        self._random = [np.random.RandomState([seed, 1]) for seed in seeds]
        self._bits = [
            np.stack([random.randint(0, 2, (rows, 2 * outputs)) for random in self._random]).astype(np.int8)
            for rows, outputs in self._layers
        ]
        self._counts = np.zeros((8, len(seeds)))

    @property
    def copies(self) -> int:
        """How many networks there are."""
        return len(self._random)

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of every layer."""
        return self._layers

    def products(self, layer: int, inputs: Floats) -> Floats:
        """Weighted sums (copies, outputs) of `inputs` (copies, inputs)."""
        return np.einsum("ci,cio->co", inputs, self.weights(layer))

    def products_of(self, layer: int, inputs: Floats) -> Floats:
        """The same for many samples, (copies, samples, outputs) of (copies, samples, inputs)."""
        return np.matmul(inputs, self.weights(layer))

    def update(self, layer: int, rows: Floats, cols: Floats) -> None:
        """Let every device flip with exactly the probability that is asked for."""
        self.ask(layer, rows[:, :, np.newaxis] * cols[:, np.newaxis, :])

    def ask(self, layer: int, wanted: Floats) -> None:
        """The same for weights with probabilities of their own, |wanted| (copies, inputs, outputs) along its sign."""
        asked = np.minimum(1.0, np.abs(wanted)).repeat(2, axis=2)
        up = (wanted > 0.0).repeat(2, axis=2)
        up[:, :, 1::2] = ~up[:, :, 1::2]
        bits = self._bits[layer]
        active = np.flatnonzero(asked.any(axis=(1, 2)))
        for copy in active.tolist():
            draws = self._random[copy].random_sample(asked.shape[1:])
            flips = (draws < asked[copy]) & (bits[copy] != up[copy])
            bits[copy] = np.where(flips, up[copy], bits[copy])
            self._counts[3, copy] += flips.sum()
        self._counts[0, active] += 1
        self._counts[2] += (asked > 0.0).sum(axis=(1, 2))

    def weights(self, layer: int) -> Floats:
        """Weights (copies, inputs, outputs) in -1, 0, 1."""
        bits = self._bits[layer].astype(np.float64)
        return bits[:, :, 0::2] - bits[:, :, 1::2]

    def states(self, layer: int) -> NDArray[np.int8]:
        """Bits of all devices, (copies, inputs, 2 outputs)."""
        return self._bits[layer].copy()

    def write(self, layer: int, bits: NDArray[np.int8]) -> None:
        """Set devices to `bits`; -1 leaves one alone."""
        differ = (bits >= 0) & (bits != self._bits[layer])
        self._counts[5] += differ.sum(axis=(1, 2))
        self._bits[layer] = np.where(differ, bits, self._bits[layer])

    def costs(self) -> Costs:
        """Counts of updates, events, flips and writes; software takes no pulse, energy or time on an array."""
        return Costs(*self._counts.copy())


class RealPlant(SoftwarePlant):
    """Weights that are real numbers; nothing limits them."""

    def __init__(self, layers: Sequence[tuple[int, int]], *, seeds: Sequence[int]) -> None:
        super().__init__(layers, seeds=seeds)
        self.values: list[Floats] = [
            np.stack([random.normal(0.0, 0.5, (rows, outputs)) for random in self._random])
            for rows, outputs in self._layers
        ]

    def weights(self, layer: int) -> Floats:
        """Weights (copies, inputs, outputs)."""
        return self.values[layer]
