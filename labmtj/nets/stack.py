"""Many networks of one shape, stacked for arithmetic on all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.network import Layer, Network
from labmtj.records import Floats, Ints, State


@dataclass(frozen=True, eq=False)
class NetworkStack:
    """Networks of one shape: for each layer `devices` (networks, inputs, 2 outputs) and `bias` (networks, outputs).

    Bits, pairs of columns and biases are those of `nets.network.Layer`.
    """

    names: tuple[str, ...]
    devices: tuple[Ints, ...]
    bias: tuple[Floats, ...]

    @staticmethod
    def of(networks: Sequence[Network]) -> NetworkStack:
        """Stack networks. Raises InputError for none, and for networks of different shapes."""
        if not networks:
            raise InputError("a study needs at least one network")
        shapes = [layer.shape for layer in networks[0].layers]
        for network in networks:
            if [layer.shape for layer in network.layers] != shapes:
                raise InputError(f"{network.name} has another shape than {networks[0].name}: a study needs one shape")
        return NetworkStack(
            tuple(network.name for network in networks),
            tuple(np.stack([network.layers[n].devices for network in networks]) for n in range(len(shapes))),
            tuple(np.stack([network.layers[n].bias for network in networks]) for n in range(len(shapes))),
        )

    def __len__(self) -> int:
        return len(self.names)

    def weights(self, layer: int) -> Floats:
        """Weights -1, 0 or 1 of a layer (from 0), shape (networks, inputs, outputs)."""
        devices = self.devices[layer]
        return (devices[..., 0::2] - devices[..., 1::2]).astype(np.float64)

    def states(self, layer: int) -> Ints:
        """`State` value to which each device of a layer (from 0) has to be written, shape of its `devices`."""
        return np.where(self.devices[layer] == 1, int(State.P), int(State.AP)).astype(np.int64)

    def network(self, number: int) -> Network:
        """One of the networks by itself."""
        layers = zip(self.devices, self.bias, strict=True)
        return Network(
            self.names[number], tuple(Layer(bits[number].copy(), bias[number].copy()) for bits, bias in layers)
        )

    def take(self, which: Sequence[int] | Ints) -> NetworkStack:
        """Some of the networks, in the order of their numbers `which`."""
        chosen: Ints = np.asarray(which, dtype=np.int64)
        numbers: list[int] = chosen.tolist()
        return NetworkStack(
            tuple(self.names[n] for n in numbers),
            tuple(devices[chosen] for devices in self.devices),
            tuple(bias[chosen] for bias in self.bias),
        )
