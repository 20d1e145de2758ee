"""The worker's side of its guardian (labmtj.bench.guardian): starting it, arming it, letting it go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import labmtj
from labmtj.bench.guardian import ARMED, BYE, READY
from labmtj.errors import BenchError

_PATIENCE = 30.0  # [s] chosen: a cold start of Python from a busy network drive
_GOING = 5.0  # [s] chosen: a guardian that makes a bench safe needs 2 s


class Guard:
    """A guardian process; `handles` are leases that it holds with this process."""

    def __init__(self, config: dict[str, Any], handles: Sequence[int]) -> None:
        package = str(Path(labmtj.__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-P", "-m", "labmtj.bench.guardian"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,  # what a guardian that has gone cannot take must not come up again when the pipe is closed
            start_new_session=True,  # a Ctrl-C in the terminal is for the worker alone
            env={**os.environ, "PYTHONPATH": path},
            pass_fds=tuple(handles) if os.name == "posix" else (),
        )
        self._ready = threading.Event()
        self._say(json.dumps(config).encode() + b"\n")
        threading.Thread(target=self._listen, daemon=True).start()

    def arm(self) -> None:
        """Wait until it watches; from now on it acts. Raises BenchError if it cannot be had."""
        if not self._ready.wait(_PATIENCE) or self._process.poll() is not None:
            self._process.kill()
            why = b"" if self._process.stderr is None else self._process.stderr.read()
            text = why.decode(errors="replace").strip().splitlines()[-1:] or ["it says nothing"]
            raise BenchError(f"the guardian that watches over the bench does not start: {text[0]}")
        self._say(ARMED)

    def check(self) -> None:
        """Raise BenchError if it is gone: nobody would make the bench safe after this process."""
        if self._process.poll() is not None:
            raise BenchError("the guardian that watches over the bench has ended; nothing more is put on the array")

    def let_go(self) -> None:
        """Say that the bench was left in order, and wait until the guardian has gone."""
        self._say(BYE)
        try:
            self._process.wait(_GOING)
        except subprocess.TimeoutExpired:
            return  # it still tries to make an instrument safe; it goes when it has
        finally:
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None:
                    stream.close()

    def _say(self, words: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(words)
        except OSError:
            return  # it is gone, and `check` or `arm` says so

    def _listen(self) -> None:
        assert self._process.stdout is not None
        if self._process.stdout.readline() == READY:
            self._ready.set()
        else:
            self._process.wait()
            self._ready.set()
