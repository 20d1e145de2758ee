"""The Fokker-Planck equation of a perpendicular macrospin, solved directly.

With u = m_z, tau = t / tau_D, Delta the barrier over kT and i the drive over its critical value,

    d rho/d tau = -d/du { (1 - u^2) [ (u - i) rho - (1 / (2 Delta)) d rho/du ] }

(Butler et al. 2012, doi:10.1109/TMAG.2012.2209122, arXiv:1202.2621). A positive i drives from u = +1 to -1.
The density starts as the Boltzmann distribution of the well u > 0 without drive.

Method. Finite volumes: the rate from a cell to its neighbour is 1 / (R pi), with pi the integral of
w = exp(Delta (u - i)^2) over the cell and R that of 2 Delta / ((1 - u^2) w) between the cells' centres
(Scharfetter and Gummel 1969, doi:10.1109/T-ED.1969.16566), so that a steady flux over a barrier is exact.
The generator has no negative rate, so exp(L h) is a sum of non-negative terms and every doubling
exp(2 L h) = exp(L h)^2 adds only non-negative numbers: nothing cancels, and a probability of 1e-30 keeps
as many digits as one of 0.5, however long the pulse. A solution costs (about 20 + log2 of the longest
tau) products of matrices of 400 to 500 rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.records import Floats

# Entries below this are dropped: they are far below any probability asked for, and their products
# would be denormal numbers, which are slow.
_NOTHING = 1e-150
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)


@dataclass(frozen=True)
class Evolution:
    """Probabilities after pulses of length `tau` [tau_D], once the state has relaxed without drive.

    `switched` and `kept` are each summed on their own, so neither cancels; `kept_forever` is what `kept`
    tends to, in two parts: (what stands in the well u > i, what comes back while it relaxes).
    """

    tau: Floats
    switched: Floats
    kept: Floats
    kept_forever: tuple[float, float]


def _edges(i: float, delta: float, refine: int) -> Floats:
    """Borders of the cells from -1 to 1, one of them at 0; `refine` times as many as the coarsest useful grid."""
    # Lengths to resolve: the density at the poles, about 1 / (2 Delta (1 + |i|)); the top of the barrier,
    # about 1 / sqrt(2 Delta); and everywhere the length over which w changes by a factor e. Below u = 0 a
    # driven spin never comes back, and coarse cells do.
    well = 1.0 / (2.0 * delta * (1.0 + abs(i)))
    upper = 1.0 - np.linspace(1.0, 0.0, 4001) ** 3
    lower = np.linspace(-1.0, 0.0, 4001)
    top = math.sqrt(2.0 * delta)
    above = 1.0 / (0.08 * (1.0 - upper + well)) + 2.0 * delta * np.abs(upper - i) / 1.8 + top
    back = 1.0 if i < 1.0 else 0.1
    below = 1.0 / (0.2 * (1.0 + lower + well)) + back * (delta * np.abs(lower - i) / 1.8 + top)
    return np.concatenate([_divide(lower, below, refine)[:-1], _divide(upper, above, refine)])


def _divide(u: Floats, density: Floats, refine: int) -> Floats:
    """Borders of cells from the first to the last u, as dense as asked, halved evenly by `refine`."""
    counted: Floats = np.zeros_like(u)
    counted[1:] = np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(u))
    cells = refine * math.ceil(counted[-1])
    wanted: Floats = np.linspace(0.0, float(counted[-1]), cells + 1)
    borders: Floats = np.interp(wanted, counted, u)
    return borders


def _bernoulli(x: Floats) -> Floats:
    """Bernoulli's function x / (exp(x) - 1), 1 at 0."""
    safe = np.where(np.abs(x) < 1e-8, 1e-8, x)
    return safe / np.expm1(safe)


def _relaxed(u: Floats, delta: float) -> tuple[Floats, Floats]:
    """Probabilities that a spin at u relaxes to -1 and to +1 without drive.

    Half of 1 -+ psi / psi(1), with psi the slowest (odd) eigenfunction of the equation at i = 0, whose
    slope follows from a steady flux: psi' ~ exp(-Delta v^2) / (1 - v^2) * integral_v^1 exp(Delta s^2) ds.
    """
    v = 1.0 - np.linspace(1.0, 0.0, 8001) ** 3
    weight = np.exp(delta * (v - 1.0) * (v + 1.0))
    step = np.diff(v)
    beyond = np.zeros_like(v)
    beyond[:-1] = np.cumsum((0.5 * (weight[1:] + weight[:-1]) * step)[::-1])[::-1]
    slope = np.full_like(v, 0.5)
    slope[:-1] = beyond[:-1] / (weight[:-1] * (1.0 - v[:-1]) * (1.0 + v[:-1]))
    tail = np.zeros_like(v)
    tail[:-1] = np.cumsum((0.5 * (slope[1:] + slope[:-1]) * step)[::-1])[::-1]
    small: Floats = 0.5 * np.interp(np.abs(u), v, tail) / tail[0]
    return np.where(u > 0, small, 1.0 - small), np.where(u > 0, 1.0 - small, small)


