"""A run as it is seen in a terminal: a line for each finished step, and below them what is going on now.

Lines are the same in a terminal and in a pipe. What is below them lives in a terminal only: it is drawn by a thread of
its own a few times a second from what the run has told, so that it costs the run next to nothing, and is gone at the
end. Where a terminal cannot move its cursor (TERM=dumb), lines are all there is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from labmtj.cli.questions import Aside
from labmtj.cli.run_picture import Now, picture
from labmtj.ports import Ticker
from labmtj.terminal import clock

if TYPE_CHECKING:
    from labmtj.runs.asking import Answer, Question

STOPPING = "asked to stop: after the cell in hand; Ctrl-C now: at once"
_A_SECOND = 4  # chosen: drawings; a drawing takes some 2 ms, so a hundredth of the time


class Quiet(Aside):
    """Shows nothing of a run but its questions, and answers Ctrl-C: for --quiet and --json."""

    def stopping(self) -> None:
        """Say so on standard error."""
        _say_at_once(STOPPING)

    def close(self) -> None:
        """Leave the terminal as it was."""


class Lasting(Console):
    """A console that falls silent when nobody reads it any more (`| head`): that ends no run."""

    def on_broken_pipe(self) -> None:
        """Write to nowhere from here on."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


class Terminal:
    """Shows a run as it goes (labmtj.protocol.observer); without a terminal only the line of each finished step."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Lasting(highlight=False, markup=False)
        self._now = Now()
        shown = self._console.is_terminal and not self._console.is_dumb_terminal and self._console.file.isatty()
        self._live = Live(
            console=self._console, refresh_per_second=_A_SECOND, transient=True, get_renderable=self._picture
        )
        self._shown = shown

    def _picture(self) -> Any:
        return picture(self._now, self._console.width)

    def begun(self, folder: Path, steps: Sequence[str]) -> None:
        """Say where the run lies, and begin to draw; in a pipe there is nothing to say yet."""
        self._now.next, self._now.steps = list(steps), len(steps)
        if self._shown:
            self._console.print(_row("run", f"{folder}   in a browser: labmtj watch {folder}"), soft_wrap=True)
            self._live.start()

    def started(self, line: str) -> None:
        """Print which bench is open."""
        self._console.print(_row("bench", line), soft_wrap=True)

    def step(self, name: str, total: int) -> Ticker:
        """A step is at work."""
        now = self._now
        now.begin(name, total)

        def tick(done: int = 1) -> None:
            now.done += done

        return tick

    def done(self, name: str, line: str, bench_seconds: float, *, replayed: bool = False) -> None:
        """Print the line of a step."""
        self._now.end()
        if self._live.is_started:
            self._live.refresh()  # else the step would still be at work below its own line
        text = _row(name, line)
        text.append("   " + ("done before" if replayed else f"bench {clock(bench_seconds)}"), style="dim")
        self._console.print(text, soft_wrap=True)

    def returned(self, line: str) -> None:
        """Print what was found when a run went on."""
        self._console.print(_row("resume", line), soft_wrap=True)

    def entered(self, kind: str, entry: Mapping[str, Any]) -> None:
        """Keep what was measured last, for the next drawing."""
        self._now.entered(kind, entry)

    def stopping(self) -> None:
        """Say that the signal has come: in the next drawing, where there is one."""
        self._now.stopping = STOPPING
        if not self._live.is_started:
            _say_at_once(STOPPING)

    def asked(self, question: Question, how: str) -> None:
        """Print what the run waits for; nothing is drawn while a person types."""
        self._live.stop()
        self._console.print(_row(question.kind, f"{question.text}   {how}", style="bold yellow"), soft_wrap=True)

    def answered(self, question: Question, answer: Answer) -> None:
        """Draw again; the answer stands in the line of the step."""
        if self._shown:
            self._live.start(refresh=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._live.stop()


def _row(name: str, line: str, *, style: str = "bold") -> Text:
    """A name in a column of its own, and a line."""
    return Text.assemble((f"{name:<8}", style), " ", line)


def _say_at_once(line: str) -> None:
    """Write a line past all buffers: a handler may have interrupted whoever holds them."""
    os.write(2, f"\n{line}\n".encode())
