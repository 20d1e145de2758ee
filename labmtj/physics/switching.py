"""Probability that a current pulse switches a perpendicular junction, and its rate at rest.

The solution of the Fokker-Planck equation (Butler et al. 2012, doi:10.1109/TMAG.2012.2209122), tabulated by
`switching_table` and interpolated by cubics through four points along each axis. The drive i is the voltage
over its critical value: positive towards the other state, negative away from it. Its barrier is
Delta (1 - i)^2 in kT; a stray field adds to the drive (i + h where it helps, i - h where it hinders) and
makes it Delta (1 - i -+ h)^2. The start is the Boltzmann distribution of one well without drive or field, and
"switched" means in the other well once the state has relaxed without current: hops long after the pulse are
not counted, they belong to the time after it. `switching_cells` has the same for the cells of one array without
anything to compile.

One read at 50 mV is i = 0.1 for its dwell time, retention is i = 0 for years: the same functions.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from labmtj.errors import InputError
from labmtj.physics import switching_table
from labmtj.physics.jit import jit
from labmtj.physics.switching_table import (
    BACK_COUNT,
    BACK_DELTAS,
    BACK_SCALE,
    BACK_START,
    BACK_STEP,
    DELTA_COUNT,
    DELTA_FIRST,
    DELTA_STEP,
    DRIVE_COUNT,
    DRIVE_LIMIT,
    DRIVE_LOW,
    DRIVE_SCALE,
    DRIVE_STEP,
    LATE_START,
    LONGEST,
    SHORTEST,
    TIME_COUNT,
    TIME_STEP,
    load,
    refuse,
)
from labmtj.records import Floats

_DELTA_LAST = DELTA_FIRST + DELTA_STEP * (DELTA_COUNT - 1)
_DELTA_BACK = DELTA_FIRST + DELTA_STEP * (BACK_DELTAS - 1)
# Sizes as numpy integers: numba compiles a kernel anew for every Python integer that it is called with.
_DELTAS, _DRIVES, _TIMES = (cast(int, np.int64(count)) for count in (DELTA_COUNT, DRIVE_COUNT, TIME_COUNT))
_BACK_DELTAS, _BACK_DRIVES = cast(int, np.int64(BACK_DELTAS)), cast(int, np.int64(BACK_COUNT))
_LATE = cast(int, np.int64(-1))  # instead of a column: ln H at the longest time, ln of the rate, ln of the rest
_LATE_COLUMNS = cast(int, np.int64(4))
Weights = tuple[float, float, float, float]

occupation = jit(switching_table.occupation)


@jit
def _cubic(position: float, count: int) -> tuple[int, Weights]:
    """First of four points around `position` (in steps of the axis) and their Lagrange weights."""
    first = min(max(int(position) - 1, 0), count - 4)
    t = position - first
    a, b, c, d = t, t - 1.0, t - 2.0, t - 3.0
    return first, (-b * c * d * (1.0 / 6.0), a * c * d * 0.5, -a * b * d * 0.5, a * b * c * (1.0 / 6.0))


@jit
def _pick(weights: Weights, which: int) -> float:
    return weights[0] if which == 0 else weights[1] if which == 1 else weights[2] if which == 2 else weights[3]


@jit
def _window(table: Floats, first: int, strides: tuple[int, int], outer: Weights, inner: Weights) -> Weights:
    """Four neighbouring entries from `first` on, interpolated over barriers and drives (`strides` apart)."""
    v0, v1, v2, v3 = 0.0, 0.0, 0.0, 0.0
    for j in range(4):
        for k in range(4):
            at = np.uint64(first + j * strides[0] + k * strides[1])  # unsigned: no test for a negative index
            weight = _pick(outer, j) * _pick(inner, k)
            v0 += weight * table[at]
            v1 += weight * table[at + np.uint64(1)]
            v2 += weight * table[at + np.uint64(2)]
            v3 += weight * table[at + np.uint64(3)]
    return v0, v1, v2, v3


@jit
def _forward(table: Floats, i: float, delta: float, column: int) -> Weights:
    """Four columns of the first table from `column` on, at a drive i >= 0; `_LATE` for what long pulses need."""
    x = (i - 1.0) / DRIVE_SCALE
    s = math.log(abs(x) + math.sqrt(x * x + 1.0))  # asinh, in half the time
    k, outer = _cubic((delta - DELTA_FIRST) / DELTA_STEP, _DELTAS)
    m, inner = _cubic(((s if x > 0.0 else -s) - DRIVE_LOW) / DRIVE_STEP, _DRIVES)
    first, columns = (LATE_START, _LATE_COLUMNS) if column == _LATE else (column, _TIMES)
    return _window(table, first + (k * _DRIVES + m) * columns, (_DRIVES * columns, columns), outer, inner)


@jit
def _back(table: Floats, i: float, delta: float, column: int) -> Weights:
    """Four columns of the second table from `column` on, at a drive i <= 0."""
    k, outer = _cubic((delta - DELTA_FIRST) / DELTA_STEP, _BACK_DELTAS)
    m, inner = _cubic(math.asinh(-i / BACK_SCALE) / BACK_STEP, _BACK_DRIVES)
    first = BACK_START + (k * _BACK_DRIVES + m) * _TIMES + column
    return _window(table, first, (_BACK_DRIVES * _TIMES, _TIMES), outer, inner)


@jit
def _fallen(hazard: float) -> float:
    """Give exp(-hazard) - 1 to eleven digits, in a third of expm1's time."""
    return -hazard * (1.0 - 0.5 * hazard) if hazard < 1e-5 else math.exp(-hazard) - 1.0


