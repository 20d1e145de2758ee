"""Who watches a run: told of steps, of items done, and of a line for a person at the end of each step."""

from __future__ import annotations

from typing import Protocol

from labmtj.ports import Ticker, no_ticks
from labmtj.runs.asking import Answer, Question


class Observer(Protocol):
    """A watcher of a run."""

    def started(self, line: str) -> None:
        """The bench is open; `line` says which."""
        ...

    def step(self, name: str, total: int) -> Ticker:
        """A step with `total` items begins; the ticker is called as they are done."""
        ...

    def done(self, name: str, line: str, bench_seconds: float, *, replayed: bool = False) -> None:
        """The step is over; `line` says how it went; `replayed`: it was over when the run was continued."""
        ...

    def returned(self, line: str) -> None:
        """A run that goes on has looked at its bench again; `line` says what it found."""
        ...

    def asked(self, question: Question, how: str) -> None:
        """The run waits; `how` says what ends that. Told again where an answer was none."""
        ...

    def answered(self, question: Question, answer: Answer) -> None:
        """The run goes on."""
        ...


class Silent:
    """Watches nothing."""

    def started(self, line: str) -> None:
        """Ignore the start."""

    def step(self, name: str, total: int) -> Ticker:
        """Ignore a step."""
        return no_ticks

    def done(self, name: str, line: str, bench_seconds: float, *, replayed: bool = False) -> None:
        """Ignore the end of a step."""

    def returned(self, line: str) -> None:
        """Ignore the return."""

    def asked(self, question: Question, how: str) -> None:
        """Ignore a question."""

    def answered(self, question: Question, answer: Answer) -> None:
        """Ignore an answer."""
