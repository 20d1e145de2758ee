"""One neuron's curve: conductances of both junctions at rising drives, and the law that is fitted to them.

The junction to the polarizer along x sees the drive V, that to the one along z the probe. By Slonczewski's angular law
(1989, doi:10.1103/PhysRevB.39.6995) each conducts G = G0 (1 + k_P V^2) (1 + chi(V) m), m being the free layer's
component along its polarizer, chi = TMR / (2 + TMR) and TMR(V) = TMR0 / (1 + (V / V_h)^2). With a = chi(0) that is
chi(V) = a / (1 + (1 - a) (V / V_h)^2). Fitted is m_x = tanh(s), m_z = sech(s), s = (1 +- asymmetry) (I - offset) / I_c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats


@dataclass(frozen=True, eq=False)
class Curve:
    """What was measured of one neuron, all (points,); nan where a point is none.

    `drive` [V] rises, `current` [A] is the input that it made, `conductance_x` and `conductance_z` [S] are those of
    both junctions with relative standard errors `error_x`, `error_z`. `probe` [V] stood on the z terminal.
    """

    drive: Floats
    current: Floats
    conductance_x: Floats
    conductance_z: Floats
    error_x: Floats
    error_z: Floats
    probe: float

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which points have both conductances, above zero."""
        return np.asarray((self.conductance_x > 0) & (self.conductance_z > 0) & np.isfinite(self.current))


@dataclass(frozen=True)
class Law:
    """Parameters of one neuron: I_c and offset [A], k_P [1/V2], conductances at m = 0 [S], amplitudes chi(0)."""

    critical: float
    offset: float
    asymmetry: float
    conductance_x: float
    amplitude_x: float
    k_p: float
    conductance_z: float
    amplitude_z: float

    def argument(self, current: Floats) -> Floats:
        """The argument s of tanh and sech at input currents [A]."""
        s = (current - self.offset) / self.critical
        return s * (1.0 + self.asymmetry * np.sign(s))

    def read_outs(self, curve: Curve, *, v_h: float) -> tuple[Floats, Floats]:
        """m_x and m_z of a measured curve, (points,): what the polarizers' amplitudes leave; `v_h` [V]."""
        bare = self.conductance_x * (1.0 + self.k_p * curve.drive**2)
        m_x = (curve.conductance_x / bare - 1.0) / swing(self.amplitude_x, curve.drive, v_h=v_h)
        at = swing(self.amplitude_z, np.full(1, curve.probe), v_h=v_h)
        return m_x, (curve.conductance_z / self.conductance_z - 1.0) / at

    def conductances(self, curve: Curve, *, v_h: float) -> tuple[Floats, Floats]:
        """Conductances of both junctions [S] at a curve's drives and currents, (points,), if it were tanh and sech."""
        s = self.argument(curve.current)
        bare = self.conductance_x * (1.0 + self.k_p * curve.drive**2)
        at = swing(self.amplitude_z, np.full(1, curve.probe), v_h=v_h)
        return (
            bare * (1.0 + swing(self.amplitude_x, curve.drive, v_h=v_h) * np.tanh(s)),
            self.conductance_z * (1.0 + at / np.cosh(s)),
        )


def swing(amplitude: float, volts: Floats, *, v_h: float) -> Floats:
    """The amplitude chi at voltages [V] from what it is at small ones; negative where the polarizer is reversed.

    `v_h` [V] is the voltage at which the TMR has halved.
    """
    return amplitude / (1.0 + (1.0 - abs(amplitude)) * (volts / v_h) ** 2)
