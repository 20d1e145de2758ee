"""Rows 4 and 5: replies that are lost, late or wrong; no wrong value is taken, and no pulse is sent twice."""

from __future__ import annotations

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import SAFE_CODES, Stage

_BENCH_TROUBLE = 5
_EVERY = "1 %"


def _endure(stage: Stage) -> float:
    """Let the run meet what is in force, end well or with a typed error, and go on; whether an error ended it."""
    worker = stage.run()
    code = worker.ends_with(*SAFE_CODES, _BENCH_TROUBLE)
    # An act whose reply was spoilt is settled by a reading, too.
    stage.deaths += sum(entry["kind"] == "fault" for entry in stage.bench.log())
    stage.bench.clear()
    stage.finish()
    return float(code == _BENCH_TROUBLE)


def play_late(stage: Stage) -> float:
    """One reply in a hundred comes too late, or never."""
    kind = stage.chance.choice(("late", "timeout"))
    delay = {"delay": "30 s"} if kind == "late" else {}
    stage.bench.fault(kind, on=_one(stage), probability=_EVERY, times=3, after=_after(stage), **delay)
    return _endure(stage)


def play_garbage(stage: Stage) -> float:
    """Some replies are cut, glued, empty, an overflow, noise or another instrument's identity."""
    stage.bench.fault("garbage", on=_one(stage), probability=_EVERY, times=3, after=_after(stage))
    return _endure(stage)


def _one(stage: Stage) -> str:
    return stage.chance.choice(sorted(stage.bench.instruments))


def _after(stage: Stage) -> int:
    return stage.chance.randrange(10, 100)


LATE = Scenario("late", 4, "replies late or lost, 1 % of them", play_late, "runs that stopped with an error")
GARBAGE = Scenario("garbage", 5, "garbage replies", play_garbage, "runs that stopped with an error")
