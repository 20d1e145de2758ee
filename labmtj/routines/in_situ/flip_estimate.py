"""What single pulses tell of the flip probabilities of all cells of a die, and which pulse to fire next.

Pure mathematics: nothing is fired here (see `calibrating`). Of every cell four numbers are sought, two towards each
state: x = ln of the cell voltage that flips it half the time at the working width, and u = ln of its effective
barrier. They are alike in both directions and from cell to cell, so what is known of a cell starts from the
population's mean and covariance (4 x 4), and those are learnt from all cells as pulses come in (empirical Bayes):
what is measured towards P tells of the barrier towards AP too. That is what lets 200 pulses do: alone, 100 pulses of
one width say less of a barrier than the population does.

A pulse is chosen by what it takes from the variances of the logarithms of the probabilities that will be asked, all of
`ASKED` towards both states at the working width. One that flips its cell is a trial of one direction and puts it where
the other can be tried, so none is a mere reset. A second width tells barriers apart much better than a slope does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.flip_pulses import log_hazard_of
from labmtj.physics.switching_law import HALF, HIGHEST, LOWEST, Exponent, WidthLaw, width_law
from labmtj.records import Floats, Ints, State
from labmtj.routines.switching_estimate import Estimates

ASKED = (0.01, 0.03, 0.1, 0.3, 0.9)  # chosen: evenly in ln P, where updates live
NOMINAL_DELTA = 62.0  # [kT] chosen: 30 to 130 kT within two of _UNKNOWN
_SPREADS = np.array([0.06, 0.12])  # chosen: of ln V and ln Delta over the cells of a die (seen: 0.05-0.10, 0.10-0.14)
_ALIKE = 0.9  # chosen: correlation of a cell's two directions; what differs is the stray field
_UNKNOWN = np.array([0.10, 0.35])  # chosen: how well a die's own mean is known before the first pulse
_COUNTS = 12.0  # chosen: the assumed spreads count as much as this many cells
_LEVELS = np.linspace(-3.5, 1.5, 11)  # ln H of the pulses that are weighed: P = 0.03 to 0.99
_NODES, _GAUSS = np.polynomial.hermite_e.hermegauss(5)
_SHARES = _GAUSS / _GAUSS.sum()
_STEP = np.array([0.05, 0.2, 0.05, 0.2])  # longest step of a score: far from the truth a tangent leads astray
_FIRST, _EVERY, _ROUNDS = 12, 20, 4  # chosen: pulses a cell between learning the population, and steps of it
_LIMITS = float(np.log(LOWEST * 1.02)), float(np.log(HIGHEST * 0.98))


class Calibration:
    """Beliefs about `cells` cells, and the next pulse of each.

    `voltage` (2,) [V]: where P = 1/2 is expected towards P and AP at the first of `widths` [s], the working width.
    `delta` [kT] is what is expected of the barriers; both may be far out (by 10 % and by a factor 1.4).
    """

    def __init__(
        self,
        voltage: Sequence[float],
        *,
        cells: int,
        widths: Sequence[float],
        law: Exponent | None = None,
        delta: float = NOMINAL_DELTA,
        most: int = 200,
    ) -> None:
        self.widths = tuple(widths)
        self._laws: list[WidthLaw] = [width_law(law or Exponent(), width) for width in widths]
        self._mean = np.array([np.log(voltage[0]), np.log(delta), np.log(voltage[1]), np.log(delta)])
        self._assumed = _alike(_SPREADS)
        self._spread: Floats = self._assumed + _alike(_UNKNOWN)
        self._theta: Floats = np.tile(self._mean, (cells, 1))
        self._covariance: Floats = np.tile(self._spread, (cells, 1, 1))
        self._log_volts, self._switched = np.zeros((cells, most)), np.zeros((cells, most), np.bool_)
        self._target: NDArray[np.int8] = np.zeros((cells, most), np.int8)
        self._width: NDArray[np.int8] = np.full((cells, most), -1, np.int8)
        self.pulses: Ints = np.zeros(cells, np.int64)
        self._next = _FIRST

    def propose(self, cells: Ints, *, target: Ints, highest: Floats | float = np.inf) -> tuple[Floats, Ints]:
        """Cell voltage [V] and number of the width of the next pulse on each of `cells`, towards `target` (cells,).

        None is above `highest` [V]; where all are, the one at `highest` and the longest width.
        """
        each, count = np.arange(len(cells)), len(cells)
        x, u = self._own(cells, target)
        covariance = self._covariance[cells]
        at = 2 * target[:, np.newaxis] + np.arange(2)
        rows = covariance[each[:, np.newaxis], at]  # (cells, 2, 4)
        own = rows[each[:, np.newaxis, np.newaxis], np.arange(2)[:, np.newaxis], at[:, np.newaxis, :]]
        wanted = rows @ self._wanted(cells) @ rows.transpose(0, 2, 1)
        levels = np.broadcast_to(_LEVELS, (count, _LEVELS.size))
        u_wide = np.broadcast_to(u[:, np.newaxis], levels.shape)
        gains, volts = np.empty((2, len(self._laws), *levels.shape))
        half = self._half(u)[0]
        for number, law in enumerate(self._laws):
            drive = law.drive(levels, log_delta=u_wide)
            slope = self._slopes(law, drive, u_wide)
            volts[number] = np.exp(x)[:, np.newaxis] * drive / half[:, np.newaxis]
            variance = np.einsum("cla,cab,clb->cl", slope, own, slope)
            told = _information(levels[..., np.newaxis] + np.sqrt(variance)[..., np.newaxis] * _NODES) @ _SHARES
            gains[number] = told * np.einsum("cla,cab,clb->cl", slope, wanted, slope) / (1.0 + told * variance)
        top = np.broadcast_to(np.asarray(highest, float), (count,))
        gains[volts > top[:, np.newaxis]] = -1.0
        flat = gains.transpose(1, 0, 2).reshape(count, -1)
        best = flat.argmax(axis=1)
        none = flat[each, best] < 0.0
        chosen = volts.transpose(1, 0, 2).reshape(count, -1)[each, best]
        longest = int(np.argmax(self.widths))
        return np.where(none, top, chosen), np.where(none, longest, best // _LEVELS.size).astype(np.int64)

    def update(self, cells: Ints, *, target: Ints, volts: Floats, width: Ints, switched: NDArray[np.bool_]) -> None:
        """Take in one pulse on each of `cells`: the state aimed at, cell voltage [V], number of its width, outcome."""
        at = self.pulses[cells]
        self._log_volts[cells, at], self._width[cells, at] = np.log(volts), width
        self._target[cells, at], self._switched[cells, at] = target, switched
        self.pulses[cells] += 1
        x, u = self._own(cells, target)
        gradient, precision = np.zeros((len(cells), 2)), np.zeros((len(cells), 2, 2))
        for number, law in enumerate(self._laws):
            mine = np.flatnonzero(width == number)
            drive = volts[mine] * np.exp(-x[mine]) * self._half(u[mine])[0]
            slope = self._slopes(law, drive, u[mine])
            excess, told = _weights(law.log_hazard(drive, log_delta=u[mine]), switched[mine])
            gradient[mine] = excess[:, np.newaxis] * slope
            precision[mine] = told[:, np.newaxis, np.newaxis] * slope[:, :, np.newaxis] * slope[:, np.newaxis, :]
        # One more pulse: the covariance by the rank-two update, and a step along it.
        each, pair = np.arange(len(cells))[:, np.newaxis], 2 * target[:, np.newaxis] + np.arange(2)
        covariance = self._covariance[cells]
        columns = covariance[each, :, pair].transpose(0, 2, 1)  # (cells, 4, 2)
        own = covariance[each[:, :, np.newaxis], pair[:, :, np.newaxis], pair[:, np.newaxis, :]]
        inner = precision @ np.linalg.inv(np.eye(2) + own @ precision)
        self._covariance[cells] = covariance - columns @ inner @ columns.transpose(0, 2, 1)
        shift = np.einsum("cab,cb->ca", self._covariance[cells][each, :, pair].transpose(0, 2, 1), gradient)
        self._theta[cells] = self._held(self._theta[cells] + _shortened(shift))
        if self.pulses.min() >= self._next:
            self.learn()
            self._next += _EVERY

    def learn(self, rounds: int = _ROUNDS) -> None:
        """Go through all pulses again: cells, then mean and covariance of the population, and so on."""
        for _round in range(rounds):
            for _step in range(2):
                self._score()
            off = self._theta - self._theta.mean(axis=0)
            inner = self._covariance.sum(axis=0) + off.T @ off
            self._spread = (inner + _COUNTS * self._assumed) / (len(off) + _COUNTS)
            # Few cells leave the mean as unsure as it was assumed.
            weight = len(off) / (len(off) + 1.0)
            self._mean = weight * self._theta.mean(axis=0) + (1.0 - weight) * self._mean
        self._score()

    def estimates(self) -> dict[State, Estimates]:
        """Modes of the posteriors by the state that is written, after everything has been learnt."""
        self.learn()
        found: dict[State, Estimates] = {}
        for target in State:
            first = 2 * int(target)
            x, u = self._theta[:, first], self._theta[:, first + 1]
            half, slope = self._half(u)
            own = self._covariance[:, first : first + 2, first : first + 2]
            of_v_c0 = np.stack([np.ones(len(u)), -slope / half], axis=1)
            errors = [np.sqrt(own[:, 0, 0]), np.sqrt(np.einsum("ca,cab,cb->c", of_v_c0, own, of_v_c0))]
            fired = ((self._width >= 0) & (self._target == target)).sum(axis=1)
            found[target] = Estimates(
                np.exp(x), errors[0], np.exp(x) / half, errors[1], np.exp(u), np.sqrt(own[:, 1, 1]), pulses=fired
            )
        return found

    def _own(self, cells: Ints, target: Ints) -> tuple[Floats, Floats]:
        return self._theta[cells, 2 * target], self._theta[cells, 2 * target + 1]

    def _half(self, u: Floats) -> tuple[Floats, Floats]:
        """The drive of P = 1/2 at the working width, and its derivative by ln Delta."""
        level = np.full(u.shape, HALF)
        return self._laws[0].drive(level, log_delta=u), self._laws[0].drive_slope(level, log_delta=u)

    def _slopes(self, law: WidthLaw, drive: Floats, u: Floats) -> Floats:
        """Derivatives of ln H by x and u, (..., 2)."""
        by_drive, by_delta = law.slopes(drive, log_delta=u)
        half, slope = self._half(u)
        by_drive = by_drive * drive
        return np.stack([-by_drive, by_delta + by_drive * slope / half], axis=-1)

    def _wanted(self, cells: Ints) -> Floats:
        """Sum of the squared gradients of ln P over all that will be asked, (cells, 4, 4)."""
        level = log_hazard_of(np.array(ASKED))
        hazard = np.exp(level)
        part = hazard / np.expm1(hazard)
        out = np.zeros((len(cells), 4, 4))
        for target in State:
            u = np.broadcast_to(self._theta[cells, 2 * target + 1][:, np.newaxis], (len(cells), level.size))
            drive = self._laws[0].drive(np.broadcast_to(level, u.shape), log_delta=u)
            slope = self._slopes(self._laws[0], drive, u) * part[:, np.newaxis]
            one = slice(2 * int(target), 2 * int(target) + 2)
            out[:, one, one] = np.einsum("cla,clb->cab", slope, slope)
        return out

    def _score(self) -> None:
        """One step of Fisher scoring of all cells, with all of their pulses."""
        count = len(self._theta)
        prior = np.linalg.inv(self._spread)
        precision = np.tile(prior, (count, 1, 1))
        gradient = (self._mean - self._theta) @ prior
        most = int(self.pulses.max(initial=0))
        for number, law in enumerate(self._laws):
            for target in State:
                cell, at = np.nonzero((self._width[:, :most] == number) & (self._target[:, :most] == target))
                first = 2 * int(target)
                x, u = self._theta[cell, first], self._theta[cell, first + 1]
                drive = np.exp(self._log_volts[cell, at] - x) * self._half(self._theta[:, first + 1])[0][cell]
                slope = self._slopes(law, drive, u)
                excess, told = _weights(law.log_hazard(drive, log_delta=u), self._switched[cell, at])
                for a in range(2):
                    gradient[:, first + a] += np.bincount(cell, excess * slope[:, a], count)
                    for b in range(2):
                        one = np.bincount(cell, told * slope[:, a] * slope[:, b], count)
                        precision[:, first + a, first + b] += one
        self._covariance = np.asarray(np.linalg.inv(precision), np.float64)
        shift = np.einsum("cab,cb->ca", self._covariance, gradient)
        self._theta = self._held(self._theta + _shortened(shift))

    def _held(self, theta: Floats) -> Floats:
        """The same with barriers that the law knows."""
        theta[:, 1::2] = np.clip(theta[:, 1::2], *_LIMITS)
        return theta


def _alike(spreads: Floats) -> Floats:
    """Covariance of (x, u) towards P and (x, u) towards AP."""
    both = np.array([[1.0, _ALIKE], [_ALIKE, 1.0]])
    return np.asarray(np.kron(both, np.diag(spreads**2)), np.float64)


def _shortened(shift: Floats) -> Floats:
    return shift / np.maximum(1.0, np.abs(shift / _STEP).max(axis=1))[:, np.newaxis]


def _information(log_hazard: Floats) -> Floats:
    """Fisher information of one pulse about ln H, H^2 / (exp(H) - 1)."""
    hazard = np.exp(np.clip(log_hazard, -30.0, 5.0))
    return hazard * hazard / np.expm1(hazard)


def _weights(log_hazard: Floats, switched: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Derivative of the log likelihood by ln H, and its expected curvature."""
    hazard = np.exp(np.clip(log_hazard, -30.0, 5.0))
    return np.where(switched, hazard / np.expm1(hazard), -hazard), hazard * hazard / np.expm1(hazard)
