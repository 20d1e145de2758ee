"""Row 3: Ctrl-C once, twice, three times; SIGTERM; SIGHUP. The run ends as the signal says, and can be continued."""

from __future__ import annotations

import signal
import time

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import Stage
from labmtj.chaos.verdict import NotHeld

_AT_ONCE = 0.5  # [s] reliability.md, row 3
_CASES = (
    ((signal.SIGINT,), (130,)),
    ((signal.SIGINT, signal.SIGINT), (131,)),
    ((signal.SIGINT, signal.SIGINT, signal.SIGINT), (131,)),
    ((signal.SIGTERM,), (143,)),
    ((signal.SIGHUP,), (143, 129)),
)


def play(stage: Stage) -> float | None:
    """Send what was drawn at a drawn moment; seconds until the bench was safe, for those that stop at once."""
    numbers, codes = stage.chance.choice(_CASES)
    worker = stage.run()
    stage.until_entry(worker, stage.moment(last=0.8))
    stage.until_busy(worker)
    moment = 0.0
    for number in numbers:
        moment = worker.signal(number)
        time.sleep(0.02)  # chosen: two of one kind that come together are one to the system
    worker.ends_with(*codes)
    stage.wait_safe(1.0)
    if stage.status()["how"] != "stopped":
        raise NotHeld(f"the run stands as {stage.status()['how']}, not as stopped")
    seconds = stage.safe_after(moment)
    if len(numbers) > 1:
        stage.within(seconds, _AT_ONCE, "stopping at once")
    stage.deaths += 1  # a pulse in hand may be unknown when it is stopped at once
    stage.finish()
    return seconds if len(numbers) > 1 else None


SCENARIO = Scenario("signals", 3, "Ctrl-C 1 to 3 times, SIGTERM or SIGHUP", play, "s until safe (0.5 s)", realtime=True)
