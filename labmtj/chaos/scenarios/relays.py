"""Row 6: a relay is stuck; it is found before the first programming pulse, and its line is named."""

from __future__ import annotations

import re

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import SAFE_CODES, Stage
from labmtj.chaos.verdict import NotHeld


def play(stage: Stage) -> None:
    """Let a drawn relay of the array's lines stick, open or closed."""
    bench = stage.job.bench.bench
    columns = [end for side in (bench.lines.rows, bench.lines.cols) for end in side.values() if isinstance(end, int)]
    column, row = stage.chance.choice(columns), stage.chance.choice(sorted(bench.roles))
    closed = stage.chance.random() < 0.5
    stage.bench.fault("stuck", relay=f"{row}{column}", closed=closed)
    worker = stage.run()
    code = worker.ends_with(5, *SAFE_CODES)
    if code in SAFE_CODES:
        raise NotHeld(f"relay {row}{column} stuck {'closed' if closed else 'open'} was not found")
    if any(entry["kind"] == "pulse" for entry in stage.bench.log()):
        raise NotHeld(f"relay {row}{column} stuck {'closed' if closed else 'open'} was found after the first pulse")
    if not re.search(rf"\b(row|column|col|line|relay)s?\b.*\d|\b{row}{column}\b", worker.complaints):
        raise NotHeld(f"no line is named: {worker.last_words}")
    # At the few millivolts of the contact check a stuck relay may leave a line to itself, or give it to two sources:
    # that is how it is found. None may be moved under voltage.
    noted = [entry for entry in stage.bench.log() if entry["kind"] == "violation"]
    violations = [entry for entry in noted if "moved with" in entry["what"]]
    stage.bench.clear()
    if violations:
        raise NotHeld(f"with a stuck relay the twin saw: {violations[0]['what']}")


SCENARIO = Scenario("relay", 6, "a relay stuck open or closed", play)
