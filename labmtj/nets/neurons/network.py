"""Networks with layers of neurons: pixels, perhaps a convolutional body in software, hidden layers, linear read-out.

A hidden layer is made of device neurons or of tanh in software. Weights are numbers in software, and so are the sums:
a device takes one number and gives one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.chips.jax_library import library
from labmtj.nets.neurons.activation import Counted, Reading, Tables, activation
from labmtj.nets.neurons.gaussian import address, words
from labmtj.nets.neurons.task import Weights

_WINDOW = 3  # chosen: side of the filters of the convolutional body


@dataclass(frozen=True)
class Form:
    """A network's shape: `inputs` as `Task.shape`, `hidden` widths, which of them are `device` layers, `classes`.

    `body` are the channels of convolutional layers in software that come first: each has filters of 3 x 3, the
    function relu and a maximum over 2 x 2. Without `device` all hidden layers are device layers.
    """

    inputs: tuple[int, ...]
    classes: int
    hidden: tuple[int, ...] = (256,)
    device: tuple[bool, ...] | None = None
    body: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1 or self.classes < 2:
            raise InputError(
                f"network: hidden layers {list(self.hidden)}, {self.classes} classes: one layer, two classes"
            )
        if self.device is not None and len(self.device) != len(self.hidden):
            raise InputError(f"network: {len(self.hidden)} hidden layers, but `device` says it of {len(self.device)}")
        if self.body and (len(self.inputs) < 2 or min(self.body) < 1 or min(self.inputs[:2]) >> len(self.body) < 1):
            raise InputError(f"network: a body of {len(self.body)} layers that halve each, on inputs of {self.inputs}")

    @property
    def flags(self) -> tuple[bool, ...]:
        """Which hidden layers are device layers, one word a layer."""
        return (True,) * len(self.hidden) if self.device is None else self.device

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the device layers."""
        return tuple(width for width, own in zip(self.hidden, self.flags, strict=True) if own)

    @property
    def neurons(self) -> int:
        """How many device neurons it needs."""
        return sum(self.widths)

    @property
    def in_software(self) -> Form:
        """The same network with tanh in every hidden layer: the software twin."""
        return replace(self, device=(False,) * len(self.hidden))

    @property
    def flat(self) -> int:
        """Numbers that go into the first hidden layer."""
        if not self.body:
            return int(np.prod(self.inputs))
        rows, cols = (side >> len(self.body) for side in self.inputs[:2])
        return rows * cols * self.body[-1]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all that is trained."""
        found: dict[str, tuple[int, ...]] = {}
        below = self.inputs[2] if len(self.inputs) == 3 else 1
        for k, channels in enumerate(self.body, start=1):
            found |= {f"filter{k}": (_WINDOW, _WINDOW, below, channels), f"shift{k}": (channels,)}
            below = channels
        below = self.flat
        for k, width in enumerate((*self.hidden, self.classes), start=1):
            found |= {f"weight{k}": (below, width), f"bias{k}": (width,)}
            below = width
        return found


def begin(form: Form, *, seed: int) -> Weights:
    """Weights before training: normal, of variance 1 / inputs (2 / inputs before a relu), biases 0.

    LeCun et al., Efficient BackProp (1998), doi:10.1007/3-540-49430-8_2; He et al. 2015, arXiv 1502.01852. A name's
    numbers depend on the seed, its place and its shape, so device and software begin alike.
    """
    found: Weights = {}
    for place, (name, shape) in enumerate(form.shapes().items()):
        if len(shape) == 1:
            found[name] = np.zeros(shape, np.float32)
            continue
        gain = 2.0 if name.startswith("filter") else 1.0
        scale = np.sqrt(gain / np.prod(shape[:-1]))
        found[name] = (np.random.RandomState([seed, place]).standard_normal(shape) * scale).astype(np.float32)
    return found


@dataclass(frozen=True)
class Mode:
    """How a network runs: how its device layers are read (None: it has none), and the share of units left out."""

    reading: Reading | None = None
    dropout: float = 0.0


def body(form: Form, weights: Any, values: Any, *, largest: Any) -> Any:
    """Samples (batch, *inputs) as they come -> what goes into the first hidden layer, (batch, form.flat)."""
    jax, jnp, _ = library()
    scaled = (values.astype(jnp.float32) / largest - weights["mean"]) / weights["deviation"]
    if form.body:
        scaled = scaled.reshape(*scaled.shape[:3], -1)
    for k in range(1, len(form.body) + 1):
        found = _convolved(scaled, weights[f"filter{k}"]) + weights[f"shift{k}"]
        scaled = _pooled(jax.nn.relu(found))
    return scaled.reshape(len(values), -1)


def _convolved(values: Any, filters: Any) -> Any:
    """Images (batch, rows, cols, channels) under filters (3, 3, channels, out), with zeros around them."""
    _, jnp, _ = library()
    rows, cols = values.shape[1:3]
    edge = _WINDOW // 2
    wide = jnp.pad(values, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    # One product of matrices: inside a compiled loop the CPU's own convolution is slower by orders of magnitude.
    near = [wide[:, row : row + rows, col : col + cols] for row in range(_WINDOW) for col in range(_WINDOW)]
    return jnp.concatenate(near, axis=-1) @ filters.reshape(-1, filters.shape[-1])


def _pooled(values: Any) -> Any:
    """Largest of every 2 x 2; a last odd row or column is left out."""
    rows, cols = (side // 2 for side in values.shape[1:3])
    even = values[:, : 2 * rows, : 2 * cols]
    return even.reshape(len(values), rows, 2, cols, 2, -1).max(axis=(2, 4))


def hidden(form: Form, mode: Mode, weights: Any, values: Any, *, known: Sequence[Tables], at: Any) -> tuple[Any, Any]:
    """Outputs of the last hidden layer from what `body` gives, and `Counted` of each device layer.

    `known` are the tables of each device layer, `at` an address (uint32) that no other evaluation has.
    """
    jnp = library()[1]
    device = activation(mode.reading) if mode.reading is not None else None
    counted: list[Counted] = []
    left = iter(known)
    for k, own in enumerate(form.flags, start=1):
        found = values @ weights[f"weight{k}"] + weights[f"bias{k}"]
        if not own:
            values = jnp.tanh(found)
        elif device is None:
            raise InputError("a network with device layers needs the curves of its neurons")
        else:
            values, shares = device(found, next(left), address(at, 2 * k))
            counted.append(shares)
        if mode.dropout:
            kept = words(address(at, 2 * k + 1), values.shape) >= np.uint32(mode.dropout * 2.0**32)
            values = jnp.where(kept, values * np.float32(1.0 / (1.0 - mode.dropout)), 0.0)
    return values, counted


def scores(
    form: Form, mode: Mode, weights: Any, values: Any, *, largest: Any, known: Sequence[Tables], at: Any
) -> tuple[Any, Any]:
    """Read-out (batch, classes) before the softmax, and `Counted` of each device layer; arguments as of `hidden`."""
    inside = body(form, weights, values, largest=largest)
    outputs, counted = hidden(form, mode, weights, inside, known=known, at=at)
    last = len(form.hidden) + 1
    return outputs @ weights[f"weight{last}"] + weights[f"bias{last}"], counted
