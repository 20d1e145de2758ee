"""Row 9: a second process wants the instruments while a run has them; it is refused, and the run goes on."""

from __future__ import annotations

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import SAFE_CODES, Stage
from labmtj.chaos.verdict import NotHeld


def play(stage: Stage) -> None:
    """Start the same run again while the first is on."""
    worker = stage.run()
    stage.until_entry(worker, 3)
    other = stage.run("--out", str(stage.folder / "others"))
    code = other.wait()
    if worker.ended and code in SAFE_CODES:
        return  # the first was done before the second had begun: nobody was in its way
    other.ends_with(6)
    if str(worker.process.pid) not in other.complaints:
        raise NotHeld(f"the refusal does not name process {worker.process.pid}: {other.last_words}")
    worker.ends_with(*SAFE_CODES)
    stage.finish()


SCENARIO = Scenario("second", 9, "a second process wants the instruments", play, realtime=True)
