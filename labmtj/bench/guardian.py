"""The guardian: a process of its own that makes a bench safe when the one that works at it no longer can.

`python -m labmtj.bench.guardian` is started by `labmtj.bench.guard`, which writes one line of JSON to its standard
input and keeps that open: its end means that the worker has died. A worker that was stopped, or that is silent for
longer than it said it would be (labmtj.bench.fence), is shut out first, so that it sends nothing when it wakes up. Then
sources go to 0 V and relays open by sessions of the guardian's own, and what was done, and how long it took, is
written into the run folder. The guardian holds the worker's leases until then.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pyvisa

from labmtj.bench.commands import note
from labmtj.bench.fence import SharedFence
from labmtj.bench.panic import Made, Prepared, make_safe, prepare
from labmtj.bench.reach import Target
from labmtj.errors import LabmtjError

READY, ARMED, BYE = b"ready\n", b"armed\n", b"bye\n"
_TICK = 0.02  # [s] chosen: between two looks at the worker; a look takes 0.1 ms
_STOPPED = 0.2  # [s] chosen: a process that is stopped for longer is not only being looked at
_LAST_WORDS = 0.5  # [s] chosen: to read what is in a pipe already
_RETRY = (0.5, 1.0, 2.0, 4.0)  # [s] chosen: pauses before instruments that did not answer are tried again


@dataclass(frozen=True)
class Trouble:
    """What happened to the worker; `since` is a moment of the monotonic clock."""

    why: str
    since: float


class Worker:
    """The process that works at the bench, seen from outside."""

    def __init__(self, pid: int, fence: SharedFence) -> None:
        self._fence = fence
        self.gone, self.left, self.armed = threading.Event(), threading.Event(), threading.Event()
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process = psutil.Process(pid)
        self._stopped: float | None = None
        self.pid = pid

    @property
    def alive(self) -> bool:
        """Whether it is there; one that has ended and that nobody has collected yet is not."""
        try:
            return self._process is not None and self._process.is_running() and self._state() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def listen(self) -> None:
        """Read what the worker says until its end of the pipe closes."""
        words = b""
        while data := os.read(0, 4096):
            words += data
            if ARMED in words:
                self.armed.set()
            if words.endswith(BYE):
                self.left.set()
                return
        self.gone.set()

    def trouble(self) -> Trouble | None:
        """What is wrong with it now, if anything."""
        now = time.monotonic()
        if self.gone.is_set() or not self.alive:
            return Trouble(f"pid {self.pid} has died", now)
        if self._state() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP):
            self._stopped = now if self._stopped is None else self._stopped
            if now - self._stopped > _STOPPED:
                return Trouble(f"pid {self.pid} was stopped", self._stopped)
        else:
            self._stopped = None
        deadline = self._fence.deadline
        if now > deadline:
            return Trouble(f"pid {self.pid} was not heard of in the middle of a transaction", deadline)
        return None

    def _state(self) -> str:
        try:
            return "" if self._process is None else self._process.status()
        except psutil.NoSuchProcess:
            return psutil.STATUS_ZOMBIE


def watch(worker: Worker) -> Trouble | None:
    """Wait until something is wrong with the worker; None if it has left, or died with nothing set up."""
    while not worker.left.wait(_TICK):
        found = worker.trouble()
        if found is not None:
            if not worker.armed.is_set():
                worker.gone.wait(_LAST_WORDS)  # the worker's death may be seen before its last words are read
            return found if worker.armed.is_set() else None
    return None


def act(
    trouble: Trouble, worker: Worker, fence: SharedFence, manager: pyvisa.ResourceManager, instruments: list[Prepared]
) -> dict[str, Any]:
    """Shut the worker out and make the bench safe; what was done, for a record.

    `safe_after_seconds` counts from what happened, and is None if an instrument could not be made safe.
    """
    wall = time.time() - (time.monotonic() - trouble.since)
    noticed = time.monotonic() - trouble.since
    fence.shut_out(f"the guardian has made the bench safe at {_iso(time.time())}: {trouble.why}")
    made = make_safe(manager, instruments)
    seconds = time.monotonic() - trouble.since
    if worker.alive:
        # A message may have been on its way when the worker was shut out. What goes wrong now counts, too.
        made = _merged(made, make_safe(manager, instruments))
    for pause in _RETRY:
        left = [entry for entry, was in zip(instruments, made, strict=True) if not was.safe]
        if not left:
            break
        time.sleep(pause)
        again = {entry.name: entry for entry in make_safe(manager, left)}
        made = [again.get(entry.name, entry) for entry in made]
        if all(entry.safe for entry in made):
            seconds = time.monotonic() - trouble.since
    failures = {entry.name: entry.error for entry in made if not entry.safe}
    return {
        "why": trouble.why,
        "died_at": _iso(wall),
        "noticed_after_seconds": round(noticed, 3),
        "safe_after_seconds": None if failures else round(seconds, 3),
        "failures": failures,
        "instruments": {entry.name: entry.what for entry in made},
    }


def _merged(first: list[Made], second: list[Made]) -> list[Made]:
    return [b if a.safe else a for a, b in zip(first, second, strict=True)]


def _iso(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")


def _write(report: str | None, found: dict[str, Any]) -> None:
    """Put the record into the run folder in one piece, if there is a folder and room."""
    if report is None:
        return
    beside = Path(f"{report}.{os.getpid()}")
    with contextlib.suppress(OSError):  # the bench is safe; the host's record of commands has it, too
        beside.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
        os.replace(beside, report)


def main() -> None:
    """Watch until the worker leaves, or make the bench safe."""
    for name in ("SIGINT", "SIGHUP", "SIGTERM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # who wants it gone ends the worker
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return
        line += byte
    said: dict[str, Any] = json.loads(line)
    fence = SharedFence(Path(said["fence"]))
    instruments = prepare([Target(**entry) for entry in said["instruments"]])
    manager = pyvisa.ResourceManager(said["library"])
    worker = Worker(said["pid"], fence)
    threading.Thread(target=worker.listen, daemon=True).start()
    os.write(1, READY)
    trouble = watch(worker)
    if trouble is not None and not fence.shut:  # shut: somebody has pressed the panic button, and seen to it
        found = act(trouble, worker, fence, manager, instruments)
        _write(said["report"], found)
        with contextlib.suppress(LabmtjError):
            note("guardian", said["bench"], **found)
    fence.remove()


if __name__ == "__main__":
    code = 1
    try:
        main()
        code = 0
    except Exception as error:  # whatever it is, the worker gets to know why it has no guardian
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)  # threads that wait for an instrument must not hold it up
