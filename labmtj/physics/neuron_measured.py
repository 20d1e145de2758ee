"""What meters say of many neurons: currents with the junctions' noise, the meters' own, their steps and their range.

The physics is that of a bench (physics.neuron_die, physics.noise), without its instruments' commands: for dies whose
neurons are too many to be put through one. Heat turns the free layer to and fro, too: within nanoseconds around where
it stands, and within a microsecond over to -z and back while little current holds it. What a mean over an aperture
keeps of that follows from the Fokker-Planck equation (physics.neuron_steady.fluctuation); at 20 ms it is 0.003 of m_z
without current and 1e-5 at three critical currents.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from labmtj.errors import InputError
from labmtj.physics.chance import Purpose, normals
from labmtj.physics.neuron import GYROMAGNETIC_RATIO, NeuronModel
from labmtj.physics.neuron_die import NeuronTruth, Operating, operate
from labmtj.physics.neuron_electric import amplitude
from labmtj.physics.neuron_table import table_of
from labmtj.physics.noise import reading_noise
from labmtj.records import Floats


@dataclass(frozen=True)
class Meter:
    """A current meter: `noise` (rms of one reading) and `step` [A], relative `gain` error, `offset` and `limit` [A]."""

    noise: float = 0.0
    step: float = 0.0
    gain: float = 0.0
    offset: float = 0.0
    limit: float = math.inf


class Measured(NamedTuple):
    """Currents [A] as read at the x and the z terminal, shape (neurons, points); nan where a range was exceeded."""

    i_x: Floats
    i_z: Floats


def reading_sigma(
    model: NeuronModel, volts_x: ArrayLike, volts_z: ArrayLike, at: Operating, *, aperture: float
) -> tuple[Floats, Floats]:
    """Standard deviations [A] of both junctions' currents, averaged over `aperture` [s], of the shape of `at`."""
    turned = magnetisation_sigma(model, at.m_x, aperture=aperture)

    def sigma(volts: ArrayLike, current: Floats, area: float, resistance: float, swing: Floats) -> Floats:
        v = np.broadcast_to(np.asarray(volts, dtype=np.float64), current.shape)
        still = np.abs(v) < 1e-9
        conductance: Floats = np.where(still, 1.0 / resistance, current / np.where(still, 1.0, v))
        fano, flicker, quiet = (np.full(current.shape, value) for value in (model.fano, model.flicker, 0.0))
        electric = reading_noise(
            v,
            conductance=conductance,
            fano=fano,
            flicker=flicker,
            telegraph=quiet,
            area=area,
            temperature=model.temperature,
            aperture=aperture,
        )
        return np.hypot(electric.sigma, current * swing)

    def swing(volts: ArrayLike, tmr: float, m: Floats, by: Floats) -> Floats:
        chi = amplitude(volts, tmr=tmr, v_h=model.v_h)
        return chi / (1.0 + chi * m) * by

    x = sigma(volts_x, at.i_x, model.area_x, model.resistance_x, swing(volts_x, model.tmr_x, at.m_x, turned[0]))
    z = sigma(volts_z, at.i_z, model.area_z, model.resistance_z, swing(volts_z, model.tmr_z, at.m_z, turned[1]))
    return x, z


def magnetisation_sigma(model: NeuronModel, m_x: ArrayLike, *, aperture: float) -> tuple[Floats, Floats]:
    """Standard deviations of m_x and m_z averaged over `aperture` [s], where the mean is `m_x`; of its shape."""
    unit = (1.0 + model.damping**2) / (GYROMAGNETIC_RATIO * model.unit)  # [s] of reduced time
    x, z = table_of(model).fluctuation(m_x)
    return np.sqrt(x * unit / (2.0 * aperture)), np.sqrt(z * unit / (2.0 * aperture))


def measured(
    truth: NeuronTruth,
    volts_x: ArrayLike,
    probe: float,
    *,
    aperture: float,
    meter_x: Meter | None = None,
    meter_z: Meter | None = None,
    seed: int = 0,
    first: int = 0,
) -> Measured:
    """One reading of every neuron at each of `volts_x` [V], with `probe` [V] on the z terminals.

    `volts_x` has shape (points,) or (neurons, points); `aperture` [s]; a meter that is not given is perfect. Noise is
    addressed by (seed, neuron, reading), readings counting from `first`: count on to read again. Raises what
    `physics.neuron_die.operate` raises.
    """
    if not aperture > 0.0:
        raise InputError(f"an aperture of {aperture:g} s makes no sense")
    at = operate(truth, volts_x, probe)
    sigma_x, sigma_z = reading_sigma(truth.model, volts_x, probe, at, aperture=aperture)
    points = range(at.i_x.shape[1])

    def read(current: Floats, sigma: Floats, meter: Meter, terminal: int) -> Floats:
        def draws(purpose: Purpose) -> Floats:
            ordinals = (2 * (first + point) + terminal for point in points)
            return np.stack([normals(seed, purpose, len(truth), ordinal) for ordinal in ordinals], axis=1)

        said = (1.0 + meter.gain) * (current + sigma * draws(Purpose.NEURON_NOISE)) + meter.offset
        if meter.noise:
            said = said + meter.noise * draws(Purpose.NEURON_METER)
        if meter.step:
            said = meter.step * np.round(said / meter.step)
        return np.where(np.abs(said) <= meter.limit, said, np.nan)

    return Measured(
        read(at.i_x, sigma_x, meter_x or Meter(), 0),
        read(at.i_z, sigma_z, meter_z or Meter(), 1),
    )
