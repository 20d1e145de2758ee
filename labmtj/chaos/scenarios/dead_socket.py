"""Row 20: the process dies with a raw socket open, and the instrument keeps the session; the next run gets in."""

from __future__ import annotations

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import Stage
from labmtj.chaos.verdict import NotHeld


def play(stage: Stage) -> None:
    """Kill the process over raw sockets; one instrument does not notice it."""
    able = sorted(name for name, found in stage.bench.instruments.items() if found["dead_socket"])
    if not able:
        raise NotHeld("no instrument of this bench has a port for dead sockets")
    worker = stage.run()
    stage.until_entry(worker, stage.moment())
    stage.bench.fault("dead_socket", on=stage.chance.choice(able))
    worker.kill()
    stage.deaths += 1
    stage.finish()


SCENARIO = Scenario("dead-socket", 20, "killed with a raw socket open", play, link="socket")
