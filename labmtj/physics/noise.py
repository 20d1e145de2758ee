"""Electrical noise of junctions, as variances of a current averaged over an aperture.

Shot and thermal noise follow arXiv 1108.4831, S_I = 2 e I F coth(eV / 2kT) + (1 - F) 4 k T G, which
goes over into Johnson noise at zero bias; 1/f noise is S_V = a V^2 / (A f).
"""

from __future__ import annotations

import math

import numpy as np

from labmtj.records import Floats

ELEMENTARY_CHARGE = 1.602176634e-19  # [C], exact: SI 2019
BOLTZMANN = 1.380649e-23  # [J/K], exact: SI 2019


def white_density(voltage: Floats, current: Floats, fano: Floats, temperature: float) -> Floats:
    """Spectral density [A^2/Hz] of the shot and thermal noise of junctions at a bias [V], [A]."""
    thermal = 2 * BOLTZMANN * temperature / ELEMENTARY_CHARGE
    bias = np.where(np.abs(voltage) < 1e-9, 1e-9, voltage)
    conductance = np.abs(np.where(np.abs(voltage) < 1e-9, 0.0, current) / bias)
    x = np.abs(bias) / thermal
    shot = 2 * ELEMENTARY_CHARGE * conductance * np.abs(bias) * fano / np.tanh(x)
    return shot + (1 - fano) * 4 * BOLTZMANN * temperature * conductance


def current_variance(
    voltage: Floats,
    current: Floats,
    *,
    fano: Floats,
    flicker: Floats,
    area: float,
    temperature: float,
    aperture: float,
) -> Floats:
    """Variance [A^2] of each cell's current averaged over `aperture` [s].

    White noise has the bandwidth 1 / (2 aperture). 1/f noise [flicker in m^2] is taken from one
    reading's aperture up to a minute, the time over which readings are compared.
    """
    white = white_density(voltage, current, fano, temperature) / (2 * aperture)
    decades = math.log(max(60.0 / aperture, math.e))  # chosen: 60 s, the length of a scan of the array
    return white + flicker / area * current**2 * decades
