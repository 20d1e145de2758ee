"""Compiles what a served bench needs before anybody waits for it.

The first solve, read and pulse in a fresh kernel cache take seconds of compilation, longer than the
time-out of most clients. They are made here on a die of their own, which nobody sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labmtj.physics.crossbar import solve_cells
from labmtj.physics.crossbar_plain import PlainCrossbar, pace_for
from labmtj.physics.variation import DieTruth
from labmtj.twin.chip_electrics import ChipElectrics
from labmtj.twin.electrics import Electrics
from labmtj.twin.hookup import GROUND, Connections, Contact, Hookup, OpenGates
from labmtj.twin.sources import Source
from labmtj.twin.state import DieState

if TYPE_CHECKING:
    from labmtj.twin.neuron_die import NeuronDie


def warm_up(truth: DieTruth | NeuronDie) -> None:
    """Solve driven, floating and limited networks of this size, read and pulse; of neurons nothing is compiled."""
    if not isinstance(truth, DieTruth):
        return
    model = truth.model
    if model.transistor is not None:
        _warm_up_chip(truth)
        return
    rows, cols = model.rows, model.cols
    cells: dict[str, Any] = {"r_wire": model.wire, "tmr0": truth.tmr, "v_h": model.v_h, "k_p": model.k_p}
    row_volts, col_volts = np.zeros(rows), np.full(cols, 0.05)
    # What only long wires, and only long sessions need.
    solve_cells(truth.initial, truth.r_p, row_volts, col_volts, **cells)
    array, at = PlainCrossbar(truth.initial, truth.r_p, **cells), np.zeros((rows, cols))
    array.iterate(at, pace_for(0.0), row_volts, col_volts, np.ones(rows), np.ones(cols), compiled=True)
    electrics = Electrics(truth, DieState(truth))
    driven, ground = (Contact(0, 1.0),), (Contact(GROUND, 1.0),)
    tied = Connections((driven, *(ground,) * (rows - 1 + cols)), 1)
    loose = Connections((driven, *((),) * (rows - 1), *(ground,) * cols), 1)
    for connections in (tied, loose):
        for limit in (1.0, 1e-6):
            hookup = Hookup(connections, (Source(0.05, limit),))
            electrics.hold(hookup, 1e-3)
            electrics.measure(hookup, 0, 1e-3)
    electrics.pulse(Hookup(tied, (Source(0.4, 1.0),)), 1e-4)
    electrics.rest(1.0)
    electrics.settle()


def _warm_up_chip(truth: DieTruth) -> None:
    """Read and pulse through a gate."""
    chip, gates = ChipElectrics(truth, DieState(truth)), OpenGates(1, 1, 1.0)
    lines = truth.model.rows // truth.model.kernels, truth.model.cols
    wired = Connections(((Contact(0, 1.0),),) * lines[0] + ((Contact(GROUND, 1.0),),) * lines[1], 1)
    for limit in (1.0, 1e-6):
        hookup = Hookup(wired, (Source(0.05, limit),), gates)
        chip.hold(hookup, 1e-3)
        chip.measure(hookup, 0, 1e-3)
    chip.pulse(Hookup(wired, (Source(0.1, 1.0),), gates), 1e-4)
    chip.settle()
