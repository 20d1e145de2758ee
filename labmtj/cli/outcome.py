"""What `labmtj run` and `labmtj resume` print at their end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from labmtj.protocol.engine import Outcome


def tell(outcome: Outcome, *, as_json: bool) -> None:
    """Print the figures of a run; exits with 8 if cells that are not defective could not be written."""
    from labmtj.terminal import show_table

    if as_json:
        typer.echo(json.dumps({"run": str(outcome.folder), **outcome.figures}))
    else:
        show_table(outcome.folder, outcome.figures)
    if outcome.figures.get("write_fidelity_good", 1.0) < 1.0:
        raise typer.Exit(8)
