"""What is wrong with a neuron, in a word: from its currents alone, or from its fit."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats
from labmtj.routines.neurons.curve import Curve
from labmtj.routines.neurons.fit import LEAST, NeuronFit
from labmtj.routines.neurons.sweeps import Sweeps

GOOD = ""
_OPEN = 1e-5  # [S] chosen: 100 kohm; neurons that a sweep of some 100 mV takes to saturation have 0.1 to 10 kohm
_SHORT = 0.1  # [S] chosen: 10 ohm, a tenth of the least that neurons have
_APART = 3.0  # chosen: times the median conductance of all neurons, from which one is no junction like the others
_SWING = 0.04  # chosen: relative change of a conductance over the sweep; a TMR of 10 % makes 9 %
_LEAK = 0.01  # chosen: share of the current; meters agree to a few parts in a thousand
_SURE = 5.0  # chosen: standard errors
_VAGUE = 0.5  # chosen: relative error of I_c from which the sweep has not shown the curve


def by_currents(sweeps: Sweeps, curves: list[Curve]) -> list[str]:
    """Why each neuron cannot be fitted, and "" where it can: open, short, limit reached, no swing."""
    least, most = np.full(2, _OPEN), np.full(2, _SHORT)
    conductance = np.array([[_middle(curve.conductance_x), _middle(curve.conductance_z)] for curve in curves])
    if len(curves) > 2:  # of two that differ nobody knows which is like the others
        usual = np.array([_middle(conductance[:, 0]), _middle(conductance[:, 1])])
        least, most = np.fmax(least, usual / _APART), np.fmin(most, usual * _APART)
    limited = np.asarray(sweeps.limited.any(axis=(1, 2, 3)), np.bool_)
    return [
        "open"
        if np.any(conductance[n] < least)
        else "short"
        if np.any(conductance[n] > most)
        else _by_curve(curve, limited=bool(limited[n]))
        for n, curve in enumerate(curves)
    ]


def by_fit(fit: NeuronFit | None, curve: Curve, leakage: tuple[float, float]) -> str:
    """Why a neuron that was fitted is none, and "" where it is: not fitted, out of range, leaks.

    `leakage` is the share of its current that is lost, and the error of that share.
    """
    if fit is None:
        return "not fitted"
    law, used = fit.law, fit.used
    inside = np.nanmin(curve.current[used]) < law.offset < np.nanmax(curve.current[used])
    if not inside or fit.error.critical > _VAGUE * law.critical or np.any(np.diff(curve.current[used]) <= 0):
        return "out of range"
    share, error = leakage
    return "leaks" if abs(share) > max(_LEAK, _SURE * error) else GOOD


def _by_curve(curve: Curve, *, limited: bool) -> str:
    seen = curve.seen
    if seen.sum() < LEAST or not curve.drive[seen].min() < 0 < curve.drive[seen].max():
        return "limit reached" if limited else "open"
    swings = _swing(curve.conductance_x[seen]), _swing(curve.conductance_z[seen])
    return "no swing" if min(swings) < _SWING else GOOD


def _middle(values: Floats) -> float:
    """Median of what is finite; nan where nothing is."""
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _swing(conductance: Floats) -> float:
    """How far a conductance goes over the sweep, over its middle; a jump of one point or two is left out."""
    low, middle, high = np.percentile(conductance, (10, 50, 90))
    return float((high - low) / abs(middle))
