"""Default simulated neurons: data/reference/mtj-neurons.yaml."""

from __future__ import annotations

import functools
from typing import Literal

from labmtj.config.check import check
from labmtj.config.finder import shipped_file
from labmtj.config.quantities import (
    Current,
    FluxDensity,
    Fraction,
    Length,
    Model,
    PerVoltSquared,
    Ratio,
    Resistance,
    ResistanceArea,
    SignedRatio,
    Temperature,
    Voltage,
)
from labmtj.config.source import read


class NeuronDefects(Model):
    """Fractions of neurons that do not work."""

    short: Fraction
    """Of which the x junction is shorted."""
    open: Fraction
    """Of which neither junction conducts."""


class NeuronDefaults(Model):
    """The file."""

    format: Literal[1]
    temperature: Temperature
    """Temperature of the free layer."""
    diameter: Length
    """Diameter of the free layer and of both junctions."""
    thickness: Length
    """Thickness of the free layer."""
    saturation: FluxDensity
    """mu0 M_s of the free layer."""
    anisotropy: FluxDensity
    """Effective anisotropy field along z, demagnetisation included."""
    bias: FluxDensity
    """Constant field along z."""
    unit: FluxDensity
    """Field along x that the critical current makes."""
    ratio: Ratio
    """Damping-like torque of a current over its field-like one."""
    damping: Ratio
    """Gilbert's damping."""
    critical_current: Current
    """Input at which the argument of tanh is 1."""
    probe_efficiency: SignedRatio
    """Torque of a current into the z terminal over that of one into the x terminal."""
    resistance_area_x: ResistanceArea
    """Of the x junction, at zero bias and right angles."""
    resistance_area_z: ResistanceArea
    """Of the z junction, at zero bias and right angles."""
    tmr: Ratio
    """(R_AP - R_P) / R_P of both junctions at zero bias."""
    v_h: Voltage
    """Voltage at which the TMR has halved."""
    k_p: PerVoltSquared
    """Parabola of the conductance."""
    offset: SignedRatio
    """Mean stray field along x, in units of the critical current's."""
    asymmetry: SignedRatio
    """Mean change of the torque's efficiency with m_x."""
    sigma_current: Fraction
    """Relative spread of the critical current."""
    sigma_offset: Fraction
    """Spread of the offset, in critical currents."""
    sigma_asymmetry: Fraction
    """Spread of the asymmetry."""
    sigma_tmr: Fraction
    """Relative spread of each junction's TMR."""
    sigma_resistance: Fraction
    """Relative spread of each junction's resistance."""
    defects: NeuronDefects
    """Fractions of neurons that do not work."""
    short_resistance: list[Resistance]
    """Least and most resistance of a shorted x junction."""
    open_resistance: Resistance
    """Resistance of both junctions of an open neuron."""
    fano: Fraction
    """Fano factor of both junctions' shot noise."""
    flicker: float
    """1/f noise a of S_V = a V^2 / (A f), in um^2."""


@functools.cache
def neuron_defaults() -> NeuronDefaults:
    """The shipped file."""
    return check(read(shipped_file("data/reference/mtj-neurons.yaml")), NeuronDefaults)
