"""Carries one fit out: epoch after epoch, each kept before the next begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from labmtj.protocol.stop import StopRequest
from labmtj.studies.training.course import Course, advanced, begun, closed, read_course, write_course
from labmtj.studies.training.trainer import Trainer

Told = Callable[[Course], None]


def fitted(path: Path, *, trainer: Callable[[], Trainer], digest: str, told: Told, stop: StopRequest) -> Course:
    """The finished fit that `path` keeps; what it does not have yet is trained, and `told` after each epoch.

    `trainer` is made only if there is something to train. Raises CannotResume for a file of another study, Stopped
    after the epoch in hand, StorageError.
    """
    course = read_course(path, digest=digest)
    if course is not None and course.finished:
        return course
    made = trainer()
    course = begun(made) if course is None else course
    while not made.over(course.state):
        stop.check()
        wall, processor = time.perf_counter(), time.process_time()
        state, epoch = made.epoch(course.state)
        costs = {
            "seconds": time.perf_counter() - wall,
            "processor_seconds": time.process_time() - processor,
            "memory": float(most_memory()),
        }
        course = advanced(course, state, epoch, networks=made.solution(state), costs=costs)
        if not made.over(course.state):
            write_course(path, course, digest=digest)
        told(course)
    course = closed(course)
    write_course(path, course, digest=digest)
    return course


def most_memory() -> int:
    """Most memory that this process has held [bytes]; where the system does not say, what it holds now."""
    try:
        import resource
        import sys
    except ImportError:
        return int(psutil.Process().memory_info().rss)
    # getrusage(2): kilobytes on Linux, bytes on macOS
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)
