"""Read-outs of neurons against the number that the host asks for: tables on one grid that all neurons share.

The host holds pre-activations u as numbers and turns each into a current. What it knows of a neuron to do so is its
calibration. A neuron's x read-out answers near tanh(u), its z read-out near sech(u); the tables hold what it answers
in truth, so that a network that looks them up works with the device.
"""

from __future__ import annotations

import enum
import importlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labmtj.errors import InputError
from labmtj.physics.chance import Purpose, uniforms
from labmtj.records import Floats, Ints, NeuronMap

POINTS = 65  # chosen: at `LARGEST`, a line between two points is within 0.0015 of tanh and 0.002 of sech
LARGEST = 4.0  # chosen: tanh is within 0.0007 of 1 there, so that nothing beyond is worth a table


class Calibration(enum.StrEnum):
    """What the host knows when it turns a pre-activation u into a current and a reading into m.

    `none`: I = I_c u, with the median of the critical current and of the read-outs' amplitude over all neurons, the
    same for each of them. `neuron`: I = I_off + I_c u, offset, critical current and amplitude those measured of each.
    In both a read-out's zero is each neuron's own conductance at m = 0.
    """

    NONE = "none"
    NEURON = "neuron"


class Zero(enum.StrEnum):
    """Where the zero of a z read-out lies: as the map has it, or set at the ends of the drive.

    Under large currents m_z falls like 1 / I and not like sech, so that z^2 has a floor. `edge` stretches each
    neuron's z read-out about 1 such that, at the ends of its drive, it is what sech is there (mean of both ends).
    """

    NONE = "none"
    EDGE = "edge"


@dataclass(frozen=True, eq=False)
class DeviceCurves:
    """`x` and `z` (neurons, points): read-outs [1] at pre-activations that go evenly from -`largest` to `largest`.

    Between the points they are straight lines. A neuron is driven from `low` to `high` (neurons,), the pre-activations
    that it was measured at; what asks for more is held there. `slope` (neurons,) is what the host takes for ds/du, s
    being the argument of tanh: it multiplies the measured gradient. `numbers` (neurons,) say which neuron of the die
    or the map each is, from 1. One reading has the noise `noise_x`, `noise_z` (rms, in
    units of m) and is one of `levels` steps (0: not rounded) over -1 - `margin` .. 1 + `margin` for x and
    0 .. 1 + `margin` for z; readings outside stand at its ends.
    """

    x: Floats
    z: Floats
    largest: float
    low: Floats
    high: Floats
    slope: Floats
    numbers: Ints
    noise_x: float = 0.0
    noise_z: float = 0.0
    levels: int = 0
    margin: float = 0.25  # chosen: five times the device's own distance from tanh, so that 20 % of amplitude fits in
    name: str = ""

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or self.x.shape != self.z.shape or self.x.shape[1] < 2 or not len(self.x):
            raise InputError(
                f"neurons: tables of the shapes {self.x.shape} and {self.z.shape}; one row a neuron in both"
            )
        singles = (self.low, self.high, self.slope, self.numbers)
        if any(part.shape != (len(self),) for part in singles):
            raise InputError(f"neurons: {len(self)} neurons, but arrays of {', '.join(str(p.shape) for p in singles)}")
        if not all(np.isfinite(part).all() for part in (self.x, self.z, *singles)):
            raise InputError("neurons: a table with numbers that are not finite; leave out neurons that do not work")
        if not ((-self.largest <= self.low) & (self.low < self.high) & (self.high <= self.largest)).all():
            raise InputError(f"neurons: a drive that does not go up within {-self.largest:g} .. {self.largest:g}")
        if not self.largest > 0.0 or self.noise_x < 0.0 or self.noise_z < 0.0 or self.margin < 0.0:
            raise InputError(
                f"neurons: largest pre-activation {self.largest:g}, noise {self.noise_x:g} and {self.noise_z:g}, "
                f"margin {self.margin:g}; the first is above 0, none below"
            )
        if self.levels < 0 or self.levels == 1:
            raise InputError(f"neurons: {self.levels} levels; a reading has two or more, or 0 for no rounding")

    def __len__(self) -> int:
        return len(self.x)

    @property
    def grid(self) -> Floats:
        """Pre-activations of the points, (points,)."""
        return np.linspace(-self.largest, self.largest, self.x.shape[1])

    @property
    def deviation_x(self) -> Floats:
        """Largest distance of each neuron's x read-out from tanh where it is driven, (neurons,)."""
        return self._deviation(self.x, np.tanh(self.grid))

    @property
    def deviation_z(self) -> Floats:
        """Largest distance of each neuron's z read-out from sech where it is driven, (neurons,)."""
        return self._deviation(self.z, 1.0 / np.cosh(self.grid))

    def _deviation(self, table: Floats, ideal: Floats) -> Floats:
        driven = (self.grid >= self.low[:, None]) & (self.grid <= self.high[:, None])
        return np.where(driven, np.abs(table - ideal), 0.0).max(axis=1)

    def take(self, which: Ints) -> DeviceCurves:
        """Some of the neurons by their rows from 0, in this order; one may come more than once."""
        named = ("x", "z", "low", "high", "slope", "numbers")
        parts: dict[str, Any] = {name: getattr(self, name)[which] for name in named}
        return replace(self, **parts)

    def read_with(
        self, *, noise_x: float | None = None, noise_z: float | None = None, levels: int | None = None
    ) -> DeviceCurves:
        """The same neurons, read with another noise or another number of levels; None leaves what it is."""
        given = {"noise_x": noise_x, "noise_z": noise_z, "levels": levels}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return replace(self, **changes)

    def zeroed(self, zero: Zero) -> DeviceCurves:
        """The same neurons with the zero of their z read-outs set so; noise is stretched as the median of them.

        Raises InputError where a z read-out is not below 1 at the ends.
        """
        if zero is Zero.NONE:
            return self
        ends = np.stack([self.low, self.high], axis=1)
        row, place = np.arange(len(self))[:, None], (ends / self.largest + 1.0) * 0.5 * (self.x.shape[1] - 1)
        below = np.minimum(place.astype(np.int64), self.x.shape[1] - 2)
        part = place - below
        at_ends = (1.0 - part) * self.z[row, below] + part * self.z[row, below + 1]
        floor = at_ends.mean(axis=1)
        if not (floor < 1.0).all():
            raise InputError("neurons: a z read-out that is not below 1 at the ends of the drive")
        stretch = (1.0 - (1.0 / np.cosh(ends)).mean(axis=1)) / (1.0 - floor)
        return replace(
            self,
            z=1.0 - (1.0 - self.z) * stretch[:, None],
            noise_z=self.noise_z * float(np.median(stretch)),
        )

    def spread_over(self, neurons: int, *, seed: int) -> DeviceCurves:
        """As many neurons as a network needs: each once while they last, in their order, the rest drawn again.

        What is drawn, with replacement and all neurons alike likely, depends on `seed` alone (addressed chance).
        """
        if neurons <= len(self):
            return self.take(np.arange(neurons, dtype=np.int64))
        more = uniforms(seed, Purpose.DRAWN_NEURON, neurons - len(self))
        drawn = np.floor(more * len(self)).astype(np.int64)
        return self.take(np.concatenate([np.arange(len(self), dtype=np.int64), drawn]))


