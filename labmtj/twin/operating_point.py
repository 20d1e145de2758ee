"""What a solved network of the simulated array is, and what is worked out for it once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from labmtj.records import Floats
from labmtj.twin.hookup import Hookup
from labmtj.twin.readings import View
from labmtj.twin.sources import Source, Standing


class Network(Protocol):
    """A network that is solved: volts and amperes of cells, amperes into rows and out of columns, and its proof."""

    @property
    def cell_v(self) -> Floats:
        """Volts across the junctions, (rows, cols)."""
        ...

    @property
    def cell_i(self) -> Floats:
        """Amperes from row to column, (rows, cols)."""
        ...

    @property
    def i_row(self) -> Floats:
        """Amperes into the rows."""
        ...

    @property
    def i_col(self) -> Floats:
        """Amperes out of the columns."""
        ...

    @property
    def kcl(self) -> float | Floats:
        """What the sums of currents lack, of the largest current."""
        ...


@dataclass
class OperatingPoint:
    """The network solved for a hookup: cells, current out of each source [A], volts at its end, who is limited."""

    cell_v: Floats
    cell_i: Floats
    source_current: tuple[float, ...]
    source_volts: tuple[float, ...]
    limited: tuple[bool, ...]
    kcl: float
    rates: Floats | None = field(default=None)
    external: float = 0.0  # field of a magnet, H / H_k, that the rates were worked out for
    views: dict[tuple[int, float], View] = field(default_factory=dict[tuple[int, float], View])


def unconnected(sources: Sequence[Source], cells: Floats) -> OperatingPoint:
    """Nothing is connected: no current flows anywhere; `cells` are zeros of the array's shape."""
    volts = tuple(math.copysign(s.limit, s.level) if s.current and s.level else s.level for s in sources)
    held = tuple(s.current and s.level != 0 for s in sources)
    return OperatingPoint(cells, cells, (0.0,) * len(sources), volts, held, 0.0)


def standing_point(
    hookup: Hookup, standing: Sequence[Standing], cells: tuple[Floats, Floats], kcl: float
) -> OperatingPoint:
    """What a solved network is: volts and amperes of `cells`, and how its sources stand."""
    inside = hookup.connections.folded
    return OperatingPoint(
        *cells,
        tuple(found.amperes for found in standing),
        tuple(found.volts - inside.get(n, 0.0) * found.amperes for n, found in enumerate(standing)),
        tuple(found.limited for found in standing),
        kcl,
    )
