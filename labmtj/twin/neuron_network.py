"""What flows through neurons whose terminals hang on sources behind resistances: each neuron by itself, all at once.

A neuron has three nodes, its x, z and common terminal, and two currents, through its x and its z junction. Into each
node flows what its contacts let through from the level behind them; the currents are those that the junctions take at
their volts with the free layer where these very currents turn it. Newton's method for the five of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labmtj.errors import SolveError
from labmtj.records import Floats
from labmtj.twin.neuron_device import NeuronDevice

_INSULATION = 1e-12  # [S] chosen: from a line to ground through whatever it lies on; a line on nothing else is at 0 V
_CLOSE, _ROUNDING = 1e-12, 1e-15  # of the largest current, and of those of shorts: how well currents must add up
_TRIES = 60
# The currents out of the three nodes, of those through the x and the z junction, and volts of junctions, of nodes.
_LEAVING = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])


class Solved(NamedTuple):
    """Volts of terminals (3, neurons): x, z, common; of junctions and amperes through them (2, neurons): x, z.

    `lack` is what the currents lack, of the largest of them.
    """

    terminals: Floats
    volts: Floats
    amperes: Floats
    lack: float


def solve(device: NeuronDevice, driven: Floats, siemens: Floats) -> Solved:
    """Where the neurons stand, with terminals (3, neurons) behind `siemens` [S] in all that would give `driven` [A].

    Raises SolveError if the currents do not come to add up.
    """
    total, count = siemens + _INSULATION, driven.shape[1]
    at = driven / total
    amperes = device.ohmic(_LEAVING.T @ at)
    system = np.zeros((count, 5, 5))
    system[:, [0, 1, 2], [0, 1, 2]] = total.T
    system[:, :3, 3:] = _LEAVING
    scale, largest, rounding = 0.0, 0.0, _ROUNDING * float(np.abs(driven).max(initial=0.0))
    for _ in range(_TRIES):
        volts = _LEAVING.T @ at
        law = device.law(volts, amperes)
        lack = np.concatenate([driven - total * at - _LEAVING @ amperes, law.amperes - amperes])
        scale, largest = float(np.abs(amperes).max(initial=0.0)), float(np.abs(lack).max(initial=0.0))
        if largest <= _CLOSE * scale + rounding:
            return Solved(at, volts, amperes, largest / scale if scale else 0.0)
        for junction in (0, 1):
            system[:, 3 + junction, :3] = -law.by_volts[junction][:, np.newaxis] * _LEAVING[:, junction]
            system[:, 3 + junction, 3:] = np.eye(2)[junction] - law.by_current[junction].T
        step = np.linalg.solve(system, lack.T[:, :, np.newaxis])[:, :, 0].T
        at, amperes = at + step[:3], amperes + step[3:]
    raise SolveError(f"the currents of {count} neurons do not add up: {largest:g} A of {scale:g} A are left")
