"""`labmtj plan`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labmtj.cli.arguments import AsJson, JobSettings, OnBench, Protocol

if TYPE_CHECKING:
    from labmtj.protocol.examine import Examination
    from labmtj.protocol.outlook import Outlook


def plan(
    protocol: Protocol,
    bench: OnBench = "simulated-15x15",
    dies: Annotated[int, typer.Option(min=1, max=10_000, help="Simulated dies to run it on.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first of them; the bench's own is left out.")] = 1000,
    settings: JobSettings = None,
    out: Annotated[Path | None, typer.Option(help="Write the plan as a page, too (FILE.html).")] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Run the dies even if the plan is refused before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a protocol will take before it touches a die: time, pulses, relays, energy, disturb, stress.

    What physics forbids is said first. Then the whole protocol runs on other simulated dies of the bench's kind, each
    in a process of its own; nothing is sent to an instrument, whatever the bench file says. For instance:

      labmtj plan protocols/wine.yaml

      labmtj plan protocols/wine.yaml --bench keithley --dies 16

      labmtj plan wine --bench keysight --set program.algorithm=one_shot --set program.pulse.width="16 ns"

    Exit codes: 0 nothing speaks against it; 3 bad file; 4 a limit would be passed, or it cannot work.
    """
    from labmtj.protocol.examine import asked_of_people, examine
    from labmtj.protocol.outlook import outlook
    from labmtj.protocol.plan import run_dies

    found = examine(protocol, bench=bench, overrides=settings or [])
    if found.kind == "bench":
        raise typer.BadParameter(f"{protocol} is a bench file; plan wants a protocol, and --bench for its bench")
    _say_verdicts(found, quiet=as_json)
    result: Outlook | None = None
    if found.job is not None and (anyway or not found.exit_code):
        workers = min(dies, os.cpu_count() or 1)
        with _bar(dies, workers, hidden=as_json) as tick:
            runs = run_dies(found.job, dies=dies, first=seed, workers=workers, done=lambda run: tick())
        result = outlook(found.job, runs)
    refused = bool(result and result.refused)
    code = found.exit_code or (4 if refused else 0)
    if as_json:
        typer.echo(json.dumps(_as_dict(found, result, code)))
    elif result is not None and found.job is not None:
        from labmtj.cli.plan_table import show

        show(found.job, result)
        for line in asked_of_people(found.job):
            typer.echo(line)
    if result is not None and found.job is not None and out is not None:
        from labmtj.cli.plan_page import write_page

        write_page(out, found, found.job, result)
    if code:
        if code == 4 and not as_json:
            typer.echo("refused: see above; nothing was sent" + ("" if result else ", and no die was run"), err=True)
        raise typer.Exit(code)


def _say_verdicts(found: Examination, *, quiet: bool) -> None:
    if not quiet:
        for finding in found.findings:
            typer.echo(str(finding))


def _bar(total: int, workers: int, *, hidden: bool) -> Any:
    """A context that shows how many dies are done, and gives what counts them; without a terminal a line for each."""
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("dies"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("so far"))
    console = Console(stderr=True, highlight=False, quiet=hidden)

    @contextmanager
    def shown() -> Any:
        console.print(f"plan  {total} simulated {'die' if total == 1 else 'dies'}, {workers} at a time")
        with Progress(*columns, console=console, transient=True, disable=hidden or not console.is_terminal) as bar:
            task = bar.add_task("dies", total=total)

            def tick() -> None:
                bar.advance(task)
                if not console.is_terminal:
                    console.print(f"{bar.tasks[0].completed:.0f}/{total} dies done")

            yield tick

    return shown()


def _as_dict(found: Examination, result: Outlook | None, code: int) -> dict[str, Any]:
    from labmtj.cli.check import as_dict
    from labmtj.protocol.examine import asked_of_people

    content: dict[str, Any] = {
        "file": found.name,
        "exit_code": code,
        "findings": [as_dict(finding) for finding in found.findings],
    }
    if result is None or found.job is None:
        return content
    row, col = result.hottest
    return content | {
        "bench": found.job.bench.bench.title,
        "seeds": list(result.seeds),
        "figures": {name: vars(band) for name, band in result.figures.items()},
        "relay_life": vars(result.relay_life),
        "limits": dict(found.job.protocol.limits),
        "asked": asked_of_people(found.job),
        "largest": {"cell": [row, col], "volts": float(result.peak[row - 1, col - 1]), "seed": result.worst_seed},
        "steps": [
            {"name": step.name, "seconds": vars(step.seconds), "pulses": vars(step.pulses), "largest_volt": step.volts}
            for step in result.steps
        ],
        "stress": {"peak_volt": result.peak.tolist(), "expected_disturbs": result.disturb.tolist()},
        "refused": list(result.refused),
        "warnings": list(result.warnings),
    }
