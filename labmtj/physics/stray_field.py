"""Stray fields of neighbours: each cell's free layer acts on the eight around it.

A magnetised layer's field in its own plane points against its moment and falls as 1 / r^3. A neighbour in P
(its moment along the common direction of the reference layers) so drives a cell towards AP, one in AP
towards P; at the distance sqrt(2) of a diagonal neighbour with 2^-1.5 of the strength (derived: point dipoles on
a square grid). The reference layers' fields do not change and are part of the die's common stray field.
The pattern of the neighbourhood matters for switching and retention: Wu et al. 2020, arXiv 2011.11349, who find
a spread of 2 % of the coercive field to be harmless.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labmtj.records import Floats, State

_DIAGONAL = 2.0**-1.5


def neighbour_field(state: ArrayLike, *, each: float) -> Floats:
    """Shift of the stray field h of every cell by its neighbours, shape (rows, cols), positive favouring P.

    `state` has shape (rows, cols); `each` is what one neighbour at the distance of one cell adds when it is in
    AP and takes away when it is in P, in units of the anisotropy field. What is beyond the border adds nothing.
    """
    moment = np.where(np.asarray(state) == State.AP, each, -each)
    padded = np.pad(moment, 1)
    beside = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    across = padded[:-2, :-2] + padded[:-2, 2:] + padded[2:, :-2] + padded[2:, 2:]
    return beside + _DIAGONAL * across
