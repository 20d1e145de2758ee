"""Pulses that flip a cell with a wanted probability: the switching law, inverted.

    P = 1 - exp(-H),  H = H(i, width; Delta),  i = V / V_c0 + h

with the H of `switching_law` and the stray field h, positive where it helps. At one width ln H is a smooth function
of the drive i and of ln Delta, so its inverse is tabulated once for the width and read by bicubic splines
(`amplitudes_for_probability`). For what is asked again and again of the same cells (`FlipLaw`) each cell has its own
two polynomials: ln H of its voltage, and its voltage of ln H.

d ln H / d ln V at P = 1/2 is 7 to 10 at 10 ns and 33 at 100 us (Delta 50 to 80): a spread of 5 % of V_c0 is 40 %
of P at the short width and a factor of five at the long one.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labmtj.errors import InputError
from labmtj.physics.switching_law import ATTEMPT_TIME, HIGHEST, LOWEST, Exponent
from labmtj.records import Floats

LEAST, MOST = 3e-4, 0.9999
"""Probabilities that can be asked. chosen: an update asks for less than the first by not pulsing at all."""
_LEVELS = np.linspace(-8.6, 2.4, 133)  # of ln H: P = 2e-4 to 0.99998
_DELTAS: Floats = np.geomspace(LOWEST, HIGHEST, 57)
_DRIVES = np.linspace(0.0, 4.0, 1601)
_BARRIERS, _ORDER = 57, 5  # chosen: P within 1 % at 10 ns and 0.01 % at 100 us (see the tests)
_NODES, _GAUSS = np.polynomial.hermite_e.hermegauss(15)


def log_hazard_of(probability: ArrayLike) -> Floats:
    """Ln(-ln(1 - P))."""
    return np.log(-np.log1p(-np.asarray(probability, np.float64)))


def amplitudes_for_probability(
    probability: ArrayLike,
    *,
    v_c0: ArrayLike,
    delta: ArrayLike,
    width: float,
    tau_d: float = ATTEMPT_TIME,
    field: ArrayLike = 0.0,
) -> Floats:
    """Cell voltage [V] (a magnitude) at which a pulse of `width` [s] flips a cell with `probability`; arrays broadcast.

    `v_c0` [V], `delta` [kT] and the stray `field` (positive where it helps) are those of the wanted direction;
    effective values of a die map have no `field` of their own. The probability that comes of it is right to 1e-3 of
    itself. Raises InputError for probabilities outside `LEAST` to `MOST`, for barriers outside the law and for cells
    that flip as often without any voltage.
    """
    p, critical, barrier, h = np.broadcast_arrays(
        *(np.asarray(each, np.float64) for each in (probability, v_c0, delta, field))
    )
    if not ((p >= LEAST) & (p <= MOST)).all():
        raise InputError(f"flip probabilities from {p.min():g} to {p.max():g}: {LEAST:g} to {MOST:g} can be asked")
    _refuse_barriers(barrier)
    drive = _inverse(Exponent(attempt_time=tau_d), width).drive(log_hazard_of(p), np.log(barrier))
    volts: Floats = critical * (drive - h)
    if not (drive - h > 0.0).all():
        raise InputError(
            f"{int((drive <= h).sum())} cells flip as often without a pulse of {width:g} s as asked with it"
        )
    return volts


def log_slope(probability: ArrayLike, *, delta: ArrayLike, width: float, tau_d: float = ATTEMPT_TIME) -> Floats:
    """Steepness d ln(-ln(1 - P)) / d ln V at `probability`, without a stray field; arrays broadcast.

    A voltage that is 1 % off makes P (while small) this many percent wrong.
    """
    p, barrier = np.broadcast_arrays(np.asarray(probability, np.float64), np.asarray(delta, np.float64))
    _refuse_barriers(barrier)
    table, level, log_delta = _inverse(Exponent(attempt_time=tau_d), width), log_hazard_of(p), np.log(barrier)
    return table.drive(level, log_delta) / table.slope(level, log_delta)


@dataclass(frozen=True, eq=False)
class FlipLaw:
    """Ln H of many cells at one width as polynomials of x = V / `half` - 1; arrays of any one shape.

    `half` [V] flips the cell half the time. `forward` (order + 1, ...) gives ln H of x, between `lowest` and `highest`
    of x; `backward` (order + 1, ...) gives x of ln H. Coefficients from the highest power down.
    """

    half: Floats
    forward: Floats
    backward: Floats
    lowest: Floats
    highest: Floats

    def log_hazard(self, volts: Floats) -> Floats:
        """Ln H at cell voltages [V]; held beyond the ends of the law."""
        return horner(self.forward, np.clip(volts / self.half - 1.0, self.lowest, self.highest))

    def probability(self, volts: Floats) -> Floats:
        """P of one pulse at cell voltages [V]."""
        return -np.expm1(-np.exp(self.log_hazard(volts)))

    def volts(self, probability: Floats) -> Floats:
        """Cell voltages [V] that flip with these probabilities."""
        return self.half * (1.0 + horner(self.backward, log_hazard_of(probability)))


def flip_law(
    v_c0: ArrayLike,
    *,
    delta: ArrayLike,
    width: float,
    tau_d: float = ATTEMPT_TIME,
    field: ArrayLike = 0.0,
    spread: float = 0.0,
) -> FlipLaw:
    """The law of cells with these `v_c0` [V], `delta` [kT] and stray `field` at pulses of `width` [s].

    With a `spread` (of ln V_c0, one standard deviation) it is the law of the mean P over cells that are spread so
    around `v_c0`: for cells that nobody has measured one by one. Raises InputError for barriers outside the law.
    """
    critical, barrier, h = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (v_c0, delta, field)))
    _refuse_barriers(barrier)
    low, high = float(barrier.min()) * 0.98, float(barrier.max()) * 1.02
    deltas = np.geomspace(max(low, LOWEST), min(high, HIGHEST), _BARRIERS if low * 1.05 < high else 4)
    fields = np.linspace(float(h.min()) - 1e-3, float(h.max()) + 1e-3, 9)
    table = _inverse(Exponent(attempt_time=tau_d), width)
    level, log_delta = np.meshgrid(_LEVELS, np.log(deltas))
    drive = table.drive(level, log_delta)
    found = np.stack([_fitted(drive - each, spread) for each in fields], axis=1)  # (deltas, fields, numbers)

    from scipy.interpolate import RectBivariateSpline  # pyright: ignore[reportMissingTypeStubs]

    values: list[Floats] = []
    for k in range(found.shape[2]):
        spline: Any = RectBivariateSpline(np.log(deltas), fields, found[..., k], kx=3, ky=3)
        values.append(np.asarray(spline.ev(np.log(barrier), h)))
    count = _ORDER + 1
    return FlipLaw(
        critical * values[0], np.stack(values[3 : 3 + count]), np.stack(values[3 + count :]), values[1], values[2]
    )


def horner(coefficients: Floats, x: Floats) -> Floats:
    """Values at `x` of polynomials whose coefficients run along the first axis, from the highest power down."""
    value = coefficients[0] * x
    for each in coefficients[1:-1]:
        value += each
        value *= x
    value += coefficients[-1]
    return value


def _fitted(volts: Floats, spread: float) -> Floats:
    """Polynomials and what belongs to them, (deltas, numbers), of the rows of `volts` (deltas, levels) over V_c0."""
    out = np.empty((len(volts), 3 + 2 * (_ORDER + 1)))
    for row, of_level in enumerate(volts):
        level, v = _LEVELS, of_level
        if spread:
            level, v = _spread_out(of_level, spread)
        positive = v > 0.02
        level, v = level[positive], v[positive]
        half = float(np.interp(float(log_hazard_of(0.5)), level, v))
        x = v / half - 1.0
        # What matters is P: levels near and above 1 count as much as those below in relative terms.
        weight = np.sqrt(np.exp(-np.maximum(level, 0.0)) + 0.02)
        out[row, :3] = half, x[0], x[-1]
        out[row, 3 : 4 + _ORDER] = np.polyfit(x, level, _ORDER, w=weight)
        out[row, 4 + _ORDER :] = np.polyfit(level, x, _ORDER)
    return out


def _spread_out(volts: Floats, spread: float) -> tuple[Floats, Floats]:
    """Ln H of the mean P over cells whose V_c0 is spread so, and the voltages for it."""
    wide: Floats = np.linspace(
        float(volts[0]) * math.exp(-2.0 * spread), float(volts[-1]) * math.exp(2.0 * spread), 4 * _LEVELS.size
    )
    slope = (_LEVELS[8] - _LEVELS[0]) / (volts[8] - volts[0])
    mean = np.zeros(wide.size)
    for node, share in zip(_NODES, _GAUSS / _GAUSS.sum(), strict=True):
        own: Floats = wide * np.exp(-spread * node)
        inside = np.asarray(np.interp(own, volts, _LEVELS))
        level: Floats = np.where(own < volts[0], _LEVELS[0] + slope * (own - volts[0]), inside)
        mean += share * -np.expm1(-np.exp(level))
    total = log_hazard_of(np.minimum(mean, 1.0 - 1e-12))
    first, last = float(_LEVELS[0]) + 1.2, min(float(total[-1]), float(_LEVELS[-1]))
    wanted: Floats = np.linspace(first, last, _LEVELS.size)
    return wanted, np.asarray(np.interp(wanted, total, wide))


def _refuse_barriers(delta: Floats) -> None:
    if not ((delta >= LOWEST) & (delta <= HIGHEST)).all():
        raise InputError(f"barriers from {delta.min():g} to {delta.max():g} kT: {LOWEST:g} to {HIGHEST:g} are known")


class _Inverse:
    """The drive of ln H at one width, as a smooth function of ln H and ln Delta."""

    def __init__(self, law: Exponent, width: float) -> None:
        from scipy.interpolate import CubicSpline, RectBivariateSpline  # pyright: ignore[reportMissingTypeStubs]

        if not width > 0.0:
            raise InputError(f"a pulse of {width:g} s: its width must be above 0 s")
        deltas, drives = np.meshgrid(_DELTAS, _DRIVES, indexing="ij")
        levels = law.log_hazard(drives, delta=deltas, width=width)
        rows: list[Floats] = []
        for level in levels:
            rising = np.flatnonzero(np.concatenate([[True], np.diff(np.maximum.accumulate(level)) > 1e-9]))
            known: Any = CubicSpline(level[rising], _DRIVES[rising])
            below, above = float(level[0]), float(level[rising[-1]])
            inside = np.clip(_LEVELS, below, above)
            # What needs no voltage at all continues as a straight line, so that it is seen to be below 0.
            rows.append(np.asarray(known(inside)) + (_LEVELS - inside) * float(known(below, 1)))
        self._spline: Any = RectBivariateSpline(np.log(_DELTAS), _LEVELS, np.stack(rows))

    def drive(self, level: Floats, log_delta: Floats) -> Floats:
        """The drive at which ln H is `level`."""
        return np.asarray(self._spline.ev(log_delta, level))

    def slope(self, level: Floats, log_delta: Floats) -> Floats:
        """How the drive changes with ln H."""
        return np.asarray(self._spline.ev(log_delta, level, dy=1))


@functools.lru_cache(maxsize=16)
def _inverse(law: Exponent, width: float) -> _Inverse:
    return _Inverse(law, width)
