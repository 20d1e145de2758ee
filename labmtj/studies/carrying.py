"""Computes the blocks of a study of any kind that are not done yet, each kept as it ends; a stop loses no other."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol

from labmtj.errors import LabmtjError
from labmtj.protocol.stop import Stopped, stop_on_signals
from labmtj.studies.checkpoint import BlockResult, read_block, write_block
from labmtj.studies.work import Block, P, Piece
from labmtj.studies.workers import Ended, Lost, run_here, run_local

BLOCKS, ERRORS = "blocks", "errors.txt"
_SHOWN = 5  # chosen: lost blocks that a message names; all stand in errors.txt


class Watcher(Protocol):
    """Whoever shows how a study goes; weights are shares of its work."""

    def began(self, folder: Path, *, tasks: Sequence[Piece], done: Sequence[Piece], how: str) -> None:
        """The study's folder, its blocks and those that were done before, and where the others are computed."""
        ...

    def ended(self, task: Piece, why: str) -> None:
        """A block has ended; `why` it could not be computed, if so."""
        ...


class Unseen:
    """Shows nothing."""

    def began(self, folder: Path, *, tasks: Sequence[Piece], done: Sequence[Piece], how: str) -> None:
        """Show nothing."""

    def ended(self, task: Piece, why: str) -> None:
        """Show nothing."""


@dataclass(frozen=True, eq=False)
class Work(Generic[P]):
    """What computes blocks: `block` with the `setting` that all have in common, in `workers` processes or on Dask.

    One worker is this process, unless blocks are to be computed `apart`.
    """

    block: Block[P]
    setting: object
    workers: int
    dask: str | None = None
    apart: bool = False

    @property
    def words(self) -> str:
        """Where blocks are computed."""
        return f"Dask, {self.dask}" if self.dask else f"{self.workers} workers" if self.workers > 1 else "1 worker"

    def results(self, waiting: Sequence[P]) -> Generator[Ended[P] | None, None, None]:
        """Each block as it ends, and None now and then."""
        if not waiting:
            return
        if self.dask is not None:
            from labmtj.studies.cluster import run_dask

            yield from run_dask(waiting, setting=self.setting, address=self.dask, block=self.block)
        elif self.workers == 1 and not self.apart:
            yield from run_here(waiting, setting=self.setting, block=self.block)
        else:
            yield from run_local(waiting, setting=self.setting, workers=self.workers, block=self.block)


@dataclass(frozen=True)
class Means(Generic[P]):
    """Where blocks are computed: in `workers` processes (0: one a processor; 1: this one), or on a Dask cluster.

    `block` computes one, in place of what the kind of study has for it.
    """

    workers: int = 0
    dask: str | None = None
    watcher: Watcher = field(default_factory=Unseen)
    block: Block[P] | None = None

    @property
    def count(self) -> int:
        """Processes of this machine."""
        return self.workers or os.cpu_count() or 1

    def work(self, block: Block[P], setting: object, *, here: bool = False, apart: bool = False) -> Work[P]:
        """Blocks with what they have in common; `here`: in this process, whatever was asked for but a cluster.

        `apart`: never in this process, where libraries may have more threads; a block that was said is, though.
        """
        count = 1 if here and self.dask is None else self.count
        return Work(self.block or block, setting, count, self.dask, apart and self.block is None)


def carried_out(
    place: Path, every: Sequence[P], *, digests: Mapping[int, str], work: Work[P], watcher: Watcher
) -> dict[int, BlockResult]:
    """All blocks by their numbers; those that `place` keeps are not computed again.

    `digests` say what each is computed from. Raises Stopped if somebody stops it, CannotResume for a block of another
    study, LabmtjError for blocks that no process could compute; what is done stays.
    """
    paths = {task.number: place / BLOCKS / f"{task.name}.npz" for task in every}
    results = {task.number: read_block(paths[task.number], digest=digests[task.number]) for task in every}
    kept = {number: result for number, result in results.items() if result is not None}
    waiting = [task for task in every if task.number not in kept]
    lost: dict[int, Lost] = {}
    watcher.began(place, tasks=every, done=[task for task in every if task.number in kept], how=work.words)
    try:
        with stop_on_signals() as stop, closing(work.results(waiting)) as ended:
            for event in ended:
                if event is not None:
                    task, result = event
                    if isinstance(result, Lost):
                        lost[task.number] = result
                        watcher.ended(task, result.why)
                    else:
                        write_block(paths[task.number], result, digest=digests[task.number])
                        kept[task.number] = result
                        watcher.ended(task, result.failure)
                stop.check()
        _complain(place, [task for task in every if task.number not in kept], lost)
    except BaseException as error:
        if isinstance(error, Stopped):
            error = Stopped("stopped; blocks in hand are begun anew", error.exit_code)
        error.add_note(f"{len(kept)} of {len(every)} blocks are done and kept: {place}")
        error.add_note(f"go on with: labmtj resume {place}")
        raise error from None
    return kept


def _complain(place: Path, missing: Sequence[Piece], lost: Mapping[int, Lost]) -> None:
    """Raise LabmtjError if blocks are missing, with their kinds and dies and why."""
    if not missing:
        (place / ERRORS).unlink(missing_ok=True)
        return
    nobody = Lost("no process was left to compute it")
    whole = [(task.words, lost.get(task.number, nobody).why.strip()) for task in missing]
    text = "\n\n".join(f"{words}\n{why}" for words, why in whole)
    (place / ERRORS).write_text(text + "\n", encoding="utf-8")
    shown = [f"{words}: {why.splitlines()[-1]}" for words, why in whole[:_SHOWN]]
    more = [f"and {len(missing) - _SHOWN} more"] if len(missing) > _SHOWN else []
    head = f"{len(missing)} blocks could not be computed; all that is known stands in {place / ERRORS}:"
    raise LabmtjError("\n".join([head, *shown, *more]))
