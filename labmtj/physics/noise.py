"""Electrical noise of junctions, as variances of a current averaged over an aperture.

White: S_I = 2 e I F coth(eV / 2kT) + (1 - F) 4 k T G (arXiv 1108.4831). For F = 1 these are two independent
streams of electrons, one each way, whose rates are in the ratio exp(eV / kT); without bias they leave
Johnson's 4 k T G, whatever F is. A mean over the aperture T_a passes 1 / (2 T_a) of bandwidth.

1/f: S_V = a V^2 / (A f), so S_I = a I^2 / (A f). Readings of aperture T_a scatter about the mean over a long time
T_l with the variance of S_I over sinc^2(f T_a) - sinc^2(f T_l), which for 1/f is a I^2 / A ln(T_l / T_a) exactly
(Frullani's integral).

Telegraph: a cell that stands half of its time on a conductance larger by a step s scatters by s I / 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labmtj.records import Floats

ELEMENTARY_CHARGE = 1.602176634e-19  # [C], exact: SI 2019
BOLTZMANN = 1.380649e-23  # [J/K], exact: SI 2019


def white_density(voltage: Floats, current: Floats, fano: Floats, temperature: float) -> Floats:
    """Spectral density [A^2/Hz] of the shot and thermal noise of junctions at a bias [V], [A].

    Below 1 nV a current does not tell the conductance any more, and the density is 0: see `reading_noise`.
    """
    bias = np.where(np.abs(voltage) < 1e-9, 1e-9, voltage)
    conductance = np.abs(np.where(np.abs(voltage) < 1e-9, 0.0, current) / bias)
    return _white(bias, conductance, fano, temperature)


def _white(bias: Floats, conductance: Floats, fano: Floats, temperature: float) -> Floats:
    thermal = 2 * BOLTZMANN * temperature / ELEMENTARY_CHARGE
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
    return white + flicker / area * current**2 * flicker_span(aperture)


def flicker_span(aperture: float) -> float:
    """Logarithm of the time over which readings are compared over one reading's aperture."""
    return math.log(max(60.0 / aperture, math.e))  # chosen: 60 s, the length of a scan of the array


@dataclass(frozen=True)
class ReadingNoise:
    """Variances [A^2] of a reading's current by their origin, each of the shape of the cells."""

    white: Floats
    flicker: Floats
    telegraph: Floats

    @property
    def sigma(self) -> Floats:
        """Standard deviation [A] of a reading."""
        return np.sqrt(self.white + self.flicker + self.telegraph)


def reading_noise(
    voltage: Floats,
    *,
    conductance: Floats,
    fano: Floats,
    flicker: Floats,
    telegraph: Floats,
    area: float,
    temperature: float,
    aperture: float,
) -> ReadingNoise:
    """Noise of cells with the `conductance` I/V [S] that are read at `voltage` [V], averaged over `aperture` [s].

    `flicker` [m2] is a of the 1/f law, `telegraph` the relative step of the conductance (0 for quiet cells),
    `area` [m2], `temperature` [K]. Right at 0 V too, where Johnson noise alone is left.
    """
    bias = np.where(np.abs(voltage) < 1e-9, 1e-9, voltage)
    current = conductance * voltage
    return ReadingNoise(
        white=_white(bias, conductance, fano, temperature) / (2 * aperture),
        flicker=flicker / area * current**2 * flicker_span(aperture),
        telegraph=(0.5 * telegraph * current) ** 2,
    )
