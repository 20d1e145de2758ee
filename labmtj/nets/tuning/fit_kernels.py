"""Compiled least squares: row gains, column gains and offsets that bring a copy's layer closest to software's."""

from __future__ import annotations

import numpy as np

from labmtj.physics.jit import jit
from labmtj.records import Floats, Ints

SUSPECTS = 4
"""Most rows that are tried with and without. chosen: 16 starts; a layer with more shorted rows is no copy any more."""


@jit
def alternate(
    weights: Floats,
    cov: Floats,
    cross: Floats,
    ridge: float,
    rounds: int,
    suspects: Ints,
    rows: Floats,
    gain: Floats,
    tried: Floats,
    normal: Floats,
) -> float:
    """Row gains and column gains in turn, each the best for the other, of one copy's layer; into `rows`, `gain`.

    Least squares of sum_o care (x . (rows weights_o) gain_o - aim_o)^2 over centred inputs x, both gains from zero
    up, with a ridge that draws the rows to 1: `ridge` times the mean of the first normal matrix' diagonal. `weights`
    (inputs, outputs), `cov` (outputs, inputs, inputs), `cross` (outputs, inputs). The largest row gain is 1 at the
    end: a row cannot be driven above the read voltage.

    A short leaves two ways out, without its row or without its column, and a fit that goes down finds the nearer. So
    it begins anew with and without each of the rows of `suspects`, at most `SUSPECTS`, and the best end is kept.
    `tried` (inputs + outputs,) and `normal` (inputs + 1, inputs) are room. Returns the sum of squares, less what it
    is without any weight.
    """
    inputs, outputs = weights.shape
    least = np.inf
    for start in range(2 ** len(suspects)):
        for i in range(inputs):
            tried[i] = 1.0
        for n in range(len(suspects)):
            if start >> n & 1:
                tried[suspects[n]] = 0.0
        penalty, left = 0.0, 0.0
        for turn in range(rounds + 1):
            if turn == rounds:
                largest = 0.0
                for i in range(inputs):
                    largest = max(largest, tried[i])
                for i in range(inputs):
                    tried[i] = tried[i] / largest if largest > 0.0 else 1.0
            left = 0.0
            for o in range(outputs):
                above, below = 0.0, 0.0
                for i in range(inputs):
                    held = tried[i] * weights[i, o]
                    above += held * cross[o, i]
                    for j in range(inputs):
                        below += held * cov[o, i, j] * tried[j] * weights[j, o]
                found = max(0.0, above / below) if below > 0.0 else 0.0
                tried[inputs + o] = found
                left += found * (found * below - 2.0 * above)
            if turn == rounds:
                break
            for i in range(inputs):
                total = 0.0
                for o in range(outputs):
                    total += tried[inputs + o] * weights[i, o] * cross[o, i]
                normal[inputs, i] = total
                for j in range(i + 1):
                    total = 0.0
                    for o in range(outputs):
                        total += tried[inputs + o] ** 2 * weights[i, o] * weights[j, o] * cov[o, i, j]
                    normal[i, j] = total
                    normal[j, i] = total
            if turn == 0:
                for i in range(inputs):
                    penalty += ridge * normal[i, i] / inputs
                penalty += 1e-300
            for _ in range(2):
                for i in range(inputs):
                    slope = normal[inputs, i] + penalty
                    for j in range(inputs):
                        if j != i:
                            slope -= normal[i, j] * tried[j]
                    tried[i] = max(0.0, slope / (normal[i, i] + penalty))
        if left < least:
            least = left
            for i in range(inputs):
                rows[i] = tried[i]
            for o in range(outputs):
                gain[o] = tried[inputs + o]
    return least
