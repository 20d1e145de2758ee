"""What a solved network of the simulated array is, and what is worked out for it once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from labmtj.records import Floats
from labmtj.twin.readings import View


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
