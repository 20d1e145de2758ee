"""Neurons made of one three-terminal junction: what one reading of them is, and the map of many.

A neuron has a free layer between two polarizers, one along x and one along z, and three terminals: one on each
polarizer and the common one on the free layer. The current into the x terminal is its input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.records.cells import Floats, Ints


@dataclass(frozen=True)
class NeuronReading:
    """One neuron (from 1) at one input: volts at its terminals and the currents through them, all at once.

    `drive` and `probe` [V] stand on the x and on the z terminal, the common one is at 0 V. `x` and `z` [A] flow into
    the device, `common` [A] out of it: what the three lack is leakage or error. `time` [s] is the bench's, at the end.
    `in_compliance` means that a voltage was not reached: then neither conductance is one.
    """

    neuron: int
    drive: float
    probe: float
    x: float
    z: float
    common: float
    time: float
    in_compliance: bool = False

    @property
    def conductance_x(self) -> float:
        """Current over voltage of the x junction [S]; nan at 0 V and in compliance."""
        return math.nan if self.in_compliance or not self.drive else self.x / self.drive

    @property
    def conductance_z(self) -> float:
        """Current over voltage of the z junction [S]; nan at 0 V and in compliance."""
        return math.nan if self.in_compliance or not self.probe else self.z / self.probe

    @property
    def leakage(self) -> float:
        """Current [A] that went in and did not come out at the common terminal."""
        return self.x + self.z - self.common


@dataclass(frozen=True, eq=False)
class NeuronMap:
    """Measured curves of neurons and what was fitted to them; nan where nothing is known.

    `neurons` (n,) are their numbers, from 1. `current` (n, points) [A] is the input of each point, rising along a row;
    `m_x` and `m_z` (n, points) are the read-outs between -1 and 1 that the polarizers' amplitudes leave, with standard
    errors `m_x_error`, `m_z_error` of the same shape. Of the fit m_x = tanh(s), m_z = sech(s) with
    s = (1 +- asymmetry) (I - offset) / critical, the sign being that of s: `critical` [A], `offset` [A], `asymmetry`
    [1], all (n,), with `*_error`; `conductance_x`, `conductance_z` [S] at m = 0 and `amplitude_x`, `amplitude_z` [1],
    half the relative swing from m = -1 to 1 at small voltage, all (n,). `deviation_x`, `deviation_z` (n,) are the
    largest distances of a measured point from the fitted tanh and sech. `good` (n,) says which neurons work.
    `probe` [V] stood on the z terminals, `name` is the die's.
    """

    neurons: Ints
    current: Floats
    m_x: Floats
    m_z: Floats
    m_x_error: Floats
    m_z_error: Floats
    critical: Floats
    critical_error: Floats
    offset: Floats
    offset_error: Floats
    asymmetry: Floats
    asymmetry_error: Floats
    conductance_x: Floats
    conductance_z: Floats
    amplitude_x: Floats
    amplitude_z: Floats
    deviation_x: Floats
    deviation_z: Floats
    good: NDArray[np.bool_]
    probe: float
    name: str = ""

    def __len__(self) -> int:
        return len(self.neurons)
