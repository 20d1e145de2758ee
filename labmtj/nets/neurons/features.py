"""What the kept part of a network says of samples, computed once: a body that stays costs one pass in all."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.chips.jax_library import library
from labmtj.nets.neurons.network import Form, Mode, body, hidden
from labmtj.nets.neurons.task import Singles, Task, Weights

_CHUNK = 1000  # chosen: samples at once


def features(form: Form, task: Task, weights: Weights, *, kept: int) -> Task:
    """The task with each sample as the outputs of the body and of the first `kept` hidden layers, all in software."""
    run = _compiled(form.in_software, kept)

    def all_of(values: NDArray[Any]) -> Singles:
        parts = [
            np.asarray(run(weights, np.float32(task.largest), values[k : k + _CHUNK]))
            for k in range(0, len(values), _CHUNK)
        ]
        return np.concatenate(parts)

    return replace(task, train=all_of(task.train), test=all_of(task.test), largest=1)


@functools.cache
def _compiled(form: Form, kept: int) -> Any:
    jax, _, _ = library()
    short = replace(form, hidden=form.hidden[:kept], device=(False,) * kept) if kept else form

    @jax.jit
    def run(weights: Any, largest: Any, values: Any) -> Any:
        inside = body(form, weights, values, largest=largest)
        if not kept:
            return inside
        return hidden(short, Mode(), weights, inside, known=(), at=np.uint32(0))[0]

    return run
