"""A layer of neurons in JAX: forward the x read-out, backward the square of the z read-out, both as measured.

For m_x = tanh(s) the gradient is sech^2(s) = m_z^2, so the device computes both (Rodrigues et al. 2024, arXiv
2409.02528). Neither pass knows tanh: both look up what the device answers. The gradient is 0 where the
drive is held at its end.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.chips.jax_library import library
from labmtj.nets.neurons.curves import DeviceCurves
from labmtj.nets.neurons.gaussian import normal_pairs


class Gradient(enum.StrEnum):
    """What a device layer takes for the derivative of its output.

    `measured`: the square of the z read-out times the slope that the host knows. `derivative`: the exact derivative of
    the noiseless x table, which no bench can read. `output`: 1 - x^2 from the x read-out, which needs no z terminal.
    """

    MEASURED = "measured"
    DERIVATIVE = "derivative"
    OUTPUT = "output"


@dataclass(frozen=True)
class Reading:
    """What of a device layer the compiled code depends on: whether readings have noise and steps, and the gradient."""

    points: int
    noisy: bool
    rounded: bool
    gradient: Gradient = Gradient.MEASURED

    @staticmethod
    def of(curves: DeviceCurves, gradient: Gradient = Gradient.MEASURED) -> Reading:
        """How these neurons are read."""
        noisy = curves.noise_x > 0.0 or curves.noise_z > 0.0
        return Reading(curves.x.shape[1], noisy, curves.levels > 0, gradient)


class Tables(NamedTuple):
    """One layer in 32-bit floats: `x`, `z` (neurons * points,), `low`, `high`, `slope` (neurons,), then one each."""

    x: Any
    z: Any
    low: Any
    high: Any
    slope: Any
    largest: Any
    noise_x: Any
    noise_z: Any
    levels: Any
    margin: Any


class Counted(NamedTuple):
    """Shares (0..1) of one layer for each sample, (batch,): inputs beyond the drive, readings beyond the read range."""

    clipped: Any
    saturated: Any


def tables(curves: DeviceCurves, widths: Sequence[int]) -> tuple[Tables, ...]:
    """Neurons dealt out to layers of these widths, in their order. Raises InputError where their numbers differ."""
    if sum(widths) != len(curves):
        raise InputError(f"neurons: {len(curves)} for layers of {', '.join(map(str, widths))}: one for each unit")
    found: list[Tables] = []
    rest = [np.float32(part) for part in (curves.largest, curves.noise_x, curves.noise_z, curves.levels, curves.margin)]
    first = 0
    for width in widths:
        own = slice(first, first + width)
        parts = (
            curves.x[own].ravel(),
            curves.z[own].ravel(),
            curves.low[own],
            curves.high[own],
            curves.slope[own],
        )
        found.append(Tables(*(part.astype(np.float32) for part in parts), *rest))
        first += width
    return tuple(found)


def activation(reading: Reading) -> Any:
    """A function of pre-activations (batch, neurons), `Tables` and an address (uint32): outputs and `Counted`.

    Differentiable by the pre-activations alone.
    """
    jax, jnp, _ = library()

    @jax.custom_vjp
    def layer(asked: Any, known: Tables, at: Any) -> Any:
        found, _ = forward(asked, known, at)
        return found

    def forward(asked: Any, known: Tables, at: Any) -> Any:
        cell, part, outside = _places(asked, known, points=reading.points)
        x, step = _line(known.x, cell, part)
        first, second = normal_pairs(at, asked.shape) if reading.noisy else (0.0, 0.0)
        read_x, over = _read(x + known.noise_x * first, known, lowest=-1.0 - known.margin, rounded=reading.rounded)
        counted = Counted(*(jnp.mean(part, axis=-1, dtype=jnp.float32) for part in (outside, over)))
        if reading.gradient is Gradient.OUTPUT:
            gradient = (1.0 - read_x**2) * known.slope
        elif reading.gradient is Gradient.DERIVATIVE:
            gradient = step * ((reading.points - 1) / (2.0 * known.largest))
        else:
            z, _ = _line(known.z, cell, part)
            read_z, _ = _read(z + known.noise_z * second, known, lowest=0.0, rounded=reading.rounded)
            gradient = read_z**2 * known.slope
        # The host knows whom it held: their output no longer follows what is asked, whatever z says.
        gradient = jnp.where(outside, 0.0, gradient)
        return (read_x, counted), gradient

    def backward(gradient: Any, above: Any) -> Any:
        return above[0] * gradient, None, None

    layer.defvjp(forward, backward)
    return layer


def _places(asked: Any, known: Tables, *, points: int) -> tuple[Any, Any, Any]:
    """Index of the point below each pre-activation in the flat table, the part (0..1) beyond it, and who is outside."""
    _, jnp, _ = library()
    held = jnp.clip(asked, known.low, known.high)
    at = (held + known.largest) * ((points - 1) / (2.0 * known.largest))
    cell = jnp.clip(at.astype(jnp.int32), 0, points - 2)
    first = np.arange(asked.shape[-1], dtype=np.int32) * points
    return cell + first, at - cell, held != asked


def _line(table: Any, cell: Any, part: Any) -> tuple[Any, Any]:
    """Values between two points, and the step from one point to the next."""
    _, jnp, _ = library()
    table = jnp.asarray(table)
    # A gather that promises to stay inside costs about 1.5 ns an entry here; a table packed by cells costs no less.
    low = table.at[cell].get(mode="promise_in_bounds")
    step = table.at[cell + 1].get(mode="promise_in_bounds") - low
    return low + part * step, step


def _read(value: Any, known: Tables, *, lowest: Any, rounded: bool) -> tuple[Any, Any]:
    """What the converter says of a value, from `lowest` on, and which ones lay outside its range."""
    _, jnp, _ = library()
    top = 1.0 + known.margin
    held = jnp.clip(value, lowest, top)
    outside = held != value
    if rounded:
        step = (top - lowest) / (known.levels - 1.0)
        held = jnp.round((held - lowest) / step) * step + lowest
    return held, outside
