"""Switching of the cells of one array: `switching` for one width at a time, in numpy, with nothing to compile.

A bench solves one array at a time, and the kernels of `switching` would take longer to compile than the whole run
of a protocol needs for switching. A pulse has one width, so the table is first reduced to it: what is left is a
table of barriers and drives, kept for the width, and one bicubic look-up a cell.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
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

Places = tuple[NDArray[np.intp], Floats]

_NODES = np.arange(4)[:, np.newaxis]
_DELTA_LAST = DELTA_FIRST + DELTA_STEP * (DELTA_COUNT - 1)
_DELTA_BACK = DELTA_FIRST + DELTA_STEP * (BACK_DELTAS - 1)
_LONG, _RATE, _REST = 0, 1, 2  # columns of the table's late part


class Switching:
    """Cells with the barriers `delta` (cells,) and the time scale `tau_d` [s]; drives are (cells,), see `switching`.

    Raises InputError for barriers and drives outside the table.
    """

    def __init__(self, delta: Floats, *, tau_d: float) -> None:
        if not tau_d > 0.0:
            raise InputError(f"tau_d = {tau_d} s: the time scale of the switching must be above 0 s")
        outside = ~((delta >= DELTA_FIRST) & (delta <= _DELTA_LAST))
        if outside.any():
            raise refuse(int(outside.sum()), 0.0, delta)
        self._delta, self._tau_d = delta, tau_d
        self._barriers, self._place = _barriers(delta, DELTA_COUNT), DRIVE_COUNT * np.arange(delta.size)
        # Above the second table's barriers, what it would add is below 1e-17, and so is what comes back at the end.
        self._near = delta < _DELTA_BACK
        self._any_near = bool(self._near.any())

    @functools.cached_property
    def _slowest(self) -> Floats:
        """Logarithm of each cell's rate at the drives of the table, cell after cell: rates are asked for most often."""
        first, weights = self._barriers
        table = np.zeros((first.size, DRIVE_COUNT))
        for node in range(4):
            table += weights[node][:, np.newaxis] * _late(_RATE)[first + node]
        return table.ravel()

    def rates(self, i: Floats) -> Floats:
        """Rate [1/s] at which each cell leaves its state at the drive `i`."""
        self._check(i)
        drive = np.abs(i)
        first, weights = _drives(drive)
        exponent = np.sum(self._slowest[self._place + first + _NODES] * weights, axis=0)
        against = np.flatnonzero(i < 0.0)
        rate = np.exp(exponent)
        left = occupations(drive[against], self._delta[against])
        rate[against] *= left / (1.0 - left)
        rate /= self._tau_d
        return rate

    def probabilities(self, i: Floats, *, width: float) -> Floats:
        """Probability that one pulse of `width` [s] switches each cell; InputError for a negative width, too."""
        tau = width / self._tau_d
        if not tau >= 0.0:
            raise InputError(f"a pulse of {width} s: 0 s or longer is needed")
        self._check(i)
        drive = np.abs(i)
        places, left = _drives(drive), occupations(drive, self._delta)
        slowest = np.exp(_interpolate(_late(_RATE), self._barriers, places))
        hazard = np.exp(_interpolate(_at(tau), self._barriers, places))
        if tau > LONGEST:
            hazard += slowest * (tau - LONGEST)
        stays = 1.0 - left
        slowest /= stays
        helped = -stays * np.expm1(-hazard / stays)
        hindered = -left * np.expm1(-slowest * tau)
        if self._any_near:
            near = self._near
            rest = np.exp(_interpolate(_late(_REST), self._barriers, places))[near]
            helped[near] *= 1.0 - rest
            hindered[near] += self._tail(drive[near], tau, stays[near] * rest, slowest[near])
        return np.where(i < 0.0, hindered, helped)

    def hazards(self, i: Floats, *, width: float) -> Floats:
        """Minus the logarithm of the share that one pulse of `width` [s] leaves at the drives `i` >= 0.

        What a low barrier lets back is left out: `probabilities` counts it.
        """
        tau = width / self._tau_d
        self._check(i)
        places, left = _drives(i), occupations(i, self._delta)
        hazard = np.exp(_interpolate(_at(tau), self._barriers, places))
        if tau > LONGEST:
            hazard += np.exp(_interpolate(_late(_RATE), self._barriers, places)) * (tau - LONGEST)
        return hazard / (1.0 - left)

    def _tail(self, i: Floats, tau: float, settled: Floats, slowest: Floats) -> Floats:
        """What the start's tail over a low barrier adds under a drive of -i, and goes over into in the end."""
        places = _cubics(np.arcsinh(i / BACK_SCALE) / BACK_STEP, BACK_COUNT)
        barriers = _barriers(self._delta[self._near], BACK_DELTAS)
        beyond = np.exp(_interpolate(_back_at(min(tau, LONGEST)), barriers, places))
        if tau > LONGEST:
            beyond = settled + (beyond - settled) * np.exp(-slowest * (tau - LONGEST))
        return beyond

    def _check(self, i: Floats) -> None:
        outside = ~(np.abs(i) <= DRIVE_LIMIT)
        if outside.any():
            raise refuse(int(outside.sum()), i, self._delta)


