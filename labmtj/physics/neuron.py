"""A neuron made of one junction: a free layer between two polarizers, and what turns its magnetisation.

m is the unit vector of the free layer. The easy axis is z, with the effective field B_k (demagnetisation included), and
a bias field B_z holds m up; a stray field B_x along x is the neuron's offset. The current I through the x junction is
the input. It acts on m as a field b along +x and, `ratio` times as strongly, as a damping-like torque towards +x:

    B_eff = (B_x, 0, B_z + B_k m_z) + b (x + ratio m x x),   b = torque I (1 - asymmetry m_x)
    dm/dt = -gamma / (1 + a^2) [ m x B_eff + a m x (m x B_eff) ]

(Landau, Lifshitz and Gilbert with Slonczewski's torque, doi:10.1016/0304-8853(96)00062-5; the two-junction device:
Rodrigues et al., arXiv 2409.02528.) The efficiency of Slonczewski's torque, 1 / (1 + asymmetry m_x), is kept to first
order in the asymmetry. The small current that reads the z junction acts likewise along z. Heat adds a random field of
2 a k T / (gamma mu) a unit of time to each axis (Brown 1963, doi:10.1103/PhysRev.130.1677).

Reduced variables: fields in units of `unit` [T], currents in units of I_0 = unit / torque, energies in kT. The unit is
chosen such that the default device's m_x follows tanh(I / I_0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from labmtj.errors import InputError
from labmtj.physics.noise import BOLTZMANN

GYROMAGNETIC_RATIO = 1.76085963e11  # [rad/(s T)] of the electron, CODATA 2018


@dataclass(frozen=True)
class Reduced:
    """What the mean magnetisation depends on: fields over `unit`, `stiffness` = moment unit / kT."""

    anisotropy: float
    bias: float
    ratio: float
    damping: float
    stiffness: float


@dataclass(frozen=True)
class NeuronModel:
    """Statistics of neurons made of one junction: means, and standard deviations sigma_*.

    `anisotropy` B_k, `bias` B_z and `unit` [T]; `ratio` of the damping-like torque to the field-like one; `damping`;
    `moment` [A m2] of the free layer; `temperature` [K]; `torque` and `probe_torque` [T/A] of the currents into the x
    and the z terminal. `resistance_x` and `resistance_z` [ohm] are 1 / G at zero bias and m = 0; `tmr_x`, `tmr_z` at
    zero bias, `v_h` [V] at which TMR has halved and `k_p` [1/V2] of the parabola; `area_x`, `area_z` [m2] of the
    junctions, `fano` and `flicker` [m2] of their noise (physics.noise).

    Relative spreads from neuron to neuron: `sigma_current` of the torque (and so of the critical current),
    `sigma_tmr`, `sigma_resistance`; `offset` is the mean stray field along x and `sigma_offset` its spread, in units
    of the field of the critical current; `asymmetry` and `sigma_asymmetry` are of the efficiency. `short` and `open`
    are fractions of neurons, with `short_resistance` [ohm, ohm] drawn between its ends and `open_resistance` [ohm] in
    place of both junctions.
    """

    anisotropy: float
    bias: float
    unit: float
    ratio: float
    damping: float
    moment: float
    temperature: float
    torque: float
    probe_torque: float
    resistance_x: float
    resistance_z: float
    tmr_x: float
    tmr_z: float
    v_h: float
    k_p: float
    area_x: float
    area_z: float
    fano: float
    flicker: float
    offset: float = 0.0
    asymmetry: float = 0.0
    sigma_current: float = 0.0
    sigma_offset: float = 0.0
    sigma_asymmetry: float = 0.0
    sigma_tmr: float = 0.0
    sigma_resistance: float = 0.0
    short: float = 0.0
    open: float = 0.0
    short_resistance: tuple[float, float] = (10.0, 30.0)  # chosen: see data/reference/mtj-neurons.yaml
    open_resistance: float = 1e9  # chosen: likewise
    seed: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        positive = ("unit", "damping", "moment", "temperature", "torque", "resistance_x", "resistance_z", "v_h")
        for name in positive:
            value: float = getattr(self, name)
            if not (value > 0.0 and math.isfinite(value)):
                raise InputError(f"a neuron's {name} of {value:g} makes no sense: it must be above zero")
        if self.count < 1:
            raise InputError(f"a die of {self.count} neurons makes no sense: give 1 or more")

    @property
    def critical(self) -> float:
        """The current I_0 [A] of one reduced unit: nearly that of tanh(I / I_0) for the default device."""
        return self.unit / self.torque

    @property
    def reduced(self) -> Reduced:
        """The parameters on which the mean magnetisation depends, without dimension."""
        return Reduced(
            anisotropy=self.anisotropy / self.unit,
            bias=self.bias / self.unit,
            ratio=self.ratio,
            damping=self.damping,
            stiffness=self.moment * self.unit / (BOLTZMANN * self.temperature),
        )
