"""The steady state of a neuron's free layer under current and heat: the stationary Fokker-Planck equation.

Written as dm/dt = w x m, the equation of motion of physics.neuron has w = gamma' (B_eff + a m x B_eff), and the density
rho on the sphere obeys, with R = m x grad the generators of rotations and D = a k T / mu (fields over time in units of
gamma' = gamma / (1 + a^2)),

    d rho/dt = -sum_k R_k (w_k rho) + D R^2 rho

(Brown 1963, doi:10.1103/PhysRev.130.1677). Each part of B_eff is a constant vector v or m x v times a polynomial s of
m, which gives -(v.R + a v.G) s rho or -(v.G - a v.R) s rho with G rho = div of rho times the unit vector's tangential
part. In spherical harmonics the components of m couple l to l -+ 1, R leaves l as it is, and G = [R^2, m] / 2 - m has
the elements of m times -(l + 2) upwards and l - 1 downwards. So the equation is sparse and banded; c_00 is known
from the norm and the mean of m is read off l = 1.

The polar axis is turned into the torque balance without heat, where the density stands: a narrow density then needs
many l but few orders m. l and m are raised until the mean magnetisation does not change any more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import splu  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from labmtj.errors import InputError, SolveError
from labmtj.physics.harmonics import Matrix, diagonal, operators
from labmtj.physics.neuron import NeuronModel, Reduced
from labmtj.physics.neuron_balance import balance, field
from labmtj.records import Floats

_FACTORISE: Any = splu  # pyright: ignore[reportUnknownVariableType]
CONVERGED = 1e-5  # chosen: far below what any bench resolves of a magnetisation
# Largest l to begin with; then both l and |m| rise by steps of 1.4. A density that needs many l stands close around the
# pole and is nearly round there.
_DEGREES = (14, 20, 28, 40, 56, 80, 112, 156, 220, 308, 430)
_ORDERS = (6, 8, 12, 17, 24, 34, 48)


def _frame(axis: Floats) -> Floats:
    """A rotation whose columns are the frame's axes, the third one along `axis` (a unit vector)."""
    start = np.array([0.0, 1.0, 0.0]) if abs(axis[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    first = np.cross(start, axis)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(axis, first), axis], axis=1)


@dataclass(frozen=True, eq=False)
class _Density:
    """The stationary density of one truncation: `rho` (with c_00 = 1), and what its moments need."""

    turn: Floats
    read: Floats  # rows: the means of m along the frame's axes, as sums over coefficients
    n: tuple[Matrix, Matrix, Matrix]
    push: Matrix
    factors: Any
    rho: Floats

    def moments(self) -> Floats:
        """Mean m, and its derivative by the probe's reduced current; shape (2, 3)."""
        shift: Floats = self.factors.solve(-(self.push @ self.rho)[1:])
        return np.stack([self.turn @ (self.read @ self.rho), self.turn @ (self.read[:, 1:] @ shift)])

    def densities(self) -> Floats:
        """Logarithms of the spectral densities of m_x and m_z at low frequency, in reduced time; shape (2,).

        2 times the integral of the covariance over time, in which exp(-A t) integrates to the inverse of A.
        """
        found: list[float] = []
        for axis in (self.turn[0], self.turn[2]):
            row = axis @ self.read
            times: Matrix = sum(part * of for part, of in zip(axis, self.n, strict=True))
            left: Floats = self.factors.solve((times @ self.rho - (row @ self.rho) * self.rho)[1:])
            found.append(math.log(4.0 * float(row[1:] @ left)))
        return np.array(found)


def _density(law: Reduced, i: float, offset: float, asymmetry: float, axis: Floats, size: tuple[int, int]) -> _Density:
    o = operators(*size)
    turn = _frame(axis)
    a, ratio = law.damping, law.ratio

    def along(v: Floats, of: tuple[Matrix, Matrix, Matrix]) -> Matrix:
        return v[0] * of[0] + v[1] * of[1] + v[2] * of[2]

    x, z = turn[0], turn[2]  # the device's axes x and z as the frame sees them
    r_x, g_x, r_z, g_z = along(x, o.r), along(x, o.g), along(z, o.r), along(z, o.g)
    field_x, field_z = r_x + a * g_x, r_z + a * g_z
    towards_x, towards_z = g_x - a * r_x, g_z - a * r_z
    driven = i * (field_x + ratio * towards_x)
    flow = driven + offset * field_x + law.bias * field_z + law.anisotropy * (field_z @ along(z, o.n))
    if asymmetry:
        flow = flow - asymmetry * (driven @ along(x, o.n))
    whole = flow + diagonal(law.damping / law.stiffness * o.laplace)
    factors: Any = _FACTORISE(whole.tocsc()[1:, 1:], permc_spec="NATURAL")
    rho = np.concatenate([[1.0], factors.solve(-whole[1:, 0].toarray().ravel())])
    read = np.stack([row[0].toarray().ravel() for row in o.n])
    return _Density(turn, read, o.n, field_z + ratio * towards_z, factors, rho)


