"""Curves of simulated neurons: a die is drawn, measured as a bench would, and asked for what its network needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.neurons.calibrating import scales
from labmtj.nets.neurons.curves import POINTS, Calibration, DeviceCurves, drive
from labmtj.physics.chance import Purpose, normals
from labmtj.physics.neuron_die import NeuronTruth, magnetisation
from labmtj.records import Defect, Floats


@dataclass(frozen=True)
class Measuring:
    """How a die is calibrated: currents up to `reach` critical currents of the design, both signs, at `points` points.

    `error` is the standard error of m at each point.
    """

    reach: float = 3.5  # chosen: what 200 mV drive through the default device
    points: int = 41  # chosen: as the step neuron_curves
    error: float = 0.0

    def __post_init__(self) -> None:
        if not self.reach > 0.0 or self.points < 5 or self.error < 0.0:
            raise InputError(
                f"neurons: measured up to {self.reach:g} critical currents at {self.points} points with an error of "
                f"{self.error:g}; a reach above 0, five points at least, an error that is not below 0"
            )


def simulated(
    truth: NeuronTruth,
    *,
    calibration: Calibration,
    measuring: Measuring | None = None,
    noise_x: float = 0.0,
    noise_z: float = 0.0,
    levels: int = 0,
    points: int = POINTS,
) -> DeviceCurves:
    """Curves of the neurons of a die that are neither short nor open, in the current that the host would send.

    What the host knows comes from fits to curves with the error of the measurement (`Calibration`, `Measuring`); what
    the neurons answer is the truth, within the currents that were measured. The current that reads z has no part in
    it. Raises InputError where no neuron works.
    """
    how = Measuring() if measuring is None else measuring
    good = np.flatnonzero(truth.defect == Defect.NONE).astype(np.int64)
    if not good.size:
        raise InputError(f"none of the {len(truth)} neurons of the die works")
    critical = truth.model.critical
    nominal = [_relative(tmr[good])[:, None] for tmr in (truth.tmr_x, truth.tmr_z)]

    def read(reduced: Floats) -> list[Floats]:
        # With the median amplitude of the read-outs taken for that of each.
        answers = magnetisation(truth, reduced * critical, neurons=good)
        return [own * part for own, part in zip(nominal, answers, strict=True)]

    current = np.linspace(-how.reach, how.reach, how.points)
    x, z = (part + how.error * off for part, off in zip(read(current), _errors(truth, good.size, how), strict=True))
    fitted = scales(current, x, z)
    unit, zero = fitted.critical[:, None], fitted.offset[:, None]
    amplitude_x, amplitude_z = fitted.amplitude_x[:, None], fitted.amplitude_z[:, None]
    if calibration is Calibration.NONE:
        unit, amplitude_x, amplitude_z = (_median(part) for part in (unit, amplitude_x, amplitude_z))
        zero = np.zeros_like(unit)
    low, high, largest = drive(*((end - zero[:, 0]) / unit[:, 0] for end in (-how.reach, how.reach)))
    asked = zero + unit * np.linspace(-largest, largest, points)
    x, z = read(np.clip(asked, -how.reach, how.reach))
    numbers = good + 1
    return DeviceCurves(
        x / amplitude_x, z / amplitude_z, largest, low, high, np.ones(good.size), numbers, noise_x, noise_z, levels
    )


def _relative(tmr: Floats) -> Floats:
    """Half the relative swing of the conductance, TMR / (2 + TMR), over the median of all neurons."""
    amplitude = tmr / (2.0 + tmr)
    return amplitude / float(np.median(amplitude))


def _median(each: Floats) -> Floats:
    """The median over the neurons for each of them, (neurons, 1)."""
    return np.full(each.shape, float(np.median(each)))


def _errors(truth: NeuronTruth, neurons: int, how: Measuring) -> tuple[Floats, Floats]:
    drawn = normals(truth.model.seed, Purpose.MEASURED_NEURON, 2 * neurons * how.points)
    x, z = drawn.reshape(2, neurons, how.points)
    return x, z
