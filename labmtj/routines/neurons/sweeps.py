"""Sweeps of neurons as arrays, and the curves that they average to, with errors from their repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from labmtj.records import Floats, Ints, NeuronReading
from labmtj.routines.neurons.curve import Curve
from labmtj.routines.significance import chi_squared_median

_NEAR = 2  # chosen: drives on each side whose scatter counts for a point's, and as many of the other sign
_JUMP = 8.0  # chosen: scatters between repeats from which one of them is taken for a telegraph jump


@dataclass(frozen=True, eq=False)
class Sweeps:
    """Currents [A] of `neurons` (n,) at `drive` (points,) [V] that rise, (n, repeats, points); nan in compliance.

    `x` and `z` flow into the device, `common` out of it, with `probe` [V] on the z terminal; `limited` are readings at
    which a voltage was not reached.
    """

    neurons: Ints
    drive: Floats
    probe: float
    x: Floats
    z: Floats
    common: Floats
    limited: NDArray[np.bool_]

    @classmethod
    def of(cls, readings: Sequence[Sequence[Sequence[NeuronReading]]], *, probe: float) -> Sweeps:
        """Those of readings by neuron, repeat and rising drive."""
        limited = np.array([[[r.in_compliance for r in sweep] for sweep in one] for one in readings])
        x, z, common = (
            np.where(limited, np.nan, [[[getattr(r, name) for r in sweep] for sweep in one] for one in readings])
            for name in ("x", "z", "common")
        )
        numbers = np.array([one[0][0].neuron for one in readings], dtype=np.int64)
        drive = np.array([r.drive for r in readings[0][0]])
        return cls(numbers, drive, probe, x, z, common, limited)

    @property
    def leakage(self) -> tuple[Floats, Floats]:
        """Share of the current that goes in and does not come out at the common terminal, and its error, (n,).

        It is the slope of what is lost against what went in, so that offsets of the meters play no part; nan for a
        neuron without currents.
        """
        into = (self.x + self.z).reshape(len(self.neurons), -1)
        lost = into - self.common.reshape(into.shape)
        with np.errstate(invalid="ignore", divide="ignore"):
            a, b = into - _mean(into), lost - _mean(lost)
            power = np.nansum(a**2, axis=1)
            share = np.where(power > 0, np.nansum(a * b, axis=1), np.nan) / power
            count = np.isfinite(lost).sum(axis=1)
            error = np.sqrt(np.nansum((b - share[:, None] * a) ** 2, axis=1) / (count - 2) / power)
        return share, error

    def curves(self) -> list[Curve]:
        """The curve of each neuron: means over the repeats, with errors from the scatter of all neurons together."""
        x, z = self.x / self.drive, self.z / self.probe
        error_x, error_z = _errors(x), _errors(z)
        x, z = _without_jumps(x, error_x), _without_jumps(z, error_z)
        current = x * self.drive
        # A point of which half of the repeats were limited is none: what is left was near the limit, too.
        seen = 2 * self.limited.sum(axis=1) < self.limited.shape[1]
        current, x, z = (np.where(seen, _average(values), np.nan) for values in (current, x, z))
        return [
            Curve(self.drive, current[n], x[n], z[n], error_x, error_z, self.probe) for n in range(len(self.neurons))
        ]


def _mean(values: Floats) -> Floats:
    """Mean of what is finite over the last axis, kept; nan where nothing is."""
    return np.nansum(values, axis=-1, keepdims=True) / np.isfinite(values).sum(axis=-1, keepdims=True)


def _average(values: Floats) -> Floats:
    """Mean of what is finite over the repeats, (n, points); nan where nothing is."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nansum(values, axis=1) / np.isfinite(values).sum(axis=1)


def _errors(values: Floats) -> Floats:
    """Relative standard error of a mean over the repeats of (n, repeats, points), (points,).

    From the scatter of all neurons at this drive, at its neighbours and at those of the other sign: few repeats of one
    point tell little, and with a median the few with telegraph noise do not count.
    """
    repeats, points = values.shape[1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = values.var(axis=1, ddof=1) / values.mean(axis=1) ** 2
    if not np.isfinite(variance).any():
        return np.full(points, np.nan)
    padded = np.pad(variance, ((0, 0), (_NEAR, _NEAR)), mode="edge")
    windows = sliding_window_view(padded, 2 * _NEAR + 1, axis=1)
    both = np.concatenate([windows, windows[:, ::-1]], axis=2)
    together = both.transpose(1, 0, 2).reshape(points, -1)
    # A drive at which nothing was seen takes what is usual.
    usual = float(np.nanmedian(variance))
    median = np.array([np.nanmedian(row) if np.isfinite(row).any() else usual for row in together])
    return np.sqrt(median / chi_squared_median(repeats - 1) / repeats)


def _without_jumps(values: Floats, error: Floats) -> Floats:
    """Values (n, repeats, points) with nan for those that jumped away from their repeats, and from their neighbours."""
    repeats = values.shape[1]
    if repeats < 2:
        return values
    with np.errstate(invalid="ignore"):
        middle = np.asarray(np.median(values, axis=1), np.float64)
        beside = np.pad(middle, ((0, 0), (1, 1)), mode="edge")
        expected = 0.5 * (beside[:, :-2] + beside[:, 2:])
        expected[:, 0], expected[:, -1] = middle[:, 0], middle[:, -1]
        apart = np.ptp(values, axis=1) > _JUMP * np.abs(middle) * error * np.sqrt(2.0 * repeats)
        distance = np.abs(values - expected[:, None])
        nearest = distance <= distance.min(axis=1, keepdims=True)
    return np.where(apart[:, None] & ~nearest, np.nan, values)
