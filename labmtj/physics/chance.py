"""Addressed randomness: every random number is a function of (seed, purpose, place, ordinal).

No generator object exists, so a number depends on what it is for and never on what was drawn before.
The mixing function is splitmix64's finaliser (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195)
applied to each part of the address in turn. Arrays are drawn by numpy and single numbers by Python's
integers, which costs microseconds and no compilation; physics.chance_kernels has the same for kernels.
"""

from __future__ import annotations

import enum
import functools
import math

import numpy as np
from numpy.typing import NDArray

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
    GRADIENT = 14
    RESISTANCE_AREA_FIELD = 15
    CRITICAL_VOLTAGE_FIELD = 16
    PULSE = 20
    EXPOSURE = 21
    READ_NOISE = 22
    TELEGRAPH = 23
    BACK_HOPPING = 24
    RELAY = 30
    THERMAL_EMF = 31
    SOURCE_GAIN = 32
    SOURCE_OFFSET = 33
    METER_GAIN = 34
    METER_OFFSET = 35
    FAULT = 40
    SUPPLY_PROGRAMMING = 50
    SUPPLY_READBACK = 51
    SUPPLY_NOISE = 52
    THERMOMETER_OFFSET = 53
    THERMOMETER_DRIFT = 54
    THERMOMETER_NOISE = 55
    LEAKY_CELL = 60
    LEAK = 61
    THRESHOLD = 62
    MAP_NOISE = 63
    MAP_TELEGRAPH = 64
    ARRAY_NOISE = 70
    ARRAY_TELEGRAPH = 71
    WRITE_ERROR = 72
    INJECTED_ERROR = 80
    PSEUDO_INPUT = 81
    UPDATE_FIRES = 90
    DRAWN_LINE = 94
    DRAWN_CELL = 95
    NEURON_CURRENT = 100
    NEURON_OFFSET = 101
    NEURON_ASYMMETRY = 102
    NEURON_TMR = 103
    NEURON_RESISTANCE = 104
    NEURON_DEFECT = 105
    NEURON_SHORT = 106
    NEURON_HEAT = 107
    NEURON_NOISE = 108
    NEURON_METER = 109
    DRAWN_NEURON = 130
    MEASURED_NEURON = 131


GOLDEN, FIRST, LAST = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
SECOND = 0xD1B54A32D192ED03  # sets the second number of a pair apart from the first
_ALL = (1 << 64) - 1
_UNIT = 2.0**-53
Words = NDArray[np.uint64]


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * FIRST) & _ALL
    z = ((z ^ (z >> 27)) * LAST) & _ALL
    return z ^ (z >> 31)


@functools.lru_cache(maxsize=256)
def _prefix(seed: int, purpose: int) -> int:
    return _mix(_mix((seed + GOLDEN) & _ALL) ^ ((purpose * GOLDEN + 1) & _ALL))


def _at(seed: int, purpose: int, place: int) -> int:
    return _mix(_prefix(seed, purpose) ^ ((place * GOLDEN + 2) & _ALL))


def _address(seed: int, purpose: int, place: int, ordinal: int) -> int:
    return _mix(_at(seed, purpose, place) ^ ((ordinal * GOLDEN + 3) & _ALL))


def _unit(bits: int) -> float:
    return ((bits >> 11) + 0.5) * _UNIT


def uniform(seed: int, purpose: int, place: int, ordinal: int) -> float:
    """Uniform number in (0, 1), never 0 or 1, at this address."""
    return _unit(_address(seed, purpose, place, ordinal))


def normal(seed: int, purpose: int, place: int, ordinal: int) -> float:
    """Standard normal number at this address (Box and Muller 1958, doi:10.1214/aoms/1177706645)."""
    bits = _address(seed, purpose, place, ordinal)
    return math.sqrt(-2.0 * math.log(_unit(bits))) * math.cos(2.0 * math.pi * _unit(_mix(bits ^ SECOND)))


def _mix_all(z: Words) -> Words:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(LAST)
    return z ^ (z >> np.uint64(31))


def _addresses(seed: int, purpose: int, ordinals: Words, first: int = 0) -> Words:
    places = np.arange(first, first + ordinals.size, dtype=np.uint64)
    z = _mix_all(np.uint64(_prefix(seed, purpose)) ^ (places * np.uint64(GOLDEN) + np.uint64(2)))
    return _mix_all(z ^ (ordinals * np.uint64(GOLDEN) + np.uint64(3)))


def _units(bits: Words) -> Floats:
    return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * _UNIT


def uniforms_each(seed: int, purpose: Purpose, ordinals: Words, *, first: int = 0) -> Floats:
    """Uniform numbers for the places `first` .. first + n-1, each with its own ordinal; shape (n,)."""
    return _units(_addresses(seed, int(purpose), ordinals, first))


def uniforms(seed: int, purpose: Purpose, count: int, ordinal: int = 0, *, first: int = 0) -> Floats:
    """Uniform numbers for the places `first` .. first + count-1, shape (count,)."""
    return uniforms_each(seed, purpose, np.full(count, ordinal, dtype=np.uint64), first=first)


def normals(seed: int, purpose: Purpose, count: int, ordinal: int = 0) -> Floats:
    """Standard normal numbers for the places 0 .. count-1, shape (count,)."""
    bits = _addresses(seed, int(purpose), np.full(count, ordinal, dtype=np.uint64))
    return np.sqrt(-2.0 * np.log(_units(bits))) * np.cos(2.0 * np.pi * _units(_mix_all(bits ^ np.uint64(SECOND))))


def _series(seed: int, purpose: int, place: int, ordinals: range) -> Words:
    counted = np.arange(ordinals.start, ordinals.stop, dtype=np.uint64)
    return _mix_all(np.uint64(_at(seed, purpose, place)) ^ (counted * np.uint64(GOLDEN) + np.uint64(3)))


def uniform_series(seed: int, purpose: int, place: int, ordinals: range) -> list[float]:
    """What `uniform` gives at one place for ordinals that follow one another."""
    return _units(_series(seed, purpose, place, ordinals)).tolist()


def normal_series(seed: int, purpose: int, place: int, ordinals: range) -> list[float]:
    """What `normal` gives at one place for ordinals that follow one another, to the last bit.

    Therefore logarithm and cosine are not numpy's, which round differently.
    """
    bits, log, cos, sqrt, turn = _series(seed, purpose, place, ordinals), math.log, math.cos, math.sqrt, 2.0 * math.pi
    pairs = zip(_units(bits).tolist(), _units(_mix_all(bits ^ np.uint64(SECOND))).tolist(), strict=True)
    return [sqrt(-2.0 * log(first)) * cos(turn * second) for first, second in pairs]
