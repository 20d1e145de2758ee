"""An epoch of training in JAX: all networks side by side, all batches in one compiled loop.

Each device has a hidden real number; its sign is the bit, and the gradient passes the step as if it were a line
(straight-through estimator: Bengio et al. 2013, arXiv 1308.3432; Courbariaux et al. 2016, arXiv 1602.02830). The
forward pass is that of `nets.chips.network`, hidden outputs not rounded; the loss is the cross entropy; steps are
Adam's (Kingma and Ba 2014, arXiv 1412.6980) at a rate that is given for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labmtj.nets.chips.cells import ChipCells, Mask
from labmtj.nets.chips.jax_library import library
from labmtj.nets.chips.networks import ChipNetworks, Form
from labmtj.nets.chips.statistics import Statistics
from labmtj.nets.images.preparing import Samples

Conductances = Callable[[Any, Any, Any], Any]
"""From the parameters of one network, what its chip is made of, and 16-bit numbers, to conductances of each layer."""


@dataclass(frozen=True, eq=False)
class Devices:
    """How the conductances of a network come about at each step.

    `of` is called for one network; `known` are arrays whose first axis counts networks, or empty. Each step gets
    `draws` new random numbers of 16 bits.
    """

    of: Conductances
    known: tuple[Any, ...]
    draws: int = 0


def bits(latent: Any) -> Any:
    """Step of the hidden numbers, with the gradient of a line of slope 1/2."""
    jax, _, _ = library()
    line = latent * 0.5
    return line + jax.lax.stop_gradient((latent > 0.0) - line)


def fixed_cells(cells: ChipCells) -> Devices:
    """Trained bits on the cells of a chip each."""
    _, jnp, _ = library()

    def of(parameters: Any, known: Any, drawn: Any) -> Any:
        del drawn
        return [off + on * bits(parameters[f"latent{k}"]) for k, (off, on) in enumerate(known, start=1)]

    return Devices(of, tuple((jnp.asarray(off), jnp.asarray(on)) for off, on in zip(cells.off, cells.on, strict=True)))


def drawn_cells(statistics: Statistics, form: Form, *, mask: Mask) -> Devices:
    """Trained bits on a new chip at every step: each cell one of the pool of the statistics, all alike likely."""
    _, jnp, _ = library()
    pool = jnp.stack([jnp.asarray(statistics.off), jnp.asarray(statistics.on)], axis=-1)
    sizes = [(inputs, outputs, 2) for inputs, outputs in form.shapes]
    counts = [int(np.prod(size)) for size in sizes]

    def of(parameters: Any, known: Any, drawn: Any) -> Any:
        del known
        found: list[Any] = []
        parts = jnp.split(drawn.astype(jnp.int32), [counts[0]])
        for k, (part, size) in enumerate(zip(parts, sizes, strict=True), start=1):
            number = part.reshape(size)
            cell = pool[number]
            if mask is Mask.DEFECTS:
                kept = jnp.all(number < statistics.first_open, axis=-1, keepdims=True)
                cell = cell * kept[..., None]
            found.append(cell[..., 0] + cell[..., 1] * bits(parameters[f"latent{k}"]))
        return found

    return Devices(of, (), sum(counts))


def fixed_conductances(networks: ChipNetworks, cells: ChipCells) -> Devices:
    """Bits that stay as they are on the cells of a chip each: what is left to train is gains and biases."""
    _, jnp, _ = library()

    def of(parameters: Any, known: Any, drawn: Any) -> Any:
        del parameters, drawn
        return known

    return Devices(of, tuple(jnp.asarray(part) for part in cells.conductances(networks)))


def scores(parameters: Any, conductances: Any, inputs: Any, *, block: int) -> Any:
    """Pre-activations of the last layer of one network; gains (outputs,) of whole outputs, or (blocks, outputs, 2)."""
    jax, jnp, _ = library()
    values = found = inputs
    for k, own in enumerate(conductances, start=1):
        gain = parameters[f"gain{k}"]
        if gain.ndim == 1:
            weights = (own[..., 0] - own[..., 1]) * gain
        else:
            scaled = own * jnp.repeat(gain, block, axis=0)[: own.shape[0]]
            weights = scaled[..., 0] - scaled[..., 1]
        found = values @ weights + parameters[f"bias{k}"]
        values = jax.nn.sigmoid(found)
    return found


def begin_memory(parameters: Any) -> Any:
    """What Adam remembers before the first step, all zeros."""
    jax, _, optax = library()

    def zeros(part: Any) -> Any:
        return np.zeros(part.shape, part.dtype)

    return jax.tree.map(zeros, jax.eval_shape(optax.scale_by_adam().init, parameters))


def epoch_runner(samples: Samples, form: Form, devices: Devices, *, batch: int) -> Any:
    """Compiled: parameters, memory, rates (steps,), seed and number of the epoch -> parameters, memory, loss, accuracy.

    The samples are shuffled anew; those that fill no batch are left out. All networks see the same batches.
    """
    jax, jnp, optax = library()
    steps, top = len(samples) // batch, float(form.steps[0])
    levels, labels = jnp.asarray(samples.levels), jnp.asarray(samples.labels, dtype=jnp.int32)
    adam = optax.scale_by_adam()

    def loss(parameters: Any, known: Any, inputs: Any, wanted: Any, drawn: Any) -> Any:
        found = scores(parameters, devices.of(parameters, known, drawn), inputs, block=form.block)
        right = jnp.mean(jnp.argmax(found, axis=-1) == wanted)
        return optax.softmax_cross_entropy_with_integer_labels(found, wanted).mean(), right

    own = 0 if devices.known else None
    gradient = jax.vmap(jax.value_and_grad(loss, has_aux=True), in_axes=(0, own, None, None, None))

    @jax.jit
    def run(parameters: Any, memory: Any, known: Any, given: Any) -> Any:
        def step(state: Any, given: Any) -> Any:
            parameters, memory = state
            which, rate, drawn = given
            inputs = levels[which].astype(jnp.float32) / top
            (value, right), slope = gradient(parameters, known, inputs, labels[which], drawn)
            updates, memory = adam.update(slope, memory)
            parameters = {name: parameters[name] - rate * updates[name] for name in parameters}
            bounded = {
                name: jnp.clip(part, -1.0, 1.0) if name.startswith("latent") else part
                for name, part in parameters.items()
            }
            return (bounded, memory), (value, right)

        (parameters, memory), (values, rights) = jax.lax.scan(step, (parameters, memory), given)
        return parameters, memory, values.mean(axis=0), rights.mean(axis=0)

    def epoch(parameters: Any, memory: Any, rates: Any, *, seed: int, number: int) -> Any:
        # Drawn here and not by JAX: numpy's stream is the same everywhere, and it costs no compilation.
        random = np.random.RandomState([seed, number])
        order = random.permutation(len(samples))[: steps * batch].reshape(steps, batch).astype(np.int32)
        drawn = np.frombuffer(random.bytes(2 * steps * devices.draws), np.uint16).reshape(steps, devices.draws)
        return run(parameters, memory, devices.known, (order, np.float32(rates), drawn))

    return epoch


def start_latents(form: Form, networks: int, *, seed: int) -> dict[str, Any]:
    """Parameters to begin with: small hidden numbers of random sign, gains that keep sums within some units."""
    random = np.random.RandomState(seed)
    found: dict[str, Any] = {}
    # chosen: at these gains sums of 100 inputs and of 90 hidden outputs have a standard deviation near 1 to 2
    for k, ((inputs, outputs), gain) in enumerate(zip(form.shapes, (3.5, 7.6), strict=True), start=1):
        found[f"latent{k}"] = random.uniform(-0.3, 0.3, (networks, inputs, outputs, 2)).astype(np.float32)
        found[f"gain{k}"] = np.full((networks, outputs), gain / np.sqrt(inputs), dtype=np.float32)
        found[f"bias{k}"] = np.zeros((networks, outputs), dtype=np.float32)
    return found
