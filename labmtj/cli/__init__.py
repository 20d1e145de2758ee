"""The command line: the app and its entry point; each command stands in a module of its own."""

from __future__ import annotations

import inspect
import json
import sys
from typing import Annotated, Any, cast

import typer
from typer.main import get_command
from typer.models import CommandInfo, TyperInfo

from labmtj.cli import (
    answer,
    bench,
    chaos,
    check,
    copy,
    docs,
    export,
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
    "Begin with:  [bold]labmtj run wine[/bold]  (a trained network on the simulated bench; 10 s), "
    "then [bold]labmtj docs[/bold].\n\n"
    "[bold]labmtj COMMAND --help[/bold] has examples of each; --json has its result for programs.",
    epilog="Exit codes: 0 done; 2 command line; 3 bad file; 4 limit or plan refused; 5 instrument or bench; "
    "6 another process has the bench or the run; 7 storage; 8 done, but cells could not be written; "
    "9 ended by a criterion of the protocol; 130 stopped with Ctrl-C after the cell in hand, 131 at once by a second, "
    "143 terminated, 129 hung up.",
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
app.command()(export.export)
app.command()(study.study)
app.command()(train.train)
app.command()(plan.plan)
app.command()(check.check)
app.command()(copy.copy)
app.command()(ledger.ledger)
app.command()(schema.schema)
app.command()(safe.safe)
app.command()(bench.doctor)
app.command()(bench.discover)
app.command()(chaos.chaos)
app.command()(docs.docs)
app.add_typer(twin.app, name="twin")


_PANELS = {
    "Run": ("run", "resume", "answer", "safe"),
    "Look": ("status", "watch", "report", "export", "verify", "rebuild", "ledger"),
    "Before a run": ("check", "plan", "copy", "schema"),
    "Benches": ("doctor", "discover", "twin"),
    "Many networks, many dies": ("study", "train"),
    "Learn and trust": ("docs", "chaos"),
}
_USAGE = cast("type[Exception]", next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"))
"""What a command line that cannot be understood raises; typer has it from click or, later, from a click of its own."""


def _in_panels() -> None:
    """Say in which panel of the help each command stands, and in which order."""
    panels = {name: panel for panel, names in _PANELS.items() for name in names}
    order = list(panels)
    for entry in (*app.registered_commands, *app.registered_groups):
        entry.rich_help_panel = panels.get(_called(entry), "Others")
    app.registered_commands.sort(key=lambda entry: order.index(_called(entry)) if _called(entry) in order else 99)


def _called(entry: CommandInfo | TyperInfo) -> str:
    return entry.name or getattr(entry.callback, "__name__", "")


_in_panels()


def _tidied(command: Any) -> None:
    """Let the help name flags alone, not <bool> behind them as if they took a value, and fill its lines."""
    for below in getattr(command, "commands", {}).values():
        _tidied(below)
    for option in (*command.params, command.get_help_option(typer.Context(command))):
        if getattr(option, "is_flag", False):
            option.metavar = ""
    if command.help:  # lines that are indented are examples: they stay as they are
        parts = inspect.cleandoc(command.help).split("\n\n")
        command.help = "\n\n".join(part if part.startswith(" ") else part.replace("\n", " ") for part in parts)


def main() -> None:
    """Entry point: errors that labmtj raises on purpose become one message and an exit code."""
    from labmtj.errors import LabmtjError

    as_json = "--json" in sys.argv[1:]
    try:
        command = get_command(app)
        _tidied(command)
        code = command(prog_name="labmtj", standalone_mode=False)
    except LabmtjError as error:
        from labmtj.cli.failure import tell_failure

        tell_failure(error, as_json=as_json)
        raise SystemExit(error.exit_code) from None
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except _USAGE as error:
        raise SystemExit(_misused(error, as_json=as_json)) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _misused(error: Any, *, as_json: bool) -> int:
    """Say what is wrong with a command line; the exit code."""
    from typer.rich_utils import rich_format_error

    if as_json:
        from labmtj.cli.failure import misuse

        print(json.dumps(misuse(error.format_message(), error.exit_code)))
    rich_format_error(error)
    return int(error.exit_code)