def occupations(i: Floats, delta: Floats) -> Floats:
    """As `switching_table.occupation`, for arrays."""
    j = np.minimum(i, 0.6)
    favoured = (1.0 + 0.5 / (delta * (1.0 + j) ** 2)) / (1.0 + j)
    left = (1.0 + 0.5 / (delta * (1.0 - j) ** 2)) / (1.0 - j)
    raised = delta * i
    return np.where(raised > 25.0, 0.0, 1.0 / (1.0 + np.exp(4.0 * np.minimum(raised, 25.0)) * favoured / left))


def _cubics(position: Floats, count: int) -> Places:
    """First of four points around each `position` (in steps of the axis), and their Lagrange weights (4, cells)."""
    first = np.minimum(np.maximum(position.astype(np.intp) - 1, 0), count - 4)
    weights = np.empty((4, position.size))
    a = position - first
    b, c, d = a - 1.0, a - 2.0, a - 3.0
    cd, ab = c * d, a * b
    np.multiply(b * (-1.0 / 6.0), cd, out=weights[0])
    np.multiply(a * 0.5, cd, out=weights[1])
    np.multiply(d * -0.5, ab, out=weights[2])
    np.multiply(c * (1.0 / 6.0), ab, out=weights[3])
    return first, weights


def _barriers(delta: Floats, count: int) -> Places:
    return _cubics((delta - DELTA_FIRST) / DELTA_STEP, count)


def _drives(i: Floats) -> Places:
    return _cubics((np.arcsinh((i - 1.0) / DRIVE_SCALE) - DRIVE_LOW) / DRIVE_STEP, DRIVE_COUNT)


def _interpolate(grid: Floats, outer: Places, inner: Places) -> Floats:
    """A table of (barriers, drives) at the places of all cells, (cells,)."""
    columns = grid.shape[1]
    at = (_NODES * columns)[:, np.newaxis] + (_NODES + (outer[0] * columns + inner[0]))
    values: Floats = grid.ravel()[at]
    return np.sum(np.sum(values * inner[1], axis=1) * outer[1], axis=0)


@functools.cache
def _late(column: int) -> Floats:
    """One column of what pulses beyond the table need, (barriers, drives)."""
    return load()[LATE_START:].reshape(DELTA_COUNT, DRIVE_COUNT, 4)[:, :, column].copy()


@functools.lru_cache(maxsize=64)
def _at(tau: float) -> Floats:
    """ln((1 - s) H) at one pulse length [tau_D], (barriers, drives)."""
    if tau >= LONGEST:
        return _late(_LONG)
    return _contracted(load()[:BACK_START].reshape(DELTA_COUNT, DRIVE_COUNT, TIME_COUNT), tau)


@functools.lru_cache(maxsize=64)
def _back_at(tau: float) -> Floats:
    """Logarithm of what the start's tail adds at one pulse length of up to `LONGEST`, (barriers, drives)."""
    return _contracted(load()[BACK_START:LATE_START].reshape(BACK_DELTAS, BACK_COUNT, TIME_COUNT), tau)


def _contracted(table: Floats, tau: float) -> Floats:
    first, weights = _cubics(np.log1p(np.array([tau / SHORTEST])) / TIME_STEP, TIME_COUNT)
    return table[:, :, first[0] : first[0] + 4] @ weights[:, 0]
