"""The session that an object of PyMeasure or QCoDeS speaks through: our link to the instrument.

PyMeasure takes it for an adapter, QCoDeS for an opened PyVISA resource. Every message is one of the link's: it passes
the gate, the fence and the deadline as those of our drivers do, is recorded with them, and asks for its errors. Line
ends, time-outs and device clears stay the bench's own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

from labmtj.drivers.exchange import Meaning
from labmtj.errors import BenchError, LabmtjError


class Speaking(Protocol):
    """The part of a link that is used: `name` of the instrument, and messages that somebody else has written."""

    name: str

    def say(self, message: str, *, meaning: Meaning) -> str:
        """Carry out a message; the replies to its queries, "" if it has none."""
        ...


class ForeignSession:
    """A link as PyMeasure's adapters and PyVISA's resources look.

    `touched`: messages have been sent that no port of ours asked for.
    """

    def __init__(self, link: Speaking) -> None:
        self._link, self._lock = link, threading.RLock()
        self._reply: str | None = None
        self._meaning, self._asked = Meaning.ACT, False
        self._raised: tuple[LabmtjError, tuple[Any, ...]] | None = None
        self.touched = False
        self.log = logging.getLogger("labmtj.foreign")
        self.connection = self.visalib = self
        self.resource_name = self.library_path = link.name
        self.session = 0
        self.timeout: float | None = None
        self.read_termination = self.write_termination = "\n"

    @contextmanager
    def asked(self, meaning: Meaning) -> Generator[None, None, None]:
        """What is sent in the `with` block is one of our requests, and means this."""
        with self._lock:
            before = self._meaning, self._asked
            self._meaning, self._asked, self._raised = meaning, True, None
            try:
                yield
            finally:
                self._meaning, self._asked = before

    def first_cause(self) -> LabmtjError | None:
        """What the link has raised in the last request, as it said it: QCoDeS adds words of its own to errors."""
        if self._raised is None:
            return None
        error, error.args = self._raised
        return error

    # -- text ----------------------------------------------------------------------------------------

    def write(self, command: str, **options: Any) -> int:
        """Send one message; its reply, if it has one, waits for `read`."""
        del options
        with self._lock:
            self._reply = None
            self.touched = self.touched or not self._asked
            try:
                self._reply = self._link.say(command.strip().rstrip(";"), meaning=self._meaning) or None
            except LabmtjError as error:
                self._raised = error, error.args
                raise
        return len(command)

    def read(self, **options: Any) -> str:
        """The reply to the last message. Raises BenchError if none is due."""
        del options
        with self._lock:
            reply, self._reply = self._reply, None
        if reply is None:
            raise BenchError(f"{self._link.name}: a reply is read where nothing was asked")
        return reply

    def query(self, command: str, delay: float | None = None) -> str:
        """Send a query and take its reply."""
        del delay
        with self._lock:
            self.write(command)
            return self.read()

    # -- what an opened session has beside -------------------------------------------------------------

    def clear(self) -> None:
        """Drop a reply that nobody has read; the device clear is the link's, where a reply was lost."""
        self._reply = None

    def flush_read_buffer(self) -> None:
        """The same."""
        self._reply = None

    def close(self) -> None:
        """Nothing: the session is closed when the bench is left."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{name!r} is not there: a session of a bench takes and gives lines of text, which its gate can read"
        )
