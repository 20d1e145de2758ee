"""Where the layers of every network of a study lie on one mapped die."""

from __future__ import annotations

import enum

import numpy as np

from labmtj.nets.placement import avoid_defects, identity
from labmtj.nets.placing.moments import Moments
from labmtj.nets.placing.optimise import optimise
from labmtj.nets.stack import NetworkStack
from labmtj.records import DieMap
from labmtj.studies.records import Places


class Place(enum.StrEnum):
    """Ways to choose lines: the first ones, those with the best cells, or the best for each network."""

    IDENTITY = "identity"
    AVOID_DEFECTS = "avoid_defects"
    OPTIMISE = "optimise"


def place(die: DieMap, stack: NetworkStack, *, how: Place, moments: tuple[Moments, ...]) -> tuple[Places, ...]:
    """Lines of each layer of each network. Raises PlacementError for a layer that does not fit on the die."""
    found: list[Places] = []
    for devices, known in zip(stack.devices, moments, strict=True):
        if how is Place.OPTIMISE:
            best = optimise(die, devices, known)
            found.append(Places(best.rows, best.cols))
            continue
        shape = devices.shape[1], devices.shape[2]
        one = identity(shape) if how is Place.IDENTITY else avoid_defects(die, shape)
        rows, cols = (np.array(lines, dtype=np.int64) - 1 for lines in (one.rows, one.cols))
        found.append(Places(np.tile(rows, (len(stack), 1)), np.tile(cols, (len(stack), 1))))
    return tuple(found)
