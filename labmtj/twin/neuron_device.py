"""The junctions of simulated neurons as the network sees them: what flows at given volts, and how it changes.

The current through the x junction turns the free layer, and the free layer sets both conductances (physics.neuron_die).
Here stand the same curves and the same law with their derivatives, which a network needs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.neuron_own import NODES
from labmtj.physics.neuron_spline import SCALE, between, places
from labmtj.records import Floats
from labmtj.twin.neuron_die import NeuronDie


class Law(NamedTuple):
    """What the junctions (x, z) of each neuron would take, (2, neurons) [A], were their currents those assumed.

    With it the derivatives by the volts of the same junction, (2, neurons) [S], and by the assumed currents through
    the x and the z junction, (2, 2, neurons): by_current[k, j] is that of junction k by the current through j.
    """

    amperes: Floats
    by_volts: Floats
    by_current: Floats


class NeuronDevice:
    """The junctions of a die's neurons."""

    def __init__(self, die: NeuronDie) -> None:
        neurons, model = die.neurons, die.model
        count = model.count
        self._g0 = np.stack([neurons.g_x, neurons.g_z])
        self._tmr = np.stack([neurons.tmr_x, neurons.tmr_z])
        self._k_p, self._v_h = np.full((2, count), model.k_p), model.v_h
        per_ampere = np.array([[model.torque], [model.probe_torque]]) / model.unit
        self._reduced = per_ampere * neurons.gain  # reduced currents a unit of those through x and z [1/A]
        self._own = neurons.own
        self._which = np.arange(count, dtype=np.int64)

    def short_out(self, junctions: NDArray[np.bool_], ohms: Floats) -> None:
        """These junctions (2 neurons,), x and z in turn, are resistors from now on; a current in one turns nothing."""
        broken = junctions.reshape(-1, 2).T
        self._g0 = np.where(broken, 1.0 / ohms.reshape(-1, 2).T, self._g0)
        self._tmr, self._k_p = np.where(broken, 0.0, self._tmr), np.where(broken, 0.0, self._k_p)
        self._reduced = np.where(broken, 0.0, self._reduced)

    def ohmic(self, volts: Floats) -> Floats:
        """Currents [A] of the junctions at `volts` (2, neurons) with the free layers half-way: a first guess."""
        return self._g0 * volts

    def law(self, volts: Floats, amperes: Floats) -> Law:
        """What the junctions take at `volts` (2, neurons) [V] with the free layers as `amperes` [A] would turn them."""
        m, turned = self._magnetisation(amperes)
        parabola = 1.0 + self._k_p * volts**2
        falls = 1.0 + (volts / self._v_h) ** 2
        tmr = self._tmr / falls
        chi = tmr / (2.0 + tmr)
        steeper = -4.0 * volts / self._v_h**2 * tmr / (falls * (2.0 + tmr) ** 2)  # d chi / d volts
        linear = self._g0 * (1.0 + chi * m)
        return Law(
            linear * parabola * volts,
            linear * (1.0 + 3.0 * self._k_p * volts**2) + self._g0 * parabola * volts * steeper * m,
            (self._g0 * parabola * volts * chi)[:, np.newaxis] * turned,
        )

    def _magnetisation(self, amperes: Floats) -> tuple[Floats, Floats]:
        """m_x and m_z (2, neurons) at these currents, and their derivatives (2, 2, neurons) [1/A]."""
        drive, probe = self._reduced * amperes
        m, slopes, by_probe = self._curves(drive, probe)
        return m, np.stack([slopes * self._reduced[0], by_probe * self._reduced[1]], axis=1)

    def _curves(self, drive: Floats, probe: Floats) -> tuple[Floats, Floats, Floats]:
        """m_x and m_z (2, neurons), and how they change with the reduced drive and with the reduced probe.

        Beyond the table the free layer is nearly along x: the angle that is left falls as one over the drive.
        """
        last = self._own.limit
        inside = np.clip(drive, -last, last)
        low, t = places(inside, last, NODES)
        below, above = self._own.values[self._which, low], self._own.values[self._which, low + 1]
        found = between(below, above, t)
        rest, t = (1.0 - t)[:, np.newaxis], t[:, np.newaxis]
        by_place = 6.0 * t * rest * (above[..., 0] - below[..., 0])
        by_place += rest * (1.0 - 3.0 * t) * below[..., 1] + t * (3.0 * t - 2.0) * above[..., 1]
        places_a_drive = 0.5 * (NODES - 1) / np.arcsinh(last / SCALE) / np.sqrt(inside**2 + SCALE**2)
        by_drive = by_place * places_a_drive[:, np.newaxis]
        m = (found[:, :2] + probe[:, np.newaxis] * found[:, 2:]).T
        slopes = (by_drive[:, :2] + probe[:, np.newaxis] * by_drive[:, 2:]).T
        by_probe = found[:, 2:].T
        beyond = np.abs(drive) > last
        if not beyond.any():
            return m, slopes, by_probe
        share, sign = last / np.maximum(np.abs(drive), last), np.sign(drive)
        left = sign - m[0]
        far = np.stack([sign - left * share**2, m[1] * share])
        falls = np.stack([2.0 * left * share**2, -m[1] * share]) / np.where(drive == 0.0, 1.0, drive)
        return np.where(beyond, far, m), np.where(beyond, falls, slopes), np.where(beyond, by_probe * share, by_probe)
