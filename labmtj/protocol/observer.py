"""Who watches a run: told of steps, of items done, and of a line for a person at the end of each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from labmtj.ports import Ticker, no_ticks
from labmtj.runs.asking import Answer, Question


class Observer(Protocol):
    """A watcher of a run."""

    def begun(self, folder: Path, steps: Sequence[str]) -> None:
        """The run has its folder; `steps` are the names of the steps in their order. No instrument was touched yet."""
        ...

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

    def entered(self, kind: str, entry: Mapping[str, Any]) -> None:
        """An entry of this kind has gone into the journal. Called for every pulse and reading: keep it short."""
        ...

    def stopping(self) -> None:
        """A signal has asked the run to stop after the item in hand. Called from the signal's handler."""
        ...

    def asked(self, question: Question, how: str) -> None:
        """The run waits; `how` says what ends that. Told again where an answer was none."""
        ...

    def answered(self, question: Question, answer: Answer) -> None:
        """The run goes on."""
        ...


class Silent:
    """Watches nothing."""

    def begun(self, folder: Path, steps: Sequence[str]) -> None:
        """Ignore the folder and the steps."""

    def started(self, line: str) -> None:
        """Ignore the start."""

    def step(self, name: str, total: int) -> Ticker:
        """Ignore a step."""
        return no_ticks

    def done(self, name: str, line: str, bench_seconds: float, *, replayed: bool = False) -> None:
        """Ignore the end of a step."""

    def returned(self, line: str) -> None:
        """Ignore the return."""

    def entered(self, kind: str, entry: Mapping[str, Any]) -> None:
        """Ignore an entry."""

    def stopping(self) -> None:
        """Ignore a signal."""

    def asked(self, question: Question, how: str) -> None:
        """Ignore a question."""

    def answered(self, question: Question, answer: Answer) -> None:
        """Ignore an answer."""
