"""`labmtj watch`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labmtj.cli import completing
from labmtj.cli.arguments import AsJson

if TYPE_CHECKING:
    from labmtj.watch.watching import Watch


def watch(
    run: Annotated[
        Path | None, typer.Argument(help="Folder of the run.", metavar="RUN", autocompletion=completing.runs)
    ] = None,
    bench: Annotated[
        str | None,
        typer.Option(
            help="Instead of RUN: the run that goes on, or comes next, on this bench.",
            metavar="BENCH",
            autocompletion=completing.benches,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="With --bench: the folder in which run folders are made.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Loopback address to listen on; no other is served.")] = "127.0.0.1",
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address and open no browser.")] = False,
    look_only: Annotated[bool, typer.Option("--look-only", help="No buttons: the server refuses commands.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a run as it goes, live or long over, on a page in your browser, until Ctrl-C.

    The array as a map, the step and the time left, instruments, readings and accuracy; hover a cell for its history.
    It reads the journal in the run folder, so that it may be opened at any time and by several people; two buttons stop
    the run, or make its bench safe. Ctrl-C ends the page, never the run. For instance:

      labmtj watch data/runs/2026-11-23T10-14-02-wine

      labmtj watch --bench instruments/benches/keithley.yaml
    """
    from labmtj.watch.serving import PageServer

    shown = _shown(run, bench, out)
    server = PageServer(shown, host=host, port=port, look_only=look_only)
    with server.closed_by_ctrl_c():
        if as_json:
            content = {"address": server.address, "port": server.port, "token": server.token}
            typer.echo(json.dumps(content | {"run": None if run is None else str(run), "bench": bench}))
        else:
            typer.echo(f"watch    {_words(shown)}\nopen     {server.address}\nCtrl-C ends the page, not the run")
        if not no_open:
            _open(server.address)
        server.serve()


def _words(shown: Watch) -> str:
    """What is shown: the title in the first line of its journal, or the bench that waits."""
    from labmtj.errors import StorageError

    if shown.picture is None:
        return f"{shown.title}   the run that goes on there, or the next one"
    try:
        return str(shown.picture.tail.at(0).get("title", shown.folder))
    except StorageError:
        return f"{shown.folder}   which has not begun, or is damaged: the page says what it finds"


def _shown(run: Path | None, bench: str | None, out: Path | None) -> Watch:
    """What is to be shown. Raises InputError and MissingFile for what cannot be."""
    from labmtj.config.bench import load_bench
    from labmtj.runs.folder import known_run, runs_root
    from labmtj.watch.watching import Watch

    if (run is None) == (bench is None):
        raise typer.BadParameter("name the folder of a run, or a bench with --bench")
    if run is None:
        return Watch(bench=load_bench(str(bench)), runs=runs_root(out))
    if not (run / "journal.jsonl").is_file():
        _refuse_study(run)
    return Watch(run=known_run(run))


def _refuse_study(folder: Path) -> None:
    """Raise InputError for the folder of a study or a training, and say what to do with it."""
    from labmtj.errors import InputError
    from labmtj.studies.folder import is_study_folder
    from labmtj.studies.in_situ.folder import is_in_situ_folder
    from labmtj.studies.neurons.folder import is_neuron_folder
    from labmtj.studies.training.folder import is_training_folder

    if any(known(folder) for known in (is_study_folder, is_training_folder, is_in_situ_folder, is_neuron_folder)):
        raise InputError(
            f"{folder}: this is a study, which has no one array to show: `labmtj status {folder}` says how far it has "
            "come; of a study on a bench (level: wire), watch one of the runs in its folder runs/"
        )


def _open(address: str) -> None:
    """Open the address in a browser, where there is a screen."""
    import os
    import sys
    import webbrowser

    shows = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if shows:
        webbrowser.open(address)
