"""Real spherical harmonics as a basis of functions on the sphere: sparse matrices of what is done to them.

With n the unit vector: multiplication by n_k couples l to l -+ 1, the generators of rotations R = n x grad leave l
as it is, and G f = div of f times the tangential part of the unit vector along k. From
[R^2, n_k] = 2 grad n_k . grad - 2 n_k follows G = [R^2, n] / 2 - n, so its elements are those of n times -(l + 2)
upwards and l - 1 downwards.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # pyright: ignore[reportMissingTypeStubs]

from labmtj.records import Floats, Ints

Matrix = Any  # of scipy.sparse, which has no types
Triple = tuple[Matrix, Matrix, Matrix]


@dataclass(frozen=True)
class Operators:
    """Matrices of one truncation: n_k, R_k and G_k for k = x, y, z, and the numbers l (l + 1) = -R^2.

    Rows and columns run in rising l, within it in rising m from -min(l, m_max): harmonics with cos(m phi) for m >= 0
    and sin(|m| phi) for m < 0.
    """

    n: Triple
    r: Triple
    g: Triple
    laplace: Floats


@functools.lru_cache(maxsize=32)
def operators(l_max: int, m_max: int) -> Operators:
    """The matrices of harmonics up to degree `l_max` and order `m_max`, made once."""
    degree, order = _numbered(l_max, m_max)
    place = np.full((l_max + 3, 2 * l_max + 5), -1, dtype=np.int64)
    place[degree, order + l_max + 2] = np.arange(degree.size, dtype=np.int64)
    l, m = degree.astype(np.float64), order.astype(np.float64)  # noqa: E741

    def matrix(up: int, right: int, squared: Floats, sign: float) -> Matrix:
        targets = place[degree + up, order + right + l_max + 2]
        kept = np.flatnonzero(targets >= 0)
        values = sign * np.sqrt(squared[kept]).astype(np.complex128)
        return sparse.csr_matrix((values, (targets[kept], kept)), shape=(l.size, l.size))

    # cos(theta) Y_lm and sin(theta) exp(+-i phi) Y_lm in Y_l+-1 with Condon and Shortley's phases (Varshalovich,
    # Moskalev, Khersonskii 1988, chapter 5).
    above, below = (2.0 * l + 1.0) * (2.0 * l + 3.0), np.where(l > 0, (2.0 * l - 1.0) * (2.0 * l + 1.0), 1.0)
    n_z = matrix(1, 0, (l + 1.0 - m) * (l + 1.0 + m) / above, 1.0) + matrix(-1, 0, (l - m) * (l + m) / below, 1.0)
    plus = matrix(1, 1, (l + m + 1.0) * (l + m + 2.0) / above, -1.0)
    plus = plus + matrix(-1, 1, (l - m) * (l - m - 1.0) / below, 1.0)
    minus = matrix(1, -1, (l - m + 1.0) * (l - m + 2.0) / above, 1.0)
    minus = minus + matrix(-1, -1, (l + m) * (l + m - 1.0) / below, -1.0)
    raising = matrix(0, 1, (l - m) * (l + m + 1.0), 1.0)
    lowering = matrix(0, -1, (l + m) * (l - m + 1.0), 1.0)
    turn = _to_real(degree, order, place, l_max)

    def real(of: Matrix) -> Matrix:
        return (turn.conj() @ of @ turn.T).real.tocsr()

    def each(x: Matrix, y: Matrix, z: Matrix) -> Triple:
        return real(x), real(y), real(z)

    n = each(0.5 * (plus + minus), -0.5j * (plus - minus), n_z)
    turning = diagonal(m.astype(np.complex128))
    r = each(0.5j * (raising + lowering), 0.5 * (raising - lowering), 1j * turning)
    g = _gradient(n[0], l), _gradient(n[1], l), _gradient(n[2], l)
    return Operators(n, r, g, l * (l + 1.0))


def diagonal(values: NDArray[Any]) -> Matrix:
    """A diagonal matrix."""
    return cast(Any, sparse).diags(values)


def _numbered(l_max: int, m_max: int) -> tuple[Ints, Ints]:
    degree, order = np.mgrid[0 : l_max + 1, -m_max : m_max + 1]
    kept = np.abs(order) <= degree
    return degree[kept].astype(np.int64), order[kept].astype(np.int64)


def _to_real(degree: Ints, order: Ints, place: Ints, l_max: int) -> Matrix:
    """Rows: sqrt(2) times the real part of Y_lm for m > 0, and the imaginary part of Y_l|m| for m < 0."""
    here = np.arange(degree.size, dtype=np.int64)
    mirror = place[degree, l_max + 2 - order]
    sign = np.where(order % 2 == 0, 1.0, -1.0)
    half = 0.5**0.5
    own = np.select([order > 0, order < 0], [sign * half, 1j * half], 1.0 + 0.0j)
    other = np.select([order > 0, order < 0], [half + 0.0j, -1j * sign * half], 0.0j)
    entries, rows = np.concatenate([own, other]), np.concatenate([here, here])
    return sparse.csr_matrix((entries, (rows, np.concatenate([here, mirror]))), shape=(degree.size, degree.size))


def _gradient(of: Matrix, l: Floats) -> Matrix:  # noqa: E741
    entries = of.tocoo()
    factor = np.where(l[entries.row] > l[entries.col], -(l[entries.col] + 2.0), l[entries.col] - 1.0)
    return sparse.csr_matrix((entries.data * factor, (entries.row, entries.col)), shape=of.shape)
