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
    open: Fraction


class NeuronDefaults(Model):
    """The file."""

    format: Literal[1]
    temperature: Temperature
    diameter: Length
    thickness: Length
    saturation: FluxDensity
    anisotropy: FluxDensity
    bias: FluxDensity
    unit: FluxDensity
    ratio: Ratio
    damping: Ratio
    critical_current: Current
    probe_efficiency: SignedRatio
    resistance_area_x: ResistanceArea
    resistance_area_z: ResistanceArea
    tmr: Ratio
    v_h: Voltage
    k_p: PerVoltSquared
    offset: SignedRatio
    asymmetry: SignedRatio
    sigma_current: Fraction
    sigma_offset: Fraction
    sigma_asymmetry: Fraction
    sigma_tmr: Fraction
    sigma_resistance: Fraction
    defects: NeuronDefects
    short_resistance: list[Resistance]
    open_resistance: Resistance
    fano: Fraction
    flicker: float


@functools.cache
def neuron_defaults() -> NeuronDefaults:
    """The shipped file."""
    return check(read(shipped_file("data/reference/mtj-neurons.yaml")), NeuronDefaults)
