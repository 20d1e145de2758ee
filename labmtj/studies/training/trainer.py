"""What trains: a state of plain arrays, an epoch at a time, so that whatever drives it can keep it and go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from labmtj.records import Floats

State = Mapping[str, NDArray[Any]]
Solution = Mapping[str, NDArray[Any]]
"""Networks that were trained side by side: plain arrays whose first axis counts them."""


@dataclass(frozen=True, eq=False)
class Epoch:
    """Mean loss [nat] and accuracy (0..1) of an epoch, (networks,): on what was learnt from, and on what was not.

    `validation` is the accuracy on images that were held back, on the dies that the training knows.
    """

    loss: Floats
    train: Floats
    validation: Floats


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

    def solution(self, state: State) -> Solution:
        """The networks of a state."""
        ...
