"""What tuning starts from: the networks, their data, what the verified maps say of the copies, and software's aim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.dataset import Dataset
from labmtj.nets.network import Trace, pairs
from labmtj.nets.readout import LayerReadout, Readout, ideal_products, infer, nominal
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tuning.scales import best_scale
from labmtj.records import Floats, Ints

# chosen: what a device that could not be read counts as, in windows. It is a short, of 100 to 300 ohm, which is 5
# (100 nm) to 150 windows (40 nm); a fit has to find its line useless, and does at any of these.
_UNREAD = 50.0


@dataclass(frozen=True, eq=False)
class Software:
    """The networks in software at scale 1 and each at its own tuned scale; `scale` (networks,), traces of all samples.

    The tuned trace is what copies are tuned to, and what they are compared with.
    """

    scale: Floats
    nominal: Trace
    tuned: Trace


@dataclass(frozen=True, eq=False)
class Copies:
    """Copies to be tuned; `weights` (networks, inputs, outputs) a layer are d at inputs of 1, as the maps have them."""

    stack: NetworkStack
    data: Dataset
    weights: tuple[Floats, ...]
    software: Software

    def __post_init__(self) -> None:
        wanted = [(*devices.shape[:2], bias.shape[1]) for devices, bias in zip(self.devices, self.bias, strict=True)]
        if [weights.shape for weights in self.weights] != wanted:
            found = [weights.shape for weights in self.weights]
            raise InputError(f"maps of shape {found} are not those of networks of shape {wanted}")
        if not all(np.isfinite(weights).all() for weights in self.weights):
            raise InputError("a map with values that are not finite numbers cannot be used to tune")

    @property
    def devices(self) -> tuple[Ints, ...]:
        """Bits of the devices, as the stack has them."""
        return self.stack.devices

    @property
    def bias(self) -> tuple[Floats, ...]:
        """Biases, as the stack has them."""
        return self.stack.bias

    @property
    def train(self) -> Floats:
        """Inputs of the training samples, (samples, inputs)."""
        return self.data.inputs[self.data.train]

    def products(self, layer: int, drives: Floats) -> Floats:
        """What the maps predict (`nets.readout.Products`)."""
        return drives @ self.weights[layer]

    def aims(self, layer: int) -> Floats:
        """Pre-activations without bias that software has at its tuned scale, of all samples."""
        return self.software.tuned.pre_activations[layer] - self.bias[layer][:, np.newaxis, :]


def map_weights(conductances: tuple[Floats, ...], *, window: float) -> tuple[Floats, ...]:
    """Weights of a `Copies` from conductances [S] (networks, inputs, 2 outputs) a layer; `window` [S] as in readouts.

    A device that could not be read counts as a short.
    """
    return tuple(pairs(np.where(np.isfinite(found), found / window, _UNREAD)) for found in conductances)


def one_scale(stack: NetworkStack, scale: Floats, *, name: str = "scale") -> Readout:
    """The readout of one scale f (networks,) for all layers of a network."""
    gain = 1.0 / scale[:, np.newaxis]
    layers = tuple(LayerReadout(how.rows, how.gain * gain, how.offset) for how in nominal(stack).layers)
    return Readout(name, layers)


def in_software(stack: NetworkStack, data: Dataset, *, scale: Floats | None = None) -> Software:
    """Software at scale 1, and at the scale that tuning on the training samples gives each network.

    `scale` (networks,) is that scale, where it is known already.
    """
    weights = tuple(stack.weights(layer) for layer in range(len(stack.devices)))
    found = best_scale(weights, stack.bias, data) if scale is None else scale
    products = ideal_products(stack)
    at_1 = infer(stack, data.inputs, products=products, readout=nominal(stack))
    tuned = one_scale(stack, found, name="software")
    return Software(found, at_1, infer(stack, data.inputs, products=products, readout=tuned))
