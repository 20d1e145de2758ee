"""Compiled counts of samples that are classified right at each of many scales."""

from __future__ import annotations

import numpy as np

from labmtj.physics.jit import jit, jit_apart
from labmtj.records import Floats, Ints


@jit_apart
def _sums(hidden: Floats, weights: Floats, out: Floats) -> None:
    """Into `out` (classes, samples): hidden (inputs, samples) times weights (inputs, classes)."""
    inputs, classes = weights.shape
    samples = hidden.shape[1]
    for c in range(classes):
        for sample in range(samples):
            out[c, sample] = hidden[0, sample] * weights[0, c]
        for i in range(1, inputs):
            for sample in range(samples):
                out[c, sample] += hidden[i, sample] * weights[i, c]


@jit_apart
def count_right(hidden: Floats, weights: Floats, bias: Floats, scales: Floats, labels: Ints, right: Ints) -> None:
    """Into `right` (scales,): samples whose label has the highest score hidden @ weights / scale + bias.

    `hidden` (scales, inputs, samples), `weights` (inputs, classes); of equal scores the first counts.
    """
    classes, samples = weights.shape[1], len(labels)
    scores, best, which = np.empty((classes, samples)), np.empty(samples), np.empty(samples, np.int64)
    for k in range(len(scales)):
        inverse = 1.0 / scales[k]
        _sums(hidden[k], weights, scores)
        best[:], which[:] = -np.inf, 0
        for c in range(classes):
            for sample in range(samples):
                score = scores[c, sample] * inverse + bias[c]
                higher = score > best[sample]
                best[sample] = score if higher else best[sample]
                which[sample] = c if higher else which[sample]
        found = 0
        for sample in range(samples):
            found += which[sample] == labels[sample]
        right[k] = found


@jit_apart
def count_each(hidden: Floats, weights: Floats, bias: Floats, scales: Floats, labels: Ints, right: Ints) -> None:
    """As `count_right`, with every scale of the last layer for each one before: `right` (scales before, scales last).

    The label y beats class c where (a_y - a_c) + (bias_y - bias_c) f > 0, a being the product: each sample is right
    on one interval of the scale f, so no score is computed at all. `scales` are evenly spaced.
    """
    classes, samples, count = weights.shape[1], len(labels), len(scales)
    products = np.empty((classes, samples))
    low, high = np.empty(samples), np.empty(samples)
    steps = np.empty(count + 1, np.int64)
    start, per = scales[0], (count - 1) / (scales[count - 1] - scales[0]) if count > 1 else 1.0
    for k in range(count):
        _sums(hidden[k], weights, products)
        low[:], high[:] = 0.0, scales[count - 1] + 1.0
        for sample in range(samples):
            y = labels[sample]
            for c in range(classes):
                if c != y:
                    lead, slope = products[y, sample] - products[c, sample], bias[y] - bias[c]
                    if slope > 0.0:
                        low[sample] = max(low[sample], -lead / slope)
                    elif slope < 0.0:
                        high[sample] = min(high[sample], -lead / slope)
                    elif lead <= 0.0:
                        high[sample] = -1.0
        steps[:] = 0
        for sample in range(samples):
            first = int(np.ceil(min(max((low[sample] - start) * per, 0.0), float(count))))
            last = int(np.ceil(min(max((high[sample] - start) * per, 0.0), float(count))))
            if first < last:
                steps[first] += 1
                steps[last] -= 1
        found = 0
        for j in range(count):
            found += steps[j]
            right[k, j] = found


@jit
def largest_square(right: Ints) -> tuple[int, int]:
    """Middle of the largest square of the highest count in a table; the first of equally large, by rows."""
    highest = right.max()
    rows, cols = len(right), len(right[0])
    before = np.zeros(cols, np.int64)
    side, row, col = 0, 0, 0
    for i in range(rows):
        corner = 0  # of the cell above and to the left
        for j in range(cols):
            above = before[j]
            if right[i, j] == highest:
                left = before[j - 1] if j > 0 else 0
                before[j] = 1 + min(above, left, corner)
            else:
                before[j] = 0
            corner = above
            if before[j] > side:
                side, row, col = before[j], i, j
    return row - side // 2, col - side // 2
