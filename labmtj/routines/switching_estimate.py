"""Estimating V_c0 and Delta from single pulses, and choosing the next pulse by what it teaches.

Pure mathematics: pulses are proposed, what became of them is told, nothing is fired. A *track* is one cell and one
direction of switching; all tracks are worked on at once. Unknown are x = ln of the cell voltage that switches with
P = 1/2 at the first width, and u = ln Delta; V_c0 follows from both. In these coordinates the posterior is close to
a Gaussian. Its maximum is followed by Fisher scoring, one step a pulse, all pulses counted.

The next pulse minimises what is left of the variances, each in units of its goal (A-optimality), by the information
that a pulse carries about ln H, H^2 / (exp(H) - 1), averaged over what is still unknown of H (Gauss and Hermite).
It is largest, 0.65, at P = 0.80, so a cell mostly goes to and fro, and a reset teaches as much about the other
direction: every pulse on the cell counts, and every pulse counts for something.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.switching_law import HALF, HIGHEST, LOWEST, Exponent, WidthLaw, width_law
from labmtj.records import Floats, Ints

NOMINAL_DELTA, DELTA_SPREAD = 62.0, 0.35  # chosen: 30 to 130 kT within two sigmas, on a logarithmic scale
_LEVELS = np.linspace(-2.5, 1.75, 9)  # ln H of the pulses that are weighed: P = 0.08 to 0.997
_NODES, _GAUSS = np.polynomial.hermite_e.hermegauss(7)
_SHARES = _GAUSS / _GAUSS.sum()
_STEP = np.array([0.08, 0.25])  # longest step of x and of u: far from the truth a tangent leads astray
_FINAL = 12  # scoring steps before a posterior is laid out; three are enough after many pulses
_REACH, _POINTS = 4.2, 15  # standard deviations to each side, and points a side, of the posterior's grid
_LIMITS = math.log(LOWEST), math.log(HIGHEST)


@dataclass(frozen=True)
class Goals:
    """Relative standard errors at which an estimate is good enough; inf for what is not asked."""

    voltage: float = math.inf
    v_c0: float = 0.01
    delta: float = 0.05


@dataclass(frozen=True)
class Estimates:
    """What pulses told, (tracks,): medians, and standard errors of the logarithms (relative ones, that is).

    `voltage` [V] switches the cell with P = 1/2 at the first width; `v_c0` [V], `delta` [kT], effective (with the
    stray field). `pulses` that each track got.
    """

    voltage: Floats
    voltage_error: Floats
    v_c0: Floats
    v_c0_error: Floats
    delta: Floats
    delta_error: Floats
    pulses: Ints

    def interval(self, name: str, *, sigmas: float = 1.96) -> tuple[Floats, Floats]:
        """Both ends of the interval that holds `voltage`, `v_c0` or `delta` (95 % of it, unless said)."""
        middle, error = getattr(self, name), getattr(self, f"{name}_error")
        return middle * np.exp(-sigmas * error), middle * np.exp(sigmas * error)

    def part(self, which: slice, known: NDArray[np.bool_]) -> Estimates:
        """The estimates of some tracks, nan where not `known`."""
        values = [
            np.where(known, getattr(self, name)[which], np.nan)
            for name in ("voltage", "voltage_error", "v_c0", "v_c0_error", "delta", "delta_error")
        ]
        return Estimates(*values, pulses=self.pulses[which])


class Tracks:
    """What is known of many tracks, and what to ask next.

    `voltage` [V], (tracks,), is where P = 1/2 is expected at the first of `widths` [s], with the relative spread
    `spread`; `delta`, one or (tracks,), with `delta_spread` (of ln Delta) is what is assumed of the barriers. The
    defaults are wide.
    """

    def __init__(
        self,
        voltage: Floats,
        *,
        spread: float,
        widths: Sequence[float],
        law: Exponent,
        goals: Goals,
        delta: float | Floats = NOMINAL_DELTA,
        delta_spread: float = DELTA_SPREAD,
        most: int = 300,
    ) -> None:
        count = len(voltage)
        self.widths, self._goals = tuple(widths), goals
        self._laws: list[WidthLaw] = [width_law(law, width) for width in widths]
        self._prior = np.stack([np.log(voltage), np.log(np.broadcast_to(np.asarray(delta, float), (count,)))], axis=1)
        self._prior_precision = np.array([spread**-2, delta_spread**-2])
        self._theta: Floats = self._prior.copy()
        self._covariance: Floats = np.broadcast_to(np.diag(1.0 / self._prior_precision), (count, 2, 2)).copy()
        self._log_volts, self._switched = np.zeros((count, most)), np.zeros((count, most), np.bool_)
        self._width: NDArray[np.int8] = np.full((count, most), -1, np.int8)
        self.pulses: Ints = np.zeros(count, np.int64)

    def propose(self, tracks: Ints, *, highest: float = math.inf) -> tuple[Floats, Ints]:
        """Cell voltage [V] (a magnitude) and number of the width of the next pulse on each of `tracks`.

        None is above `highest` [V]; where all are, the one at `highest` and the longest width.
        """
        theta, covariance = self._theta[tracks], self._covariance[tracks]
        log_delta = np.broadcast_to(theta[:, 1, np.newaxis], (len(tracks), _LEVELS.size))
        levels = np.broadcast_to(_LEVELS, log_delta.shape)
        gains, volts = np.empty((2, len(self._laws), *log_delta.shape))
        wanted = self._wanted(theta)
        for number, law in enumerate(self._laws):
            drive = law.drive(levels, log_delta=log_delta)
            slope = self._slopes(law, drive, log_delta)
            volts[number] = np.exp(theta[:, :1]) * drive / self._half(log_delta)[0]
            shift = np.einsum("tab,tlb->tla", covariance, slope)
            variance = np.einsum("tla,tla->tl", shift, slope)
            told = _information(levels[..., np.newaxis] + np.sqrt(variance)[..., np.newaxis] * _NODES) @ _SHARES
            gains[number] = told * np.einsum("tla,tab,tlb->tl", shift, wanted, shift) / (1.0 + told * variance)
        gains[volts > highest] = -1.0
        flat = gains.transpose(1, 0, 2).reshape(len(tracks), -1)
        best = flat.argmax(axis=1)
        each = np.arange(len(tracks))
        chosen = volts.transpose(1, 0, 2).reshape(len(tracks), -1)[each, best]
        none = flat[each, best] < 0.0
        longest = int(np.argmax(self.widths))
        return np.where(none, highest, chosen), np.where(none, longest, best // _LEVELS.size).astype(np.int64)

    def update(self, tracks: Ints, *, volts: Floats, width: Ints, switched: NDArray[np.bool_]) -> None:
        """Take in one pulse on each of `tracks`: magnitude of the cell voltage [V], number of its width, outcome."""
        at = self.pulses[tracks]
        self._log_volts[tracks, at], self._width[tracks, at] = np.log(volts), width
        self._switched[tracks, at] = switched
        self.pulses[tracks] += 1
        self._score(tracks)

    def reached(self, tracks: Ints) -> NDArray[np.bool_]:
        """Which of `tracks` are as good as their goals."""
        rows = self._rows(self._theta[tracks])
        errors = np.sqrt(np.einsum("tga,tab,tgb->tg", rows, self._covariance[tracks], rows))
        return (errors <= [self._goals.voltage, self._goals.v_c0, self._goals.delta]).all(axis=1)

    def estimates(self) -> Estimates:
        """Means and standard deviations of the posterior, laid out on a grid around its maximum."""
        tracks = np.arange(len(self._theta))
        for _step in range(_FINAL):
            self._score(tracks)
        z = np.linspace(-_REACH, _REACH, _POINTS)
        grid = np.stack([axis.ravel() for axis in np.meshgrid(z, z, indexing="ij")])
        theta = self._theta[:, np.newaxis] + np.einsum("tab,bg->tga", np.linalg.cholesky(self._covariance), grid)
        theta[..., 1] = np.clip(theta[..., 1], *_LIMITS)
        log_posterior = self._log_likelihood(theta)
        log_posterior -= 0.5 * ((theta - self._prior[:, np.newaxis]) ** 2 @ self._prior_precision)
        weight = np.exp(log_posterior - log_posterior.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        values = (theta[..., 0], theta[..., 0] - np.log(self._half(theta[..., 1])[0]), theta[..., 1])
        found: list[Floats] = []
        for value in values:
            mean: Floats = (weight * value).sum(axis=1)
            variance: Floats = (weight * (value - mean[:, np.newaxis]) ** 2).sum(axis=1)
            found += [np.exp(mean), np.sqrt(variance)]
        return Estimates(*found, pulses=self.pulses.copy())

    def _half(self, log_delta: Floats) -> tuple[Floats, Floats]:
        """The drive of P = 1/2 at the first width, and its derivative by ln Delta."""
        level = np.full(log_delta.shape, HALF)
        law = self._laws[0]
        return law.drive(level, log_delta=log_delta), law.drive_slope(level, log_delta=log_delta)

    def _rows(self, theta: Floats) -> Floats:
        """Gradients of ln voltage, ln V_c0 and ln Delta by (x, u), (tracks, 3, 2)."""
        rows = np.zeros((len(theta), 3, 2))
        rows[:, 0, 0] = rows[:, 1, 0] = rows[:, 2, 1] = 1.0
        half, slope = self._half(theta[:, 1])
        rows[:, 1, 1] = -slope / half
        return rows

    def _wanted(self, theta: Floats) -> Floats:
        """Sum over the goals of the squared gradients in units of the goal, (tracks, 2, 2)."""
        goals = np.array([self._goals.voltage, self._goals.v_c0, self._goals.delta])
        rows = self._rows(theta) / goals[:, np.newaxis]
        return np.einsum("tga,tgb->tab", rows, rows)

    def _slopes(self, law: WidthLaw, drive: Floats, log_delta: Floats) -> Floats:
        """Derivatives of ln H by x and u, (..., 2)."""
        by_drive, by_delta = law.slopes(drive, log_delta=log_delta)
        half, slope = self._half(log_delta)
        by_drive = by_drive * drive
        return np.stack([-by_drive, by_delta + by_drive * slope / half], axis=-1)

    def _score(self, tracks: Ints) -> None:
        """One step of Fisher scoring towards the maximum of the posterior, and its covariance there."""
        most = int(self.pulses[tracks].max(initial=0))
        theta = self._theta[tracks]
        precision = np.broadcast_to(np.diag(self._prior_precision), (len(tracks), 2, 2)).copy()
        gradient = self._prior_precision * (self._prior[tracks] - theta)
        half = self._half(theta[:, 1])[0]
        widths, log_volts, switched = (kept[tracks, :most] for kept in (self._width, self._log_volts, self._switched))
        for number, law in enumerate(self._laws):
            row, at = np.nonzero(widths == number)
            if row.size == 0:
                continue
            drive = np.exp(log_volts[row, at] - theta[row, 0]) * half[row]
            log_hazard = law.log_hazard(drive, log_delta=theta[row, 1])
            slope = self._slopes(law, drive, theta[row, 1])
            hazard = np.exp(np.minimum(log_hazard, 6.0))
            excess = np.where(switched[row, at], hazard / np.expm1(hazard), -hazard)
            told = _information(log_hazard)
            for a in range(2):
                gradient[:, a] += np.bincount(row, excess * slope[:, a], len(tracks))
                for b in range(2):
                    precision[:, a, b] += np.bincount(row, told * slope[:, a] * slope[:, b], len(tracks))
        covariance = np.linalg.inv(precision)
        step = np.einsum("tab,tb->ta", covariance, gradient)
        step /= np.maximum(1.0, np.abs(step / _STEP).max(axis=1))[:, np.newaxis]
        theta = theta + step
        theta[:, 1] = np.clip(theta[:, 1], *_LIMITS)
        self._theta[tracks], self._covariance[tracks] = theta, covariance

    def _log_likelihood(self, theta: Floats) -> Floats:
        """Logarithm of the likelihood of all pulses at (tracks, points, 2); (tracks, points)."""
        total = np.zeros(theta.shape[:2])
        half = self._half(theta[..., 1])[0]
        most = int(self.pulses.max(initial=0))
        for number, law in enumerate(self._laws):
            row, at = np.nonzero(self._width[:, :most] == number)
            for part in np.array_split(np.arange(row.size), max(1, row.size * theta.shape[1] // 2_000_000)):
                track, pulse = row[part], at[part]
                drive = np.exp(self._log_volts[track, pulse][:, np.newaxis] - theta[track, :, 0]) * half[track]
                hazard = np.exp(np.minimum(law.log_hazard(drive, log_delta=theta[track, :, 1]), 6.0))
                switched = self._switched[track, pulse][:, np.newaxis]
                np.add.at(total, track, np.where(switched, np.log(-np.expm1(-hazard)), -hazard))
        return total


def _information(log_hazard: Floats) -> Floats:
    """Fisher information of one pulse about ln H, H^2 / (exp(H) - 1)."""
    hazard = np.exp(np.minimum(log_hazard, 6.0))
    return hazard * hazard / np.expm1(hazard)
