"""Row 11: an interlock opens; the run ends, and goes on only after somebody has acknowledged it."""

from __future__ import annotations

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import Stage
from labmtj.chaos.verdict import NotHeld


def play(stage: Stage) -> None:
    """Open it at a drawn message to a source-measure unit, close it again, and go on."""
    names = sorted({channel[0] for channel in stage.job.bench.bench.channels.values()})
    after = stage.chance.randrange(50, 200)
    stage.bench.fault("interlock", on=stage.chance.choice(names), after=after)
    worker = stage.run()
    worker.ends_with(5)
    if "interlock" not in worker.complaints.lower():
        raise NotHeld(f"the interlock is not named: {worker.last_words}")
    stage.wait_safe(2.0)
    stage.bench.clear()
    before = len(stage.bench.log())
    stage.resume().ends_with(5)
    if any(entry["kind"] in ("pulse", "output") for entry in stage.bench.log()[before:]):
        raise NotHeld("something was driven before the interlock was acknowledged")
    stage.deaths += 1
    stage.resume("--acknowledge", "chaos: the door is closed").wait()
    stage.finish()


SCENARIO = Scenario("interlock", 11, "an interlock opens, is closed and acknowledged", play)
