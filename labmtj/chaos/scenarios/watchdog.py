"""Row 2: the process dies or stops while a source drives the array; the guardian makes the bench safe."""

from __future__ import annotations

import signal
import time

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import Stage
from labmtj.chaos.verdict import NotHeld
from labmtj.chaos.worker import Worker

_BOUND = 2.0  # [s] reliability.md, row 2


def _strike(stage: Stage, worker: Worker, number: int) -> float:
    """Send a signal while a route is taken; how long [s] it was until nothing was driven and all relays were open."""
    stage.until_entry(worker, stage.moment(last=0.8))
    stage.until_busy(worker)
    moment = worker.signal(number)
    stage.deaths += 1
    stage.wait_safe(_BOUND * stage.job.slack + 1.0)
    seconds = stage.safe_after(moment)
    stage.within(seconds, _BOUND, "making the bench safe")
    return seconds


def play_killed(stage: Stage) -> float:
    """SIGKILL; seconds until sources were at 0 V and relays open."""
    worker = stage.run()
    seconds = _strike(stage, worker, signal.SIGKILL)
    worker.wait()
    stage.finish()
    return seconds


def play_stopped(stage: Stage) -> float:
    """SIGSTOP; after it wakes up it may not touch the bench; seconds until sources were at 0 V and relays open."""
    worker = stage.run()
    seconds = _strike(stage, worker, signal.SIGSTOP)
    before = len(stage.bench.log())
    worker.signal(signal.SIGCONT)
    worker.ends_with(5)
    time.sleep(0.05)
    after = [entry["kind"] for entry in stage.bench.log()[before:]]
    touched = [kind for kind in after if kind in ("pulse", "output", "relays")]
    if touched:
        raise NotHeld(f"a fenced process went on: {touched}")
    stage.finish()
    return seconds


KILLED = Scenario("guardian-kill", 2, "SIGKILL with a route taken", play_killed, "s until safe (2 s)", realtime=True)
STOPPED = Scenario(
    "guardian-stop",
    2,
    "SIGSTOP with a route taken, then SIGCONT",
    play_stopped,
    "s until safe (2 s)",
    realtime=True,
)