def exact(neurons: int, *, largest: float = LARGEST, points: int = POINTS) -> DeviceCurves:
    """Neurons whose read-outs are tanh and sech themselves: what software would do, up to `largest`."""
    grid, one = np.linspace(-largest, largest, points), np.ones(neurons)
    x, z = (np.repeat(curve[None], neurons, axis=0) for curve in (np.tanh(grid), 1.0 / np.cosh(grid)))
    numbers = np.arange(1, neurons + 1, dtype=np.int64)
    return DeviceCurves(x, z, largest, -largest * one, largest * one, one, numbers, name="tanh and sech")


def of_map(
    measured: NeuronMap,
    *,
    calibration: Calibration,
    noise_x: float = 0.0,
    noise_z: float = 0.0,
    levels: int = 0,
    points: int = POINTS,
) -> DeviceCurves:
    """Curves of the working neurons of a map, each over the pre-activations that it was measured at.

    Between the points that were measured (nan: one was not) goes the piecewise cubic of Fritsch and Butland (1984,
    doi:10.1137/0905021), which has no extremum that the points do not have. Raises InputError where no neuron works,
    and for one of fewer than two points.
    """
    good = np.flatnonzero(measured.good).astype(np.int64)
    if not good.size:
        raise InputError(f"neuron map {measured.name}: none of its {len(measured)} neurons works")
    current, x, z = measured.current[good], measured.m_x[good], measured.m_z[good]
    if calibration is Calibration.NEURON:
        unit, zero = measured.critical[good], measured.offset[good]
    else:
        unit, zero = np.full(good.size, float(np.median(measured.critical[good]))), np.zeros(good.size)
        amplitude_x, amplitude_z = measured.amplitude_x[good], measured.amplitude_z[good]
        x = x * (amplitude_x / np.median(amplitude_x))[:, None]
        z = z * (amplitude_z / np.median(amplitude_z))[:, None]
    asked = (current - zero[:, None]) / unit[:, None]
    known = np.isfinite(asked) & np.isfinite(x) & np.isfinite(z)
    if int(known.sum(axis=1).min()) < 2:
        raise InputError(f"neuron map {measured.name}: a working neuron with fewer than two points")
    first: Floats = np.where(known, asked, np.inf).min(axis=1)
    last: Floats = np.where(known, asked, -np.inf).max(axis=1)
    low, high, largest = drive(first, last)
    grid = np.clip(np.linspace(-largest, largest, points), first[:, None], last[:, None])
    cubic: Any = importlib.import_module("scipy.interpolate").PchipInterpolator

    def table(curve: Floats) -> Floats:
        rows = zip(asked, curve, known, grid, strict=True)
        return np.stack([np.asarray(cubic(at[own], value[own])(here)) for at, value, own, here in rows])

    return DeviceCurves(
        table(x),
        table(z),
        largest,
        low,
        high,
        np.ones(good.size),
        measured.neurons[good],
        noise_x,
        noise_z,
        levels,
        name=measured.name,
    )


def drive(low: Floats, high: Floats) -> tuple[Floats, Floats, float]:
    """Where each neuron is driven, from pre-activations measured (neurons,) to `LARGEST`, and the largest of them all.

    Raises InputError for a neuron that was not measured on both sides of 0.
    """
    if not ((low < 0.0) & (high > 0.0)).all():
        raise InputError("neurons: one was not measured on both sides of a pre-activation of 0")
    low, high = np.maximum(low, -LARGEST), np.minimum(high, LARGEST)
    return low, high, float(max(high.max(), -low.min()))
