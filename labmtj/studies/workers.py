"""Processes of this machine that compute blocks: each has one thread, and none outlives the study.

A worker that loses the study, however that ended, leaves: its pipe is closed, or the handle of its parent says so.
Ctrl-C and SIGTERM are the study's to handle; workers do not see the first and are ended by it.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, cast

from labmtj.interrupts import leave_with_parent
from labmtj.protocol.stop import Stopped
from labmtj.studies.checkpoint import BlockResult
from labmtj.studies.work import PROCESSORS, THREADS, Block, P, Piece, compute

_GRACE = 5.0  # [s] chosen: a worker that is asked to end has nothing to put away


@dataclass(frozen=True)
class Lost:
    """Why a block could not be computed: what nobody raised on purpose. It is tried again when the study goes on."""

    why: str


Ended = tuple[P, BlockResult | Lost]


def run_here(tasks: Sequence[P], *, setting: object, block: Block[P]) -> Generator[Ended[P] | None, None, None]:
    """Compute blocks one after the other, in their order, in this process."""
    for task in tasks:
        try:
            yield task, compute(task, setting=setting, block=block)
        except Stopped:
            raise
        except Exception as error:  # whatever it is, it is said, and the other blocks go on
            yield task, Lost("".join(traceback.format_exception(error)))


def run_local(
    tasks: Sequence[P], *, setting: object, workers: int, block: Block[P]
) -> Generator[Ended[P] | None, None, None]:
    """Compute blocks, the longest first, in `workers` processes; each as it ends, and None now and then.

    What labmtj itself refuses is a BlockResult with a failure.
    """
    waiting = sorted(tasks, key=lambda task: -task.weight)
    with _processes(min(workers, len(waiting)), setting, block) as team:
        idle = dict(team)
        busy: dict[Connection, P] = {}
        while waiting or busy:
            while waiting and idle:
                pipe, _ = idle.popitem()
                busy[pipe] = waiting.pop(0)
                pipe.send(busy[pipe])
            for ready in connection.wait(list(busy), timeout=0.5):
                assert isinstance(ready, Connection)
                task = busy.pop(ready)
                try:
                    found: BlockResult | str = ready.recv()
                except (EOFError, OSError):
                    process = team.pop(ready)
                    process.join(_GRACE)
                    yield task, Lost(f"its process ended by itself (exit code {process.exitcode}): out of memory?")
                    if not team:
                        return
                    continue
                idle[ready] = team[ready]
                yield task, found if isinstance(found, BlockResult) else Lost(found)
            yield None


@contextmanager
def _processes(count: int, setting: object, block: Block[P]) -> Generator[dict[Connection, BaseProcess], None, None]:
    """Workers by their pipes; they are ended, however this is left."""
    context = get_context("spawn")
    team: dict[Connection, BaseProcess] = {}
    with _environment(), _undisturbed():
        for number in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs,), name=f"labmtj-study-{number}", daemon=True)
            process.start()
            theirs.close()
            team[ours] = process
    everyone = dict(team)
    try:
        for pipe in everyone:
            pipe.send((setting, block))
        yield team
    finally:
        for pipe, process in everyone.items():
            pipe.close()
            process.terminate()
        for process in everyone.values():
            process.join(_GRACE)
            if process.is_alive():
                process.kill()
                process.join()


def _serve(pipe: Connection) -> None:
    """A worker: blocks come, results go."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    leave_with_parent()
    try:
        setting, block = cast("tuple[object, Block[Piece]]", pipe.recv())
        while True:
            task: Piece = pipe.recv()
            try:
                pipe.send(compute(task, setting=setting, block=block))
            except Exception as error:  # whatever it is, it is said, and the other blocks go on
                pipe.send("".join(traceback.format_exception(error)))
    except (EOFError, OSError):
        return  # the study has gone


@contextmanager
def _environment() -> Generator[None, None, None]:
    """What children inherit: one thread for each library."""
    before: dict[str, str | None] = {name: os.environ.get(name) for name in (*THREADS, PROCESSORS)}
    for name in before:
        os.environ[name] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _undisturbed() -> Generator[None, None, None]:
    """Hold signals back while processes are started: a child would take Ctrl-C before it knows what to do with it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    wanted: set[Any] = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
