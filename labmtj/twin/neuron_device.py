"""The junctions of simulated neurons as the network sees them: what flows at given volts, and how it changes.

The current through the x junction turns the free layer, and the free layer sets both conductances (physics.neuron_die).
A neuron's offset and asymmetry do not change, so that of the table of the magnetisation one curve a neuron is left,
through the same nodes and by the same splines.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.neuron_table import DRIVE_SCALE, table_of
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
        self._offset = neurons.offset
        per_ampere = np.array([[model.torque], [model.probe_torque]]) / model.unit
        self._reduced = per_ampere * neurons.gain  # reduced currents a unit of those through x and z [1/A]
        table = table_of(model)
        self._nodes, here = table.drives, (table.drives[:, np.newaxis] - neurons.offset)
        still = np.stack(table.curves(here, neurons.offset, neurons.asymmetry))
        probed = np.stack(table.curves(here, neurons.offset, neurons.asymmetry, probe=1.0))
        values = np.concatenate([still, probed - still])  # m_x, m_z, and their changes a unit of the probe's current
        self._values = np.ascontiguousarray(np.moveaxis(values, 0, -1))  # (nodes, neurons, 4)
        self._slopes = _spline(self._values)
        self._across = np.arange(count, dtype=np.int64)

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
        field = drive + self._offset
        m, slopes, by_probe = self._curves(field, probe)
        return m, np.stack([slopes * self._reduced[0], by_probe * self._reduced[1]], axis=1)

    def _curves(self, field: Floats, probe: Floats) -> tuple[Floats, Floats, Floats]:
        """m_x and m_z (2, neurons), and how they change with the reduced field along x and with the reduced probe.

        Beyond the table the free layer is nearly along x: the angle that is left falls as one over the field.
        """
        last, count = float(self._nodes[-1]), len(self._nodes)
        inside = np.clip(field, -last, last)
        step = np.arcsinh(last / DRIVE_SCALE) * 2.0 / (count - 1)
        place = np.clip(np.arcsinh(inside / DRIVE_SCALE) / step + 0.5 * (count - 1), 0.0, count - 1.0)
        low = np.minimum(place.astype(np.int64), count - 2)
        t = (place - low)[:, np.newaxis]
        below, above = self._values[low, self._across], self._values[low + 1, self._across]
        rising, leaving = self._slopes[low, self._across], self._slopes[low + 1, self._across]
        u = 1.0 - t
        found = (
            (1.0 + 2.0 * t) * u * u * below + t * u * u * rising + t * t * (3.0 - 2.0 * t) * above - t * t * u * leaving
        )
        by_place = 6.0 * t * u * (above - below) + u * (1.0 - 3.0 * t) * rising + t * (3.0 * t - 2.0) * leaving
        by_field = by_place / (step * np.sqrt(inside**2 + DRIVE_SCALE**2))[:, np.newaxis]
        m = (found[:, :2] + probe[:, np.newaxis] * found[:, 2:]).T
        slopes = (by_field[:, :2] + probe[:, np.newaxis] * by_field[:, 2:]).T
        by_probe = found[:, 2:].T
        beyond = np.abs(field) > last
        if not beyond.any():
            return m, slopes, by_probe
        share = np.where(beyond, last / np.maximum(np.abs(field), last), 1.0)
        sign = np.sign(field)
        left = sign - m[0]
        far = np.stack([sign - left * share**2, m[1] * share])
        falls = np.stack([2.0 * left * share**2, -m[1] * share]) / np.where(field == 0.0, 1.0, field)
        return np.where(beyond, far, m), np.where(beyond, falls, slopes), np.where(beyond, by_probe * share, by_probe)


def _spline(values: Floats) -> Floats:
    """Slopes of the cubic spline through `values` (nodes, ..) a node's distance, with parabolas at the ends."""
    count = len(values)
    flat = values.reshape(count, -1)
    system, right = np.zeros((count, count)), np.zeros_like(flat)
    inner = np.arange(1, count - 1, dtype=np.int64)
    system[inner, inner - 1], system[inner, inner], system[inner, inner + 1] = 1.0, 4.0, 1.0
    right[inner] = 3.0 * (flat[2:] - flat[:-2])
    system[0, 0] = system[-1, -1] = 1.0
    right[0] = -1.5 * flat[0] + 2.0 * flat[1] - 0.5 * flat[2]
    right[-1] = 1.5 * flat[-1] - 2.0 * flat[-2] + 0.5 * flat[-3]
    return np.linalg.solve(system, right).reshape(values.shape)
