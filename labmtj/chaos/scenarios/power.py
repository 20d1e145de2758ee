"""Row 13: an instrument is switched off and on in mid-run; it is noticed before the next pulse."""

from __future__ import annotations

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import SAFE_CODES, Stage
from labmtj.chaos.verdict import NotHeld


def play(stage: Stage) -> None:
    """Cycle the power of a drawn instrument at a drawn message; the run goes on by itself, or is continued."""
    on = stage.chance.choice(sorted(stage.bench.instruments))
    stage.bench.fault("power_cycle", on=on, after=stage.chance.randrange(30, 120), duration="1 us")
    worker = stage.run()
    code = worker.ends_with(5, *SAFE_CODES)
    stage.bench.clear()
    stage.deaths += 1
    if code in SAFE_CODES and not stage.entries("gap"):
        raise NotHeld(f"the power cycle of {on} is not in the journal")
    stage.finish()


SCENARIO = Scenario("power", 13, "an instrument is switched off and on", play)
