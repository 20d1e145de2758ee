"""Measures of a whole study: the plateau of the scale, and how bad the bad dies are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.records import Floats, Ints


def plateau_width(correct: Ints, scales: Floats) -> Floats:
    """Width of the widest run of scales with the most right samples, (networks,), over the scale in its middle.

    `correct` (networks, scales) counts right training samples at each of `scales`, in rising order. One scale alone
    is as wide as the step.
    """
    best = correct == correct.max(axis=1, keepdims=True)
    run = np.zeros(correct.shape, dtype=np.int64)
    run[:, 0] = best[:, 0]
    for place in range(1, correct.shape[1]):
        run[:, place] = (run[:, place - 1] + 1) * best[:, place]
    last = np.argmax(run, axis=1)
    first = last - run[np.arange(len(run)), last] + 1
    step = float(np.mean(np.diff(scales)))
    return (scales[last] - scales[first] + step) / (0.5 * (scales[last] + scales[first]))


@dataclass(frozen=True, eq=False)
class AcrossDies:
    """Accuracy of each network over dies, (networks,): `mean`, `worst`, and `cvar`, the mean of the worst share."""

    mean: Floats
    worst: Floats
    cvar: Floats


def across_dies(accuracy: Floats, *, share: float = 0.2) -> AcrossDies:
    """Of accuracy (networks, dies): the mean, the worst die, and the conditional value at risk.

    The latter is the mean over the worst `share` of the dies, at least one, the die at the edge counted in part
    (Rockafellar and Uryasev 2002, doi:10.1016/S0378-4266(02)00271-6).
    """
    ordered = np.sort(accuracy, axis=1)
    dies = ordered.shape[1]
    portion = max(share * dies, 1.0)
    weight = np.clip(portion - np.arange(dies, dtype=np.float64), 0.0, 1.0) / portion
    return AcrossDies(ordered.mean(axis=1), ordered[:, 0], ordered @ weight)
