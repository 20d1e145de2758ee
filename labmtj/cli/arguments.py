"""Arguments and options that several commands take, each with its help and what completes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labmtj.cli import completing

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
RunFolder = Annotated[Path, typer.Argument(help="Folder of the run.", metavar="RUN", autocompletion=completing.runs)]
Protocol = Annotated[
    str,
    typer.Argument(
        help="A protocol file, or the name of a shipped one.", metavar="PROTOCOL", autocompletion=completing.protocols
    ),
]
Bench = Annotated[
    str,
    typer.Argument(
        help="A bench file, or the name of a shipped one.", metavar="BENCH", autocompletion=completing.benches
    ),
]
OnBench = Annotated[
    str, typer.Option(help="A bench file, or the name of a shipped one.", autocompletion=completing.benches)
]
JobSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        autocompletion=completing.settings,
        help="Change one field of protocol or bench; repeatable.",
    ),
]
BenchSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        autocompletion=completing.settings,
        help="Change one field of the bench; repeatable.",
    ),
]
