"""What is known of chips as a whole: pairs of conductances as they were measured, and how often cells are defective."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.nets.chips.cells import ChipCells, Mask
from labmtj.nets.chips.network import Floats32
from labmtj.records import ChipMaps, Defect, Floats

POOL = 1 << 16
"""Cells that a statistics is made of: what 16 random bits choose from. chosen: a rate of 1e-4 is still 7 of them."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """`off` and `on` (POOL,) [windows] of typical cells; `window` [S].

    Stuck cells stand after good ones, opens from `first_open` on, shorts from `first_short` on. `rates` are the shares
    of shorts, opens and stuck cells.
    """

    off: Floats32
    on: Floats32
    first_open: int
    first_short: int
    window: float
    rates: tuple[float, float, float]

    @staticmethod
    def of(maps: ChipMaps, *, shorts: float = 1.0, opens: float = 1.0, stuck: float = 1.0, seed: int = 0) -> Statistics:
        """Estimated from measured chips, each kind of defect as many times as frequent as on them.

        Cells of each kind are resampled from the measured ones of all chips, G_P and G_AP of a cell together. Raises
        InputError for shares above 1, for a kind that was not seen and is wanted, and for maps without a good cell.
        """
        kinds = Defect.SHORT, Defect.OPEN, Defect.STUCK
        seen = [np.count_nonzero(maps.defect == int(kind)) / maps.defect.size for kind in kinds]
        wanted = [share * times for share, times in zip(seen, (shorts, opens, stuck), strict=True)]
        if min(wanted) < 0.0 or sum(wanted) >= 1.0:
            raise InputError(f"shares of shorts, opens and stuck cells of {wanted}: they must be in 0..1 together")
        counts = [round(share * POOL) for share in wanted]
        random = np.random.RandomState(seed)
        short, broken, other = (_drawn(maps, kind, count, random) for kind, count in zip(kinds, counts, strict=True))
        cells = np.concatenate([_drawn(maps, Defect.NONE, POOL - sum(counts), random), other, broken, short])
        window = maps.window
        off, on = maps.g_ap.ravel()[cells] / window, (maps.g_p - maps.g_ap).ravel()[cells] / window
        share = counts[0] / POOL, counts[1] / POOL, counts[2] / POOL
        return Statistics(
            off.astype(np.float32), on.astype(np.float32), POOL - counts[0] - counts[1], POOL - counts[0], window, share
        )

    def draw(
        self, chips: int, shapes: tuple[tuple[int, int], ...], *, mask: Mask = Mask.NONE, seed: int = 0
    ) -> ChipCells:
        """Devices of chips with these statistics; every cell by itself, so nothing is left of wires and neighbours."""
        random = np.random.RandomState(seed)
        off: list[Floats32] = []
        on: list[Floats32] = []
        for inputs, outputs in shapes:
            cells = random.randint(0, POOL, (chips, inputs, outputs, 2))
            kept = np.ones((chips, inputs, outputs, 1), dtype=np.float32)
            if mask is Mask.DEFECTS:
                kept = np.all(cells < self.first_open, axis=-1, keepdims=True).astype(np.float32)
            off.append(self.off[cells] * kept)
            on.append(self.on[cells] * kept)
        return ChipCells(tuple(off), tuple(on))

    @property
    def short(self) -> Floats:
        """What shorts conduct [S]."""
        return self.off[self.first_short :].astype(np.float64) * self.window


def _drawn(maps: ChipMaps, kind: Defect, count: int, random: np.random.RandomState) -> NDArray[np.int64]:
    """Numbers of measured cells of a kind, drawn with replacement, among those whose conductance is known."""
    known = np.isfinite(maps.g_p) & np.isfinite(maps.g_ap)
    there = np.flatnonzero(((maps.defect == int(kind)) & known).ravel())
    if count and not there.size:
        raise InputError(f"none of the chips {', '.join(maps.names)} has a cell of kind {kind.name.lower()}")
    return there[random.randint(0, max(1, there.size), count)] if count else np.zeros(0, dtype=np.int64)
