"""Binary networks whose column sums are taken kernel by kernel, and their forward pass in software.

A layer has one pair of devices for each input and output. Its inputs lie on blocks of as many rows as a kernel has;
the current of a column of one block, over voltage and window, is a partial product p. Scales, biases and the
activation are digital (arXiv 2312.06446 leaves them open; so chosen):

    z_j = sum over blocks b of (gain[b, j, 0] p[b, j, 0] - gain[b, j, 1] p[b, j, 1]) + bias_j

Hidden outputs are the logistic function of z, in `hidden_bits` bits, because they are sent as patterns of gates; the
class is the largest z of the last layer. In software a device has the conductance of its bit, in windows: 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.nets.images.idx import Bytes
from labmtj.records import Floats

Floats32 = NDArray[np.float32]
Partial = Callable[[Floats32], Floats]
"""From outputs of the layer before (samples, inputs), 0..1, to partial products (samples, blocks, outputs, 2)."""


@dataclass(frozen=True, eq=False)
class ChipLayer:
    """`devices` (inputs, outputs, 2) of bits, + then -; `gain` (blocks, outputs, 2) and `bias` (outputs,), no unit.

    Bit 1 is high conductance, the P state. Raises InputError for other bits, shapes that do not fit and numbers that
    are not finite.
    """

    devices: Bytes
    gain: Floats
    bias: Floats

    def __post_init__(self) -> None:
        if self.devices.ndim != 3 or self.devices.shape[2] != 2:
            raise InputError(f"devices of a layer are (inputs, outputs, 2), not {self.devices.shape}")
        outputs = self.devices.shape[1]
        if self.bias.shape != (outputs,) or self.gain.ndim != 3 or self.gain.shape[1:] != (outputs, 2):
            raise InputError(
                f"{outputs} outputs need a bias of shape ({outputs},) and a gain of (blocks, {outputs}, 2), "
                f"not {self.bias.shape} and {self.gain.shape}"
            )
        if self.devices.max(initial=0) > 1:
            raise InputError("every device of a layer is a bit: 0 or 1")
        if not (np.isfinite(self.gain).all() and np.isfinite(self.bias).all()):
            raise InputError("every gain and bias of a layer must be a finite number")
        for array in (self.devices, self.gain, self.bias):
            array.flags.writeable = False

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return self.devices.shape[0]

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self.devices.shape[1]


@dataclass(frozen=True, eq=False)
class ChipNetwork:
    """Layers in order, for `side` x `side` inputs of `bits` bits, with `block` rows in a kernel.

    `window` [S] is G_P - G_AP of a typical cell, which turns conductances into the unit of weights; 0 if the network
    was made without a chip. Raises InputError if layers do not fit one another, the inputs or the blocks.
    """

    name: str
    side: int
    bits: int
    hidden_bits: int
    block: int
    layers: tuple[ChipLayer, ...]
    window: float = 0.0

    def __post_init__(self) -> None:
        inputs = self.side**2
        if not self.layers or self.block < 1 or not (1 <= self.bits <= 8 and 1 <= self.hidden_bits <= 8):
            raise InputError(f"{self.name}: a network has layers, blocks of 1 row or more, and values of 1 to 8 bits")
        for number, layer in enumerate(self.layers, start=1):
            if layer.inputs != inputs:
                raise InputError(f"{self.name}: layer {number} has {layer.inputs} inputs; it is given {inputs}")
            if len(layer.gain) != blocks(inputs, self.block):
                raise InputError(
                    f"{self.name}: layer {number} has gains for {len(layer.gain)} blocks; "
                    f"{inputs} inputs take {blocks(inputs, self.block)} of {self.block} rows"
                )
            inputs = layer.outputs

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of each layer."""
        return tuple((layer.inputs, layer.outputs) for layer in self.layers)

    @property
    def devices(self) -> int:
        """Number of devices of all layers."""
        return sum(layer.devices.size for layer in self.layers)

    @property
    def steps(self) -> tuple[int, ...]:
        """Steps from 0 to 1 of the inputs of each layer: 2^bits - 1."""
        return tuple((1 << bits) - 1 for bits in [self.bits] + [self.hidden_bits] * (len(self.layers) - 1))


