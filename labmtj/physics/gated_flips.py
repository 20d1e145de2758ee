"""How likely pulses flip cells with a transistor each: their hazards at voltages of the terminals, and one pulse shape.

A cell in a row with an open gate is pulsed by its column alone (Scheme.GATED): the row stands at 0 V, the column at
-V to write P and at +V to write AP. The junction gets what the transistor leaves of V, which is less towards AP, where
the node lies above ground and the gate's overdrive is less. What of a column's wire lies before the cell is in its
path; what the other cells of the row do to the row's wire is not here (gated_flips_kernels).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.physics.gated import gated_cell
from labmtj.physics.switching_cells import Switching
from labmtj.physics.switching_table import DELTA_COUNT, DELTA_FIRST, DELTA_STEP, DRIVE_LIMIT
from labmtj.physics.transistor import Transistor
from labmtj.physics.variation import DieModel, DieTruth
from labmtj.records import Floats, State

LEAST_LOG = -60.0
"""ln H of cells that a pulse leaves alone: 1e-26."""
_TURNS = 3  # of the current through the column's wire: each brings two digits


@dataclass(frozen=True, eq=False)
class GatedDevices:
    """Devices that pulses reach through their transistors; arrays of one shape.

    `r_p` [ohm], `tmr`, `v_c0` [V] of AP->P, `delta`, `stray_field`, `threshold` [V] as in `DieTruth`; `wire` [ohm] is
    the column's between the cell and its terminal. `model` has what they share, `rail` [V] is the open gate's.
    """

    r_p: Floats
    tmr: Floats
    v_c0: Floats
    delta: Floats
    stray_field: Floats
    threshold: Floats
    wire: Floats
    model: DieModel
    rail: float

    @classmethod
    def of(cls, truth: DieTruth, *, rail: float) -> GatedDevices:
        """All cells of a die, (rows, cols). Raises InputError for a die without transistors."""
        model = truth.model
        threshold = (
            np.full(truth.r_p.shape, transistor(model).threshold) if truth.threshold is None else truth.threshold
        )
        height = model.rows // model.kernels
        segments: Floats = (height - np.arange(model.rows) % height).astype(np.float64)
        wire: Floats = np.broadcast_to(model.wire * segments[:, np.newaxis], truth.r_p.shape)
        return cls(
            truth.r_p, truth.tmr, truth.v_c0, _held(truth.delta), truth.stray_field, threshold, wire, model, rail
        )

    @classmethod
    def nominal(cls, model: DieModel, *, rail: float) -> GatedDevices:
        """One device without spread in the middle of a column, (1,). Raises InputError as `of`."""
        middle = 0.5 * model.wire * (model.rows // model.kernels + 1)
        resistance, threshold = model.resistance_area / model.area, transistor(model).threshold
        one = [np.array([value]) for value in (resistance, model.tmr, model.v_c0, model.delta, model.stray_field)]
        r_p, tmr, v_c0, delta, field = one
        return cls(r_p, tmr, v_c0, delta, field, np.array([threshold]), np.array([middle]), model, rail)

    def junction(self, volts: Floats, towards: State, *, state: State | None = None) -> tuple[Floats, Floats]:
        """Voltage of the junctions [V] and current [A], magnitudes, at `volts` > 0 [V] of the column towards a state.

        `volts` has the devices' shape; devices are in `state`, else in the other than they are written to.
        """
        sign, now = (
            self.model.sign * (-1.0 if towards is State.P else 1.0),
            int(towards.other if state is None else state),
        )
        current = np.zeros(np.broadcast_shapes(volts.shape, self.r_p.shape))
        cell_v = current
        for _ in range(_TURNS):
            found = gated_cell(
                now, self.r_p, v_row=0.0, v_col=sign * (volts - current * self.wire), gate=self.rail,
                tmr=self.tmr, v_h=self.model.v_h, k_p=self.model.k_p, transistor=transistor(self.model),
                v_t=self.threshold,
            )  # fmt: skip
            cell_v, current = np.abs(found.cell_v), np.abs(found.cell_i)
        return cell_v, current

    def log_hazard(self, volts: Floats, *, towards: State, width: float) -> Floats:
        """Ln H of pulses at `volts` > 0 [V] of the column, (of the devices' shape): P = 1 - exp(-H).

        The voltages write `towards`, from the other state.
        """
        model, cell_v = self.model, self.junction(volts, towards)[0]
        if towards is State.P:
            drive = cell_v / self.v_c0 + self.stray_field
        else:
            drive = cell_v / (self.v_c0 * model.v_c0_ratio) - self.stray_field
        flat = np.clip(drive, 0.0, DRIVE_LIMIT).ravel()
        law = Switching(np.broadcast_to(self.delta, drive.shape).ravel(), tau_d=model.tau_d)
        with np.errstate(divide="ignore"):
            found = np.log(law.hazards(flat, width=width)).reshape(drive.shape)
        return np.maximum(found, LEAST_LOG)

    def matched(self, volts: float, log_hazard: float, *, towards: State, width: float) -> Floats:
        """Factor on `volts` [V] at which each device has this ln H; the devices' shape.

        A factor of 16 is halved twelve times, with a straight line in what is left: to 1e-3 in ln H. A device that does
        not get there, such as a short, has one end of it.
        """
        low = np.full(self.r_p.shape, np.log(0.25))
        high = np.full(self.r_p.shape, np.log(4.0))
        for _ in range(12):  # chosen: 16 ** (1 / 4096) is 7e-4
            middle = 0.5 * (low + high)
            above = self.log_hazard(volts * np.exp(middle), towards=towards, width=width) > log_hazard
            high, low = np.where(above, middle, high), np.where(above, low, middle)
        ends = [self.log_hazard(volts * np.exp(end), towards=towards, width=width) for end in (low, high)]
        rise = np.where(ends[1] > ends[0], ends[1] - ends[0], 1.0)
        return np.exp(low + (high - low) * np.clip((log_hazard - ends[0]) / rise, 0.0, 1.0))


def transistor(model: DieModel) -> Transistor:
    """The transistor of every cell. Raises InputError for a die without."""
    if model.transistor is None:
        raise InputError("a die without transistors has no gated devices: take one of chip_model")
    return model.transistor


def _held(delta: Floats) -> Floats:
    """As in the twin: a barrier outside the table switches like the table's end."""
    return np.clip(delta, DELTA_FIRST, DELTA_FIRST + DELTA_STEP * (DELTA_COUNT - 1))


@dataclass(frozen=True, eq=False)
class PulseShape:
    """Voltages of one pulse shape over the probability that is asked for, in both directions.

    `volts` (2, nodes) [V], towards P and towards AP, at `nodes` values of ln P evenly from ln `least` to 0, where P is
    held at `most`. `watts` (2, 2, nodes) is what a nominal cell takes up at them, by direction and bit (1 is P).
    """

    least: float
    most: float
    width: float
    volts: Floats
    watts: Floats

    @property
    def step(self) -> float:
        """Between two nodes, in ln P."""
        return -float(np.log(self.least)) / (self.volts.shape[1] - 1)


def pulse_shape(
    model: DieModel, *, rail: float, width: float, least: float, most: float = 0.999, nodes: int = 512
) -> PulseShape:
    """The shape for the device without spread: the inverse of the switching law, to 1e-3 in P.

    Raises InputError where no voltage up to what the gate's rail leaves gives `most`.
    """
    device = GatedDevices.nominal(model, rail=rail)
    asked = np.minimum(np.exp(np.linspace(math.log(least), 0.0, nodes)), most)
    wanted = np.log(-np.log1p(-asked))
    trial = np.linspace(1e-3, rail, 4000)
    volts, watts = np.empty((2, nodes)), np.empty((2, 2, nodes))
    for place, towards in enumerate((State.P, State.AP)):
        found: Floats = np.maximum.accumulate(device.log_hazard(trial, towards=towards, width=width))
        if not found[-1] > wanted[-1]:
            raise InputError(
                f"a pulse of {width:g} s gives P = {most:g} towards {towards.name} at no voltage up to the gate's "
                f"rail of {rail:g} V: take longer pulses or a higher rail"
            )
        volts[place] = np.interp(wanted, found + 1e-12 * np.arange(found.size), trial)
        for bit, state in enumerate((State.AP, State.P)):
            watts[place, bit] = volts[place] * device.junction(volts[place], towards, state=state)[1]
    return PulseShape(least, most, width, volts, watts)
