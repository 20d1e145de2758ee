"""Networks whose every weight is a pair of binary devices, and their forward pass.

One layer is, in software and on an array alike (scaling of the code published with arXiv 2112.09159,
doi:10.1103/PhysRevApplied.18.014039):

    d = I[0::2] - I[1::2],   pre = d / (Gnorm V_read) + b,   x <- tanh(pre),   Gnorm = f (Gon - Goff)

I are the column currents [A] at inputs x V_read. The "product" of a layer is d / ((Gon - Goff) V_read):
in software it is x @ weights, so that pre = product / f + b for both. The class is the largest value of
the last layer; it is taken before the tanh, which has the same order but rounds to ties when saturated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.records import Floats, Ints, State

Product = Callable[[Floats], Floats]


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: `devices` (inputs, 2 outputs) of bits, `bias` (outputs,) without unit.

    Columns 2k and 2k+1 of `devices` are the + and the - device of output k. Bit 1 is high conductance,
    the P state. Raises InputError for bits other than 0 and 1, wrong shapes and a bias that is not finite.
    """

    devices: Ints
    bias: Floats

    def __post_init__(self) -> None:
        if self.devices.ndim != 2 or self.devices.shape[1] != 2 * self.bias.size or self.bias.ndim != 1:
            raise InputError(f"devices {self.devices.shape} need a bias of half as many values, not {self.bias.shape}")
        if not np.isin(self.devices, (0, 1)).all():
            raise InputError("every device of a layer is a bit: 0 or 1")
        if not np.isfinite(self.bias).all():
            raise InputError("every bias of a layer must be a finite number")
        self.devices.flags.writeable = False
        self.bias.flags.writeable = False

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of devices that the layer takes on an array: (inputs, 2 outputs)."""
        return self.devices.shape[0], self.devices.shape[1]

    @property
    def weights(self) -> Ints:
        """Weights -1, 0 or 1, shape (inputs, outputs): + device minus - device."""
        return self.devices[:, 0::2] - self.devices[:, 1::2]

    @property
    def states(self) -> Ints:
        """`State` value that each device has to be written to, shape of `devices`."""
        return np.where(self.devices == 1, int(State.P), int(State.AP)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in order, and the name they are known by. Raises InputError if a layer does not fit the next."""

    name: str
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise InputError(f"{self.name}: a network needs at least one layer")
        for number, (before, after) in enumerate(zip(self.layers, self.layers[1:], strict=False), start=1):
            if after.shape[0] != before.bias.size:
                raise InputError(
                    f"{self.name}: layer {number} has {before.bias.size} outputs, layer {number + 1} "
                    f"{after.shape[0]} inputs"
                )

    @property
    def devices(self) -> int:
        """Number of devices of all layers."""
        return sum(layer.devices.size for layer in self.layers)


@dataclass(frozen=True, eq=False)
class Trace:
    """What each layer computed: `pre_activations` and `outputs`, one array (..., samples, outputs) a layer."""

    pre_activations: tuple[Floats, ...]
    outputs: tuple[Floats, ...]

    @property
    def scores(self) -> Floats:
        """Pre-activations of the last layer, shape (..., samples, classes)."""
        return self.pre_activations[-1]

    @property
    def classes(self) -> Ints:
        """The class of each sample, counted from 0, shape (..., samples)."""
        return np.argmax(self.scores, axis=-1)


def pairs(columns: Floats) -> Floats:
    """Differences of + and - columns: (..., 2 outputs) to (..., outputs), in the unit of `columns`."""
    return columns[..., 0::2] - columns[..., 1::2]


def activate(layer: Layer, product: Floats, *, scale: float | Floats = 1.0) -> tuple[Floats, Floats]:
    """Pre-activations product / f + b and outputs tanh of them.

    `product` (..., samples, outputs) is the differential current over (Gon - Goff) V_read. `scale` f is
    a number, or (scales,) numbers, which become the first axis of the results.
    """
    divisor = np.asarray(scale, dtype=np.float64)
    if divisor.ndim:
        divisor = divisor[:, np.newaxis, np.newaxis]
    before = product / divisor + layer.bias
    return before, np.tanh(before)


def propagate(network: Network, inputs: Floats, *, products: Sequence[Product], scale: float | Floats = 1.0) -> Trace:
    """Forward pass with one function a layer that turns inputs (..., samples, inputs) into products."""
    before: list[Floats] = []
    after: list[Floats] = []
    values = inputs
    for layer, product in zip(network.layers, products, strict=True):
        linear, values = activate(layer, product(values), scale=scale)
        before.append(linear)
        after.append(values)
    return Trace(tuple(before), tuple(after))


def _times(matrix: Floats) -> Product:
    return lambda inputs: inputs @ matrix


def forward(network: Network, inputs: Floats, *, scale: float | Floats = 1.0) -> Trace:
    """Forward pass in software of inputs (samples, inputs), at one scale or at (scales,) at once."""
    products = [_times(layer.weights.astype(np.float64)) for layer in network.layers]
    return propagate(network, inputs, products=products, scale=scale)


def forward_array(
    network: Network,
    inputs: Floats,
    *,
    conductances: Sequence[Floats],
    window: float,
    scale: float | Floats = 1.0,
) -> Trace:
    """Forward pass through measured conductances.

    `conductances` [S] has one array of the shape of `devices` a layer; `window` is Gon - Goff [S]; the
    rest as in `forward`. Raises InputError for a wrong shape, a conductance that is no number (a cell
    that was in compliance) and a window that is not positive.
    """
    if not window > 0.0:
        raise InputError(f"Gon - Goff is {window:g} S; it must be positive")
    if len(conductances) != len(network.layers):
        raise InputError(f"{network.name} has {len(network.layers)} layers, not {len(conductances)}")
    products: list[Product] = []
    for number, (layer, conductance) in enumerate(zip(network.layers, conductances, strict=True), start=1):
        if conductance.shape != layer.shape:
            raise InputError(f"layer {number} has devices {layer.shape}, its conductances {conductance.shape}")
        unknown = int(np.count_nonzero(~np.isfinite(conductance)))
        if unknown:
            raise InputError(f"layer {number}: the conductance of {unknown} devices is not a finite number")
        products.append(_times(pairs(conductance) / window))
    return propagate(network, inputs, products=products, scale=scale)
