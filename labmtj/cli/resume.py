"""`labmtj resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from labmtj.cli.arguments import AsJson, RunFolder


def resume(
    run: RunFolder,
    acknowledge: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What you found where an interlock had opened; it unlatches it.")
    ] = None,
    past_abort: Annotated[
        str | None,
        typer.Option("--past-abort", metavar="TEXT", help="What you found where a criterion of the protocol ended it."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Answer yes to every confirm step, and go on at every pause, in advance.")
    ] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Wait for labmtj answer on a simulated bench without a keyboard, too.")
    ] = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the table at the end.")] = False,
) -> None:
    """Go on with a run, a study or a training that was stopped, failed, or whose process died.

    What the journal holds is not measured again. Before anything is written the bench is looked at: lines, die, and
    every cell that the run relies on. A pulse without an outcome is settled by a reading, never repeated. For instance:

      labmtj status data/runs/2026-11-23T10-14-02-wine

      labmtj resume data/runs/2026-11-23T10-14-02-wine

    A run that a criterion of its protocol has ended is refused, until you say what you found: that criterion then ends
    it no more, and the others still do:

      labmtj resume data/runs/2026-11-23T10-14-02-wine --past-abort "probe 3 was lifted, lowered again"

    A study goes on with its first block that is not done: as `labmtj study --resume`, which has more options.
    A training goes on after its last whole epoch.

    Exit codes are those of `labmtj run`; 6: another process has the run or an instrument; 7: it cannot be continued.
    """
    from labmtj.cli.outcome import tell
    from labmtj.cli.questions import asking
    from labmtj.cli.run_display import Quiet, Terminal
    from labmtj.protocol.engine import resume as resume_run
    from labmtj.studies.folder import is_study_folder
    from labmtj.studies.in_situ.folder import is_in_situ_folder
    from labmtj.studies.neurons.folder import is_neuron_folder
    from labmtj.studies.training.folder import is_training_folder

    if is_training_folder(run):
        from labmtj.cli import train

        train.go_on(run, as_json=as_json, quiet=quiet)
        return
    if is_study_folder(run) or is_in_situ_folder(run) or is_neuron_folder(run):
        from labmtj.cli.study import go_on

        go_on(run, as_json=as_json, quiet=quiet)
        return
    observer = Quiet() if as_json or quiet else Terminal()
    try:
        outcome = resume_run(
            run,
            observer=observer,
            acknowledge=acknowledge,
            asking=asking(yes=yes, ask=ask, shown=not (as_json or quiet), operator=""),
            past_abort=past_abort,
        )
    finally:
        observer.close()
    tell(outcome, as_json=as_json)
