"""Commands about benches: what is connected, and what is wrong with it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from labmtj.cli.arguments import AsJson, Bench, BenchSettings


def discover(
    visa: Annotated[
        str, typer.Option(help='VISA library: "@py", "@ivi", or "BENCH@labmtj" for a simulated bench.')
    ] = "@py",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that each instrument may take.")] = 2.0,
    as_json: AsJson = False,
) -> None:
    """List what PyVISA finds, with the identity of each and the driver that fits.

    Only *IDN? is sent. For instance:

      labmtj discover

      labmtj discover --visa keysight@labmtj
    """
    from rich.console import Console
    from rich.table import Table

    from labmtj.bench.discover import discover as look

    found = list(look(visa, timeout=timeout, note=lambda text: print(f"note: {text}", file=sys.stderr)))
    if as_json:
        print(json.dumps({"library": visa, "found": [asdict(entry) for entry in found]}))
        return
    if not found:
        print(f"{visa}: nothing found. LAN instruments are often not listed: name them in a bench file")
        return
    console = Console(soft_wrap=True)
    if not console.is_terminal:
        console = Console(soft_wrap=True, width=200)  # a pipe has no edge to fold lines at
    table = Table("address", "identity", "model in a bench file", box=None)
    for entry in found:
        fits = " or ".join(entry.models) or "[dim]no data sheet fits: add one to instruments/models[/dim]"
        table.add_row(entry.address, entry.identity or f"[red]{entry.problem}[/red]", fits if entry.identity else "")
    console.print(table)


def doctor(
    bench: Bench,
    settings: BenchSettings = None,
    acknowledge: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What was found when an interlock had opened: it is unlatched.")
    ] = None,
    repeat: Annotated[
        int, typer.Option(min=1, max=1000, help="How often each line is examined: for contacts that come and go.")
    ] = 1,
    commission: Annotated[
        bool, typer.Option("--commission", help="Walk the whole checklist from nothing to a trusted bench.")
    ] = False,
    resistor: Annotated[
        str, typer.Option(metavar="VALUE", help='With --commission: the resistor you have, as "10 kohm, 0.1 %".')
    ] = "10 kohm",
    row: Annotated[int, typer.Option(min=1, help="With --commission: the row that the resistor is on.")] = 1,
    col: Annotated[int, typer.Option(min=1, help="With --commission: the column that the resistor is on.")] = 1,
    operator: Annotated[str, typer.Option(metavar="NAME", help="With --commission: who is at the bench.")] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="With --commission: a copy of the record goes here.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="With --commission: what hands are to do has been done; do not wait.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Examine a bench in the order that is safe: limits, identities, relays, ground, and every line at 10 mV.

    Nothing above 10 mV reaches the array. The exit code is 5 if anything is wrong. For instance:

      labmtj doctor simulated-15x15

      labmtj doctor parallel --repeat 3

      labmtj doctor instruments/benches/keithley.yaml

    With --commission it goes from nothing to a bench that can be trusted: the file, then nothing on the lines, a known
    resistor, the die; it says what to do by hand before each, and waits. What was found is kept as a record, which
    `labmtj run` looks for. For instance:

      labmtj doctor simulated-15x15 --commission

      labmtj doctor instruments/benches/keithley.yaml --commission --resistor "10 kohm, 0.1 %" --operator Ada
    """
    from rich.console import Console

    from labmtj.bench.doctor import Finding, Verdict, examine
    from labmtj.config.bench import load_bench

    file = load_bench(bench, overrides=settings or [])
    if commission:
        from labmtj.bench.commission.resistor import resistor as known
        from labmtj.cli.commission import commissioned

        said = known(resistor, row=row, col=col)
        told = commissioned(
            file, said, operator=operator, out=out, wait=not (yes or as_json), as_json=as_json, acknowledge=acknowledge
        )
        if not told:
            raise typer.Exit(5)
        return
    console = Console(soft_wrap=True, quiet=as_json, highlight=False)
    marks = {
        Verdict.GOOD: "[green]good[/green]",
        Verdict.BAD: "[red]BAD[/red] ",
        Verdict.UNKNOWN: "[yellow]?[/yellow]   ",
    }
    console.print(f"[bold]{file.bench.title}[/bold]")
    findings: list[Finding] = []
    for finding in examine(file, acknowledge=acknowledge, repeat=repeat):
        findings.append(finding)
        console.print(f"  {marks[finding.verdict]}  {finding.subject:<14} {finding.text}")
        if finding.verdict is not Verdict.GOOD and finding.advice:
            console.print(f"        {'':<14} [dim]{finding.advice}[/dim]")
    bad = sum(finding.verdict is Verdict.BAD for finding in findings)
    if as_json:
        print(json.dumps({"bench": file.bench.title, "bad": bad, "findings": [asdict(entry) for entry in findings]}))
    else:
        console.print("nothing wrong was found" if not bad else f"[red]{bad} found wrong[/red]")
    if bad:
        raise typer.Exit(5)
