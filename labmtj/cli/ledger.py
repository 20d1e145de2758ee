"""`labmtj ledger`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from labmtj.cli import completing
from labmtj.cli.arguments import AsJson

if TYPE_CHECKING:
    from labmtj.records import Floats
    from labmtj.runs.ledger import Ledger, LedgerRun, Life

_WORST = 5
_RAMP = " .:-=+*#%@"  # from nothing to the worst cell


def ledger(
    die: Annotated[str | None, typer.Argument(help="The die by its name (array.die); all dies if none.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="The ledger (else LABMTJ_LEDGER, else yours); a simulated die has its own.")
    ] = None,
    collect: Annotated[
        list[Path] | None,
        typer.Option(
            "--collect",
            metavar="RUN",
            autocompletion=completing.runs,
            help="Take in a run whose process died; repeatable.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the cells of a die have taken in their life: pulses, damage, reads, and what was last written.

    For instance:

      labmtj ledger

      labmtj ledger "W7/D12/A1"

      labmtj ledger "W7/D12/A1" --collect data/runs/2026-01-02T03-04-05-wine

    Exit codes: 0 done; 3 no such die; 7 the ledger, or a run, cannot be read.
    """
    from labmtj.bench.life_ledger import ledger_path
    from labmtj.errors import InputError
    from labmtj.runs.ledger import Ledger

    collected = [_collect(run, file) for run in collect or []]
    books = Ledger(collected[-1].path if collected and file is None else file or ledger_path())
    if die is None:
        _show_dies(books, as_json=as_json)
        return
    life = books.life(die)
    if life is None:
        known = ", ".join(books.dies()) or "none"
        raise InputError(f"{books.path}: this ledger has no die {die!r}; its dies: {known}")
    if as_json:
        typer.echo(json.dumps(_as_dict(books, die, life)))
    else:
        _show(books, die, life)


def _collect(run: Path, file: Path | None) -> Ledger:
    """Put into the ledger what the journal of a run says that it has done."""
    from labmtj.bench.life_ledger import contribution_of_run, die_key, ledger_path, run_id
    from labmtj.physics.stress import Limits
    from labmtj.protocol.load import load_protocol
    from labmtj.runs.ledger import Ledger

    job = load_protocol(run / "protocol.yaml", bench=run / "bench.yaml")
    journal, limits = run / "journal.jsonl", Limits(**dict(job.protocol.limits))
    books, key, name = Ledger(file or ledger_path(job.bench)), die_key(job.bench), run_id(journal)
    contribution = contribution_of_run(journal, job.bench, limits)
    known = {entry.run: entry for entry in books.runs(key)}
    books.begin(key, name, run.resolve(), shape=contribution.shape)
    books.end(key, name, contribution, how=known[name].how if name in known and known[name].how else "collected")
    return books


def _show_dies(books: Ledger, *, as_json: bool) -> None:
    if as_json:
        dies = [{"die": die, "rows": rows, "cols": cols} for die, (rows, cols) in books.dies().items()]
        typer.echo(json.dumps({"format": 1, "ledger": str(books.path), "dies": dies}))
        return
    typer.echo(f"ledger {books.path}")
    for die, (rows, cols) in books.dies().items():
        life, runs = books.life(die), books.runs(die)
        pulses = 0 if life is None else int(life.pulses.sum())
        typer.echo(f"  {die}   {rows} x {cols}   {len(runs)} runs   {pulses} pulses")
    if not books.dies():
        typer.echo("  no die has been used")


def _show(books: Ledger, die: str, life: Life) -> None:
    rows, cols = life.shape
    typer.echo(f"{die}   {rows} x {cols}   ledger {books.path}")
    for run in books.runs(die):
        typer.echo(f"  {run.began}   {run.how or _open(run)}   {run.user}@{run.host}   {run.folder}")
    limits = books.limits(die)
    for title, values, name in (
        ("pulses", life.pulses.astype(float), "pulses"),
        ("damage", life.damage, "damage"),
        ("expected flips by reads", life.read_dose, "read_dose"),
    ):
        most = f", limit {limits[name]:g}" if name in limits else ""
        worst = "   ".join(f"({row}, {col}) {value:.3g}" for row, col, value in _worst(values))
        typer.echo(f"{title}: {values.sum():.4g} in all{most}; worst cells {worst}")
    typer.echo(f"damage, cell by cell ({_RAMP[1]!r} least, {_RAMP[-1]!r} the worst):")
    for row, line in enumerate(_map(life.damage), start=1):
        typer.echo(f"  {row:4d} |{line}|")


def _open(run: LedgerRun) -> str:
    return f"not ended: is it running? If not: labmtj resume, or --collect {run.folder}"


def _worst(values: Floats) -> list[tuple[int, int, float]]:
    import numpy as np

    order = cast("list[int]", np.argsort(values, axis=None)[::-1][:_WORST].tolist())
    places = [divmod(n, values.shape[1]) for n in order]
    return [(row + 1, col + 1, float(values[row, col])) for row, col in places]


def _map(values: Floats) -> list[str]:
    """One character a cell, on the scale of the worst."""
    import numpy as np

    most = float(values.max())
    share = values / most if most > 0 else values
    level = cast("list[list[int]]", np.where(values > 0, np.clip((share * 9).astype(int), 1, 9), 0).tolist())
    return ["".join(_RAMP[n] for n in row) for row in level]


def _as_dict(books: Ledger, die: str, life: Life) -> dict[str, Any]:
    times = cast("list[list[float]]", cast(Any, life.seen).tolist())
    seen = [[None if math.isnan(at) else round(at, 3) for at in row] for row in times]
    return {
        "format": 1,
        "ledger": str(books.path),
        "die": die,
        "limits": books.limits(die),
        "runs": [{**vars(run), "folder": str(run.folder)} for run in books.runs(die)],
        "pulses": {"positive": life.positive.tolist(), "negative": life.negative.tolist()},
        "damage": life.damage.tolist(),
        "read_dose": life.read_dose.tolist(),
        "state": life.state.tolist(),
        "seen": seen,
        "worst": {
            name: [{"cell": [row, col], "value": value} for row, col, value in _worst(values)]
            for name, values in (("damage", life.damage), ("read_dose", life.read_dose))
        },
    }
