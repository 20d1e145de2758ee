"""Row 2: the process dies or stops while a source drives the array; the guardian makes the bench safe."""

from __future__ import annotations

import signal
import time

from labmtj.chaos.referee import driven_at, last_drive
from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import Stage
from labmtj.chaos.verdict import NotHeld
from labmtj.chaos.worker import Worker

_BOUND = 2.0  # [s] reliability.md, row 2
_TRIES = 20  # chosen: a source is on for most of a run


def _strike(stage: Stage, worker: Worker, number: int) -> float:
    """Send a signal while a source drives the array; how long [s] it went on driving."""
    moment = 0.0
    for _ in range(_TRIES):
        stage.until_driving(worker)
        moment = worker.signal(number)
        if driven_at(stage.bench.log(), moment + 1e-3):
            break
        if number == signal.SIGSTOP:
            worker.signal(signal.SIGCONT)
        else:
            return 0.0  # it died between two readings: nothing was on
    stage.wait_safe(_BOUND * stage.job.slack + 1.0)
    ended = last_drive(stage.bench.log(), since=moment)
    if ended is None:
        raise NotHeld("a channel drove the array for ever")
    stage.within(ended - moment, _BOUND, "making the bench safe")
    return ended - moment


def play_killed(stage: Stage) -> float:
    """SIGKILL with a source on; seconds until it was at 0 V."""
    worker = stage.run()
    stage.until_entry(worker, stage.moment(last=0.8))
    seconds = _strike(stage, worker, signal.SIGKILL)
    worker.wait()
    stage.deaths += 1
    stage.finish()
    return seconds


def play_stopped(stage: Stage) -> float:
    """SIGSTOP with a source on; after it wakes up it may not touch the bench; seconds until it was at 0 V."""
    worker = stage.run()
    stage.until_entry(worker, stage.moment(last=0.8))
    seconds = _strike(stage, worker, signal.SIGSTOP)
    before = len(stage.bench.log())
    stage.deaths += 1
    worker.signal(signal.SIGCONT)
    worker.ends_with(5)
    time.sleep(0.05)
    after = [entry["kind"] for entry in stage.bench.log()[before:]]
    touched = [kind for kind in after if kind in ("pulse", "output")]
    if touched:
        raise NotHeld(f"a fenced process went on: {touched}")
    stage.finish()
    return seconds


KILLED = Scenario("guardian-kill", 2, "SIGKILL with outputs on", play_killed, "s until 0 V (2 s)", realtime=True)
STOPPED = Scenario(
    "guardian-stop", 2, "SIGSTOP with outputs on, then SIGCONT", play_stopped, "s until 0 V (2 s)", realtime=True
)
