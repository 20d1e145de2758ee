"""`labmtj doctor --commission`: the checklist as a person walks through it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from labmtj.bench.commission.items import Item, Stage
from labmtj.bench.commission.record import entry, write
from labmtj.bench.commission.resistor import Resistor
from labmtj.bench.commission.resistor import resistor as known
from labmtj.bench.commission.walk import Commissioning
from labmtj.bench.doctor import Verdict
from labmtj.config.bench import BenchFile
from labmtj.errors import LabmtjError

_MARKS = {
    Verdict.GOOD: "[green]good[/green]",
    Verdict.BAD: "[red]BAD[/red] ",
    Verdict.UNKNOWN: "[yellow]?[/yellow]   ",
}


def commissioned(
    file: BenchFile,
    resistor: Resistor,
    *,
    operator: str = "",
    out: Path | None = None,
    wait: bool = True,
    as_json: bool = False,
    acknowledge: str | None = None,
) -> bool:
    """Walk the checklist, print it and keep its record; whether the bench came through it.

    `wait` for a person between stages, where there is a terminal; else what hands are to do is taken as done.
    """
    console = Console(soft_wrap=True, quiet=as_json, highlight=False)
    operator = operator or file.bench.operator or ""
    walk = Commissioning(file, resistor, acknowledge=acknowledge)
    person = wait and sys.stdin.isatty() and sys.stdout.isatty()
    stopped = False

    def asked(stage: Stage, text: str, simulated: bool) -> None:
        console.print(f"\n[bold]{stage.value.capitalize()}[/bold]")
        console.print(f"  {text}")
        if simulated:
            console.print("  [dim]This bench is simulated: it has been done.[/dim]")
        elif not person:
            console.print("  [dim]Taken as done.[/dim]")
        else:
            state = "Nothing has been sent yet: see that outputs are off" if stage is Stage.EMPTY else "Sources are off"
            console.print(f"  {state}, then do it. Press Enter when it is done, or q and Enter to stop.")
            if stage is Stage.RESISTOR:
                console.print("  If it has another value, type that: for example 4.7 kohm, 0.1 %")
            while problem := take(walk, stage, sys.stdin.readline()):
                console.print(f"  {escape(problem)}")

    console.print(f"[bold]{escape(file.bench.title)}[/bold]   commissioning, at 10 mV and below")
    console.print(f"\n[bold]{Stage.FILE.value.capitalize()}[/bold]")
    try:
        told: set[str] = set()
        for item in walk.walk(asked):
            _show(console, item, told)
    except typer.Abort:
        stopped = True
    record, page = write(walk, operator=operator, folder=out)
    if as_json:
        print(json.dumps({**entry(walk, operator=operator), "record": str(record), "page": str(page)}))
        return walk.complete
    console.print(f"\n{_ending(walk, stopped=stopped)}")
    console.print(f"record {escape(str(record))}")
    console.print(f"page   {escape(str(page))}")
    if stopped:
        raise typer.Exit(130)
    return walk.complete


def take(walk: Commissioning, stage: Stage, typed: str) -> str:
    """Take what was typed before a stage: what is wrong with it, or nothing. Raises typer.Abort to end the walk."""
    text = typed.strip()
    if not typed or text.lower() in {"q", "quit"}:  # nothing at all: the terminal has gone
        raise typer.Abort
    if not text:
        return ""
    if stage is not Stage.RESISTOR:
        return "press Enter when it is done, or q and Enter to stop"
    try:
        walk.resistor = known(text, row=walk.resistor.row, col=walk.resistor.col)
    except LabmtjError as error:
        return str(error)
    return ""


def _show(console: Console, item: Item, told: set[str]) -> None:
    """Print a check; what it is for only where it is not good, and once."""
    console.print(f"  {_MARKS[item.verdict]}  {escape(item.subject):<18} {escape(item.found)}")
    if item.verdict is Verdict.GOOD:
        return
    reasons = () if item.what in told else (("done", item.what), ("why", item.why), ("good", item.good))
    told.add(item.what)
    for label, text in (*reasons, ("do", item.advice)):
        if text:
            console.print(f"        {'':<18} [dim]{label:<5}{escape(text)}[/dim]")


def _ending(walk: Commissioning, *, stopped: bool) -> str:
    if walk.complete:
        return "[green]This bench came through: nothing wrong was found.[/green]"
    if walk.bad:
        return f"[red]{walk.bad} found wrong[/red]: mend it, and begin again; what comes after it was not looked at"
    return "stopped before its end; begin again when you can go on" if stopped else "not all of it could be looked at"
