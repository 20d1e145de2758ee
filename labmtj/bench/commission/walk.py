"""The checklist from nothing to a trusted bench, in the order that is safe for what comes next.

Each stage opens the bench and leaves it: sources off and relays open whenever hands are near the lines. A stage in
which something is wrong ends the walk, for what follows would be put on a bench that is known to be bad. Nothing
above 10 mV reaches the lines, and there is no pulse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from labmtj.bench.assemble import roles_of
from labmtj.bench.commission.die import on_die
from labmtj.bench.commission.empty import on_empty_lines
from labmtj.bench.commission.items import Item, Stage, Task
from labmtj.bench.commission.paper import on_paper
from labmtj.bench.commission.resistor import Resistor, on_resistor
from labmtj.bench.doctor import Verdict
from labmtj.bench.session import resource_manager
from labmtj.config.bench import BenchFile
from labmtj.config.model import InstrumentModel, load_model
from labmtj.errors import Busy, LabmtjError

Asked = Callable[[Stage, str, bool], None]
"""Told what hands are to do before a stage, and whether a simulated bench does it by itself; returns when it is done.

What it raises ends the walk.
"""


class Hands(Protocol):
    """What a simulated bench in this process offers instead of a person's hands (labmtj.twin.hands)."""

    def lift(self) -> None:
        """Take away what is on the lines."""
        ...

    def resistor(self, row: int, col: int, ohms: float) -> None:
        """Put a resistor [ohm] between a row and a column, and nothing else."""
        ...

    def die(self) -> None:
        """Put the die back."""
        ...


@dataclass
class Commissioning:
    """One walk over a bench: what was found so far, and who answered."""

    file: BenchFile
    resistor: Resistor = field(default_factory=Resistor)
    acknowledge: str | None = None
    items: list[Item] = field(default_factory=list[Item])
    identities: dict[str, str] = field(default_factory=dict[str, str])
    _manager: Any = None  # kept for the whole walk: a simulated bench in this process lives as long as it does

    @property
    def bad(self) -> int:
        """How many checks came out bad."""
        return sum(item.verdict is Verdict.BAD for item in self.items)

    @property
    def complete(self) -> bool:
        """Whether every stage was walked through to its end and nothing was wrong."""
        return not self.bad and {item.stage for item in self.items} == set(Stage)

    def walk(self, asked: Asked) -> Iterator[Item]:
        """Make the checks; each comes as it is made. Raises Busy, and what `asked` raises."""
        models = {name: load_model(self.file.model_file(name)) for name in self.file.bench.instruments}
        for stage in Stage:
            hands = None
            if stage is not Stage.FILE:
                hands = self.hands()
                _place(hands, stage, self.resistor)
            try:
                if stage is not Stage.FILE:
                    asked(stage, self.to_do(stage), hands is not None)
                for item in self._stage(stage, models):
                    self.items.append(item)
                    yield item
            finally:
                if hands is not None:
                    hands.die()
            if self.bad:
                return

    def to_do(self, stage: Stage) -> str:
        """What hands do before a stage."""
        said = self.resistor
        match stage:
            case Stage.FILE:
                return "No instrument is touched."
            case Stage.EMPTY:
                return (
                    "Lift the probe card, or take the die out of its socket. Leave every cable and the card itself as "
                    "they will be. All instruments are on, and have been for an hour if figures are to count."
                )
            case Stage.RESISTOR:
                return (
                    f"Connect a resistor of {said} between the ends of row {said.row} and column {said.col}, where the "
                    "die will be. Nothing touches any other line."
                )
            case Stage.DIE:
                return (
                    "Take the resistor away. Put on an earthed wrist strap, touch the ground of the chuck, short the "
                    "lines at the card if it has a plug for that, and only then put the die in or lower the probes. "
                    "Take the short away last."
                )

    def hands(self) -> Hands | None:
        """What a simulated bench in this process offers instead of hands; None at a bench that others can reach."""
        self._manager = self._manager or resource_manager(self.file)
        found: Any = getattr(self._manager.visalib, "hands", None)
        return found

    def _stage(self, stage: Stage, models: dict[str, InstrumentModel]) -> Iterator[Item]:
        try:
            match stage:
                case Stage.FILE:
                    roles_of(self.file.bench, models)
                    yield from on_paper(self.file, models)
                case Stage.EMPTY:
                    yield from on_empty_lines(self.file, models, self.identities, acknowledge=self.acknowledge)
                case Stage.RESISTOR:
                    yield from on_resistor(self.file, models, self.resistor)
                case Stage.DIE:
                    yield from on_die(self.file, models)
        except Busy:
            raise
        except LabmtjError as error:
            task = Task(stage, "stage", "The stage is walked through.", "", "It ends.", "mend what is said")
            yield task.judged(False, str(error))


def _place(hands: Hands | None, stage: Stage, said: Resistor) -> None:
    """Do what a person does at a bench that is not simulated."""
    if hands is None:
        return
    if stage is Stage.EMPTY:
        hands.lift()
    elif stage is Stage.RESISTOR:
        hands.resistor(said.row, said.col, said.ohms)
    else:
        hands.die()
