"""The same blocks on a Dask cluster; `distributed` is imported here only, and only when it is asked for."""

from __future__ import annotations

import importlib
import time
from collections.abc import Generator, Sequence
from typing import Any

from labmtj.errors import BenchError, InputError
from labmtj.studies.checkpoint import code
from labmtj.studies.work import Block, P, compute
from labmtj.studies.workers import Ended, Lost

_PATIENCE = 10.0  # [s] chosen: a scheduler answers at once, or it is not there
_LOOK = 0.05  # [s] chosen: short against any block, long against a look


def run_dask(
    tasks: Sequence[P], *, setting: object, address: str, block: Block[P]
) -> Generator[Ended[P] | None, None, None]:
    """Compute blocks, the longest first, on the cluster whose scheduler is at `address` (tcp://host:8786).

    Its workers need labmtj in the same version. Raises InputError where `distributed` is missing, BenchError where no
    scheduler answers, or where workers have another version. What is not begun is taken back when this is left.
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
        _alike(client, address)
        common = client.scatter(setting, broadcast=True, hash=False)
        waiting = {
            client.submit(compute, task, setting=common, block=block, priority=task.weight, pure=False): task
            for task in tasks
        }
        try:
            while waiting:
                ready = [future for future in waiting if future.done()]
                for future in ready:
                    error = future.exception()
                    found = future.result() if error is None else Lost(f"{type(error).__name__}: {error}")
                    yield waiting.pop(future), found
                if not ready:
                    time.sleep(_LOOK)
                yield None
        finally:
            client.cancel(list(waiting))


def _alike(client: Any, address: str) -> None:
    """Raise BenchError unless every worker computes with the same code and libraries as this process."""
    try:
        found: dict[str, str] = client.run(code)
    except Exception as error:  # whatever a worker raised; it comes back as it was
        raise BenchError(f"{address}: a worker of this cluster cannot use labmtj: {error}") from error
    if not found:
        raise BenchError(f"{address}: this cluster has no workers")
    other = [worker for worker, digest in found.items() if digest != code()]
    if other:
        raise BenchError(
            f"{address}: {', '.join(other)} have another version of labmtj, Python, numpy, numba or scipy: the table "
            "would depend on who computes a block; install the same everywhere"
        )
