"""`labmtj check`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labmtj.cli import completing
from labmtj.cli.arguments import AsJson

if TYPE_CHECKING:
    from labmtj.protocol.feasibility import Finding


def check(
    file: Annotated[
        str,
        typer.Argument(
            help="A protocol, a study, a training file, a bench file or a data sheet; or the name of a shipped one.",
            metavar="FILE",
            autocompletion=completing.files,
        ),
    ],
    bench: Annotated[
        str,
        typer.Option(
            help="The bench that a protocol is meant for; else simulated-15x15, or the study's own.",
            autocompletion=completing.benches,
        ),
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PATH=VALUE", autocompletion=completing.settings, help="Change one field; repeatable."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the simulated die.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a file, with line and column, without running anything; physics included.

    For instance:

      labmtj check protocols/wine.yaml

      labmtj check protocols/wine.yaml --bench keysight --set program.pulse.width="200 ns"

      labmtj check protocols/goodwill.yaml

      labmtj check protocols/digits-neuron-study.yaml

      labmtj check instruments/benches/keithley.yaml

    Exit codes: 0 nothing that forbids a run; 3 bad file; 4 above a limit, or cannot work.
    """
    from labmtj.config.bench import DEFAULT
    from labmtj.errors import InputError
    from labmtj.protocol.examine import examine
    from labmtj.studies.examine import examine_study, names_study
    from labmtj.studies.in_situ.examine import examine_in_situ, names_in_situ
    from labmtj.studies.neurons.examine import examine_neuron_study, names_neuron_study
    from labmtj.studies.training.examine import examine_training, names_training

    if names_training(file):
        found = examine_training(file, bench=bench or None, overrides=settings or [])
    elif names_neuron_study(file):
        found = examine_neuron_study(file, bench=bench or None, overrides=settings or [])
    elif names_in_situ(file):
        found = examine_in_situ(file, bench=bench or None, overrides=settings or [])
    elif names_study(file):
        found = examine_study(file, bench=bench or None, overrides=settings or [])
    else:
        found = examine(file, bench=bench or DEFAULT, overrides=settings or [], seed=seed)
    if as_json:
        content = {
            "file": found.name,
            "kind": found.kind,
            "exit_code": found.exit_code,
            "findings": [as_dict(finding) for finding in found.findings],
            "summary": list(found.summary),
        }
        typer.echo(json.dumps(content))
    else:
        for finding in found.findings:
            typer.echo(str(finding))
        bad = sum(finding.severity.name in ("ERROR", "REFUSED") for finding in found.findings)
        warned = sum(finding.severity.name == "WARNING" for finding in found.findings)
        clean = f"no errors, {_counted(warned, 'warning')}" if warned else "no problems"
        typer.echo(f"{found.name}: {_counted(bad, 'problem') if bad else clean}")
        if bad and found.exit_code == InputError.exit_code:
            typer.echo("  there may be more: what needs a file without such problems is judged after them")
        for line in found.summary:
            typer.echo(f"  {line}")
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def as_dict(finding: Finding) -> dict[str, Any]:
    """A finding as JSON has it; line and column are 0 for what an option has set."""
    problem = finding.problem
    return {
        "severity": finding.severity.name.lower(),
        "file": problem.where,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
        "hint": problem.hint,
    }
