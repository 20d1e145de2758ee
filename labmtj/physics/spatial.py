"""Variation over the place on a die: a drift across the array, and noise that neighbours share.

Places run from -1 to 1 along each side of the array, whatever its size (a wafer's gradient is given over
the array, not over a cell). The drift is `linear` from the centre to an edge along a direction, and `bow` from
the centre to a corner, with the array's mean taken out.

Correlated noise has the covariance exp(-r^2 / (2 length^2)) with r in cells. That is a product of one factor
for rows and one for columns, so a field is A W B with W independent normal numbers and A, B the symmetric
square roots of the two covariance matrices: exact at any length, also at the borders, for the cost of
two products (Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, section A.2).
"""

from __future__ import annotations

import math

import numpy as np

from labmtj.errors import InputError
from labmtj.records import Floats


def _places(count: int) -> Floats:
    """Places of lines from -1 to 1; 0 for one line alone."""
    return np.linspace(-1.0, 1.0, count) if count > 1 else np.zeros(1)


def drift(shape: tuple[int, int], *, linear: float, bow: float, angle: float) -> Floats:
    """Relative change over the array, shape (rows, cols): `linear` along `angle` [rad] from the columns' axis."""
    y, x = _places(shape[0])[:, np.newaxis], _places(shape[1])
    squared = 0.5 * (x**2 + y**2)
    return linear * (math.cos(angle) * x + math.sin(angle) * y) + bow * (squared - squared.mean())


def _root(count: int, length: float) -> Floats:
    """Symmetric square root of the covariance of `count` lines."""
    apart = np.subtract.outer(np.arange(count), np.arange(count)) / length
    values, vectors = np.linalg.eigh(np.exp(-0.5 * apart**2))
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def correlated(white: Floats, *, length: float) -> Floats:
    """Field of standard normal numbers with the correlation length `length` [cells], from independent ones.

    `white` has shape (rows, cols). Raises InputError for a length that is not above zero.
    """
    if not length > 0.0:
        raise InputError(f"a correlation length of {length} cells makes no sense: give one above 0")
    rows, cols = white.shape
    return _root(rows, length) @ white @ _root(cols, length)
