"""Compiled least squares: row gains, column gains and offsets that bring a copy's layer closest to software's."""

from __future__ import annotations

import numpy as np

from labmtj.physics.jit import jit
from labmtj.records import Floats


@jit
def moments(inputs: Floats, aims: Floats, care: Floats, mean: Floats, aim: Floats, cov: Floats, cross: Floats) -> None:
    """Weighted moments of one copy's layer, a set for each output, since each has its own weights `care`.

    `inputs` (samples, inputs), `aims` and `care` (samples, outputs). Into `mean` (outputs, inputs), `aim`
    (outputs,), `cov` (outputs, inputs, inputs) and `cross` (outputs, inputs): means of inputs and aims, covariance
    of the inputs, and of inputs with the aim; sums over care, so an output that matters more counts more.
    """
    samples, count = inputs.shape
    centred = np.empty((samples, count))
    scaled = np.empty((samples, count))
    for o in range(aims.shape[1]):
        weight = care[:, o].sum()
        aim[o] = (care[:, o] * aims[:, o]).sum() / weight
        for i in range(count):
            mean[o, i] = (care[:, o] * inputs[:, i]).sum() / weight
        for s in range(samples):
            for i in range(count):
                centred[s, i] = inputs[s, i] - mean[o, i]
                scaled[s, i] = care[s, o] * centred[s, i]
        cov[o] = scaled.T @ centred
        cross[o] = scaled.T @ (aims[:, o] - aim[o])


@jit
def alternate(
    weights: Floats, cov: Floats, cross: Floats, rows: Floats, gain: Floats, ridge: float, rounds: int
) -> None:
    """Row gains and column gains in turn, each the best for the other, of one copy's layer; into `rows`, `gain`.

    Least squares of sum_o care (x . (rows weights_o) gain_o - aim_o)^2 over centred inputs x, both gains from zero
    up, with a ridge that draws the rows to 1: `ridge` times the mean of the first normal matrix' diagonal. `weights`
    (inputs, outputs). At the end the largest row gain is 1: a row cannot be driven above the read voltage.
    """
    inputs, outputs = weights.shape
    normal = np.empty((inputs, inputs))
    right = np.empty(inputs)
    rows[:] = 1.0
    penalty = 0.0
    for turn in range(rounds):
        _columns(weights, cov, cross, rows, gain)
        for i in range(inputs):
            right[i] = 0.0
            for o in range(outputs):
                right[i] += gain[o] * weights[i, o] * cross[o, i]
            for j in range(i + 1):
                total = 0.0
                for o in range(outputs):
                    total += gain[o] * gain[o] * weights[i, o] * weights[j, o] * cov[o, i, j]
                normal[i, j] = total
                normal[j, i] = total
        if turn == 0:
            penalty = ridge * np.trace(normal) / inputs + 1e-300
        for _ in range(2):
            for i in range(inputs):
                slope = right[i] + penalty
                for j in range(inputs):
                    if j != i:
                        slope -= normal[i, j] * rows[j]
                rows[i] = max(0.0, slope / (normal[i, i] + penalty))
    largest = rows.max()
    if largest > 0.0:
        rows /= largest
    else:
        rows[:] = 1.0
    _columns(weights, cov, cross, rows, gain)


@jit
def _columns(weights: Floats, cov: Floats, cross: Floats, rows: Floats, gain: Floats) -> None:
    inputs, outputs = weights.shape
    for o in range(outputs):
        above, below = 0.0, 0.0
        for i in range(inputs):
            held = rows[i] * weights[i, o]
            above += held * cross[o, i]
            for j in range(inputs):
                below += held * cov[o, i, j] * rows[j] * weights[j, o]
        gain[o] = max(0.0, above / below) if below > 0.0 else 0.0
