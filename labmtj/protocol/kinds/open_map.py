"""The open_map step: the die map of an earlier run, after a look whether this is the same die."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.step import Step

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress


class OpenMapStep(Step):
    """Use the die map of an earlier run (its `die.h5`), once `cells` readings have shown that it is of this die."""

    kind: ClassVar[str] = "open_map"
    on_chips: ClassVar[bool] = True
    changes_cells: ClassVar[bool] = False
    gives: ClassVar[tuple[str, ...]] = ("polarity", "map", "ramps", "wires")

    file: str
    cells: Annotated[int, Field(ge=8, le=10000)] = 24

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """A file that is not there."""
        path = Path(self.file)
        if not path.is_absolute() and source.path is not None:
            path = source.path.parent / path
        if not path.is_file():
            hint = "a run that maps a die leaves its map in the run folder as die.h5"
            yield source.problem((*here, "file"), f"there is no file {path}", hint=hint)

    def items(self, progress: Progress) -> int:
        """The readings."""
        return min(self.cells, progress.array.shape[0] * progress.array.shape[1])

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Open the map and compare. Raises WrongDie."""
        from labmtj.routines.fingerprint import compare
        from labmtj.runs.die_map import read_die_map

        die = read_die_map(Path(self.file))
        match = compare(progress.array, die, cells=self.cells, tick=tick)
        match.insist(self.file)
        progress.polarity = die.polarity
        progress.keep_map(match.updated(die))
        return f"{Path(self.file).name}   {match.line}"
