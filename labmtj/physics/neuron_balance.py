"""Where a neuron's free layer stands without heat: the torque balance of physics.neuron at T = 0."""

from __future__ import annotations

import math

import numpy as np

from labmtj.errors import SolveError
from labmtj.physics.neuron import Reduced
from labmtj.records import Floats

Vector = tuple[float, float, float]
_DIFFERENCE = 1e-6


def field(law: Reduced, m: Vector, i: float, *, offset: float = 0.0, asymmetry: float = 0.0) -> Vector:
    """B_eff over the unit at the magnetisation `m`."""
    x, y, z = m
    driven = i * (1.0 - asymmetry * x)
    return driven + offset, driven * law.ratio * z, law.bias + law.anisotropy * z - driven * law.ratio * y


def balance(law: Reduced, i: float, *, offset: float = 0.0, asymmetry: float = 0.0) -> Floats:
    """The unit vector m along its own B_eff that grows out of m = z as drive and offset rise from 0, shape (3,).

    Newton's method on m x B_eff = 0 along a ladder of drives. Raises SolveError if a step fails.
    """
    m = (0.0, 0.0, 1.0)
    rungs = max(1, math.ceil(4.0 * max(abs(i), abs(offset))))
    for rung in range(1, rungs + 1):
        m = _newton(law, m, i * rung / rungs, offset * rung / rungs, asymmetry)
    return np.array(m)


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _moved(m: Vector, along: Vector, by: float, also: Vector = (0.0, 0.0, 0.0), also_by: float = 0.0) -> Vector:
    x, y, z = (m[k] + by * along[k] + also_by * also[k] for k in range(3))
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


def _newton(law: Reduced, m: Vector, i: float, offset: float, asymmetry: float) -> Vector:
    def torque(at: Vector) -> Vector:
        return _cross(at, field(law, at, i, offset=offset, asymmetry=asymmetry))

    for _ in range(80):
        here = torque(m)
        if max(map(abs, here)) < 1e-12 * (1.0 + abs(i) + abs(offset)):
            return m
        first = _moved(_cross((0.0, 0.0, 1.0) if abs(m[2]) < 0.7 else (1.0, 0.0, 0.0), m), m, 0.0)
        second = _cross(m, first)
        # The torque's components in the plane across m, and how they change with a step along either direction.
        rows: list[tuple[float, float]] = []
        for direction in (first, second):
            ahead, behind = (torque(_moved(m, direction, step)) for step in (_DIFFERENCE, -_DIFFERENCE))
            change = tuple((p - q) / (2.0 * _DIFFERENCE) for p, q in zip(ahead, behind, strict=True))
            rows.append((_dot(first, change), _dot(second, change)))  # pyright: ignore[reportArgumentType]
        (a, c), (b, d) = rows
        p, q = _dot(first, here), _dot(second, here)
        determinant = a * d - b * c
        if determinant == 0.0:
            break
        u, v = (b * q - d * p) / determinant, (c * p - a * q) / determinant
        shorter = min(1.0, 0.5 / max(abs(u), abs(v), 1e-300))
        m = _moved(m, first, u * shorter, second, v * shorter)
    raise SolveError(f"no torque balance of a neuron was found at a reduced drive of {i:g}")
