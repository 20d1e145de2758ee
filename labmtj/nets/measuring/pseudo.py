"""Inputs made up from nothing but a mean, a covariance and the network itself: neither samples nor labels.

A normal distribution puts far more inputs near a network's boundaries than samples of well separated classes do. So
the network's own decisions tell in which directions its classes lie, and along these the distribution is taken apart:

    z ~ N(0, 1),   t_k = mean of z that the network gives class k,   B = sum_k p_k t_k t_k^T

In the span of B, of which the classes spread a share `separation`, z becomes t_k (separation / B)^(1/2) of a class
drawn with its share p_k plus what is left of z; the mean and the covariance stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.readout import Readout, ideal_products, infer
from labmtj.nets.stack import NetworkStack
from labmtj.physics.chance import Purpose, uniforms
from labmtj.records import Floats, Ints

SEPARATION = 0.8
"""Share of the variance along the classes that lies between them. chosen: of 0.5, 0.7, 0.8, 0.9 it predicted best."""
COUNT = 1024  # chosen: 512 rank copies worse by 0.01, 2048 better by less than 0.005


@dataclass(frozen=True, eq=False)
class PseudoInputs:
    """Inputs (networks, count, inputs), 0..1, and the class (networks, count) that each was drawn for."""

    inputs: Floats
    classes: Ints


def pseudo_inputs(
    stack: NetworkStack,
    *,
    mean: Floats,
    covariance: Floats,
    readout: Readout,
    count: int = COUNT,
    separation: float = SEPARATION,
    seed: int = 0,
) -> PseudoInputs:
    """Draw inputs for each network from `mean` (inputs,) and `covariance` (inputs, inputs); the same for the same seed.

    `readout` is that of software by which classes are told apart. Raises InputError for a covariance that is none.
    """
    lines = len(mean)
    if covariance.shape != (lines, lines) or not np.allclose(covariance, covariance.T):
        raise InputError(f"a covariance of {lines} inputs is symmetric and {lines} x {lines}, not {covariance.shape}")
    values, vectors = np.linalg.eigh(covariance)
    if values[0] < -1e-9 * max(values[-1], 1e-300):
        raise InputError("a covariance has no negative eigenvalue; this one has")
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    normal, lot = _draws(count, lines, seed=seed)
    plain = np.broadcast_to(np.clip(mean + normal @ root, 0.0, 1.0), (len(stack), count, lines))
    trace = infer(stack, plain, products=ideal_products(stack), readout=readout)
    member = (trace.classes[..., np.newaxis] == np.arange(trace.scores.shape[-1])).astype(np.float64)
    share = member.mean(axis=1)
    sums = np.einsum("nsk,si->nki", member, normal) / count
    middle = sums.sum(axis=1)
    centres = sums / np.maximum(share, 1e-12)[..., np.newaxis] - middle[:, np.newaxis, :]
    centres *= share[..., np.newaxis] > 0.0
    between = np.einsum("nk,nki,nkj->nij", share, centres, centres)
    strength, along = np.linalg.eigh(between)
    # Classes lie in one dimension less than there are of them, if the network knows as many.
    strength, along = strength[:, 1 - share.shape[1] :], along[:, :, 1 - share.shape[1] :]
    there = strength > 1e-6
    gain = np.where(there, np.sqrt(separation / np.where(there, strength, 1.0)), 0.0)
    left = np.where(there, np.sqrt(1.0 - separation), 1.0)
    classes = (lot[:, np.newaxis] > np.cumsum(share, axis=1)[:, np.newaxis, :-1]).sum(axis=-1)
    apart = np.take_along_axis((centres @ along) * gain[:, np.newaxis, :], classes[..., np.newaxis], axis=1)
    inside = normal @ along
    moved = normal + (apart + (left[:, np.newaxis, :] - 1.0) * inside) @ np.swapaxes(along, 1, 2)
    return PseudoInputs(np.clip(mean + moved @ root, 0.0, 1.0), classes)


def _draws(count: int, lines: int, *, seed: int) -> tuple[Floats, Floats]:
    """Standard normal numbers (count, lines) and uniform ones (count,), spread evenly: Sobol points, shifted.

    The points are those of Joe and Kuo (2008, doi:10.1137/070709359), each coordinate shifted by an addressed number
    modulo 1 (Cranley and Patterson 1976, doi:10.1137/0713071).
    """
    from scipy.special import ndtri
    from scipy.stats import qmc

    points = np.asarray(qmc.Sobol(lines + 1, scramble=False).random(count), dtype=np.float64)
    moved = (points + uniforms(seed, Purpose.PSEUDO_INPUT, lines + 1)) % 1.0
    inside = np.clip(moved, 1e-9, 1.0 - 1e-9)
    return np.asarray(ndtri(inside[:, :lines]), dtype=np.float64), inside[:, lines]
