"""Curves of neurons: swept one after the other, fitted, and put into a map.

The input of a point is the current that was measured there, not the voltage that made it. At 0 V the conductance of
the x junction is unknown, so drives lie half a step from it on both sides; what flows at 0 V is read once a sweep. Each
repeat is a sweep up with the probe at +, and one down with it at -, so that what drifts is seen in the errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.ports import NeuronAccess, Ticker, no_ticks
from labmtj.records import Finding, Floats, NeuronMap, NeuronReading
from labmtj.routines.neurons.curve import Curve, swing
from labmtj.routines.neurons.curves_finding import curves_finding
from labmtj.routines.neurons.fit import LEAST, NeuronFit, fit_neuron
from labmtj.routines.neurons.sorting import GOOD, by_currents, by_fit
from labmtj.routines.neurons.sweeps import Sweeps

V_H = 0.5  # [V] chosen: half voltage of MgO junctions, as the default of the twin's dies


@dataclass(frozen=True, eq=False)
class NeuronCurves:
    """The map, the finding, and what is wrong with each neuron, "" if nothing is."""

    neuron_map: NeuronMap
    finding: Finding
    words: tuple[str, ...]


def drives(largest: float, points: int, *, negative: float | None = None) -> tuple[float, ...]:
    """Rising drives [V] from -`negative` to `largest` in equal steps on each side, half a step from 0 V.

    `negative` is `largest` if it is not said; below 0 V the junction conducts less, so that the same input needs more.
    Raises InputError for an odd number of `points`, which would have 0 V among them.
    """
    if points < 2 or points % 2:
        raise InputError(f"{points} drives that go evenly from - to + have 0 V among them; take an even number")
    sides = (2 * n - points + 1 for n in range(points))
    below = largest if negative is None else negative
    return tuple((largest if side > 0 else below) * side / (points - 1) for side in sides)


def measure_neurons(
    access: NeuronAccess,
    *,
    neurons: Sequence[int],
    levels: Sequence[float],
    probe: float = 20e-3,
    repeats: int = 2,
    v_h: float = V_H,
    name: str = "",
    tick: Ticker = no_ticks,
) -> NeuronCurves:
    """Sweep `neurons` (from 1) through `levels` [V], which rise on both sides of 0 V, `repeats` times each, and fit.

    `probe` [V] stands on the z terminal, `v_h` [V] is the voltage at which TMR has halved, `name` that of the die.
    Raises InputError, LimitExceeded before anything is sent, and BenchError.
    """
    volts = np.asarray(levels, dtype=np.float64)
    if repeats < 2:
        raise InputError("curves of neurons need two repeats or more, to know their noise")
    if len(volts) < LEAST or np.any(np.diff(volts) <= 0) or not volts.min() < 0 < volts.max() or not volts.all():
        raise InputError(f"curves of neurons need {LEAST} drives or more that rise on both sides of 0 V, without it")
    if not neurons or len(set(neurons)) < len(neurons):
        raise InputError("curves of neurons need neurons, each of them once")
    whole = [*(level for level in levels if level < 0), 0.0, *(level for level in levels if level > 0)]
    for neuron in neurons:
        for volt in (probe, -probe):
            access.check(neuron, whole, probe=volt)
    readings: list[list[list[list[NeuronReading]]]] = []
    try:
        for neuron in neurons:
            readings.append([])
            for _ in range(repeats):
                up = access.operate(neuron, whole, probe=probe)
                down = access.operate(neuron, whole[::-1], probe=-probe)
                readings[-1].append([up, down[::-1]])
                tick()
    finally:
        access.rest()
    return evaluate(Sweeps.of(readings, probe=probe), v_h=v_h, name=name)


def evaluate(sweeps: Sweeps, *, v_h: float = V_H, name: str = "") -> NeuronCurves:
    """Fit and sort what was measured."""
    curves, leakage = sweeps.curves(), sweeps.leakage
    words = by_currents(sweeps, curves)
    leads = sweeps.lead[[word == GOOD for word in words]]
    lead = max(float(np.median(leads)), 0.0) if leads.size else 0.0
    curves = sweeps.curves(lead=lead)
    fits: list[NeuronFit | None] = []
    for number, curve in enumerate(curves):
        fits.append(fit_neuron(curve, v_h=v_h) if words[number] == GOOD else None)
        if words[number] == GOOD:
            words[number] = by_fit(fits[-1], curve, (float(leakage[0][number]), float(leakage[1][number])))
    neuron_map = _map(sweeps, curves, fits, np.array([word == GOOD for word in words]), v_h=v_h, name=name)
    finding = curves_finding(neuron_map, sweeps, curves, words, v_h=v_h, lead=lead)
    return NeuronCurves(neuron_map, finding, tuple(words))


def _map(
    sweeps: Sweeps, curves: list[Curve], fits: list[NeuronFit | None], good: NDArray[np.bool_], *, v_h: float, name: str
) -> NeuronMap:
    rows = [_row(curve, fit, v_h=v_h) for curve, fit in zip(curves, fits, strict=True)]
    laws = {name: np.array([np.nan if fit is None else getattr(fit.law, name) for fit in fits]) for name in _FITTED}
    errors = {
        f"{name}_error": np.array([np.nan if fit is None else getattr(fit.error, name) for fit in fits])
        for name in ("critical", "offset", "asymmetry")
    }
    m_x, m_z, m_x_error, m_z_error = (np.array([row[n] for row in rows]) for n in range(4))
    argument = np.array([
        np.full_like(curve.current, np.nan) if fit is None else fit.law.argument(curve.current)
        for curve, fit in zip(curves, fits, strict=True)
    ])  # fmt: skip
    return NeuronMap(
        neurons=sweeps.neurons,
        current=np.array([curve.current for curve in curves]),
        m_x=m_x,
        m_z=m_z,
        m_x_error=m_x_error,
        m_z_error=m_z_error,
        **laws,
        **errors,
        deviation_x=_largest(m_x - np.tanh(argument)),
        deviation_z=_largest(m_z - 1.0 / np.cosh(argument)),
        good=good,
        probe=sweeps.probe,
        name=name,
    )


_FITTED = ("critical", "offset", "asymmetry", "conductance_x", "conductance_z", "amplitude_x", "amplitude_z")


def _row(curve: Curve, fit: NeuronFit | None, *, v_h: float) -> tuple[Floats, Floats, Floats, Floats]:
    """m_x, m_z and their standard errors of one neuron; nan where a point is none."""
    if fit is None:
        none = np.full_like(curve.drive, np.nan)
        return none, none, none, none
    m_x, m_z = fit.law.read_outs(curve, v_h=v_h)
    bare = fit.law.conductance_x * (1.0 + fit.law.k_p * curve.drive**2)
    error_x = curve.error_x * curve.conductance_x / bare / np.abs(swing(fit.law.amplitude_x, curve.drive, v_h=v_h))
    at = swing(fit.law.amplitude_z, np.full(1, curve.probe), v_h=v_h)
    error_z = curve.error_z * curve.conductance_z / fit.law.conductance_z / np.abs(at)
    jumped = ~fit.used
    m_x, m_z, error_x, error_z = (np.where(jumped, np.nan, values) for values in (m_x, m_z, error_x, error_z))
    return m_x, m_z, error_x, error_z


def _largest(distance: Floats) -> Floats:
    """Largest distance of each row; nan where it has no point."""
    none = np.asarray(np.isnan(distance).all(axis=1), np.bool_)
    return np.where(none, np.nan, np.nanmax(np.where(none[:, None], 0.0, np.abs(distance)), axis=1))
