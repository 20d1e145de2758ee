"""How the questions of a run are answered from the command line: in advance, at the keyboard, or from elsewhere."""

from __future__ import annotations

import os
import queue
import select
import sys
import threading
import time
from typing import TYPE_CHECKING

from labmtj.protocol.observer import Silent

if TYPE_CHECKING:
    from labmtj.protocol.waiting import Asking
    from labmtj.runs.asking import Question

_LONGEST = 4096  # [byte] of a line that somebody types


def asking(*, yes: bool, ask: bool, shown: bool, operator: str) -> Asking:
    """Who answers: nobody (`yes`), or a person: at the keyboard, where there is one and questions are `shown` there.

    Without a keyboard a simulated bench goes on by itself, unless it is to `ask` all the same.
    """
    from labmtj.protocol.waiting import Answering, Asking, no_keyboard

    keyboard = shown and sys.stdin.isatty() and sys.stdout.isatty()
    answering = Answering.PERSON if ask or keyboard else Answering.AUTO
    typed = Keyboard(sys.stdin.fileno()).line if keyboard and not yes else no_keyboard
    name = operator or os.environ.get("LABMTJ_OPERATOR", "")
    return Asking(Answering.ADVANCE if yes else answering, typed, name)


class Keyboard:
    """Lines that are typed at a descriptor, without waiting for them longer than one likes.

    It is read and not `sys.stdin`, whose lock a thread that waits would hold when the interpreter ends.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._ended = descriptor, False
        self._lines: queue.Queue[str] = queue.Queue()
        self._reading = False

    def line(self, seconds: float) -> str | None:
        """The next line, if it comes within so many seconds [s]; none any more once the descriptor has ended."""
        if self._ended:
            time.sleep(seconds)
            return None
        if os.name == "posix":
            ready, _, _ = select.select([self._descriptor], [], [], seconds)
            return self._next() if ready else None
        if not self._reading:  # elsewhere `select` knows sockets only
            self._reading = True
            threading.Thread(target=self._read, daemon=True).start()
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            return None

    def _next(self) -> str | None:
        data = os.read(self._descriptor, _LONGEST)
        self._ended = not data
        return data.decode(errors="replace") if data else None

    def _read(self) -> None:
        while (found := self._next()) is not None:
            self._lines.put(found)


class Aside(Silent):
    """Says on the standard error what a run waits for, where the standard output is for programs or for nothing."""

    def asked(self, question: Question, how: str) -> None:
        """Print the question, and how it is answered."""
        print(f"waits for a person: {question.text}\n  {how}", file=sys.stderr, flush=True)
