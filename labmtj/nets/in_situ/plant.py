"""What a network that learns on arrays asks of them; real arrays, twins and many dies in lockstep answer alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats


@dataclass(frozen=True, eq=False)
class Costs:
    """What training has taken so far, each (copies,).

    `updates` are outer products that were applied, `pulses` what sources fired, `events` cells that were asked to
    flip with some probability, `flips` cells that changed as asked, `disturbed` cells that changed and were not
    asked to (so far as this plant knows them: nan where only readings could tell), `writes` pulses of write-verify,
    `energy` [J] in the selected cells, `seconds` of bench time [s].
    """

    updates: Floats
    pulses: Floats
    events: Floats
    flips: Floats
    disturbed: Floats
    writes: Floats
    energy: Floats
    seconds: Floats


class Plant(Protocol):
    """`copies` networks of the same shape on arrays of their own, which take their steps together.

    A weight is a pair of devices, (G+ - G-) over the window G_P - G_AP; P counts as bit 1. Inputs are -1..1.
    """

    @property
    def copies(self) -> int:
        """How many networks there are."""
        ...

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of every layer."""
        ...

    def products(self, layer: int, inputs: Floats) -> Floats:
        """Weighted sums (copies, outputs), in windows, of signed `inputs` (copies, inputs), as the arrays give them."""
        ...

    def products_of(self, layer: int, inputs: Floats) -> Floats:
        """The same for many samples, (copies, samples, outputs) of (copies, samples, inputs): for judging."""
        ...

    def update(self, layer: int, rows: Floats, cols: Floats) -> None:
        """Ask every weight to move towards the sign of rows x cols with probability min(1, |rows x cols|).

        `rows` (copies, inputs), `cols` (copies, outputs). Of a pair the + device is asked to P and the - device to AP
        for a positive product, the other way round for a negative one; one that is there already stays. A
        copy whose `rows` or `cols` are all 0 takes no pulse.
        """
        ...

    def weights(self, layer: int) -> Floats:
        """What reading every device gives now, (copies, inputs, outputs), in windows."""
        ...

    def states(self, layer: int) -> NDArray[np.int8]:
        """Bits of the devices as they read, (copies, inputs, 2 outputs): + and - device of an output side by side."""
        ...

    def write(self, layer: int, bits: NDArray[np.int8]) -> None:
        """Write devices that read otherwise, with verify; `bits` (copies, inputs, 2 outputs), -1: leave it alone."""
        ...

    def costs(self) -> Costs:
        """What all of it has taken so far."""
        ...
