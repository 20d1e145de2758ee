"""Where the layers of every network of a study lie on one mapped die."""

from __future__ import annotations

import enum

import numpy as np

from labmtj.nets.placement import avoid_defects, identity
from labmtj.nets.placing.moments import Moments
from labmtj.nets.placing.optimise import optimise
from labmtj.nets.stack import NetworkStack
from labmtj.records import DieMap, Floats
from labmtj.studies.records import Places


class Place(enum.StrEnum):
    """Ways to choose lines: the first ones, those with the best cells, or the best for each network.

    For `optimise` a study judges the best lines and those of `avoid_defects` by what the map says of the outputs after
    tuning (`Bed.place`): where wires take much, how cells load each other counts for more than what single cells lack.
    """

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


def better_of(
    first: tuple[Places, ...], second: tuple[Places, ...], errors: tuple[Floats, Floats]
) -> tuple[Places, ...]:
    """The places of each network for which less `errors` (networks,) are expected; the first ones where they tie."""
    second_is_better = (errors[1] < errors[0])[:, np.newaxis]
    return tuple(
        Places(
            np.where(second_is_better, other.rows, one.rows),
            np.where(second_is_better, other.cols, one.cols),
        )
        for one, other in zip(first, second, strict=True)
    )
