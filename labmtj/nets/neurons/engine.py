"""An epoch of training and the look at many samples, each compiled once for a network's shape and used again.

Steps are Adam's (Kingma and Ba 2014, arXiv 1412.6980); the loss is the cross entropy with labels, a teacher's
softened outputs, or both.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from labmtj.errors import InputError
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

    def __post_init__(self) -> None:
        if not self.temperature > 0.0 or not 0.0 <= self.share <= 1.0:
            raise InputError(
                f"distillation: temperature {self.temperature:g}, share {self.share:g}; above 0, and from 0 to 1"
            )


class Constants(NamedTuple):
    """What stays the same over all epochs: weights that are not trained, tables, the largest value of a sample, recipe.

    `smoothing`, `decay` as in the recipe, `temperature`, `share` as in the softening. None of it is compiled in.
    """

    fixed: Any
    known: Any
    largest: Any
    smoothing: Any
    decay: Any
    temperature: Any
    share: Any

    @staticmethod
    def of(fixed: Any, known: Any, *, largest: int, recipe: Recipe, softening: Softening | None) -> Constants:
        """In 32-bit floats; without softening the labels alone count."""
        soft = Softening(share=0.0) if softening is None else softening
        numbers = (largest, recipe.smoothing, recipe.decay, soft.temperature, soft.share)
        return Constants(fixed, known, *(np.float32(number) for number in numbers))


@functools.cache
def trainer(form: Form, mode: Mode, *, taught: bool) -> Any:
    """Compiled epoch: state, `Constants`, samples, course -> state, loss, accuracy, shares.

    The state is weights, Adam's memory and the running mean of the weights; samples are values, labels and, where
    `taught`, a teacher's outputs; the course has for each step the samples (batch,), the rate, what the mean keeps
    and an address. Returned are means over the steps: of the loss [nat] and the accuracy (0..1) before each step, and
    of the shares (2,) that device layers clipped and saturated.
    """
    jax, jnp, optax = library()
    adam = optax.scale_by_adam()

    def loss(weights: Any, given: Constants, values: Any, wanted: Any, teacher: Any, at: Any) -> Any:
        found, counted = scores(
            form, mode, weights | given.fixed, values, largest=given.largest, known=given.known, at=at
        )
        right = jnp.mean(jnp.argmax(found, axis=-1) == wanted, dtype=jnp.float32)
        hard = optax.smooth_labels(jax.nn.one_hot(wanted, form.classes), given.smoothing)
        value = optax.softmax_cross_entropy(found, hard).mean()
        if taught:
            over = given.temperature
            soft = optax.softmax_cross_entropy(found / over, jax.nn.softmax(teacher / over)).mean()
            value = (1.0 - given.share) * value + given.share * over**2 * soft
        return value, (right, _shares(counted, len(values)).mean(axis=0))

    gradient = jax.value_and_grad(loss, has_aux=True)

    @jax.jit
    def run(state: Any, constants: Constants, samples: Any, course: Any) -> Any:
        values, labels, lessons = samples

        def step(state: Any, given: Any) -> Any:
            weights, memory, mean = state
            which, rate, kept, at = given
            teacher = lessons[which] if taught else None
            (value, (right, shares)), slope = gradient(weights, constants, values[which], labels[which], teacher, at)
            updates, memory = adam.update(slope, memory)
            after = {
                name: part - rate * (updates[name] + (constants.decay * part if part.ndim > 1 else 0.0))
                for name, part in weights.items()
            }
            mean = {name: kept * mean[name] + (1.0 - kept) * part for name, part in after.items()}
            return (after, memory, mean), (value, right, shares)

        state, (losses, rights, shares) = jax.lax.scan(step, state, course)
        return state, (losses.mean(), rights.mean(), shares.mean(axis=0))

    return run


@functools.cache
def judge(form: Form, mode: Mode) -> Any:
    """Compiled: weights, tables, largest value, samples (batch, *shape) and an address -> outputs and shares.

    Outputs are (batch, classes), shares (batch, 2) clipped and saturated.
    """
    jax, _, _ = library()

    @jax.jit
    def run(weights: Any, known: Any, largest: Any, values: Any, at: Any) -> Any:
        found, counted = scores(form, mode, weights, values, largest=largest, known=known, at=at)
        return found, _shares(counted, len(values))

    return run


def begin_memory(weights: Any) -> Any:
    """What Adam remembers before the first step, all zeros."""
    _, _, optax = library()
    return optax.scale_by_adam().init(weights)


def _shares(counted: Any, batch: int) -> Any:
    """Mean over the device layers of what they clipped and what they saturated, (batch, 2); zeros without any."""
    _, jnp, _ = library()
    if not counted:
        return jnp.zeros((batch, 2), jnp.float32)
    return jnp.stack([sum(one[k] for one in counted) / np.float32(len(counted)) for k in (0, 1)], axis=1)
