"""Waiting for what another thread, or the passing of time, may bring."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from labmtj.twin.clock import HostClock

LONGEST_WAIT = 3600.0  # [s] chosen: an "infinite" time-out ends after an hour of bench time, so that a dry run ends
_SLICES = 16  # chosen: how often a lone thread looks while virtual time passes
_STEP = 0.02  # [s] chosen: how often it looks while another thread may act; a wait of a person does not show it

Found = TypeVar("Found")


def wait_for(
    found: Callable[[], Found | None], *, seconds: float, clock: HostClock, changed: threading.Condition
) -> Found | None:
    """What `found` returns once it is not None, or None after `seconds` on the host's clock.

    While other threads live, wall time passes with the bench's, since they might act in it; a thread that is
    alone lets only the bench's pass. `changed` wakes it up.
    """
    deadline = clock.now() + seconds
    while (answer := found()) is None:
        left = deadline - clock.now()
        if left <= 0:
            return None
        if threading.active_count() == 1:
            clock.sleep(min(left, max(seconds / _SLICES, 1e-6)))
            continue
        step, before = min(left, _STEP), clock.now()
        with changed:
            changed.wait(step)
        if (answer := found()) is not None:
            return answer
        clock.sleep(step - (clock.now() - before))
    return answer
