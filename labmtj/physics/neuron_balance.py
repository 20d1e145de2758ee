"""Where a neuron's free layer stands without heat: the torque balance of physics.neuron at T = 0."""

from __future__ import annotations

import numpy as np

from labmtj.errors import SolveError
from labmtj.physics.neuron import Reduced
from labmtj.records import Floats

_X, _Z = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])


def field(law: Reduced, m: Floats, i: float, *, offset: float = 0.0, asymmetry: float = 0.0) -> Floats:
    """B_eff over the unit at the magnetisation `m`, shape (3,)."""
    driven = i * (1.0 - asymmetry * m[0])
    return (driven + offset) * _X + driven * law.ratio * np.cross(m, _X) + (law.bias + law.anisotropy * m[2]) * _Z


def balance(law: Reduced, i: float, *, offset: float = 0.0, asymmetry: float = 0.0) -> Floats:
    """The unit vector m along its own B_eff that grows out of m = z as drive and offset rise from 0, shape (3,).

    Newton's method on m x B_eff = 0 along a ladder of drives. Raises SolveError if a step fails.
    """
    m = _Z.copy()
    rungs = max(1, int(np.ceil(4.0 * max(abs(i), abs(offset)))))
    for rung in range(1, rungs + 1):
        share = rung / rungs
        m = _newton(law, m, share * i, share * offset, asymmetry)
    return m


def _newton(law: Reduced, m: Floats, i: float, offset: float, asymmetry: float) -> Floats:
    for _ in range(60):
        torque = np.cross(m, field(law, m, i, offset=offset, asymmetry=asymmetry))
        first = np.cross(_Z if abs(m[2]) < 0.7 else _X, m)
        first /= np.linalg.norm(first)
        plane = np.stack([first, np.cross(m, first)])
        if np.max(np.abs(torque)) < 1e-13 * (1.0 + abs(i)):
            return m
        step = 1e-7
        columns: list[Floats] = []
        for direction in plane:
            moved = (m + step * direction) / np.sqrt(1.0 + step**2)
            ahead = np.cross(moved, field(law, moved, i, offset=offset, asymmetry=asymmetry))
            columns.append(plane @ (ahead - torque) / step)
        move = -np.linalg.solve(np.stack(columns, axis=1), plane @ torque)
        m = m + np.clip(move, -0.5, 0.5) @ plane
        m = m / np.linalg.norm(m)
    raise SolveError(f"no torque balance of a neuron was found at a reduced drive of {i:g}")