@jit
def rate(table: Floats, i: float, delta: float) -> float:
    """Rate of leaving the well [1 / tau_D] at drive i; nan outside the table. For use in other kernels."""
    if not (DELTA_FIRST <= delta <= _DELTA_LAST and abs(i) <= DRIVE_LIMIT):
        return math.nan
    leaving = math.exp(_forward(table, abs(i), delta, _LATE)[1])
    left = occupation(abs(i), delta)
    return leaving if i >= 0.0 else leaving * left / (1.0 - left)


@jit
def probabilities(table: Floats, i: float, tau: float, delta: float) -> tuple[float, float]:
    """P and 1 - P after a pulse of `tau` [tau_D], neither by subtraction; nan outside the table.

    For use in other kernels, with the table of `switching_table.load()`.
    """
    if not (DELTA_FIRST <= delta <= _DELTA_LAST and abs(i) <= DRIVE_LIMIT and tau >= 0.0):
        return math.nan, math.nan
    n, w = _LATE, (1.0, 0.0, 0.0, 0.0)
    if tau < LONGEST:
        n, w = _cubic(math.log1p(tau / SHORTEST) / TIME_STEP, _TIMES)
    near = delta < _DELTA_BACK  # above it what the tails at the start and at the end add is below 1e-17
    if i < 0.0:
        left = occupation(-i, delta)
        late = _forward(table, -i, delta, _LATE)
        slowest = math.exp(late[1]) / (1.0 - left)
        switched = -left * _fallen(slowest * tau)
        if near:
            if n == _LATE:
                n, w = _TIMES - 4, (0.0, 0.0, 0.0, 1.0)
            v = _back(table, i, delta, n)
            beyond = math.exp(w[0] * v[0] + w[1] * v[1] + w[2] * v[2] + w[3] * v[3])
            if tau > LONGEST:  # the start is forgotten at the slowest rate; what relaxes across for ever is left
                settled = (1.0 - left) * math.exp(late[2])
                beyond = settled + (beyond - settled) * math.exp(-slowest * (tau - LONGEST))
            switched += beyond
        return switched, 1.0 - switched
    left = occupation(i, delta) if delta * i < 12.0 else 0.0  # from there on below 1e-20
    v = _forward(table, i, delta, n)
    hazard = math.exp(w[0] * v[0] + w[1] * v[1] + w[2] * v[2] + w[3] * v[3])
    if tau > LONGEST:
        hazard += math.exp(v[1]) * (tau - LONGEST)
    hazard /= 1.0 - left
    fallen = _fallen(hazard)
    stays = 1.0 + fallen if hazard < 1.0 else math.exp(-hazard)
    if near:
        left += (1.0 - left) * math.exp(_forward(table, i, delta, _LATE)[2])
    return -(1.0 - left) * fallen, left + (1.0 - left) * stays


