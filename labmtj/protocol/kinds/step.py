"""What every kind of step has: fields, what it needs, the voltages it states, and how it is carried out.

A kind is one module of this package with one subclass of `Step`, listed in `labmtj.protocol.kinds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from labmtj.config.quantities import Model
from labmtj.config.source import KeyPath, Source
from labmtj.errors import InputError, Problem
from labmtj.ports import Ticker

if TYPE_CHECKING:
    from labmtj.config.bench import Bench, BenchFile
    from labmtj.protocol.progress import Progress


@dataclass(frozen=True)
class Stated:
    """A voltage [V] that a step states: where, and the share of it that one terminal sees."""

    path: KeyPath
    volts: float
    share: float = 1.0


class Step(Model):
    """One step of a protocol."""

    kind: ClassVar[str]
    inherits: ClassVar[tuple[str, ...]] = ()
    """Fields that are taken from the step before of the same kind where this one does not say them."""
    gives: ClassVar[tuple[str, ...]] = ()
    """Kinds of steps that this one stands for when a later step needs them."""

    of_network: ClassVar[bool] = False
    """Whether the protocol must name a network."""

    on_arrays: ClassVar[bool] = True
    on_chips: ClassVar[bool] = False
    on_neurons: ClassVar[bool] = False
    """Whether it is for arrays without transistors, for chips with a transistor in every cell, and for neurons."""

    changes_cells: ClassVar[bool] = True
    """Whether it may put cells into other states; one that only looks leaves all layers as they stand."""

    touches: ClassVar[bool] = True
    """Whether it puts anything on the array; the contact check comes before the first step that does."""

    bare: ClassVar[Mapping[str, Any] | None] = None
    """JSON schema of a text that may stand in the place of the fields; None where none may (`spelled_out`)."""

    @classmethod
    def spelled_out(cls, value: object) -> object:
        """The fields that a text in their place stands for. Raises what a validator raises."""
        return value

    @property
    def label(self) -> str:
        """What later steps may need of this one: its kind, with the number of its layer where it has one."""
        return self.kind

    def needs(self) -> tuple[str, ...]:
        """Labels of what must have been done before, for example "map" or "program 1"."""
        return ()

    def voltages(self, written: Source, here: KeyPath) -> Iterable[Stated]:
        """All voltages that the step states; paths begin with `here`."""
        del written, here
        return ()

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterable[Problem]:
        """What is wrong between fields that are right by themselves, or with them on this bench."""
        del here, source, bench
        return ()

    def filled(self, bench: Bench, before: Iterable[Step]) -> Self:
        """The step with what follows from the bench and from the steps before it."""
        del bench, before
        return self

    def items(self, progress: Progress) -> int:
        """Items that the step will report as done."""
        del progress
        return 1

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Do it; the line that a person reads about it."""
        raise NotImplementedError(f"{self.kind}: this kind of step does nothing")


def known_width(width: float | None) -> float:
    """The pulse width [s] of a step; loading a protocol fills in what the bench says."""
    if width is None:
        raise InputError("no pulse width is known: write width: 100 us in this step")
    return width
