"""The command line: the app and its entry point; each command stands in a module of its own."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from labmtj.cli import (
    answer,
    bench,
    chaos,
    check,
    docs,
    ledger,
    plan,
    resume,
    run,
    safe,
    schema,
    status,
    study,
    train,
    twin,
    verify,
    watch,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Program and read arrays of magnetic tunnel junctions, on a lab bench or on its simulated twin.\n\n"
    "Begin with:  [bold]labmtj run protocols/wine.yaml[/bold]",
)


def _version(wanted: bool) -> None:
    if wanted:
        from labmtj import __version__

        typer.echo(f"labmtj {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and stop.")
    ] = False,
) -> None:
    """Options of labmtj itself."""


app.command()(run.run)
app.command()(resume.resume)
app.command()(status.status)
app.command()(answer.answer)
app.command()(watch.watch)
app.command()(status.rebuild)
app.command()(verify.verify)
app.command()(study.study)
app.command()(train.train)
app.command()(plan.plan)
app.command()(check.check)
app.command()(ledger.ledger)
app.command()(schema.schema)
app.command()(safe.safe)
app.command()(bench.doctor)
app.command()(bench.discover)
app.command()(chaos.chaos)
app.command()(docs.docs)
app.add_typer(twin.app, name="twin")


def main() -> None:
    """Entry point: errors that labmtj raises on purpose become one message and an exit code."""
    from labmtj.errors import LabmtjError

    try:
        app()
    except LabmtjError as error:
        print(f"error: {error}", file=sys.stderr)
        for note in getattr(error, "__notes__", []):
            print(f"  {note}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
