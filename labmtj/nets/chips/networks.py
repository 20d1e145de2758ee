"""Many networks of one shape side by side: what training makes, one for each die or one alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.nets.chips.network import ChipLayer, ChipNetwork, blocks
from labmtj.nets.images.idx import Bytes
from labmtj.records import Floats

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Form:
    """What networks of one study share: `side` and `bits` of the inputs, `hidden` units, and so on as `ChipNetwork`."""

    side: int = 10
    bits: int = 2
    hidden: int = 90
    hidden_bits: int = 3
    block: int = 25
    classes: int = 10

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of each layer."""
        return (self.side**2, self.hidden), (self.hidden, self.classes)

    @property
    def steps(self) -> tuple[int, int]:
        """Steps from 0 to 1 of inputs and of hidden outputs."""
        return (1 << self.bits) - 1, (1 << self.hidden_bits) - 1


@dataclass(frozen=True, eq=False)
class ChipNetworks:
    """For each layer `devices` (networks, inputs, outputs, 2), `gain` (networks, blocks, outputs, 2) and `bias`."""

    form: Form
    devices: tuple[Bytes, ...]
    gain: tuple[Floats, ...]
    bias: tuple[Floats, ...]

    def __len__(self) -> int:
        return len(self.devices[0])

    @staticmethod
    def of(networks: Sequence[ChipNetwork]) -> ChipNetworks:
        """Put networks side by side. Raises InputError for none, for other than two layers and for different shapes."""
        if not networks or any(len(network.layers) != 2 for network in networks):
            raise InputError("networks that stand side by side have two layers each")
        first = networks[0]
        forms = {
            Form(one.side, one.bits, one.layers[0].outputs, one.hidden_bits, one.block, one.layers[1].outputs)
            for one in networks
        }
        if len(forms) != 1:
            raise InputError(f"{first.name} and others have different shapes: networks side by side have one shape")
        layers = range(2)
        return ChipNetworks(
            forms.pop(),
            tuple(np.stack([network.layers[k].devices for network in networks]) for k in layers),
            tuple(np.stack([network.layers[k].gain for network in networks]) for k in layers),
            tuple(np.stack([network.layers[k].bias for network in networks]) for k in layers),
        )

    @staticmethod
    def from_arrays(form: Form, arrays: Arrays) -> ChipNetworks:
        """Of `arrays`; devices may be packed, eight a byte, as they are in `arrays`."""
        devices = tuple(
            np.unpackbits(arrays[f"devices{k}"], axis=1, count=2 * a * b).reshape(-1, a, b, 2)
            for k, (a, b) in enumerate(form.shapes, start=1)
        )
        gain, bias = (tuple(arrays[f"{name}{k}"].astype(np.float64) for k in (1, 2)) for name in ("gain", "bias"))
        return ChipNetworks(form, devices, gain, bias)

    @property
    def arrays(self) -> Arrays:
        """Plain arrays whose first axis counts networks: devices1 (eight a byte), gain1, bias1, and so on."""
        found: dict[str, NDArray[Any]] = {}
        for k, (devices, gain, bias) in enumerate(zip(self.devices, self.gain, self.bias, strict=True), start=1):
            found[f"devices{k}"] = np.packbits(devices.reshape(len(self), -1), axis=1)
            found[f"gain{k}"], found[f"bias{k}"] = gain.astype(np.float32), bias.astype(np.float32)
        return found

    def network(self, number: int, *, name: str, window: float = 0.0) -> ChipNetwork:
        """One of them, from 0, with a name and the window [S] that it was made for."""
        form = self.form
        layers = zip(self.devices, self.gain, self.bias, strict=True)
        return ChipNetwork(
            name,
            form.side,
            form.bits,
            form.hidden_bits,
            form.block,
            tuple(ChipLayer(*(part[number].copy() for part in layer)) for layer in layers),
            window,
        )

    def take(self, which: Sequence[int]) -> ChipNetworks:
        """Some of them, in the order of their numbers."""
        numbers = list(which)
        devices = tuple(part[numbers] for part in self.devices)
        gain, bias = (tuple(part[numbers] for part in parts) for parts in (self.gain, self.bias))
        return ChipNetworks(self.form, devices, gain, bias)


def spread_gain(gain: Floats, *, inputs: int, block: int) -> Floats:
    """Gains of whole outputs (networks, outputs) as gains of every column of every block."""
    wide = np.broadcast_to(gain[:, None, :, None], (len(gain), blocks(inputs, block), gain.shape[1], 2))
    return np.array(wide, dtype=np.float64)
