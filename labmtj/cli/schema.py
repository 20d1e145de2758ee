"""`labmtj schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from labmtj.cli import completing
from labmtj.cli.arguments import AsJson


def schema(
    kind: Annotated[
        str,
        typer.Argument(
            help="protocol, study, training, in-situ, neuron-study, bench, model, dies, chips, neurons, or all of them",
            metavar="KIND",
            autocompletion=completing.kinds,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write KIND.schema.json into this folder (of `all`: below it) instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the JSON schema of a kind of YAML file, for an editor or to look a field up.

    Shipped files name theirs in their first line, so that an editor with YAML support completes and checks them.
    For a file of your own, put the schema beside it:

      labmtj schema protocol --out .

    After a field was added to labmtj itself, in its checkout:

      labmtj schema all --out .
    """
    from labmtj.protocol.schemas import write_schema
    from labmtj.studies.schemas import KINDS

    if kind != "all" and kind not in KINDS:
        raise typer.BadParameter(f"{kind!r} is none of: {', '.join(KINDS)}, all")
    wanted = KINDS if kind == "all" else {kind: KINDS[kind]}
    if out is not None:
        written = [write_schema(found, out / found.folder if kind == "all" else out) for found in wanted.values()]
        typer.echo(
            json.dumps({"written": [str(path) for path in written]}) if as_json else "\n".join(map(str, written))
        )
    elif as_json:
        typer.echo(json.dumps({"schemas": {name: json.loads(found.text()) for name, found in wanted.items()}}))
    else:
        for found in wanted.values():
            typer.echo(found.text(), nl=False)
