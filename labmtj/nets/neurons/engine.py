"""An epoch of training and the look at many samples, each compiled once for a network's shape and used again.

Steps are Adam's (Kingma and Ba 2014, arXiv 1412.6980); the loss is the cross entropy with labels, a teacher's
softened outputs, or both.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from labmtj.nets.chips.jax_library import library
from labmtj.nets.neurons.network import Form, Mode, scores
from labmtj.nets.neurons.recipe import Recipe


@dataclass(frozen=True)
class Softening:
    """How a teacher counts: its outputs and the student's over `temperature`, `share` (0..1) of the loss.

    The gradient of softened outputs goes with 1 / temperature^2, so their part is multiplied by its square (Hinton,
    Vinyals and Dean 2015, arXiv 1503.02531).
    """

    temperature: float = 4.0  # chosen: within the 2 to 20 that Hinton et al. tried
    share: float = 0.7  # chosen: they give the labels the lower weight


@functools.cache
def trainer(form: Form, mode: Mode, recipe: Recipe, *, largest: int, softening: Softening | None) -> Any:
    """Compiled epoch: state, fixed weights, tables, samples, order, rates, kept, addresses -> state, loss, and shares.

    The state is weights, Adam's memory and the running mean. Returned are the mean over the steps of the loss [nat]
    and of the accuracy (0..1) before each step, and of the shares that device layers clipped and saturated.
    """
    jax, jnp, optax = library()
    adam = optax.scale_by_adam()

    def loss(weights: Any, fixed: Any, known: Any, values: Any, wanted: Any, taught: Any, at: Any) -> Any:
        found, counted = scores(form, mode, weights | fixed, values, largest=largest, known=known, at=at)
        right = jnp.mean(jnp.argmax(found, axis=-1) == wanted, dtype=jnp.float32)
        hard = optax.smooth_labels(jax.nn.one_hot(wanted, form.classes), recipe.smoothing)
        value = optax.softmax_cross_entropy(found, hard).mean()
        if softening is not None:
            over = softening.temperature
            soft = optax.softmax_cross_entropy(found / over, jax.nn.softmax(taught / over)).mean()
            value = (1.0 - softening.share) * value + softening.share * over**2 * soft
        return value, (right, _shares(counted))

    gradient = jax.value_and_grad(loss, has_aux=True)

    @jax.jit
    def run(state: Any, fixed: Any, known: Any, samples: Any, course: Any) -> Any:
        values, labels, taught = samples

        def step(state: Any, given: Any) -> Any:
            weights, memory, mean = state
            which, rate, kept, at = given
            teacher = taught[which] if softening is not None else None
            (value, (right, shares)), slope = gradient(weights, fixed, known, values[which], labels[which], teacher, at)
            updates, memory = adam.update(slope, memory)
            after = {
                name: part - rate * (updates[name] + (recipe.decay * part if part.ndim > 1 else 0.0))
                for name, part in weights.items()
            }
            mean = {name: kept * mean[name] + (1.0 - kept) * part for name, part in after.items()}
            return (after, memory, mean), (value, right, shares)

        state, told = jax.lax.scan(step, state, course)
        return state, jax.tree.map(lambda part: part.mean(axis=0), told)

    return run


@functools.cache
def judge(form: Form, mode: Mode, *, largest: int) -> Any:
    """Compiled: weights, tables, chunks of samples (chunks, size, *shape), addresses -> outputs and shares.

    Outputs are (chunks, size, classes), shares (chunks, 2) clipped and saturated.
    """
    jax, _, _ = library()

    @jax.jit
    def run(weights: Any, known: Any, chunks: Any, addresses: Any) -> Any:
        def one(given: Any) -> Any:
            values, at = given
            found, counted = scores(form, mode, weights, values, largest=largest, known=known, at=at)
            return found, _shares(counted)

        return jax.lax.map(one, (chunks, addresses))

    return run


def begin_memory(weights: Any) -> Any:
    """What Adam remembers before the first step, all zeros."""
    _, _, optax = library()
    return optax.scale_by_adam().init(weights)


def _shares(counted: Any) -> Any:
    """Mean over the device layers of what they clipped and what they saturated, (2,); zeros without such layers."""
    _, jnp, _ = library()
    if not counted:
        return jnp.zeros(2, jnp.float32)
    return jnp.stack([sum(one[k] for one in counted) / np.float32(len(counted)) for k in (0, 1)])
