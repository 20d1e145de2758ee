"""The steps of crossbar_plain, compiled: the same operations in the same order, so the same numbers to the last bit."""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np

from labmtj.physics.jit import jit
from labmtj.records import Floats


@jit
def iterate(
    v: Floats,
    pace: Floats,
    rows: Floats,
    cols: Floats,
    near_w: Floats,
    near_b: Floats,
    siemens: Floats,
    bend: Floats,
    tmr: Floats,
    curve: float,
    r: float,
) -> None:
    """Take the steps of `pace` (steps, 2) from the cell voltages `v`, in place."""
    shape = v.shape
    step, w, below = np.zeros(shape), np.empty(shape), np.empty(shape)
    current, b = np.empty(shape[1]), np.empty(shape[1])
    for turn in range(pace.shape[0]):
        keep, move = pace[turn, 0], pace[turn, 1]
        for row in range(shape[0]):
            for col in range(shape[1]):
                squared = v[row, col] * v[row, col]
                rise = squared * curve + 1.0
                law = (squared * bend[row, col] + 1.0) * rise
                current[col] = law / (rise + tmr[row, col]) * v[row, col] * siemens[row, col]
                below[row, col] = below[row - 1, col] + current[col] if row > 0 else current[col]
            flow = current[shape[1] - 1]
            w[row, shape[1] - 1] = flow
            for back in range(1, shape[1]):
                col = shape[1] - 1 - back
                flow += current[col]
                w[row, col] = flow
            drop = near_w[row] * flow
            w[row, 0] = rows[row] - drop
            for col in range(1, shape[1]):
                drop += w[row, col] * r
                w[row, col] = rows[row] - drop
        for back in range(shape[0]):
            row = shape[0] - 1 - back
            for col in range(shape[1]):
                b[col] = b[col] + below[row, col] * r if back > 0 else near_b[col] * below[row, col]
                change = step[row, col] * keep + (w[row, col] - (cols[col] + b[col]) - v[row, col]) * move
                step[row, col] = change
                v[row, col] += change
