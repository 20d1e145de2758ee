"""`labmtj copy`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from labmtj.cli import completing
from labmtj.cli.arguments import AsJson


def copy(
    name: Annotated[
        str,
        typer.Argument(
            help="A shipped bench or protocol, by its name.", metavar="NAME", autocompletion=completing.files
        ),
    ],
    file: Annotated[
        Path | None, typer.Argument(help="The file to make; else NAME.yaml in this folder.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy a shipped bench or protocol, to change it, and put the schema beside it that its first line names.

    Nothing that is there is written over. For instance:

      labmtj copy keithley my-bench.yaml

      labmtj copy wine
    """
    from labmtj.config.copies import copy_shipped

    made = copy_shipped(name, file or Path(f"{name}.yaml"))
    if as_json:
        typer.echo(json.dumps({"made": [str(path) for path in made]}))
        return
    for path in made:
        typer.echo(f"made  {path}")
