"""Inputs made up from nothing but a mean, a covariance and trained networks: neither samples nor labels.

A normal distribution puts far more inputs near the boundaries of the classes than samples of well separated classes
do. So networks that were trained for the task vote where its classes lie, and along these the distribution is taken
apart. With z ~ N(0, 1) and p_k(z) the mean of the networks' probabilities of class k,

    s_k = mean of p_k,   t_k = mean of p_k z / s_k,   B = sum_k s_k t_k t_k^T

and in the span of B, of which the classes spread a share `separation`, z becomes t_k (separation / B)^(1/2) of a
class drawn with its share s_k plus what is left of z. Mean and covariance stay as they are, but for the clipping of
inputs to 0..1.
"""

from __future__ import annotations

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.measuring.sensitivity import softmax
from labmtj.nets.readout import Readout, ideal_products, infer
from labmtj.nets.stack import NetworkStack
from labmtj.physics.chance import Purpose, uniforms
from labmtj.records import Floats

SEPARATION = 0.85
"""Share of the variance along the classes that lies between them. chosen: of 0.7 to 0.9 it predicted best."""
COUNT = 2048  # chosen: 1024 rank copies worse by up to 0.02, 4096 better by less than 0.01


def pseudo_inputs(
    voters: NetworkStack,
    *,
    mean: Floats,
    covariance: Floats,
    readout: Readout,
    count: int = COUNT,
    separation: float = SEPARATION,
    seed: int = 0,
) -> Floats:
    """Draw inputs (count, inputs), 0..1, from `mean` (inputs,) and `covariance` (inputs, inputs).

    `voters` vote as software in this `readout`; the same arguments give the same inputs. Raises InputError for a
    covariance that is none.
    """
    lines = len(mean)
    if covariance.shape != (lines, lines) or not np.allclose(covariance, covariance.T):
        raise InputError(f"a covariance of {lines} inputs is symmetric and {lines} x {lines}, not {covariance.shape}")
    values, vectors = np.linalg.eigh(covariance)
    if values[0] < -1e-9 * max(values[-1], 1e-300):
        raise InputError("a covariance has no negative eigenvalue; this one has")
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    normal, lot = _draws(count, lines, seed=seed)
    plain = np.clip(mean + normal @ root, 0.0, 1.0)
    votes = softmax(infer(voters, plain, products=ideal_products(voters), readout=readout).scores).mean(axis=0)
    share = votes.mean(axis=0)
    centres = votes.T @ normal / (count * np.maximum(share, 1e-12))[:, np.newaxis]
    centres -= share @ centres
    strength, along = np.linalg.eigh((centres.T * share) @ centres)
    # Classes lie in one dimension less than there are of them, if the networks know as many.
    there = strength > 1e-6
    there[: 1 - len(share)] = False
    strength, along = strength[there], along[:, there]
    classes = (lot[:, np.newaxis] > np.cumsum(share)[np.newaxis, :-1]).sum(axis=1)
    apart = (centres @ along) * np.sqrt(separation / strength)
    inside = normal @ along
    moved = normal + (apart[classes] + (np.sqrt(1.0 - separation) - 1.0) * inside) @ along.T
    return np.clip(mean + moved @ root, 0.0, 1.0)


def _draws(count: int, lines: int, *, seed: int) -> tuple[Floats, Floats]:
    """Standard normal numbers (count, lines) and uniform ones (count,), spread evenly.

    Point n has the coordinates n p^(1/2) modulo 1 for the first primes p (Richtmyer 1951, Los Alamos report LA-1342),
    each shifted by an addressed number modulo 1 (Cranley and Patterson 1976, doi:10.1137/0713071).
    """
    from scipy.special import ndtri

    steps = np.sqrt(_primes(lines + 1)) % 1.0
    points = (np.arange(1, count + 1)[:, np.newaxis] * steps + uniforms(seed, Purpose.PSEUDO_INPUT, lines + 1)) % 1.0
    inside = np.clip(points, 1e-9, 1.0 - 1e-9)
    return np.asarray(ndtri(inside[:, :lines]), dtype=np.float64), inside[:, lines]


def _primes(count: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % prime for prime in found):
            found.append(number)
        number += 1
    return found
