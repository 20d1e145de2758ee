"""`labmtj schema`."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def schema(
    kind: Annotated[str, typer.Argument(help="protocol or bench", metavar="KIND")],
) -> None:
    """Print the JSON schema of protocol or bench files, for an editor or to look a field up.

    Example:  labmtj schema protocol > protocol.schema.json
    """
    from labmtj.config.bench import Bench
    from labmtj.protocol.schema import ProtocolFile

    kinds = {"protocol": ProtocolFile, "bench": Bench}
    if kind not in kinds:
        raise typer.BadParameter(f"{kind!r} is none of: {', '.join(kinds)}")
    typer.echo(json.dumps(kinds[kind].model_json_schema(), indent=2))
