"""The addressed random numbers of physics.chance for use inside compiled kernels."""

from __future__ import annotations

import math

import numpy as np

from labmtj.physics.chance import FIRST, GOLDEN, LAST, SECOND
from labmtj.physics.jit import jit

_GOLDEN, _FIRST, _LAST, _SECOND = np.uint64(GOLDEN), np.uint64(FIRST), np.uint64(LAST), np.uint64(SECOND)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@jit
def _mix(z: np.uint64) -> np.uint64:
    z = (z ^ (z >> _S30)) * _FIRST
    z = (z ^ (z >> _S27)) * _LAST
    return z ^ (z >> _S31)


@jit
def locate(seed: int, purpose: int, place: int) -> np.uint64:
    """Give the part of an address that all ordinals of a place share, for `uniform_there`."""
    z = _mix(np.uint64(seed) + _GOLDEN)
    z = _mix(z ^ (np.uint64(purpose) * _GOLDEN + np.uint64(1)))
    return _mix(z ^ (np.uint64(place) * _GOLDEN + np.uint64(2)))


@jit
def _address(seed: int, purpose: int, place: int, ordinal: int) -> np.uint64:
    return _mix(locate(seed, purpose, place) ^ (np.uint64(ordinal) * _GOLDEN + np.uint64(3)))


@jit
def _unit(bits: np.uint64) -> float:
    return (np.float64(bits >> _S11) + 0.5) * 2.0**-53


@jit
def uniform(seed: int, purpose: int, place: int, ordinal: int) -> float:
    """Uniform number in (0, 1) at this address, bit for bit that of `chance.uniform`."""
    return _unit(_address(seed, purpose, place, ordinal))


@jit
def uniform_there(located: np.uint64, ordinal: np.uint64) -> float:
    """Uniform number in (0, 1) at an ordinal of a place that was located before."""
    return _unit(_mix(located ^ (ordinal * _GOLDEN + np.uint64(3))))


@jit
def normal(seed: int, purpose: int, place: int, ordinal: int) -> float:
    """Standard normal number at this address, that of `chance.normal` but for the last digit."""
    bits = _address(seed, purpose, place, ordinal)
    return math.sqrt(-2.0 * math.log(_unit(bits))) * math.cos(2.0 * math.pi * _unit(_mix(bits ^ _SECOND)))