def blocks(inputs: int, block: int) -> int:
    """How many blocks of `block` rows hold this many inputs."""
    return -(-inputs // block)


def planes(values: Floats32, steps: int) -> NDArray[np.bool_]:
    """Bits of values 0..1 in `steps` = 2^bits - 1 steps, the most significant first: (bits, *shape of values).

    Each is a pattern of gates; plane k of n counts 2^(n - 1 - k) / steps.
    """
    levels = np.rint(np.asarray(values) * steps).astype(np.int64)
    bits = steps.bit_length()
    return (levels >> np.arange(bits - 1, -1, -1).reshape(-1, *[1] * levels.ndim) & 1).astype(bool)


def plane_weights(steps: int) -> Floats:
    """What each plane counts, (bits,); their sum is 1."""
    bits = steps.bit_length()
    return 2.0 ** np.arange(bits - 1, -1, -1) / steps


def activate(scores: Floats | Floats32, steps: int) -> Floats32:
    """Logistic function of pre-activations, rounded to `steps` steps from 0 to 1."""
    with np.errstate(over="ignore"):
        return np.rint(steps / (1.0 + np.exp(-scores.astype(np.float32)))).astype(np.float32) / np.float32(steps)


def combine(layer: ChipLayer, partial: Floats) -> Floats:
    """Pre-activations (..., samples, outputs) of partial products (..., samples, blocks, outputs, 2)."""
    scaled = partial * layer.gain
    return (scaled[..., 0] - scaled[..., 1]).sum(axis=-2) + layer.bias


def propagate(network: ChipNetwork, inputs: Floats, partials: Sequence[Partial]) -> tuple[Floats, ...]:
    """Pre-activations of each layer (samples, outputs) for inputs (samples, inputs), 0..1.

    `partials` has one function a layer: an array that multiplies, or `partial_products` of conductances.
    """
    found: list[Floats] = []
    values = inputs.astype(np.float32)
    for layer, partial, steps in zip(network.layers, partials, (*network.steps[1:], 1), strict=True):
        found.append(combine(layer, partial(values)))
        if layer is not network.layers[-1]:
            values = activate(found[-1], steps)
    return tuple(found)


def partial_products(values: Floats32, conductances: Floats, *, block: int) -> Floats:
    """Sums over the rows of each block, (samples, blocks, outputs, 2), of values (samples, inputs) x conductances.

    `conductances` (inputs, outputs, 2), in windows.
    """
    inputs, outputs, _ = conductances.shape
    count = blocks(inputs, block)
    rows, weights = np.zeros((len(values), count * block)), np.zeros((count * block, 2 * outputs))
    rows[:, :inputs], weights[:inputs] = values, conductances.reshape(inputs, -1)
    sums = rows.reshape(-1, count, block).swapaxes(0, 1) @ weights.reshape(count, block, -1)
    return sums.swapaxes(0, 1).reshape(len(values), count, outputs, 2)


def forward(network: ChipNetwork, inputs: Floats, conductances: Sequence[Floats] | None = None) -> tuple[Floats, ...]:
    """Pre-activations of each layer; in software, or with `conductances` in windows, shaped as each layer's devices."""
    cells = [layer.devices for layer in network.layers] if conductances is None else conductances
    found: list[Floats] = []
    values = inputs.astype(np.float32)
    for layer, own, steps in zip(network.layers, cells, (*network.steps[1:], 1), strict=True):
        found.append(values @ effective(layer, own, block=network.block) + layer.bias)
        values = activate(found[-1], steps)
    return tuple(found)


def effective(layer: ChipLayer, conductances: Floats | Bytes, *, block: int) -> Floats:
    """Weights (..., inputs, outputs) that conductances (..., inputs, outputs, 2) in windows make with the gains."""
    gain = np.repeat(layer.gain, block, axis=0)[: layer.inputs]
    return conductances[..., 0] * gain[..., 0] - conductances[..., 1] * gain[..., 1]
