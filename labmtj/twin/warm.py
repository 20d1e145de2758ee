"""Compiles what a served bench needs before anybody waits for it.

The first solve, read and pulse in a fresh kernel cache take seconds of compilation, longer than the
time-out of most clients. They are made here on a die of their own, which nobody sees.
"""

from __future__ import annotations

import numpy as np

from labmtj.physics.crossbar import solve_cells
from labmtj.physics.variation import DieTruth
from labmtj.twin.electrics import Electrics
from labmtj.twin.hookup import GROUND, Connections, Contact, Hookup
from labmtj.twin.sources import Source
from labmtj.twin.state import DieState


def warm_up(truth: DieTruth) -> None:
    """Solve driven, floating and limited networks of this size, read and pulse."""
    model = truth.model
    solve_cells(  # what driven arrays on long wires need; the others are not compiled
        truth.initial, truth.r_p, np.zeros(model.rows), np.full(model.cols, 0.05),
        r_wire=model.wire, tmr0=truth.tmr, v_h=model.v_h, k_p=model.k_p,
    )  # fmt: skip
    electrics = Electrics(truth, DieState(truth))
    rows, cols = model.rows, model.cols
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
