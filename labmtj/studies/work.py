"""Computing one block in whatever process: timed, on one thread, an error turned into what is kept of it."""

from __future__ import annotations

import time
from typing import Protocol

from labmtj.errors import LabmtjError
from labmtj.protocol.stop import Stopped
from labmtj.studies.checkpoint import BlockResult, Columns
from labmtj.studies.grid import Task
from labmtj.studies.setting import Setting

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Variables of the environment that keep libraries on one thread, if they are set before these are loaded."""


class Block(Protocol):
    """What computes a block: labmtj.studies.block.run_block, or a function of a module that workers can import."""

    def __call__(self, task: Task, *, setting: Setting) -> dict[str, Columns]:
        """The tables of a block by their names, each of columns of one length. Raises LabmtjError."""
        ...


def compute(task: Task, *, setting: Setting, block: Block | None = None) -> BlockResult:
    """The tables of a block, or why they cannot be had: what labmtj refuses (a die without a map) is a result, too."""
    from labmtj.physics.threads import one_thread

    if block is None:
        from labmtj.studies.block import run_block as block
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
