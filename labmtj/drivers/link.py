"""One conversation with one instrument: every message asks for its own errors, and is answered.

A setting is written, read back and compared; an error in the instrument's queue becomes an exception
that names the command, also where the error kept the message from being answered. Nothing is sent twice.
A lock a link keeps the replies of two threads apart. `TspLink` speaks TSP, scpi_link.ScpiLink SCPI.
"""

from __future__ import annotations

import math
import re
import threading
from abc import ABC, abstractmethod
from typing import Protocol

import pyvisa

from labmtj.errors import BadReply, BenchError, InstrumentError

OVERFLOW = 9.0e37  # instruments return 9.9E37 or 9.91E37 for a reading beyond the range, and for infinity
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)


class Transport(Protocol):
    """The part of a PyVISA message-based resource that drivers use; terminations are set on it."""

    def write(self, message: str) -> object:
        """Send one message."""
        ...

    def read(self) -> str:
        """One reply without its line end."""
        ...

    def clear(self) -> None:
        """Device clear."""
        ...


class Link(ABC):
    """What exchanges in TSP and in SCPI have in common; `name` is what messages to people call the instrument."""

    def __init__(self, transport: Transport, name: str) -> None:
        self._transport, self.name = transport, name
        self._lock = threading.RLock()

    def identify(self) -> tuple[str, str, str, str]:
        """Manufacturer, model, serial number and firmware."""
        with self._lock:
            self.clear()
            reply = self._exchange("*IDN?", explain=False)
        parts = [part.strip() for part in reply.split(",")]
        if len(parts) != 4 or not all(parts):
            raise BadReply(self.name, "*IDN?", reply, "manufacturer, model, serial number, firmware")
        return parts[0], parts[1], parts[2], parts[3]

    def clear(self) -> None:
        """Device clear: what was not read is dropped. Raises BenchError if the instrument does not take it."""
        try:
            with self._lock:
                self._transport.clear()
        except (pyvisa.Error, OSError) as error:
            raise BenchError(f"{self.name} does not take a device clear: {error}") from error

    def send(self, command: str) -> None:
        """Send a message whose effect nobody waits for; what goes wrong shows in the errors of the next one."""
        try:
            with self._lock:
                self._transport.write(command)
        except (pyvisa.Error, OSError) as error:
            raise BenchError(f"{self.name} does not take {command!r}: {error}") from error

    def parse(self, command: str, text: str) -> float:
        """A reply as a number; 9.91E37, which stands for a reading beyond the range, is none."""
        if not _NUMBER.fullmatch(text):
            raise BadReply(self.name, command, text, "a number")
        value = float(text)
        if abs(value) > OVERFLOW:
            raise BadReply(self.name, command, text, "a value within the range")
        return value

    def reading(self, command: str, text: str) -> float:
        """A measured value; infinite, with its sign, where the instrument says that it is beyond the range."""
        if _NUMBER.fullmatch(text) and abs(float(text)) > OVERFLOW:
            return math.copysign(math.inf, float(text))
        return self.parse(command, text)

    def _exchange(self, command: str, *, explain: bool = True) -> str:
        try:
            self._transport.write(command)
            return self._transport.read().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise BadReply(self.name, command, repr(bytes(error.object)), "text") from error
        except (pyvisa.Error, OSError) as error:
            if explain:
                self._raise_queued(command)
            raise BenchError(f"{self.name} does not answer {command!r}: {error}") from error

    def _raise_queued(self, command: str) -> None:
        """What fails may end its message, and nothing is answered: raise the error that it left, if any."""
        try:
            self._transport.clear()  # a late answer must not pass for that of the next message
            code, text = self._first_error()
        except (BenchError, pyvisa.Error, OSError):
            return  # it does not answer at all; the caller says so
        if code:
            raise InstrumentError(self.name, command, code, text)

    @abstractmethod
    def _first_error(self) -> tuple[int, str]:
        """The oldest error of the queue, which is emptied; code 0 if there is none."""


class TspLink(Link):
    """Exchanges with one TSP instrument."""

    def run(self, command: str) -> None:
        """Carry out TSP statements."""
        with self._lock:
            self._settle(command, self._exchange(f"{command} print(errorqueue.count)"), 0)

    def ask(self, *expressions: str, after: str = "") -> list[str]:
        """Values of TSP expressions as text, after the statements `after`."""
        command = f"{after} print({', '.join(expressions)}, errorqueue.count)".lstrip()
        with self._lock:
            return self._settle(command, self._exchange(command), len(expressions))

    def number(self, expression: str, *, after: str = "") -> float:
        """Value of a numeric TSP expression; BadReply for anything but a number within the instrument's range."""
        return self.parse(expression, self.ask(expression, after=after)[0])

    def assign(self, attribute: str, value: float) -> None:
        """Set a numeric attribute, read it back and compare; BenchError if the instrument has another value."""
        wanted = float(value)
        found = self.number(attribute, after=f"{attribute} = {wanted!r}")
        # Instruments may keep a setting in single precision, but never as another value.
        if not math.isclose(found, wanted, rel_tol=1e-6):
            raise BenchError(f"{self.name} has {attribute} = {found!r} after it was set to {wanted!r}")

    def _settle(self, command: str, reply: str, count: int) -> list[str]:
        fields = reply.split("\t")
        if len(fields) != count + 1:
            raise BadReply(self.name, command, reply, f"{count + 1} values")
        errors = self.parse(command, fields[-1])
        if errors:
            code, text = self._first_error()
            raise InstrumentError(self.name, command, code, text)
        return fields[:-1]

    def _first_error(self) -> tuple[int, str]:
        """The oldest error of the queue, which is emptied."""
        fields = self._exchange("print(errorqueue.next()) errorqueue.clear()", explain=False).split("\t")
        if len(fields) < 2:
            return 0, "the error could not be read"
        return int(self.parse("errorqueue.next()", fields[0])), fields[1]
