"""`labmtj run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labmtj.cli.arguments import AsJson, JobSettings, OnBench, Protocol


def run(
    protocol: Protocol,
    bench: OnBench = "simulated-15x15",
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the simulated die: another number, another die.")
    ] = None,
    settings: JobSettings = None,
    out: Annotated[Path | None, typer.Option(help="Folder for run folders (else LABMTJ_RUNS, else data/runs).")] = None,
    record: Annotated[
        Path | None, typer.Option(help="Write all that is said to the instruments to this cassette (FILE.cassette).")
    ] = None,
    acknowledge: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What you found where an interlock had opened; it unlatches it.")
    ] = None,
    confirm_limit: Annotated[
        list[str] | None,
        typer.Option("--confirm-limit", metavar="NAME=VALUE", help="Confirm that a limit is raised; repeatable."),
    ] = None,
    operator: Annotated[
        str, typer.Option(metavar="NAME", help="Who runs it, for its records; else LABMTJ_OPERATOR, or a file says.")
    ] = "",
    sample: Annotated[
        str, typer.Option(metavar="NAME", help="The piece that is measured (wafer, lot), for its records.")
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Answer yes to every confirm step, and go on at every pause, in advance.")
    ] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Wait for labmtj answer on a simulated bench without a keyboard, too.")
    ] = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the table at the end.")] = False,
) -> None:
    """Run a protocol: connect, map, program, infer, report.

    For instance:

      labmtj run protocols/wine.yaml

      labmtj run protocols/wine.yaml --seed 3 --set simulation.die.diameter="30 nm" --json

      labmtj run protocols/wine.yaml --set network.files=DIR --set network.solution=7

      labmtj run protocols/first-contact.yaml --bench keithley --operator Ada --sample W3-17

    Exit codes: 0 done; 2 command line; 3 bad file; 4 limit refused; 5 instrument or bench; 6 busy; 7 storage;
    8 done, but cells could not be written; 9 ended by a criterion of the protocol; 129 hung up; 130 stopped, also by
    the answer no; 131 stopped at once; 143 terminated.
    """
    from labmtj.cli.confirm import confirmation
    from labmtj.cli.outcome import tell
    from labmtj.cli.questions import asking
    from labmtj.cli.run_display import Quiet, Terminal
    from labmtj.protocol.engine import run as run_protocol

    observer = Quiet() if as_json or quiet else Terminal()
    try:
        outcome = run_protocol(
            protocol,
            bench=bench,
            settings=settings or [],
            seed=seed,
            out=out,
            observer=observer,
            record=record,
            acknowledge=acknowledge,
            confirm=confirmation(confirm_limit or []),
            asking=asking(yes=yes, ask=ask, shown=not (as_json or quiet), operator=operator),
            operator=operator,
            sample=sample,
        )
    finally:
        observer.close()
    tell(outcome, as_json=as_json)
