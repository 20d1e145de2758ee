"""`labmtj chaos`."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labmtj.cli import completing
from labmtj.cli.arguments import AsJson, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labmtj.chaos.verdict import Tally


def chaos(
    protocol: Protocol,
    bench: Annotated[
        str,
        typer.Option(
            help="A simulated bench: its file, or the name of a shipped one.", autocompletion=completing.benches
        ),
    ] = "simulated-15x15",
    seed: Annotated[int, typer.Option(min=0, help="What is done, and when, follows from it.")] = 0,
    rounds: Annotated[int, typer.Option(min=1, max=100_000, help="Rounds, each on a fresh die.")] = 15,
    only: Annotated[
        list[str] | None, typer.Option(help="A scenario's name, or a row of the reliability table; repeatable.")
    ] = None,
    slack: Annotated[
        float, typer.Option(min=1.0, help="What deadlines are multiplied by on a computer that is busy.")
    ] = 1.0,
    keep: Annotated[
        Path | None, typer.Option(help="Keep what is left of rounds that did not hold in this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do to a run what can happen to one, and check that nothing is lost and nothing harmed.

    Each round serves the simulated bench in a process of its own, runs the protocol in another, kills it, stops it,
    lies to it, cuts its power or fills its disk, goes on with the run, and compares the twin's own log with the
    journal. A small protocol is best: each round runs it once or twice. For instance:

      labmtj chaos small.yaml --bench small-bench.yaml --seed 7 --rounds 28

      labmtj chaos small.yaml --bench small-bench.yaml --only kill --rounds 200

    Exit codes: 0 everything held; 5 something did not.
    """
    from rich.console import Console

    from labmtj.chaos.rounds import draw, play, prepare, tallies
    from labmtj.chaos.verdict import Verdict
    from labmtj.config.finder import find

    job = prepare(find("protocols", protocol), bench, slack=slack)
    scenarios = draw(seed, rounds, only=only or [])
    console = Console(stderr=True, quiet=as_json, highlight=False)

    played = 0

    def told(verdict: Verdict) -> None:
        nonlocal played
        played += 1
        shown = "" if verdict.figure is None else f"   {verdict.figure:.3g}"
        held = "[green]held[/green]" if verdict.held else "[red]NOT HELD[/red]"
        console.print(f"{played:{len(str(rounds))}d}/{rounds}  {held}  {verdict.scenario}{shown}")
        for fault in verdict.faults:
            console.print(f"    {fault}", markup=False)

    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="labmtj-chaos-")))
        verdicts = play(job, scenarios, seed=seed, folder=folder.resolve(), done=told)
    found = tallies(verdicts)
    held = all(verdict.held for verdict in verdicts)
    if as_json:
        content = {"seed": seed, "rounds": rounds, "held": held, "scenarios": [asdict(entry) for entry in found]}
        typer.echo(json.dumps(content))
    else:
        _show(found, seed)
    if not held:
        raise typer.Exit(5)


def _show(found: Sequence[Tally], seed: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)  # a pipe has no edge to fold lines at
    table = Table("row", "what happens", box=None, title=f"seed {seed}", title_justify="left")
    table.add_column("tried", justify="right")
    table.add_column("held", justify="right")
    table.add_column("worst figure")
    for entry in found:
        held = f"[{'green' if entry.held == entry.tried else 'red'}]{entry.held}[/]"
        figure = "" if entry.worst is None else f"{entry.worst:.3g} {entry.measures}"
        table.add_row(str(entry.row or ""), entry.title, str(entry.tried), held, figure)
    console.print(table)
    for entry in found:
        for fault in entry.faults:
            console.print(f"{entry.scenario}: {fault}", markup=False, soft_wrap=True)
