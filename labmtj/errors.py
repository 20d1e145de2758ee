"""Every error that labmtj raises on purpose.

    LabmtjError
    +-- InputError (ValueError)             exit code 3: a file, a unit or a name that cannot be used
    |   +-- UnitError                       a bare number, an unknown unit, a wrong dimension
    |   +-- FileProblems                    all that is wrong with one YAML file, each with line and column
    |   +-- MissingFile (FileNotFoundError) a file that is named but not there
    |   +-- PlacementError                  a layer that does not fit on the array
    |   +-- WrongDie                        a die map that is not of the die on the bench
    +-- LimitExceeded                       exit code 4: a request above a limit; nothing was sent
    |   +-- LifeSpent                       what a device may take in its whole life is used up
    +-- PlanRefused                         exit code 4: a protocol that cannot work, as its plan has shown
    +-- BenchError (RuntimeError)           exit code 5: an instrument or the bench did not do what was asked
    |   +-- InstrumentError                 the instrument queued an error; names the command
    |   +-- BadReply                        a reply that is no answer to the question
    |   +-- NoReply (TimeoutError)          no answer in time; nothing that comes later passes for one
    |   +-- ForeignError                    a driver of another library failed; names the instrument and the call
    |   +-- PowerLost                       an instrument was switched off and on since it was set up
    |   +-- GatesClosed                     a chip's gates are not as they were told to be; nothing was fired
    |   +-- InterlockOpen                   an interlock has switched outputs off; latched until it is acknowledged
    |   +-- Fenced                          the guardian or a panic has made the bench safe; this process may not go on
    |   +-- Busy                            exit code 6: another process has the instrument, the die or the run
    |   +-- RouteError                      relays that are not, or may not be, where they were asked
    |   |   +-- LineFaulty                  lines whose relays, wires or probes do not do as they should
    |   +-- PolarityNotFound                no spare cell switched below the ceiling
    |   +-- ShutdownFailed                  one or more steps of the safe state failed
    |   +-- ReplayMismatch (AssertionError) a message that is not the one on the cassette
    |   +-- Declined                        a person answered no where the protocol says that this is a failure
    +-- Aborted                             exit code 9: a criterion that the protocol states was met; bench left safe
    +-- StorageError (OSError)              exit code 7: a run folder, journal or die state that cannot be used
    |   +-- CannotResume                    a run that cannot be continued from its journal
    +-- SolveError (ArithmeticError)        a network without a solution, or one that did not converge

Each class subclasses the built-in that a stranger would catch, and carries the exit code of the
command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_SHOWN = 6  # chosen: lines that a message names; more are seldom mended one by one


class LabmtjError(Exception):
    """Any error that labmtj raises on purpose."""

    exit_code = 1


class InputError(LabmtjError, ValueError):
    """Something the user wrote cannot be used; nothing was touched."""

    exit_code = 3


class UnitError(InputError):
    """A quantity without a unit, with an unknown unit, or of the wrong dimension."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: where (counted from 1), what, the source line, and what to do."""

    where: str
    message: str
    line: int
    column: int
    path: str = ""
    excerpt: str = ""
    width: int = 1
    hint: str = ""

    def __str__(self) -> str:
        prefix = f"{self.path}: " if self.path else ""
        lines = [f"{self.where}:{self.line}:{self.column}: {prefix}{self.message}"]
        if self.excerpt:
            lines.append(f"    {self.excerpt}")
            lines.append("    " + " " * (self.column - 1) + "^" * max(1, self.width))
        if self.hint:
            lines.append(f"  {self.hint}")
        return "\n".join(lines)


class FileProblems(InputError):
    """Everything that is wrong with a file, in the order of its lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class MissingFile(InputError, FileNotFoundError):
    """A file that is named but not there."""


class PlacementError(InputError):
    """A layer that does not fit on the array, or lines that were named twice; with `problems` where a file says so."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__(message)


class WrongDie(InputError):
    """A die map whose fingerprint is not that of the die in the probe card."""


class LimitExceeded(LabmtjError, ValueError):
    """A request above a limit of the bench or the protocol, with `problems` where a file says so; nothing was sent."""

    exit_code = 4

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__(message)


class LifeSpent(LimitExceeded):
    """A pulse or a read that would take a device beyond what it may take in its whole life; nothing was sent."""


