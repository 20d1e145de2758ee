"""Hundreds of networks in lockstep, each with one passive die a layer: a `labmtj.nets.in_situ.plant.Plant`.

Every product solves the array at the read voltage in two passes, one of the rows of each sign; every update is up
to four pulses on many lines, solved, in which every cell of the die draws once. A copy's numbers depend on its dies
and its life alone, whatever is trained beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.nets.in_situ.plant import Costs
from labmtj.physics.line_pulses_kernels import DISTURBED, EVENTS, FLIPS
from labmtj.physics.superposition import SumNoise
from labmtj.physics.variation import DieModel
from labmtj.records import Floats, Ints
from labmtj.studies.in_situ.passive_actions import LayerActions
from labmtj.studies.in_situ.passive_layer import PassiveLayer
from labmtj.studies.in_situ.passive_setting import PassiveSetting

_SLACK = 1e-9


class PassivePlant:
    """Networks of `layers` on dies of `model`; copy n has the dies with the seeds that follow from `dies[n]`.

    The seed of a layer's die is that of the model + layers x die + layer. `lives` (copies,) tell copies of the same
    die apart (0 unless said: then copies of a die draw the same numbers). No `noise` of readings unless given.
    Raises InputError for layers that do not fit.
    """

    def __init__(
        self,
        model: DieModel,
        layers: Sequence[tuple[int, int]],
        *,
        dies: Ints,
        lives: Ints | None = None,
        setting: PassiveSetting | None = None,
        noise: SumNoise | None = None,
    ) -> None:
        chosen = setting or PassiveSetting()
        lived = np.zeros(len(dies), np.int64) if lives is None else np.asarray(lives, np.int64)
        self._layers = tuple(layers)
        self.setting = chosen
        self._parts = tuple(
            LayerActions(
                PassiveLayer(
                    model, layer, seeds=model.seed + len(layers) * np.asarray(dies, np.int64) + number, lives=lived,
                    setting=chosen,
                ),
                noise if chosen.noise else None,
            )
            for number, layer in enumerate(layers)
        )  # fmt: skip

    @property
    def copies(self) -> int:
        """How many networks there are."""
        return len(self._parts[0].part.window)

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of every layer."""
        return self._layers

    def products(self, layer: int, inputs: Floats) -> Floats:
        """Weighted sums (copies, outputs) in windows; see Plant."""
        if not (np.abs(inputs) <= 1.0 + _SLACK).all():
            raise InputError("a row cannot be driven beyond the read voltage: inputs lie in -1..1")
        return self._parts[layer].products(inputs)

    def products_of(self, layer: int, inputs: Floats) -> Floats:
        """The same for many samples, of an array of resistors at the read voltage, without noise."""
        return self._parts[layer].products_of(inputs)

    def update(self, layer: int, rows: Floats, cols: Floats) -> None:
        """Ask every weight to move towards the sign of rows x cols; see Plant."""
        self._parts[layer].update(np.ascontiguousarray(rows), np.ascontiguousarray(cols))

    def weights(self, layer: int) -> Floats:
        """What readings of every device give, (copies, inputs, outputs), in windows."""
        found = self._parts[layer].readings()
        return (found[:, :, 0::2] - found[:, :, 1::2]) / self._parts[layer].part.window[:, np.newaxis, np.newaxis]

    def states(self, layer: int) -> NDArray[np.int8]:
        """Bits of the devices as they read, 1 for P."""
        return self._parts[layer].states()

    def write(self, layer: int, bits: NDArray[np.int8]) -> None:
        """Write the devices that the host knows to be otherwise, with verify; -1 leaves one alone."""
        self._parts[layer].write(bits)

    def layer(self, number: int) -> LayerActions:
        """A layer, counted from 0, with its dies: for tests and figures."""
        return self._parts[number]

    @property
    def limited(self) -> Floats:
        """Pulses of each copy that were left out because a cell would have seen more than it may, (copies,)."""
        return np.sum([part.limited for part in self._parts], axis=0)

    def costs(self) -> Costs:
        """What all of it has taken so far."""

        def total(name: str) -> Floats:
            return np.sum([getattr(part, name) for part in self._parts], axis=0).astype(np.float64)

        counts = np.sum([part.part.dies.counts for part in self._parts], axis=0).astype(np.float64)
        return Costs(
            updates=total("updates"),
            pulses=total("pulses"),
            events=counts[:, EVENTS],
            flips=counts[:, FLIPS],
            disturbed=counts[:, DISTURBED],
            writes=total("writes"),
            energy=np.sum([part.part.dies.energy for part in self._parts], axis=0),
            seconds=total("seconds"),
        )
