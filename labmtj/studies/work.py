"""Computing one block in whatever process: timed, on one thread, an error turned into what is kept of it."""

from __future__ import annotations

import time

from labmtj.errors import LabmtjError
from labmtj.studies.checkpoint import BlockResult
from labmtj.studies.grid import Task
from labmtj.studies.setting import Setting

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Variables of the environment that keep libraries on one thread, if they are set before these are loaded."""


def compute(task: Task, *, setting: Setting) -> BlockResult:
    """The tables of a block, or why they cannot be had: what labmtj refuses (a die without a map) is a result, too."""
    from labmtj.physics.threads import one_thread
    from labmtj.studies.block import run_block

    began, worked = time.perf_counter(), time.process_time()
    failure = ""
    try:
        with one_thread():
            tables = run_block(task, setting=setting)
    except LabmtjError as error:
        tables, failure = {}, f"{type(error).__name__}: {error}"
    return BlockResult(tables, failure, time.perf_counter() - began, time.process_time() - worked)