class PlanRefused(LabmtjError):
    """A protocol that would pass a limit, or that cannot work, as its plan has shown; nothing was sent."""

    exit_code = 4


class BenchError(LabmtjError, RuntimeError):
    """An instrument, or the bench as a whole, did not do what was asked."""

    exit_code = 5


class InstrumentError(BenchError):
    """An instrument queued an error.

    `instrument` names it, `command` is the text that it answers for, `code` and `text` are the
    instrument's own.
    """

    def __init__(self, instrument: str, command: str, code: int, text: str) -> None:
        self.instrument, self.command, self.code, self.text = instrument, command, code, text
        super().__init__(f"{instrument} reports error {code} ({text}) after {command!r}")


class BadReply(BenchError):
    """A reply that is no answer to the question."""

    def __init__(self, instrument: str, command: str, reply: str, expected: str) -> None:
        self.instrument, self.command, self.reply = instrument, command, reply
        super().__init__(f"{instrument} answered {reply!r} to {command!r}; expected {expected}")


class NoReply(BenchError, TimeoutError):
    """An instrument did not answer in time. What it was told may have happened, so nobody sends it again blindly."""

    def __init__(self, instrument: str, command: str, why: object) -> None:
        self.instrument, self.command = instrument, command
        super().__init__(f"{instrument} does not answer {command!r}: {why}")


class ForeignError(BenchError):
    """A driver of another library (PyMeasure, QCoDeS) raised an error or a warning; its own is the cause."""


class PowerLost(BenchError):
    """An instrument was switched off and on since it was set up: its settings are gone."""


class GatesClosed(BenchError):
    """The digital port that opens a chip's gates has another level than it was given; nothing was fired."""


class InterlockOpen(BenchError):
    """An interlock is or was open; nothing is put on the array before somebody acknowledges it."""


class Fenced(BenchError):
    """Somebody else has made the bench safe, a guardian or a panic; this process may not touch it any more."""


class Busy(BenchError):
    """Another process has what is wanted: an instrument, the state of a die, a run folder."""

    exit_code = 6


class RouteError(BenchError):
    """A route that may not be taken, or relays that are not where they were asked to be."""


class LineFaulty(RouteError):
    """Lines whose relays, wires or probes do not do as they should; each is named with what is wrong with it.

    `faults` are records.LineFault, in the order of their lines.
    """

    def __init__(self, message: str, faults: Sequence[Any] = ()) -> None:
        self.faults: tuple[Any, ...] = tuple(faults)
        what = [str(fault) for fault in self.faults]
        shown = what if len(what) <= _SHOWN else [*what[:_SHOWN], f"and {len(what) - _SHOWN} more lines"]
        super().__init__(f"{message}: {'; '.join(shown)}" if what else message)


class PolarityNotFound(BenchError):
    """No spare cell switched below the ceiling, so it is not known which sign writes which state."""


class Declined(BenchError):
    """A person answered no to a question of the protocol, which says that the run fails then."""


class Aborted(LabmtjError):
    """A run was ended by a criterion that its protocol states; the bench is safe, and what was measured is kept."""

    exit_code = 9


class ReplayMismatch(BenchError, AssertionError):
    """A session that is replayed says something else than the one that was recorded."""

    def __init__(self, resource: str, number: int, recorded: str, said: str) -> None:
        self.resource, self.number, self.recorded, self.said = resource, number, recorded, said
        super().__init__(
            f"{resource}: after {number} exchanges the cassette has {recorded!r}, the session says {said!r}"
        )


class ShutdownFailed(BenchError):
    """One or more steps of the safe state failed; every other step was still tried."""

    def __init__(self, failures: Sequence[tuple[str, BaseException]]) -> None:
        self.failures = tuple(failures)
        what = "; ".join(f"{step}: {error}" for step, error in self.failures)
        super().__init__(f"the bench may not be safe, look at it: {what}")


class StorageError(LabmtjError, OSError):
    """A run folder, journal or die state that cannot be read or written."""

    exit_code = 7


class CannotResume(StorageError):
    """A run that cannot be continued: it is done, was changed, or its journal is not what this program would write."""


class SolveError(LabmtjError, ArithmeticError):
    """A network that has no solution, or whose solution did not converge."""
