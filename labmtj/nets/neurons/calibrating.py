"""Critical current, offset and amplitudes of many neurons at once, from their measured curves.

Least squares of x = amplitude_x tanh(s) and z = amplitude_z sech(s) with s = (1 +- asymmetry) (I - offset) / critical
by Levenberg's and Marquardt's steps (doi:10.1137/0111030), all neurons side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.records import Floats

_STEPS = 60  # chosen: from a start at the zero of x it has converged to 1e-9 within 20
_CLOSE = 1e-9


@dataclass(frozen=True, eq=False)
class Scales:
    """What was fitted: `critical`, `offset` [unit of the current], `asymmetry`, amplitudes [1], all (neurons,)."""

    critical: Floats
    offset: Floats
    asymmetry: Floats
    amplitude_x: Floats
    amplitude_z: Floats


def scales(current: Floats, x: Floats, z: Floats) -> Scales:
    """Fit curves `x`, `z` (neurons, points) against rising `current` (points,), the same for all of them.

    Raises InputError where x does not pass through 0 between the currents.
    """
    if not ((x[:, 0] < 0.0) & (x[:, -1] > 0.0)).all():
        raise InputError("neurons: a curve whose x read-out does not pass through 0")
    after = np.argmax(x > 0.0, axis=1)
    row = np.arange(len(x))
    low, high = x[row, after - 1], x[row, after]
    zero = current[after - 1] - low * (current[after] - current[after - 1]) / (high - low)
    # Gains of both sides; to begin with, those of a neuron that saturates as the median of all does.
    top_x, top_z = np.abs(x).max(axis=1), np.abs(z).max(axis=1)
    width = np.trapezoid(np.maximum(0.0, 1.0 - (x / top_x[:, None]) ** 2), current, axis=1)
    start = 2.0 / np.maximum(width, 1e-3 * (current[-1] - current[0]))
    found = np.stack([zero, start, start, top_x, top_z], axis=1)
    damping = np.full(len(x), 1e-3)
    cost, normal, gradient = _equations(found, current, x, z)
    for _ in range(_STEPS):
        diagonal = np.einsum("nkk->nk", normal)
        system = normal + damping[:, None, None] * np.einsum("nk,kl->nkl", diagonal, np.eye(5))
        step: Floats = np.asarray(np.linalg.solve(system, -gradient[..., None]), dtype=np.float64)[..., 0]
        tried = found + step
        tried[:, 1:3] = np.maximum(tried[:, 1:3], 1e-3 * start[:, None])
        new_cost, new_normal, new_gradient = _equations(tried, current, x, z)
        better = new_cost <= cost
        found = np.where(better[:, None], tried, found)
        normal = np.where(better[:, None, None], new_normal, normal)
        gradient = np.where(better[:, None], new_gradient, gradient)
        cost = np.where(better, new_cost, cost)
        damping = np.where(better, damping * 0.2, damping * 8.0)
        if bool(np.all(np.abs(step) <= _CLOSE * (np.abs(found) + 1.0))):
            break
    plus, minus = found[:, 1], found[:, 2]
    return Scales(2.0 / (plus + minus), found[:, 0], (plus - minus) / (plus + minus), found[:, 3], found[:, 4])


def _equations(found: Floats, current: Floats, x: Floats, z: Floats) -> tuple[Floats, Floats, Floats]:
    """Half the sum of squares, normal matrix and gradient of each neuron by offset, both gains and both amplitudes."""
    beyond = current - found[:, :1]
    above = beyond > 0.0
    gain = np.where(above, found[:, 1:2], found[:, 2:3])
    s = gain * beyond
    tanh, sech = np.tanh(s), 1.0 / np.cosh(s)
    of_x, of_z, none = found[:, 3:4], found[:, 4:5], np.zeros_like(s)
    along = np.stack([-gain, np.where(above, beyond, 0.0), np.where(above, 0.0, beyond)], axis=1)
    by_x = np.concatenate([along * (of_x * sech**2)[:, None], tanh[:, None], none[:, None]], axis=1)
    by_z = np.concatenate([along * (-of_z * sech * tanh)[:, None], none[:, None], sech[:, None]], axis=1)
    jacobian = np.concatenate([by_x, by_z], axis=2)
    residual = np.concatenate([of_x * tanh - x, of_z * sech - z], axis=1)
    return (
        0.5 * (residual**2).sum(axis=1),
        np.einsum("nkp,nlp->nkl", jacobian, jacobian),
        np.einsum("nkp,np->nk", jacobian, residual),
    )
