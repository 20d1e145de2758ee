"""Row 8: the disk is full; no pulse leaves without its intent on the disk, and the run goes on once there is space."""

from __future__ import annotations

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import Stage
from labmtj.chaos.verdict import NotHeld

_RECORD = 90  # [byte] chosen: about what a record takes


def play(stage: Stage) -> None:
    """No file of the process may be larger than a drawn part of the journal: as if the disk were full there."""
    most = 8_192 + stage.moment(0.3, 0.8) * _RECORD

    def limited() -> None:
        import resource  # POSIX only

        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    worker = stage.run(before=limited)
    worker.ends_with(7)
    stage.wait_safe(2.0)
    if not stage.entries("intent"):
        raise NotHeld("the limit was met before the first pulse")
    stage.deaths += 1
    stage.finish()


SCENARIO = Scenario("disk", 8, "the disk is full in mid-run, then resume", play)
