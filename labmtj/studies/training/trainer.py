"""What trains: a state of plain arrays, an epoch at a time, so that whatever drives it can keep it and go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from labmtj.nets.chips.training import Epoch
from labmtj.records import Floats
from labmtj.studies.training.fits import Fit
from labmtj.studies.training.schema import Surface

State = Mapping[str, NDArray[Any]]
Solution = Mapping[str, NDArray[Any]]
"""Networks that were trained side by side: plain arrays whose first axis counts them."""


class Trainer(Protocol):
    """One way to train, of `networks` side by side, for at most `epochs`; the same states give the same epochs."""

    networks: int
    epochs: int

    def begin(self) -> State:
        """The state before the first epoch."""
        ...

    def epoch(self, state: State) -> tuple[State, Epoch]:
        """The state after one more epoch, and how it went."""
        ...

    def over(self, state: State) -> bool:
        """Whether no epoch is left, be it early."""
        ...

    def solution(self, state: State) -> Solution:
        """The networks of a state."""
        ...


@dataclass(frozen=True, eq=False)
class Judged:
    """Accuracy (0..1) and mean loss [nat] on the test images, (networks, dies)."""

    accuracy: Floats
    loss: Floats


@dataclass(frozen=True, eq=False)
class Around:
    """Mean loss [nat] on some dies: `loss` (points, points) at steps `along` of two directions from the solution.

    `flipped` (rates,) is it with a share `rates` of all devices in the other state, `right` (0..1) the accuracy there.
    """

    along: Floats
    loss: Floats
    rates: Floats
    flipped: Floats
    right: Floats


class Ways(Protocol):
    """All that is known of images, network and chips: makes trainers, and judges what they made."""

    @property
    def digest(self) -> str:
        """SHA-256 of images and maps."""
        ...

    @property
    def dies(self) -> tuple[str, ...]:
        """Names of the dies that networks are judged on."""
        ...

    def trainer(self, fit: Fit, *, before: Solution | None) -> Trainer:
        """What carries a fit out; `before` are the networks that it begins from. Raises InputError without JAX."""
        ...

    def software(self, solution: Solution) -> Judged:
        """Networks without a chip, (networks, 1): perfect devices, levels as the chip has them."""
        ...

    def judge(self, solution: Solution, *, shorts: float, mask: str) -> Judged:
        """Every network on every die with so many times the bench's rate of shorts, read with a mask."""
        ...

    def judge_own(self, solution: Solution, *, shorts: float, mask: str) -> Judged:
        """Each network on the die of its own place, (networks, 1)."""
        ...

    def surface(self, solution: Solution, *, shorts: float, mask: str, wanted: Surface, seed: int) -> Around:
        """The loss around the first network, on the first dies."""
        ...

    def measures(
        self, solution: Solution, *, shorts: float, mask: str, before: Solution | None
    ) -> Mapping[str, Floats]:
        """How each network on its die (one network: on each die) follows software, (dies,) a measure.

        Software are the networks themselves, or those `before` whose gains were for no die.
        """
        ...

    def facts(self) -> Mapping[str, str]:
        """What tables and page say of images, network and chips."""
        ...

    def defects(self) -> Mapping[str, NDArray[Any]]:
        """A table: of each die at each rate of shorts, how many cells of the network's have which defect."""
        ...

    def currents(self) -> Mapping[str, NDArray[Any]]:
        """A table: what a good cell in both states and a short draw against the voltage, at both rails of the gates."""
        ...

    def keep(self, solution: Solution, folder: Path, *, fit: Fit) -> list[Path]:
        """Write networks into a folder, each as a file that a protocol can name. Raises StorageError."""
        ...
