"""Which lines to leave out: those whose cells are shorts, opens or stuck, as far as spare lines last."""

from __future__ import annotations

import itertools
import math

import numpy as np

from labmtj.records import Defect, DieMap, Ints

# chosen: a short in use costs more than all else together; an open or stuck cell errs by half a window or a whole one;
# a line that a short loads comes last.
_SHORT, _OTHER, _LOADED = 1000.0, 1.0, 0.01
_MOST = 20_000  # chosen: choices that are tried in 10 ms


def lines_to_use(die: DieMap, layer: tuple[int, int]) -> tuple[Ints, Ints]:
    """Rows and columns, from 0 and in their order, on which a layer of (inputs, device columns) meets least defects.

    All choices of rows to leave out are tried, each with the columns that are best then; on arrays with more choices
    than that, only of the rows that have most defects.
    """
    short = (die.defect == Defect.SHORT).astype(np.float64)
    cost = _SHORT * short + _OTHER * ((die.defect != Defect.NONE) & (die.defect != Defect.SHORT))
    rows = len(cost)
    left_out = rows - layer[0]
    by_defects = np.argsort(-cost.sum(axis=1), kind="stable")
    candidates = rows
    while candidates > left_out and math.comb(candidates, left_out) > _MOST:
        candidates -= 1
    choices = np.array(
        list(itertools.combinations(np.sort(by_defects[:candidates]).tolist(), left_out)), dtype=np.int64
    )
    used = np.ones((len(choices), rows))
    used[np.arange(len(choices))[:, np.newaxis], choices] = 0.0
    of_cols = used @ cost + _LOADED * short.sum(axis=0)
    best_cols = np.argsort(of_cols, axis=1, kind="stable")[:, : layer[1]]
    total = np.take_along_axis(of_cols, best_cols, axis=1).sum(axis=1) + _LOADED * used @ short.sum(axis=1)
    best = int(np.argmin(total))
    return np.flatnonzero(used[best]), np.sort(best_cols[best])
