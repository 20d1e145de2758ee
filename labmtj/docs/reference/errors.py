"""The page of errors: the tree of labmtj.errors, with exit codes and what to do."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from labmtj.docs.reference.markdown import escape
from labmtj.errors import LabmtjError

WHAT_TO_DO = {
    "InputError": "Mend what the message names. `labmtj check FILE` finds most of it without running anything.",
    "UnitError": "Write the quantity with its unit: `50 mV`, `100 us`. Every field is in the reference.",
    "FileProblems": "The message has file, line and column of each problem, and often what was probably meant.",
    "MissingFile": "Look at the path; a relative one counts from the current folder. Names of shipped files go too.",
    "PlacementError": "Use a larger array, another layer, or fewer named lines.",
    "WrongDie": "Open the map of the die that is in the probe card, or map it anew.",
    "LimitExceeded": "Ask for less. If the limit is wrong, change the bench file: raising it asks for the value.",
    "LifeSpent": "`labmtj ledger DIE` shows what the cell has taken. Use other cells, or raise the limit of the life.",
    "PlanRefused": "The message names the step and why it cannot work; `labmtj plan` shows the whole forecast.",
    "BenchError": "Look at the bench; `labmtj doctor BENCH` examines it in the order that is safe.",
    "InstrumentError": "The message names the command that the instrument refused and its own error number.",
    "BadReply": "Look for a second program that talks to the instrument, a wrong model, or a bad cable.",
    "NoReply": "Look at power, cable and address. Then resume: what is unknown is read and never repeated.",
    "Busy": "The message names the process. Wait for it, or stop it; never delete the lease by hand.",
    "PowerLost": "Find out why it was off. Resume: settings are made anew and every line is looked at again.",
    "GatesClosed": "Look at the cable of the digital port and at the rails of the probe card.",
    "InterlockOpen": 'Find out why; then go on with `--acknowledge "what you found"`.',
    "Fenced": "Somebody pressed `labmtj safe`, or the guardian found this process silent. Resume when it is clear why.",
    "RouteError": "A relay is not where it was asked to be. `labmtj doctor BENCH` finds which; look at its wear.",
    "LineFaulty": "Look at probes and wires of the lines named; `quarantine: open` goes on without open lines.",
    "PolarityNotFound": "Raise `ceiling` within the limits, name another spare `cell`, or look whether the die is one.",
    "ShutdownFailed": "Look at the instruments now: outputs off, relays open. The message names each step that failed.",
    "ForeignError": "Look at the library's own message below it; if the instrument is well, report it to that library.",
    "Declined": "Do what was asked, then `labmtj resume RUN`: the question is put again.",
    "Aborted": "Find out what changed, as `labmtj status RUN` says it; `labmtj resume RUN --past-abort WHY` goes on.",
    "ReplayMismatch": "The program says something else than it did when the cassette was recorded: record it again.",
    "StorageError": "Make room, or look at permissions; then `labmtj resume RUN`.",
    "CannotResume": "The message says why. Results that are in the journal stay: `labmtj rebuild RUN`.",
    "SolveError": "Report it with the bench and protocol: the simulated network should always be solvable.",
}


def errors() -> str:
    """The page."""
    parts = [
        "# Errors\n",
        "Every error that labmtj raises on purpose is a `labmtj.errors.LabmtjError`. The command line prints its\n"
        "message on standard error and ends with the exit code. In Python each can be caught by its own name or by\n"
        "the built-in that it is, too.\n",
    ]
    for depth, kind in tree(LabmtjError):
        built_in = [base for base in kind.__mro__ if base.__module__ == "builtins"]
        nearest = [one.__name__ for one in built_in if not any(issubclass(o, one) and o is not one for o in built_in)]
        parent = next(base.__name__ for base in kind.__bases__ if issubclass(base, LabmtjError))
        below = "" if depth == 1 else f" It is one of the `{parent}` family."
        parts += [
            f"{'##' if depth == 1 else '###'} {kind.__name__}\n",
            escape(" ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())) + below + "\n",
            f"Exit code {kind.exit_code}. In Python also: {', '.join(f'`{name}`' for name in nearest)}.\n",
            f"What to do: {escape(WHAT_TO_DO.get(kind.__name__, ''))}\n",
        ]
    return "\n".join(parts)


def tree(kind: type[LabmtjError], depth: int = 0) -> Iterator[tuple[int, type[LabmtjError]]]:
    """Every class of error below one, in the order of the module, with how deep it lies."""
    for below in kind.__subclasses__():
        if below.__module__ == "labmtj.errors":
            yield depth + 1, below
            yield from tree(below, depth + 1)
