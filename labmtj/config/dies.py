"""Default simulated dies: data/reference/mtj-dies.yaml, one set of parameters a diameter."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

from labmtj.config.check import check
from labmtj.config.finder import shipped_file
from labmtj.config.quantities import (
    FluxDensity,
    Fraction,
    Frequency,
    Length,
    Model,
    PerVoltSquared,
    Ratio,
    Resistance,
    ResistanceArea,
    SignedRatio,
    Temperature,
    Time,
    Voltage,
)
from labmtj.config.source import read
from labmtj.units import Dimension, parse


class DefectShares(Model):
    """Fractions of cells that are shorted, open or stuck."""

    short: Fraction
    open: Fraction
    stuck: Fraction


class BreakdownLaw(Model):
    """Parameters of oxide breakdown (physics.breakdown)."""

    v_ref: Voltage
    t_ref: Time
    n: float
    beta: float
    diameter: Length


class SharedDefaults(Model):
    """What dies of all diameters share."""

    temperature: Temperature
    reference_temperature: Temperature
    r_p_per_kelvin: SignedRatio
    r_ap_per_kelvin: SignedRatio
    resistance_area: ResistanceArea
    tmr: Ratio
    v_h: Voltage
    k_p: PerVoltSquared
    tau_d: Time
    v_c0_ratio: float
    stray_field: SignedRatio
    sigma_stray_field: Fraction
    anisotropy_field: FluxDensity
    sigma_tmr: Fraction
    wire: Resistance
    defects: DefectShares
    short_resistance: list[Resistance]
    open_resistance: Resistance
    telegraph: Fraction
    telegraph_size: list[Fraction]
    flicker_p: float
    flicker_ap: float
    fano_p: float
    fano_ap: float
    breakdown: BreakdownLaw
    back_hopping_rate: Frequency
    back_hopping_delta: float
    correlation_length: float


class DiameterDefaults(Model):
    """What depends on the diameter."""

    delta: float
    v_c0: Voltage
    sigma_r_p: Fraction
    sigma_v_c: Fraction
    sigma_delta: Fraction


class DieDefaults(Model):
    """The file."""

    format: Literal[1]
    shared: SharedDefaults
    diameters: dict[str, DiameterDefaults]

    def at(self, diameter: float) -> DiameterDefaults:
        """Parameters at a diameter [m]: a row of the table, or between two rows linearly; the nearest row outside."""
        rows = sorted((parse(name, Dimension.LENGTH), row) for name, row in self.diameters.items())
        below = [pair for pair in rows if pair[0] <= diameter * (1 + 1e-9)]
        above = [pair for pair in rows if pair[0] >= diameter * (1 - 1e-9)]
        if not below or not above:
            return (below or above)[-1 if below else 0][1]
        (low, first), (high, second) = below[-1], above[0]
        share = 0.0 if high == low else (diameter - low) / (high - low)
        names = DiameterDefaults.model_fields
        blend = {n: (1 - share) * getattr(first, n) + share * getattr(second, n) for n in names}
        return DiameterDefaults.model_construct(**blend)


@functools.cache
def die_defaults() -> DieDefaults:
    """The shipped table."""
    path: Path = shipped_file("data/reference/mtj-dies.yaml")
    return check(read(path), DieDefaults)
