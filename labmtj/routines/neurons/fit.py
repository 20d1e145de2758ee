"""The fit of one neuron's two curves together, with standard errors.

The device is no perfect tanh: against its noise the distance is large. A plain least-squares fit would then depend on
where points lie densely, and call the noise alone its error. So what the noise does not explain is taken for a
further scatter, the same for m_x and m_z and at each input current: its variance is found from the residuals and added
to the noise's, for a point in inverse proportion to the currents that it stands for (the random effect of DerSimonian
and Laird 1986, doi:10.1016/0197-2456(86)90046-2). A device that is tanh and sech is fitted by its noise alone. With a
scatter for each of the two, the one that is fitted better would count for ever more.

V_h is not fitted: by how much the swing falls with the voltage cannot be told from a device that saturates more slowly
than tanh does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats
from labmtj.routines.neurons.curve import Curve, Law, swing

LEAST = 12  # chosen: points of both signs; eight parameters are fitted to twice as many readings
_PARAMETERS = 8
_ROUNDS = 4  # the scatter settles in two
_FAR = 8.0  # chosen: scatters from the fit from which a point may be a telegraph jump ..
_JUMP = 0.15  # chosen: of m, .. and how far it must be: devices are within 0.1 of tanh and sech
_LEAST_ERROR = 1e-9  # relative; a noiseless device has errors, too
_START = 0.05  # of m; where the scatter begins
_HALF = math.acosh(2.0)  # argument at which sech is one half
_STARTS = (0.6, 1.0, 1.6)  # chosen: times the first guess of I_c, from which the best fit is taken
# Of log I_c / span, offset / span, asymmetry, log G_x, a_x, k_P span^2, log G_z, a_z; the span is the largest value.
_LOWEST = np.array([-7.0, -1.0, -0.8, -1.0, -0.98, -0.5, -1.0, -0.98])
_HIGHEST = np.array([1.1, 1.0, 0.8, 1.0, 0.98, 4.0, 1.0, 0.98])


@dataclass(frozen=True, eq=False)
class NeuronFit:
    """The law of one neuron and its standard errors; `used` (points,) tells which points it rests on.

    `scatter` is the distance of m_x and m_z (rms) that noise does not explain.
    """

    law: Law
    error: Law
    used: NDArray[np.bool_]
    scatter: float


def fit_neuron(curve: Curve, *, v_h: float) -> NeuronFit | None:
    """Fit one curve, `v_h` [V] being the voltage at which the TMR has halved; None where no fit settles."""
    used = curve.seen.copy()
    if used.sum() < LEAST:
        return None
    noise = np.stack([curve.error_x, curve.error_z])
    weight = _weights(curve.current, used)
    scales = _Scales.of(curve, used)
    start, scatter = _first(curve, used, scales), _START
    found: Floats | None = None
    jacobian = np.zeros((0, _PARAMETERS))
    for number in range(_ROUNDS):
        per_m = _per_m(curve, scales.law(start), v_h=v_h)
        sigma = np.sqrt(noise**2 + (scatter * per_m) ** 2 / weight + _LEAST_ERROR**2)
        starts = [start + np.eye(_PARAMETERS)[0] * math.log(by) for by in _STARTS] if number == 0 else [start]
        fits = [_settle(curve, used, scales, sigma, at, v_h=v_h) for at in starts]
        best = min((fit for fit in fits if fit.success), key=lambda fit: float(fit.cost), default=None)
        if best is None:
            return None
        found, jacobian = np.asarray(best.x, np.float64), np.asarray(best.jac, np.float64)
        start = found
        away = _away(curve, scales.law(found), v_h=v_h)
        away, of_noise = away / per_m, noise / per_m
        kept = curve.seen & _near(away, of_noise, weight, used)
        if kept.sum() < LEAST:
            return None
        more = float(np.mean(weight[kept] * (away[:, kept] ** 2 - of_noise[:, kept] ** 2)))
        scatter, used = math.sqrt(max(more, 0.0)), kept
    errors = _errors(jacobian)
    if found is None or errors is None:
        return None
    law = scales.law(found)
    return NeuronFit(law, scales.errors(law, errors), used, scatter)


@dataclass(frozen=True)
class _Scales:
    """Largest current [A] and drive [V], and mean conductances [S]: in their units the parameters are about 1."""

    current: float
    drive: float
    x: float
    z: float

    @classmethod
    def of(cls, curve: Curve, used: NDArray[np.bool_]) -> _Scales:
        """Those of the points that are used."""
        span = float(np.abs(curve.current[used]).max()), float(np.abs(curve.drive[used]).max())
        return cls(*span, float(curve.conductance_x[used].mean()), float(curve.conductance_z[used].mean()))

    def law(self, q: Floats) -> Law:
        """The law of scaled parameters."""
        return Law(
            critical=self.current * math.exp(q[0]),
            offset=self.current * float(q[1]),
            asymmetry=float(q[2]),
            conductance_x=self.x * math.exp(q[3]),
            amplitude_x=float(q[4]),
            k_p=float(q[5]) / self.drive**2,
            conductance_z=self.z * math.exp(q[6]),
            amplitude_z=float(q[7]),
        )

    def errors(self, law: Law, q: Floats) -> Law:
        """Standard errors of a law from those of the scaled parameters."""
        return Law(
            critical=law.critical * float(q[0]),
            offset=self.current * float(q[1]),
            asymmetry=float(q[2]),
            conductance_x=law.conductance_x * float(q[3]),
            amplitude_x=float(q[4]),
            k_p=float(q[5]) / self.drive**2,
            conductance_z=law.conductance_z * float(q[6]),
            amplitude_z=float(q[7]),
        )


def _weights(current: Floats, used: NDArray[np.bool_]) -> Floats:
    """The current that each point stands for over the mean of all, (points,); 1 where there is none."""
    weight = np.ones_like(current)
    between = np.abs(np.gradient(current[used]))
    weight[used] = np.maximum(between / between.mean(), 1e-3)
    return weight


def _first(curve: Curve, used: NDArray[np.bool_], scales: _Scales) -> Floats:
    """Scaled parameters to begin with, from the ends of G_x and the width of G_z."""
    current, x, z = curve.current[used], curve.conductance_x[used], curve.conductance_z[used]
    low, high = float(np.median(x[:3])), float(np.median(x[-3:]))
    middle, base = 0.5 * (low + high), 0.5 * float(np.median(z[:3]) + np.median(z[-3:]))
    # The x read-out crosses its middle where the z read-out peaks: three points about it, so that one jump is no peak.
    at = int(np.clip(np.argmin(np.abs(x - middle)), 1, len(x) - 2))
    height = float(np.median(z[at - 1 : at + 2])) - base
    wide = np.abs(z - base) > 0.5 * abs(height)
    width = float(np.abs(np.gradient(current))[wide].sum()) / (2 * _HALF)
    width = min(max(width, scales.current / 50.0), scales.current)
    guess = np.array([
        math.log(width / scales.current), current[at] / scales.current, 0.0,
        math.log(middle / scales.x), (high - low) / (high + low), 0.0,
        math.log(base / scales.z), height / base,
    ])  # fmt: skip
    return np.clip(guess, 0.99 * _LOWEST, 0.99 * _HIGHEST)


def _away(curve: Curve, law: Law, *, v_h: float) -> Floats:
    """Relative distances of both conductances from those of a law, (2, points)."""
    x, z = law.conductances(curve, v_h=v_h)
    return np.stack([curve.conductance_x / x - 1.0, curve.conductance_z / z - 1.0])


def _per_m(curve: Curve, law: Law, *, v_h: float) -> Floats:
    """Relative change of both conductances by one unit of m_x and m_z, (2, points)."""
    x, z = law.conductances(curve, v_h=v_h)
    bare = law.conductance_x * (1.0 + law.k_p * curve.drive**2)
    by_x = bare * swing(law.amplitude_x, curve.drive, v_h=v_h) / x
    by_z = law.conductance_z * swing(law.amplitude_z, np.full_like(curve.drive, curve.probe), v_h=v_h) / z
    return np.maximum(np.abs(np.stack([by_x, by_z])), 1e-6)


def _near(away: Floats, noise: Floats, weight: Floats, used: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which points do not lie far out, in units of m and by the scatter of the others, (points,)."""
    usual = 1.4826 * np.median(np.abs(away[:, used]) * np.sqrt(weight[used]), axis=1)
    far = np.abs(away) > np.maximum(_FAR * np.sqrt(noise**2 + usual[:, None] ** 2 / weight), _JUMP)
    return np.asarray(~far.any(axis=0), np.bool_)


def _settle(curve: Curve, used: NDArray[np.bool_], scales: _Scales, sigma: Floats, start: Floats, *, v_h: float) -> Any:
    """The least-squares fit from one start."""
    # It takes longer to import than a short protocol to run.
    import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]

    def distances(q: Floats) -> Floats:
        return (_away(curve, scales.law(q), v_h=v_h)[:, used] / sigma[:, used]).ravel()

    inside = np.clip(start, _LOWEST + 1e-6, _HIGHEST - 1e-6)
    return cast("Any", scipy.optimize).least_squares(distances, inside, bounds=(_LOWEST, _HIGHEST), max_nfev=500)


def _errors(jacobian: Floats) -> Floats | None:
    """Standard errors of the scaled parameters, from the Jacobian of distances over their scatter; None if unknown."""
    try:
        variance = np.diag(np.linalg.inv(jacobian.T @ jacobian))
    except np.linalg.LinAlgError:
        return None
    return np.sqrt(variance) if bool(np.all(np.isfinite(variance) & (variance >= 0))) else None
