"""What a person may do from the page: stop the run, make its bench safe, answer its question.

Each is written into the host's record of commands (labmtj.bench.commands) before it is done; what becomes of it the run
itself writes into its journal.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from labmtj.bench.commands import note
from labmtj.bench.panic import Made
from labmtj.bench.press import press
from labmtj.errors import Busy, InputError
from labmtj.host_lock import HostLock
from labmtj.host_state import shared_folder, who
from labmtj.runs import asking
from labmtj.watch.standing import Holder

_PATIENCE = 2.0  # [s] chosen: a signal takes a millisecond, and a disk may be slow


@contextmanager
def alone() -> Generator[None, None, None]:
    """While one page sends a signal no other does, whichever process serves it. Raises Busy after a while."""
    lock = HostLock(shared_folder() / "signals.lock")
    until = time.monotonic() + _PATIENCE
    while not lock.take():
        if time.monotonic() > until:
            raise Busy("another page is stopping a run; try again")
        time.sleep(0.01)
    try:
        yield
    finally:
        lock.release()


def stop(folder: Path, bench: str, holder: Holder | None, known: list[dict[str, Any]]) -> str:
    """Ask the process that has the run to stop after the cell in hand, as Ctrl-C there does; what was done, in words.

    `known` are the commands so far: a second one would stop it at once, so it is not sent. Raises Busy where nobody
    has the run, or somebody on another host.
    """
    process = _reached(holder)
    before = asked_of(process, known)
    if before:
        return f"{before[0]['user']} has asked it to stop at {before[0]['wall']}: it stops after the cell in hand"
    note("stop", bench, run=str(folder), of=process.pid, how="page")
    _send(process, signal.SIGINT)
    return "asked to stop: it stops after the cell in hand, and can be resumed"


def safe_here(folder: Path, bench: str, holder: Holder | None, known: list[dict[str, Any]]) -> str:
    """Stop a run at once whose simulated instruments live in its own process; what was done, in words.

    A second signal does that; it is another one than the first, since two of the same kind may arrive as one.
    """
    if holder is None:
        return (
            "the simulated instruments lived in the process of the run, which has ended: there is nothing to switch off"
        )
    process = _reached(holder)
    asked = bool(asked_of(process, known))
    note("safe", bench, run=str(folder), of=process.pid, how="page")
    if not asked:
        _send(process, signal.SIGINT)
    _send(process, signal.SIGTERM)
    return "stopped at once: sources at 0 V and off, relays open; the cell in hand may be half written"


def safe_bench(bench: str | Path, run: Path | None) -> tuple[bool, str]:
    """Shut out whoever has a bench and make every instrument safe, as `labmtj safe` does; whether all are, in words."""
    more: dict[str, Any] = {"how": "page"} | ({} if run is None else {"run": str(run)})
    pressed = press(bench, tell=_nothing, more=more)
    if pressed.simulated:
        return True, "simulated inside each process that opens it; there is nothing to switch off"
    said = [
        f"{made.name}: {made.what}" if made.safe else f"{made.name} NOT SAFE: {made.error}" for made in pressed.made
    ]
    return pressed.safe, "; ".join([*said, *(f"shut out {text}" for text in pressed.shut_out)])


def answer(folder: Path, bench: str, question: asking.Question | None, number: int, text: str) -> str:
    """Answer the question that a run waits with. Raises InputError if it asks no such thing."""
    if question is None or question.number != number:
        raise InputError("the run does not ask this any more")
    if text not in question.answers:
        raise InputError(f"answer with one of: {', '.join(question.answers)}")
    me = who()
    note("answer", bench, run=str(folder), question=question.text, answer=text, how="page")
    asking.give(folder, number, text, who=f"{me['user']} on {me['host']}", how="page")
    return f"answered: {text}"


def asked_of(holder: Holder, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The commands to stop that this very process has got, the earliest first."""
    since = datetime.fromisoformat(str(holder.said["wall"]))
    return [
        said
        for said in known
        if said.get("what") in ("stop", "safe")
        and said.get("of") == holder.pid
        and datetime.fromisoformat(str(said["wall"])) >= since
    ]


def _reached(holder: Holder | None) -> Holder:
    if holder is None:
        raise Busy("no process has this run: there is nothing to stop")
    if not holder.here:
        raise Busy(f"the run is in the hands of {holder.words}: it can be stopped there only")
    if os.name == "nt":
        raise Busy("on Windows a run is stopped in its own terminal, with Ctrl-C: no other program can ask it to")
    return holder


def _send(process: Holder, number: signal.Signals) -> None:
    """Send a signal. Raises Busy for a process that has just ended, or that is somebody else's."""
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        raise Busy("its process has ended just now") from None
    except PermissionError:
        raise Busy(f"{process.words}: only {process.said.get('user')} can stop it") from None


def _nothing(made: Made) -> None:
    """Nobody is told before all are done."""
    del made
