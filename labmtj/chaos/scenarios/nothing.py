"""Nothing goes wrong: the run that others are compared with."""

from __future__ import annotations

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import SAFE_CODES, Stage


def play(stage: Stage) -> float:
    """Run to the end; how many entries the journal has then."""
    stage.run().ends_with(*SAFE_CODES)
    return float(stage.journal_lines())


SCENARIO = Scenario("nothing", 0, "nothing goes wrong", play, "entries in the journal")
