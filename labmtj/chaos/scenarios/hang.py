"""Row 12: an instrument answers nothing, or a byte a second; the others are made safe in time."""

from __future__ import annotations

import time

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import SAFE_CODES, Stage
from labmtj.chaos.verdict import NotHeld

_BOUND = 1.5  # [s] reliability.md, row 12


def play_hang(stage: Stage) -> float:
    """The matrix hangs in mid-run, and `labmtj safe` is called: the longest [s] that an instrument took."""
    bench = stage.job.bench.bench
    sources = {channel[0] for channel in bench.channels.values()}
    matrix = next(name for name in bench.instruments if name not in sources)
    worker = stage.run()
    stage.until_entry(worker, stage.moment(last=0.8))
    stage.until_busy(worker)
    stage.bench.fault("hang", on=matrix)
    safe = stage.command("safe", str(stage.bench.client), "--json")
    safe.ends_with(5)  # one instrument could not be reached
    made = {entry["name"]: entry for entry in safe.answer()["instruments"]}
    if not all(made[name]["safe"] for name in sources):
        raise NotHeld(f"sources were not made safe: {safe.printed}")
    taken = max(entry["seconds"] for entry in made.values())
    stage.within(taken, _BOUND, "making the bench safe though one instrument hangs")
    stage.safe_after(time.time(), relays=False)
    worker.wait()
    stage.bench.clear()
    stage.deaths += 1
    stage.command("safe", str(stage.bench.client)).ends_with(0)
    stage.finish()
    return taken


def play_slow(stage: Stage) -> None:
    """An instrument answers a byte a second for a while: the run ends in time, and is continued."""
    on = stage.chance.choice(sorted(stage.bench.instruments))
    stage.bench.fault("slow", on=on, after=stage.chance.randrange(20, 60))
    worker = stage.run()
    worker.ends_with(5, *SAFE_CODES)
    stage.bench.clear()
    stage.deaths += 1
    stage.finish()


HANG = Scenario("hang", 12, "the matrix hangs; labmtj safe", play_hang, "s until safe (1.5 s)", realtime=True)
SLOW = Scenario("slow", 12, "an instrument answers a byte a second", play_slow)
