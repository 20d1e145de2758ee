"""A process that measures, seen from outside: started, watched, signalled, waited for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from labmtj.chaos.served import environment, labmtj
from labmtj.chaos.verdict import NotHeld

PATIENCE = 120.0  # [s] chosen: a run of a small protocol takes seconds; a computer may be busy
_LOOK = 1e-3  # [s] chosen: between two looks at what a process has done


class Worker:
    """A labmtj command as a child process; what it prints goes to files in `folder`."""

    def __init__(self, words: Sequence[str], folder: Path, *, name: str) -> None:
        self.words, self._out, self._errors = tuple(words), folder / f"{name}.out", folder / f"{name}.err"
        self.began = time.monotonic()
        with self._out.open("wb") as out, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*labmtj(), *words],
                stdout=out,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                env=environment(folder),
                start_new_session=True,  # signals meant for it do not reach anybody else
            )

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.process.poll() is not None

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return self._out.read_text(encoding="utf-8", errors="replace")

    @property
    def complaints(self) -> str:
        """What it has printed on its error output so far."""
        return self._errors.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: int) -> float:
        """Send it a signal; when that was, in seconds since 1970."""
        moment = time.time()
        os.kill(self.process.pid, number)
        return moment

    def until(self, condition: Callable[[], bool], *, what: str, seconds: float = PATIENCE) -> None:
        """Wait for something that this process does. Raises NotHeld if it ends before, or does not do it."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.ended:
                raise NotHeld(f"{self.words[0]} ended with {self.process.returncode} before {what}: {self.last_words}")
            if time.monotonic() > deadline:
                raise NotHeld(f"{what} did not happen within {seconds:.0f} s")
            time.sleep(_LOOK)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit code. Raises NotHeld, and kills it, if it does not end."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise NotHeld(f"labmtj {' '.join(self.words)} was still running after {seconds:.0f} s") from error

    def ends_with(self, *codes: int, seconds: float = PATIENCE) -> int:
        """Wait for its end. Raises NotHeld for another exit code, or for a traceback: errors here are typed."""
        code = self.wait(seconds)
        if code not in codes:
            wanted = " or ".join(map(str, codes))
            raise NotHeld(f"labmtj {self.words[0]} ended with {code}, not {wanted}: {self.last_words}")
        if "Traceback (most recent call last)" in self.complaints:
            raise NotHeld(f"labmtj {self.words[0]} ended with a traceback: {self.last_words}")
        return code

    def kill(self) -> None:
        """End it without a word, if it is not over."""
        if not self.ended:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def answer(self) -> dict[str, Any]:
        """The JSON object that it printed."""
        try:
            return json.loads(self.printed)
        except ValueError as error:
            raise NotHeld(f"labmtj {self.words[0]} did not print one JSON object: {self.printed[:200]!r}") from error

    @property
    def last_words(self) -> str:
        """The end of what it complained about, in one line."""
        return " ".join(self.complaints.split())[-400:]