class Macrospin:
    """The equation at one drive `i` and barrier `delta`, on a grid `refine` times as fine as the coarsest."""

    def __init__(self, i: float, *, delta: float, refine: int = 2) -> None:
        if not (1.0 <= delta <= 500.0 and abs(i) <= 20.0):
            raise InputError(f"delta = {delta:g}, i = {i:g}: the solver is made for delta 1 to 500 and |i| up to 20")
        edges = _edges(i, delta, refine)
        width, centres, inner = np.diff(edges), 0.5 * (edges[1:] + edges[:-1]), edges[1:-1]
        left, right = centres[:-1], centres[1:]
        conductance = (1.0 - inner) * (1.0 + inner) / (2.0 * delta * (right - left))
        rise = delta * (right - left) * (right + left - 2.0 * i)
        self._up = conductance * _bernoulli(-rise) / width[:-1]
        self._down = conductance * _bernoulli(rise) / width[1:]
        half = 0.5 * width[:, None]
        points = centres[:, None] + half * _NODES
        start = np.sum(half * _WEIGHTS * np.exp(delta * (points - 1.0) * (points + 1.0)), axis=1)
        start[centres < 0] = 0.0
        self._start = start / start.sum()
        self._minus, self._plus = _relaxed(centres, delta)
        phi = delta * (centres - i) ** 2
        steady = width * np.exp(phi - phi.max())
        steady /= steady.sum()
        stays = steady * self._plus
        self._kept_forever = float(stays[centres > i].sum()), float(stays[centres <= i].sum())
        self._leaving = np.concatenate([self._up, [0.0]]) + np.concatenate([[0.0], self._down])

    def _advance(self, rho: Floats, tau: float) -> Floats:
        """exp(L tau) rho for a short tau: Poisson-weighted powers of I + L / g, all non-negative."""
        fastest = float(self._leaving.max())
        stay = 1.0 - self._leaving / fastest
        shape = (-1,) + (1,) * (rho.ndim - 1)
        up, down, stay = (rate.reshape(shape) for rate in (self._up / fastest, self._down / fastest, stay))
        term = rho * math.exp(-fastest * tau)
        total = term.copy()
        for order in range(1, 40):
            moved = stay * term
            moved[1:] += up * term[:-1]
            moved[:-1] += down * term[1:]
            term = moved * (fastest * tau / order)
            total += term
            if order > 2.0 * fastest * tau and (fastest * tau) ** order < 1e-18 * math.factorial(order):
                break
        return total

    def evolve(self, tau: Floats) -> Evolution:
        """Probabilities after pulses of `tau` [tau_D], in rising order, each 0 or longer."""
        tau = np.asarray(tau, dtype=np.float64)
        if tau.ndim != 1 or np.any(np.diff(tau) < 0) or tau[0] < 0:
            raise InputError("tau must be a row of pulse lengths in rising order, none negative")
        unit = 2.0 ** math.floor(-math.log2(float(self._leaving.max())))
        doublings = max(1, math.floor(tau[-1] / unit).bit_length())
        matrix = self._advance(np.eye(self._start.size), unit)
        powers: list[Floats] = []
        for _ in range(doublings):
            powers.append(matrix)
            matrix = matrix @ matrix
            matrix[matrix < _NOTHING] = 0.0
            matrix /= matrix.sum(axis=0)
        rho, done = self._start, 0
        switched, kept = np.empty_like(tau), np.empty_like(tau)
        for index, end in enumerate(tau):
            whole = math.floor(end / unit)
            ahead = whole - done
            for bit in range(ahead.bit_length()):
                if ahead >> bit & 1:
                    rho = powers[bit] @ rho
            done = whole
            final = self._advance(rho, end - whole * unit)
            switched[index], kept[index] = final @ self._minus, final @ self._plus
        return Evolution(tau, switched, kept, self._kept_forever)


def solve(i: float, tau: Floats, *, delta: float, grids: tuple[int, int] = (1, 2)) -> tuple[Floats, Floats]:
    """P and 1 - P after pulses of `tau` [tau_D], from two grids by Richardson extrapolation of their logarithms.

    The error of one grid falls as the square of its spacing.
    """
    coarse, fine = (Macrospin(i, delta=delta, refine=refine).evolve(tau) for refine in grids)
    gain = grids[0] ** 2 / (grids[1] ** 2 - grids[0] ** 2)
    switched = fine.switched * (fine.switched / coarse.switched) ** gain
    return switched, fine.kept * (fine.kept / coarse.kept) ** gain
