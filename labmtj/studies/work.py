"""Computing one block in whatever process: timed, on one thread, an error turned into what is kept of it."""

from __future__ import annotations

import time
from typing import Any, Protocol, TypeVar

from labmtj.errors import LabmtjError
from labmtj.protocol.stop import Stopped
from labmtj.studies.checkpoint import BlockResult, Columns

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Variables of the environment that keep libraries on one thread, if they are set before these are loaded."""


PROCESSORS = "NPROC"
"""The same for JAX: how many threads its compiled code has. Sums are added up in another order with another number."""


class Piece(Protocol):
    """A block of a study of any kind: its place in the order, how it is called, and how much work it is."""

    @property
    def number(self) -> int:
        """Its place in the one order of the study's blocks, from 0."""
        ...

    @property
    def name(self) -> str:
        """What its file is called."""
        ...

    @property
    def words(self) -> str:
        """What it is, for a message."""
        ...

    @property
    def weight(self) -> float:
        """How much work it is, in units of the study."""
        ...


P = TypeVar("P", bound=Piece)
P_contra = TypeVar("P_contra", contravariant=True)


class Block(Protocol[P_contra]):
    """What computes a block: labmtj.studies.block.run_block, or a function of a module that workers can import."""

    def __call__(self, task: P_contra, *, setting: Any) -> dict[str, Columns]:
        """The tables of a block by their names, each of columns of one length. Raises LabmtjError."""
        ...


def compute(task: P, *, setting: object, block: Block[P]) -> BlockResult:
    """The tables of a block, or why they cannot be had: what labmtj refuses (a die without a map) is a result, too."""
    from labmtj.physics.threads import one_thread

    began, worked = time.perf_counter(), time.process_time()
    failure = ""
    try:
        with one_thread():
            tables = block(task, setting=setting)
    except Stopped:
        raise
    except LabmtjError as error:
        tables, failure = {}, f"{type(error).__name__}: {error}"
    return BlockResult(tables, failure, time.perf_counter() - began, time.process_time() - worked)
