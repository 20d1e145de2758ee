"""Addressed randomness: every random number is a function of (seed, purpose, place, ordinal).

No generator object exists, so a number depends on what it is for and never on what was drawn before.
The mixing function is splitmix64's finaliser (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195)
applied to each part of the address in turn.
"""

from __future__ import annotations

import enum
import math

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.jit import jit
from labmtj.records import Floats


class Purpose(enum.IntEnum):
    """What a random number is for; part of its address. Numbers are never reused."""

    RESISTANCE_AREA = 2
    TMR = 3
    CRITICAL_VOLTAGE = 4
    BARRIER = 5
    STRAY_FIELD = 6
    DEFECT = 7
    BREAKDOWN = 8
    SHORT_RESISTANCE = 9
    INITIAL_STATE = 11
    TELEGRAPH_CELL = 12
    TELEGRAPH_SIZE = 13
    PULSE = 20
    EXPOSURE = 21
    READ_NOISE = 22
    TELEGRAPH = 23
    RELAY = 30
    THERMAL_EMF = 31
    SOURCE_GAIN = 32
    SOURCE_OFFSET = 33
    METER_GAIN = 34
    METER_OFFSET = 35


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_SECOND = np.uint64(0xD1B54A32D192ED03)


@jit
def _mix(z: np.uint64) -> np.uint64:
    z = (z ^ (z >> _S30)) * _M1
    z = (z ^ (z >> _S27)) * _M2
    return z ^ (z >> _S31)


@jit
def _address(seed: int, purpose: int, place: int, ordinal: int) -> np.uint64:
    z = _mix(np.uint64(seed) + _GOLDEN)
    z = _mix(z ^ (np.uint64(purpose) * _GOLDEN + np.uint64(1)))
    z = _mix(z ^ (np.uint64(place) * _GOLDEN + np.uint64(2)))
    return _mix(z ^ (np.uint64(ordinal) * _GOLDEN + np.uint64(3)))


@jit
def _unit(bits: np.uint64) -> float:
    return (np.float64(bits >> _S11) + 0.5) * (1.0 / 9007199254740992.0)


@jit
def uniform(seed: int, purpose: int, place: int, ordinal: int) -> float:
    """Uniform number in (0, 1), never 0 or 1, at this address."""
    return _unit(_address(seed, purpose, place, ordinal))


@jit
def normal(seed: int, purpose: int, place: int, ordinal: int) -> float:
    """Standard normal number at this address (Box and Muller 1958, doi:10.1214/aoms/1177706645)."""
    bits = _address(seed, purpose, place, ordinal)
    return math.sqrt(-2.0 * math.log(_unit(bits))) * math.cos(2.0 * math.pi * _unit(_mix(bits ^ _SECOND)))


@jit
def _fill(out: Floats, gaussian: bool, seed: int, purpose: int, ordinal: int) -> None:
    for place in range(out.size):
        if gaussian:
            out[place] = normal(seed, purpose, place, ordinal)
        else:
            out[place] = uniform(seed, purpose, place, ordinal)


@jit
def _fill_each(out: Floats, seed: int, purpose: int, ordinals: NDArray[np.uint64]) -> None:
    for place in range(out.size):
        out[place] = uniform(seed, purpose, place, np.int64(ordinals[place]))


def uniforms_each(seed: int, purpose: Purpose, ordinals: NDArray[np.uint64]) -> Floats:
    """Uniform numbers for the places 0 .. n-1, each with its own ordinal; shape (n,)."""
    out = np.empty(ordinals.size)
    _fill_each(out, seed, int(purpose), ordinals)
    return out


def uniforms(seed: int, purpose: Purpose, count: int, ordinal: int = 0) -> Floats:
    """Uniform numbers for the places 0 .. count-1, shape (count,)."""
    out = np.empty(count)
    _fill(out, False, seed, int(purpose), ordinal)
    return out


def normals(seed: int, purpose: Purpose, count: int, ordinal: int = 0) -> Floats:
    """Standard normal numbers for the places 0 .. count-1, shape (count,)."""
    out = np.empty(count)
    _fill(out, True, seed, int(purpose), ordinal)
    return out
