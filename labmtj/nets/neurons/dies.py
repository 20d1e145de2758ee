"""Curves of simulated neurons: a die is drawn, measured as a bench would, and asked for what its network needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.neurons.calibrating import scales
from labmtj.nets.neurons.curves import POINTS, Calibration, DeviceCurves, drive
from labmtj.physics.chance import Purpose, normals
from labmtj.physics.neuron_die import NeuronTruth, magnetisation
from labmtj.physics.neuron_table import table_of
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
    table = table_of(truth.model)
    critical = truth.model.critical

    def answers(reduced: Floats) -> tuple[Floats, Floats]:
        return magnetisation(truth, reduced * critical, neurons=good, table=table)

    current = np.linspace(-how.reach, how.reach, how.points)
    x, z = (part + how.error * off for part, off in zip(answers(current), _errors(truth, good.size, how), strict=True))
    fitted = scales(current, x, z)
    if calibration is Calibration.NEURON:
        unit, zero = fitted.critical[:, None], fitted.offset[:, None]
        amplitude_x = amplitude_z = np.ones((good.size, 1))
    else:
        unit, zero = np.full((good.size, 1), float(np.median(fitted.critical))), np.zeros((good.size, 1))
        amplitude_x, amplitude_z = (_relative(tmr[good])[:, None] for tmr in (truth.tmr_x, truth.tmr_z))
    low, high, largest = drive(*((end - zero[:, 0]) / unit[:, 0] for end in (-how.reach, how.reach)))
    asked = zero + unit * np.linspace(-largest, largest, points)
    x, z = answers(np.clip(asked, -how.reach, how.reach))
    return DeviceCurves(
        amplitude_x * x,
        amplitude_z * z,
        largest,
        low,
        high,
        np.ones(good.size),
        good + 1,
        noise_x,
        noise_z,
        levels,
    )


def _relative(tmr: Floats) -> Floats:
    """Half the relative swing of the conductance, TMR / (2 + TMR), over the median of all neurons."""
    amplitude = tmr / (2.0 + tmr)
    return amplitude / float(np.median(amplitude))


def _errors(truth: NeuronTruth, neurons: int, how: Measuring) -> tuple[Floats, Floats]:
    drawn = normals(truth.model.seed, Purpose.MEASURED_NEURON, 2 * neurons * how.points)
    x, z = drawn.reshape(2, neurons, how.points)
    return x, z
