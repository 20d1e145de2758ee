"""`labmtj safe`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from labmtj.cli.arguments import AsJson, Bench, BenchSettings

if TYPE_CHECKING:
    from labmtj.bench.panic import Made


def safe(
    bench: Bench,
    settings: BenchSettings = None,
    as_json: AsJson = False,
) -> None:
    """Panic: every source to 0 V and off, every relay open, now, whoever is using the bench.

    All instruments at once, each by a session of its own. A process that has the bench is shut out: it cannot send
    anything more. The exit code is 5 if an instrument did not answer in time. For instance:

      labmtj safe instruments/benches/keithley.yaml
    """
    from labmtj.bench.press import press

    pressed = press(bench, settings or [], tell=(lambda _: None) if as_json else lambda made: typer.echo(line(made)))
    if as_json:
        content = {
            "bench": pressed.bench,
            "simulated": pressed.simulated,
            "shut_out": list(pressed.shut_out),
            "instruments": [{**asdict(made), "safe": made.safe} for made in pressed.made],
            "safe": pressed.safe,
        }
        typer.echo(json.dumps(content))
    else:
        for text in pressed.shut_out:
            typer.echo(f"shut out: {text}")
        if pressed.simulated:
            typer.echo(f"{pressed.bench}: simulated inside each process that opens it; there is nothing to switch off")
    if not pressed.safe:
        raise typer.Exit(5)


def line(made: Made) -> str:
    """What was done to one instrument, for people."""
    end = f"{made.what}, {made.seconds:.2f} s" if made.safe else f"NOT SAFE: {made.error}"
    return f"{made.name:<12} {end}"
