"""What time at rest does to copies: cells that leave their states by themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.physics.chance import Purpose
from labmtj.physics.lockstep_copies_kernels import Aging, Hidden, rest_all, thresholds
from labmtj.physics.lockstep_kernels import locate_all
from labmtj.physics.mtj import LINEAR
from labmtj.physics.switching_cells import Switching
from labmtj.physics.switching_table import DELTA_COUNT, DELTA_FIRST, DELTA_STEP
from labmtj.records import Defect, Floats, State
from labmtj.studies.records import PreparedDie, WrittenLayer


def aged(prepared: PreparedDie, layer: WrittenLayer, seconds: float) -> NDArray[np.int8]:
    """Hidden states of copies, (networks, rows, cols), after `seconds` at rest from when `layer` had been written.

    With the twin's random numbers: a copy that is left alone for so long is in these states.
    """
    if layer.exposure is None:
        raise InputError("a layer that a real bench has written ages on that bench: read it again")
    truth = prepared.truth
    model, shape = truth.model, layer.state.shape
    copies, cells = int(shape[0]), truth.delta.size
    last = DELTA_FIRST + DELTA_STEP * (DELTA_COUNT - 1)
    switching = Switching(np.clip(truth.delta.ravel(), DELTA_FIRST, last), tau_d=model.tau_d)
    field, moves = truth.stray_field.ravel(), truth.defect.ravel() == Defect.NONE
    resting: Floats = np.zeros((3, field.size))
    resting[State.P] = np.where(moves, switching.rates(-field), 0.0)
    resting[State.AP] = np.where(moves, switching.rates(field), 0.0)
    located = np.empty((1, field.size), np.uint64)
    locate_all(np.array([model.seed]), int(Purpose.EXPOSURE), located)
    aging = Aging(resting, np.zeros((3, field.size, 1)), 1.0, True, located[0])
    hidden = Hidden(
        layer.state.reshape(copies, cells).copy(), layer.exposure.hazard.reshape(copies, cells).copy(),
        layer.exposure.flips.reshape(copies, cells).copy(), np.empty((copies, cells)), np.zeros((1, 1)),
        np.zeros(copies), np.zeros(copies, np.uint64), np.zeros((1, 1), np.int64), np.zeros((1, 2), np.int64),
    )  # fmt: skip
    thresholds(located[0], hidden.flips, hidden.threshold)
    rest_all(hidden, aging, np.arange(copies), np.full(copies, seconds))
    return np.where(layer.state == LINEAR, LINEAR, hidden.state.reshape(shape)).astype(np.int8)
