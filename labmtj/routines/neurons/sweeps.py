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
    """Currents [A] of `neurons` (n,) at `drive` (points,) [V] that rise, (n, repeats, 2, points); nan in compliance.

    The axis of two is the sign of `probe` [V] on the z terminal, + and -. `x` and `z` flow into the device, `common`
    out of it; `limited` are readings at which a voltage was not reached. One of the drives is 0 V.
    """

    neurons: Ints
    drive: Floats
    probe: float
    x: Floats
    z: Floats
    common: Floats
    limited: NDArray[np.bool_]

    @classmethod
    def of(cls, readings: Sequence[Sequence[Sequence[Sequence[NeuronReading]]]], *, probe: float) -> Sweeps:
        """Those of readings by neuron, repeat, sign of the probe, and rising drive."""
        first = readings[0][0][0]
        limited = np.array([[[[r.in_compliance for r in sweep] for sweep in both] for both in one] for one in readings])
        x, z, common = (
            np.array([[[[getattr(r, name) for r in sweep] for sweep in both] for both in one] for one in readings])
            for name in ("x", "z", "common")
        )
        x, z, common = (np.where(limited, np.nan, values) for values in (x, z, common))
        numbers = np.array([one[0][0][0].neuron for one in readings], dtype=np.int64)
        return cls(numbers, np.array([r.drive for r in first]), probe, x, z, common, limited)

    @property
    def driven(self) -> NDArray[np.bool_]:
        """Which of the drives are not 0 V, (points,)."""
        return self.drive != 0.0

    @property
    def leakage(self) -> tuple[Floats, Floats]:
        """Share of the current that goes in and does not come out at the common terminal, and its error, (n,).

        It is the slope of what is lost against what went in, so that offsets of the meters play no part; nan for a
        neuron without currents.
        """
        into = self.x + self.z
        return _slope(into, into - self.common)

    @property
    def lead(self) -> Floats:
        """Resistance [ohm] from the free layer to 0 V, (n,): the lead and the relays of the common terminal.

        The input lifts the free layer by its voltage there, which takes the same current from the z junction with the
        probe at + and at -; how much that is follows from their difference.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            lifted = -self.probe * self.z.sum(axis=2) / (self.z[:, :, 0] - self.z[:, :, 1])
        return _slope(self.x.mean(axis=2), lifted)[0]

    def curves(self, *, lead: float = 0.0) -> list[Curve]:
        """The curve of each neuron: means over the repeats, with errors from the scatter of all neurons together.

        What flows at 0 V is taken off each sweep: the source's offset is a millivolt's share, which is much of the
        lowest drives. With the probe at + and - what the free layer's own voltage and the z source's offset do to the
        z junction falls out, and what the probe's current does to the free layer. `lead` [ohm], that of the common
        terminal, counts for the x terminal's, too.
        """
        driven = self.driven
        zero = self.x[..., ~driven].mean(axis=(2, 3), keepdims=True)[..., 0]
        current = self.x[..., driven].mean(axis=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            x = (current - zero) / (self.drive[driven] - 2.0 * lead * current)
            z = (self.z[:, :, 0] - self.z[:, :, 1])[..., driven] / (2.0 * self.probe)
        error_x, error_z = _errors(x), _errors(z)
        x, z = _without_jumps(x, error_x), _without_jumps(z, error_z)
        # A point of which half of the repeats were limited is none: what is left was near the limit, too.
        seen = 2 * np.isfinite(current).sum(axis=1) > current.shape[1]
        current, x, z = (np.where(seen, _average(values), np.nan) for values in (current, x, z))
        return [
            Curve(self.drive[driven], current[n], x[n], z[n], error_x, error_z, self.probe)
            for n in range(len(self.neurons))
        ]


def _slope(abscissa: Floats, ordinate: Floats) -> tuple[Floats, Floats]:
    """Slope of a line through all readings of each neuron, and its standard error, (n,); nan where there are none."""
    count = len(abscissa)
    known = np.isfinite(abscissa) & np.isfinite(ordinate)
    a, b = (np.where(known, values, np.nan).reshape(count, -1) for values in (abscissa, ordinate))
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = a - _mean(a), b - _mean(b)
        power = np.nansum(a**2, axis=1)
        slope = np.where(power > 0, np.nansum(a * b, axis=1), np.nan) / power
        free = np.maximum(np.isfinite(a).sum(axis=1) - 2, 1)
        error = np.sqrt(np.nansum((b - slope[:, None] * a) ** 2, axis=1) / free / power)
    return slope, error


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
    repeats, points = int(values.shape[1]), int(values.shape[2])
    with np.errstate(invalid="ignore", divide="ignore"):
        variance: Floats = values.var(axis=1, ddof=1) / values.mean(axis=1) ** 2
    if not np.isfinite(variance).any():
        return np.full(points, np.nan, dtype=np.float64)
    padded = np.pad(variance, ((0, 0), (_NEAR, _NEAR)), mode="edge")
    windows: Floats = np.asarray(sliding_window_view(padded, 2 * _NEAR + 1, axis=1), np.float64)
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