def _converged(
    law: Reduced,
    i: float,
    offset: float,
    asymmetry: float,
    *,
    measure: Callable[[_Density], Floats],
    within: float,
) -> Floats:
    """What is measured of the density, with so many harmonics that more do not change it by `within`."""
    axis = balance(law, i, offset=offset, asymmetry=asymmetry)
    # Around the pole the density is exp(-k theta^2 / 2), and l up to some widths 1 / theta = sqrt(k) carry it; the
    # damping-like torque adds to the damping and so narrows it.
    x, y, z = axis.tolist()
    b = max(math.hypot(*field(law, (x, y, z), i, offset=offset, asymmetry=asymmetry)), 1e-3)
    narrowed = 1.0 + max(law.ratio * i * (1.0 - asymmetry * x) * x, 0.0) / (law.damping * b)
    wanted = 3.8 * math.sqrt(law.stiffness * b * narrowed)
    first = min(sum(degree < wanted for degree in _DEGREES), len(_DEGREES) - 2)
    before: Floats | None = None
    for l_max, m_max in zip(_DEGREES[first:], _ORDERS, strict=False):
        found = measure(_density(law, i, offset, asymmetry, axis, (l_max, m_max)))
        if before is not None and float(np.max(np.abs(found - before))) < within:
            return found
        before = found
    raise SolveError(
        f"the density of a neuron at i = {i:g} is too narrow for {_DEGREES[-1]} spherical harmonics: "
        f"moment * unit / kT = {law.stiffness:g} is too large; lower the moment or raise the temperature"
    )


def solve_one(law: Reduced, i: float, offset: float, asymmetry: float) -> tuple[Floats, Floats]:
    """Mean m, shape (3,), at one reduced drive, and its derivative by the probe's reduced current.

    Raises SolveError where the largest truncation is not enough.
    """
    mean, slope = _converged(law, i, offset, asymmetry, measure=_Density.moments, within=CONVERGED)
    return mean, slope


def fluctuation(law: Reduced, i: float, offset: float = 0.0, asymmetry: float = 0.0) -> Floats:
    """Spectral densities of m_x and m_z (one-sided, at frequencies below the free layer's own), shape (2,).

    In units of reduced time, (1 + a^2) / (gamma unit); a mean over a long time T has the variance S / (2 T).
    Raises SolveError as `solve_one`.
    """
    return np.exp(_converged(law, i, offset, asymmetry, measure=_Density.densities, within=1e-3))


def steady(
    model: NeuronModel, i: ArrayLike, *, offset: ArrayLike = 0.0, asymmetry: ArrayLike = 0.0
) -> tuple[Floats, Floats, Floats]:
    """Mean (m_x, m_y, m_z) under a steady input `i` (reduced), of the broadcast shape of the arguments.

    `offset` is the stray field along x in units of `model.unit`. Each point is a solution of its own, in some
    milliseconds; physics.neuron_table interpolates. Raises InputError for what is not finite or |asymmetry| >= 1,
    SolveError where the expansion does not converge.
    """
    shape = np.broadcast(np.asarray(i), np.asarray(offset), np.asarray(asymmetry)).shape
    points = np.broadcast_arrays(*(np.asarray(part, dtype=np.float64) for part in (i, offset, asymmetry)))
    if not all(np.all(np.isfinite(part)) for part in points) or np.any(np.abs(points[2]) >= 1.0):
        raise InputError("a neuron's drive and offset must be finite numbers and its asymmetry between -1 and 1")
    law = model.reduced
    rows = [solve_one(law, *map(float, point))[0] for point in zip(*(part.ravel() for part in points), strict=True)]
    m_x, m_y, m_z = np.array(rows).reshape(*shape, 3).transpose(-1, *range(len(shape)))
    return m_x, m_y, m_z
