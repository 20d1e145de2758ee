"""Training of networks whose every device is a trained bit, for arrays that are not ideal.

Each device has a hidden real number; its sign is the bit, and the gradient passes the step as if it
were a line between -1 and 1 (straight-through estimator: Bengio et al. 2013, arXiv 1308.3432;
Courbariaux et al. 2016, arXiv 1602.02830). The forward pass is that of `nets.network` on devices of
conductance Goff + bit (Gon - Goff); at every step all conductances and the scale are drawn anew, in the
manner of statistics-aware training (arXiv 2312.06446, doi:10.1103/PhysRevApplied.21.054028).

JAX and optax come with the extra `train`; they are imported when training starts.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.dataset import Dataset
from labmtj.nets.network import Layer, Network
from labmtj.records import Floats

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TrainingOptions:
    """What a training run depends on; all losses are over all training samples at once.

    The defaults of the physics (spread, ratio) are those of a 40 nm junction; the rest was chosen by
    five-fold cross-validation within the 148 training wines, never by the test wines.
    """

    count: int = 300
    hidden: int = 6
    starts: int = 2  # chosen: each network is the better, on training samples, of two starts
    steps: int = 2000  # chosen: the loss is flat by then; 500 are 0.7 points worse in cross-validation
    rate: float = 0.03  # chosen: 0.01 is as good, 0.1 is 1.4 points worse; falls to 0 along a cosine
    spread: float = 0.06  # standard deviation of a conductance over itself: sigma(R_P) at 40 nm
    on_off: float = 2.2  # Gon / Goff = 1 + TMR at a TMR of 1.2
    jitter: float = 0.3  # chosen: scale drawn from e^-0.3 .. e^0.3, so that a copy need not hit it
    smoothing: float = 0.1  # chosen: label smoothing, one point better than none in cross-validation
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("count", "hidden", "starts", "steps"):
            if getattr(self, name) < 1:
                raise InputError(f"training: {name} is {getattr(self, name)}; it must be 1 or more")
        if not self.on_off > 1.0:
            raise InputError(f"training: on_off is {self.on_off}; Gon must be above Goff")


@dataclass(frozen=True, eq=False)
class Training:
    """Trained networks, and their training loss [nat]: without noise, before and after, shape (count,)."""

    networks: tuple[Network, ...]
    loss_before: Floats
    loss_after: Floats


def _library() -> tuple[Any, Any, Any]:
    """Import jax, jax.numpy and optax. Raises InputError if the extra is not installed."""
    try:
        return tuple(importlib.import_module(name) for name in ("jax", "jax.numpy", "optax"))  # pyright: ignore[reportReturnType]
    except ModuleNotFoundError as missing:
        raise InputError(f"training needs {missing.name}: pip install 'labmtj[train]'") from missing


def _bits(jax: Any, hidden: Any) -> Any:
    """Step of the hidden numbers, with the gradient of a line of slope 1/2 where |hidden| < 1."""
    line = jax.numpy.clip(hidden, -1.0, 1.0) / 2.0
    return line + jax.lax.stop_gradient((hidden > 0.0) - line)


def _scores(jax: Any, parameters: Any, inputs: Any, *, scale: Any, gains: Any, off: float) -> Any:
    """Pre-activations of the last layer; `gains` multiply each device, `off` is Goff / (Gon - Goff)."""
    values = scores = inputs
    for (hidden, bias), gain in zip(parameters, gains, strict=True):
        conductance = (off + _bits(jax, hidden)) * gain
        scores = values @ (conductance[:, 0::2] - conductance[:, 1::2]) / scale + bias
        values = jax.numpy.tanh(scores)
    return scores


def _trainer(data: Dataset, options: TrainingOptions) -> tuple[Any, Any, Any]:
    """Functions of one network: memory(parameters), loss(parameters) without noise, advance(state, draws)."""
    jax, jnp, optax = _library()
    inputs = jnp.asarray(data.inputs[data.train], dtype=jnp.float32)
    labels = jax.nn.one_hot(data.labels[data.train], data.classes)
    smooth = labels * (1.0 - options.smoothing) + options.smoothing / data.classes
    off = 1.0 / (options.on_off - 1.0)
    optimizer = optax.adam(optax.cosine_decay_schedule(options.rate, options.steps))

    def loss(parameters: Any, *, scale: Any = 1.0, gains: Any = (1.0, 1.0)) -> Any:
        scores = _scores(jax, parameters, inputs, scale=scale, gains=gains, off=off)
        return optax.softmax_cross_entropy(scores, smooth).mean()

    def noisy(parameters: Any, draw: Any) -> Any:
        return loss(parameters, scale=draw[0], gains=draw[1])

    def step(state: Any, draw: Any) -> Any:
        parameters, memory = state
        updates, memory = optimizer.update(jax.grad(noisy)(parameters, draw), memory)
        return (optax.apply_updates(parameters, updates), memory), None

    def advance(state: Any, draws: Any) -> Any:
        return jax.lax.scan(step, state, draws)[0]

    return optimizer.init, loss, advance


class _Draws:
    """All that is drawn for training, in float32, from one seed.

    numpy's RandomState draws it: its stream never changes (NEP 19), and JAX's own generator takes
    15 s of processor time to compile.
    """

    def __init__(self, options: TrainingOptions, data: Dataset) -> None:
        self._options = options
        self._random = np.random.RandomState(options.seed)
        self._shapes = ((data.features, 2 * options.hidden), (options.hidden, 2 * data.classes))
        self._networks = options.count * options.starts

    def start(self) -> Any:
        """Hidden numbers and biases of every layer: [((networks, inputs, 2 outputs), (networks, outputs)), ...]."""
        # chosen: +-0.3, so that a device needs several steps of 0.03 before its bit first changes.
        return [
            (
                self._random.uniform(-0.3, 0.3, (self._networks, rows, cols)).astype(np.float32),
                np.zeros((self._networks, cols // 2), dtype=np.float32),
            )
            for rows, cols in self._shapes
        ]

    def steps(self, count: int) -> Any:
        """Scale (networks, count), and a factor for each conductance of each layer, for `count` steps."""
        size = (self._networks, count)
        jitter, spread = self._options.jitter, self._options.spread
        scale = np.exp(self._random.uniform(-jitter, jitter, size)).astype(np.float32)
        gains = [self._random.normal(1.0, spread, (*size, *shape)).astype(np.float32) for shape in self._shapes]
        return scale, gains


def train(data: Dataset, *, options: TrainingOptions | None = None, progress: Progress | None = None) -> Training:
    """Train networks features-hidden-classes on the training samples, all side by side.

    The same options and seed give the same networks on the same machine and library versions. Of the
    starts of each network the one with the lowest noise-free training loss is kept. `progress` is
    called with steps done and steps in all. Raises InputError if JAX or optax are not installed.
    """
    chosen = options or TrainingOptions()
    jax, _, _ = _library()
    memory, loss, advance = _trainer(data, chosen)
    draws = _Draws(chosen, data)
    parameters = draws.start()
    losses, together = jax.jit(jax.vmap(loss)), jax.jit(jax.vmap(advance))
    before = np.asarray(losses(parameters), dtype=np.float64)
    state = parameters, jax.vmap(memory)(parameters)
    done, block = 0, min(100, chosen.steps)  # chosen: 100 steps of 600 networks draw 50 MB
    while done < chosen.steps:
        size = min(block, chosen.steps - done)
        state = jax.block_until_ready(together(state, draws.steps(size)))
        done += size
        if progress:
            progress(done, chosen.steps)
    after = np.asarray(losses(state[0]), dtype=np.float64).reshape(chosen.count, chosen.starts)
    best = np.argmin(after, axis=1) + chosen.starts * np.arange(chosen.count)
    layers = [(np.asarray(hidden) > 0.0, np.asarray(bias, dtype=np.float64)) for hidden, bias in state[0]]
    networks = tuple(
        Network(f"{data.name}/{k}", tuple(Layer(bits[at].astype(np.int64), bias[at]) for bits, bias in layers))
        for k, at in enumerate(best)
    )
    return Training(networks, before[best], after.ravel()[best])
