"""The same blocks on a Dask cluster; `distributed` is imported here only, and only when it is asked for."""

from __future__ import annotations

import importlib
import time
from collections.abc import Generator, Sequence
from typing import Any

from labmtj.errors import BenchError, InputError
from labmtj.studies.grid import Task
from labmtj.studies.setting import Setting
from labmtj.studies.work import Block, compute
from labmtj.studies.workers import Ended, Lost

_PATIENCE = 10.0  # [s] chosen: a scheduler answers at once, or it is not there
_LOOK = 0.05  # [s] chosen: short against any block, long against a look


def run_dask(
    tasks: Sequence[Task], *, setting: Setting, address: str, block: Block | None = None
) -> Generator[Ended | None, None, None]:
    """Compute blocks, the longest first, on the cluster whose scheduler is at `address` (tcp://host:8786).

    Its workers need labmtj in the same version. Raises InputError where `distributed` is missing, BenchError where no
    scheduler answers. What is not begun is taken back when this is left.
    """
    distributed: Any
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as error:
        raise InputError("--dask needs the package distributed: pip install 'labmtj[distributed]'") from error
    try:
        client: Any = distributed.Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BenchError(f"{address}: no Dask scheduler answers there: {error}") from error
    with client:
        common = client.scatter(setting, broadcast=True, hash=False)
        futures = {
            client.submit(compute, task, setting=common, block=block, priority=task.weight, pure=False): task
            for task in tasks
        }
        ended: Any = distributed.as_completed(list(futures))
        try:
            while ended.count():
                if not ended.has_ready():
                    time.sleep(_LOOK)
                    yield None
                    continue
                future = next(ended)
                error = future.exception()
                yield futures[future], future.result() if error is None else Lost(f"{type(error).__name__}: {error}")
        finally:
            client.cancel([future for future in futures if not future.done()])
