"""Row 1: the process is killed anywhere, once or twice, and the run is continued."""

from __future__ import annotations

import time

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import Stage

_LATER = 0.01  # [s] chosen: a few exchanges, so that it dies before, in and after a pulse


def play(stage: Stage) -> float:
    """Kill it at a drawn entry of its journal, and one in three times again while it is continued; pulses settled."""
    worker = stage.run()
    stage.until_entry(worker, stage.moment())
    time.sleep(stage.chance.uniform(0.0, _LATER))
    worker.kill()
    stage.deaths += 1
    stage.wait_safe(2.0 * stage.job.slack)
    if stage.chance.random() < 1 / 3:
        worker = stage.resume()
        written = stage.journal_lines()
        worker.until(lambda: stage.journal_lines() > written, what="the run going on")
        time.sleep(stage.chance.uniform(0.0, 0.5))
        worker.kill()
        stage.deaths += 1
        stage.wait_safe(2.0 * stage.job.slack)
    stage.finish()
    return float(sum(bool(entry.get("uncertain")) for entry in stage.entries("outcome")))


SCENARIO = Scenario("kill", 1, "SIGKILL at a drawn moment, then resume", play, "pulses settled by a reading")