@jit
def _fill(table: Floats, out: Floats, i: Floats, tau: Floats, delta: Floats) -> int:
    """Fill `out` (2, cells) with P and 1 - P; `tau` holds one value or one a cell. Returns how many are outside."""
    outside = 0
    for cell in range(i.size):
        pair = probabilities(table, i[cell], tau[cell if tau.size > 1 else 0], delta[cell])
        out[0, cell], out[1, cell] = pair
        outside += pair[0] != pair[0]
    return outside


@jit
def _fill_rates(table: Floats, out: Floats, i: Floats, delta: Floats) -> int:
    """Fill `out` with rates [1 / tau_D]; returns how many are outside the table."""
    outside = 0
    for cell in range(out.size):
        out[cell] = rate(table, i[cell], delta[cell])
        outside += out[cell] != out[cell]
    return outside


def _both(i: ArrayLike, pulse: ArrayLike, delta: ArrayLike, tau_d: ArrayLike) -> Floats:
    """P and 1 - P, shape (2, *broadcast)."""
    duration = _above_zero(tau_d)
    drive, tau, barrier = np.broadcast_arrays(
        np.asarray(i, dtype=np.float64), np.asarray(pulse, dtype=np.float64) / duration, np.asarray(delta, dtype=float)
    )
    out = np.empty((2, drive.size))
    outside = _fill(load(), out, drive.flatten(), tau.flatten(), barrier.flatten())
    if outside:
        raise refuse(outside, drive, barrier)
    return out.reshape((2, *drive.shape))


def _above_zero(tau_d: ArrayLike) -> Floats:
    duration = np.asarray(tau_d, dtype=np.float64)
    if not np.all(duration > 0.0):
        raise InputError(f"tau_d = {tau_d} s: the time scale of the switching must be above 0 s")
    return duration


def switching_probability(i: ArrayLike, pulse: ArrayLike, *, delta: ArrayLike, tau_d: ArrayLike) -> Floats:
    """Probability that a pulse switches the state; arrays broadcast.

    `i` is V / V_c0 (positive helps), `pulse` and `tau_d` in seconds, `delta` the barrier in kT. Within the
    table's range (|i| <= 6, delta 10 to 122) any length of pulse is allowed; outside it InputError is raised.
    At 0 s it is what the start's tail over the barrier gives, about exp(-delta); with a drive i >= 0 it rises
    from there, a hindering one first takes most of that tail back.
    """
    return _both(i, pulse, delta, tau_d)[0]


def write_error(i: ArrayLike, pulse: ArrayLike, *, delta: ArrayLike, tau_d: ArrayLike) -> Floats:
    """1 - `switching_probability`, without cancellation where that is close to 1."""
    return _both(i, pulse, delta, tau_d)[1]


def switching_rate(i: ArrayLike, *, delta: ArrayLike, tau_d: ArrayLike) -> Floats:
    """Rate [1/s] at which a state under steady drive `i` is left, for reads and retention.

    The slowest eigenvalue of the equation is `switching_rate(i) + switching_rate(-i)`. Raises InputError
    outside the table.
    """
    duration = _above_zero(tau_d)
    drive, barrier = np.broadcast_arrays(np.asarray(i, dtype=np.float64), np.asarray(delta, dtype=np.float64))
    out = np.empty(drive.size)
    outside = _fill_rates(load(), out, drive.flatten(), barrier.flatten())
    if outside:
        raise refuse(outside, drive, barrier)
    return out.reshape(drive.shape) / duration


def effective_drive(i: ArrayLike, *, stray_field: ArrayLike) -> Floats:
    """Drive with a stray field [of the anisotropy field], positive where it helps: Delta (1 - i - h)^2."""
    return np.asarray(i, dtype=np.float64) + np.asarray(stray_field, dtype=np.float64)


def high_barrier_rate(i: ArrayLike, *, delta: ArrayLike, tau_d: ArrayLike) -> Floats:
    """Rate [1/s] in the limit of a high barrier, for i below 0.6: the law that the table must tend to.

    (1 / tau_D) (1 - i^2) (1 - i) sqrt(Delta / pi) exp(-Delta (1 - i)^2), Brown 1963,
    doi:10.1103/PhysRev.130.1677, with the drive as a field.
    """
    drive, barrier = np.asarray(i, dtype=np.float64), np.asarray(delta, dtype=np.float64)
    height = (1.0 - drive**2) * (1.0 - drive) * np.sqrt(barrier / np.pi)
    return height * np.exp(-barrier * (1.0 - drive) ** 2) / np.asarray(tau_d, dtype=np.float64)
