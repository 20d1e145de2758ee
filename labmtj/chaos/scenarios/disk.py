"""Row 8: the disk is full; no pulse leaves without its intent on the disk, and the run goes on once there is space."""

from __future__ import annotations

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import Stage

_LEFT = 300  # [byte] chosen: a few records, so that a line may be cut anywhere


def play(stage: Stage) -> None:
    """From a drawn moment on no file of the process may grow beyond what its journal is: as if the disk were full."""
    import resource  # Linux has the call that sets another process's limit

    worker = stage.run()
    stage.until_entry(worker, stage.moment(last=0.8))
    most = (stage.run_folder / "journal.jsonl").stat().st_size + stage.chance.randrange(_LEFT)
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    worker.ends_with(7)
    stage.wait_safe(2.0 * stage.job.slack)
    stage.deaths += 1
    stage.finish()


SCENARIO = Scenario("disk", 8, "the disk is full in mid-run, then resume", play)
