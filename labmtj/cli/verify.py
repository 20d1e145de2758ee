"""`labmtj verify`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from labmtj.cli.arguments import AsJson, RunFolder

if TYPE_CHECKING:
    from labmtj.protocol.evidence.check import Check

DAMAGED = 7


def verify(
    run: RunFolder,
    sha256: Annotated[
        str, typer.Option(metavar="HEX", help="What you noted of the journal when the run ended; it must still be so.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Hold the journal of a run against itself, and every file of its folder against the journal.

    It reads only, and touches no instrument: CRC and number of every line, each pulse's outcome, the clock, the hashes
    of protocol.yaml and bench.yaml, and run.h5, die.h5, neurons.h5, report.html and the ledger's figures as the
    journal makes them, in memory. For instance:

      labmtj verify data/runs/2026-11-23T10-14-02-wine

    It prints the SHA-256 of the journal. Who can write into the folder can make all files anew (labmtj rebuild does),
    so only a hash that was noted elsewhere proves that nothing was changed since:

      labmtj verify data/runs/2026-11-23T10-14-02-wine --sha256 3f1b...

    Exit code 7: something is damaged. A run that is going on, or was killed, is good as far as it has come.
    """
    from labmtj.protocol.evidence.verify import look
    from labmtj.protocol.evidence.verify import verify as checks_of

    found = look(run)
    checks: list[Check] = []
    for check in checks_of(found, sha256=sha256):
        checks.append(check)
        if not as_json:
            typer.echo(f"{check.name:<14} {check.verdict:<8} {check.text}")
    damaged, unsaid = (sum(check.verdict == verdict for check in checks) for verdict in ("damaged", "open"))
    if as_json:
        content = {
            "run": str(run),
            "verdict": "damaged" if damaged else "good",
            "running": found.running,
            "entries": len(found.lines.whole),
            "journal_sha256": found.lines.sha256,
            "checks": [asdict(check) for check in checks],
        }
        typer.echo(json.dumps(content))
    else:
        typer.echo(f"{'SHA-256':<14} {found.lines.sha256}  journal.jsonl, {len(found.lines.whole)} entries")
        left = f", {unsaid} open" if unsaid else ""
        found_it = f"damaged: {damaged} of {len(checks)} checks" if damaged else f"good: {len(checks) - unsaid} checks"
        typer.echo(found_it + left)
    if damaged:
        raise typer.Exit(DAMAGED)
