"""What the solvers of a crossbar return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats


@dataclass(frozen=True)
class Solution:
    """Operating point of a crossbar; voltages [V] and currents [A], (rows, cols), (rows,) or (cols,).

    For a batch every field has a leading axis, `kcl` too.

    `w`, `b` are the word line and bit line nodes at each cell, `cell_v` = w - b, `cell_i` from word line to
    bit line; `i_row` flows into the array, `i_col` out of it. `kcl` is the largest sum of currents at a node
    over the largest current of a terminal. `limited_row`, `limited_col` mark terminals in compliance; their
    voltage is w[:, 0] + i_row (r_wire + r_row), or b[-1] - i_col (r_wire + r_col).
    """

    w: Floats
    b: Floats
    i_row: Floats
    i_col: Floats
    cell_v: Floats
    cell_i: Floats
    kcl: float | Floats
    limited_row: NDArray[np.bool_]
    limited_col: NDArray[np.bool_]
