"""Cubic splines over nodes that are even in asinh(x / SCALE): dense around 0, where a neuron's curves bend."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats, Ints

SCALE = 0.6  # chosen: with it the curves bend about as much from node to node everywhere


def nodes(limit: Floats | float, count: int) -> Floats:
    """Nodes from -limit to limit, rising along the last axis; an odd `count` has one at 0."""
    s = np.linspace(-1.0, 1.0, count)
    return SCALE * np.sinh(s * np.arcsinh(np.asarray(limit, dtype=np.float64)[..., None] / SCALE))


def places(x: Floats, limit: Floats | float, count: int) -> tuple[Ints, Floats]:
    """The node below each x, and how far x is on the way to the next one, from 0 to 1."""
    middle = 0.5 * (count - 1)
    place = middle * (1.0 + np.arcsinh(x / SCALE) / np.arcsinh(np.asarray(limit, dtype=np.float64) / SCALE))
    low = np.clip(place.astype(np.int64), 0, count - 2)
    return low, place - low


def between(below: Floats, above: Floats, t: Floats) -> Floats:
    """The cubic between two nodes: last axis value and slope of what is splined, `t` without the last two axes."""
    t = t[..., None]
    rest = 1.0 - t
    lower = rest * rest * ((1.0 + 2.0 * t) * below[..., 0] + t * below[..., 1])
    return lower + t * t * ((3.0 - 2.0 * t) * above[..., 0] - rest * above[..., 1])


def with_slopes(values: Floats) -> Floats:
    """`values` and their slopes a node, as a new last axis; nodes are the first axis.

    The slopes are those of cubic splines; at the ends those of the parabola through the last three nodes.
    """
    count = len(values)
    flat = values.reshape(count, -1)
    system, right = np.zeros((count, count)), np.zeros_like(flat)
    inner = np.arange(1, count - 1, dtype=np.int64)
    system[inner, inner - 1], system[inner, inner], system[inner, inner + 1] = 1.0, 4.0, 1.0
    right[inner] = 3.0 * (flat[2:] - flat[:-2])
    system[0, 0] = system[-1, -1] = 1.0
    right[0] = -1.5 * flat[0] + 2.0 * flat[1] - 0.5 * flat[2]
    right[-1] = 1.5 * flat[-1] - 2.0 * flat[-2] + 0.5 * flat[-3]
    bent = np.asarray(np.linalg.solve(system, right), dtype=np.float64)
    return np.stack([values, bent.reshape(values.shape)], axis=-1)
