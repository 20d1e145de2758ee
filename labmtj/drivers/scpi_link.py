"""One conversation with one SCPI instrument: every message ends with the query of its error queue.

A message is `:SOUR:VOLT 0.05;:SOUR:VOLT?;:SYST:ERR?` and its reply `5.000000E-02;0,"No error"`, one line
whatever went wrong: IEEE 488.2 joins the replies of one message by semicolons. A text such as the 2450's
`0,"No error;0;0 0"` holds semicolons of its own, between its quotes.
"""

from __future__ import annotations

import math
import re
from typing import Protocol, cast

import pyvisa

from labmtj.drivers.link import OVERFLOW, Link, Transport
from labmtj.errors import BadReply, BenchError, InstrumentError

ERROR = ":SYST:ERR?"
_OPC = "*OPC?"
_ERROR = re.compile(r'([+-]?\d+)\s*,\s*"(.*)"', re.ASCII | re.DOTALL)
_FIELD = re.compile(r'(?:[^;"]|"[^"]*")*')
_QUEUE = 100  # chosen: more than any error queue here holds (2400: 10, Keysight: 20 to 30)
_OVERRANGE = 1.06  # ranges may be given with their over-range: 1.05E-04 on a 2400, up to 106 % on a B2900


class BlockTransport(Transport, Protocol):
    """A transport that also reads bytes."""

    def read_raw(self) -> bytes:
        """What has come, up to the end of a line or of the reply."""
        ...


class ScpiLink(Link):
    """Exchanges with one SCPI instrument."""

    def run(self, command: str) -> None:
        """Carry out commands."""
        with self._lock:
            self._settle(command, self._exchange(f"{command};{ERROR}"), 0)

    def complete(self, command: str) -> None:
        """Carry out commands, and return when the instrument says that it has finished them."""
        self.confirm(command, _OPC, "1")

    def ask(self, *queries: str, after: str = "") -> list[str]:
        """Replies to queries as text, after the commands `after`."""
        command = ";".join([after, *queries] if after else queries)
        with self._lock:
            return self._settle(command, self._exchange(f"{command};{ERROR}"), len(queries))

    def query(self, query: str) -> str:
        """The reply to one query that is sent alone: for an instrument that may not speak SCPI yet."""
        with self._lock:
            return self._exchange(query, explain=False)

    def number(self, query: str, *, after: str = "") -> float:
        """The reply to a query as a number; BadReply for anything but a number within the instrument's range."""
        return self.parse(query, self.ask(query, after=after)[0])

    def measure(self, query: str) -> float:
        """A measured value; infinite, with its sign, beyond the range."""
        return self.reading(query, self.ask(query)[0])

    def assign(self, header: str, value: float, *, tolerance: float = 0.0) -> None:
        """Set a number, read it back and compare; BenchError if the instrument has another value.

        `tolerance` is the instrument's resolution where that is coarser than the six digits in its replies.
        """
        self.same(f"{header}?", self.number(f"{header}?", after=f"{header} {float(value)!r}"), value, tolerance)

    def same(self, query: str, found: float, wanted: float, tolerance: float = 0.0) -> None:
        """Raise BenchError unless what the instrument has is what it was told."""
        if not math.isclose(found, wanted, rel_tol=1e-6, abs_tol=tolerance):
            raise BenchError(f"{self.name} answers {found!r} to {query} after it was set to {wanted!r}")

    def assign_range(self, header: str, full_scale: float) -> None:
        """Set a range and see that the instrument took that one."""
        found = self.number(f"{header}?", after=f"{header} {float(full_scale)!r}")
        if not full_scale * (1 - 1e-6) <= found <= full_scale * _OVERRANGE:
            raise BenchError(f"{self.name} answers {found!r} to {header}? after it was set to {full_scale!r}")

    def confirm(self, command: str, query: str, expected: str) -> None:
        """Carry out a command whose setting is a word; BenchError if the query then answers another."""
        found = self.ask(query, after=command)[0]
        if found.strip('"').upper() != expected.upper():
            raise BenchError(f"{self.name} answers {found!r} to {query} after {command!r}, not {expected!r}")

    def infinite(self, query: str, text: str, *, least: float = OVERFLOW) -> None:
        """Raise BenchError unless a reply means infinity: 9.9E37, or at least `least`."""
        try:
            found = float(text)
        except ValueError as error:
            raise BadReply(self.name, query, text, "a number") from error
        if not found >= least:
            raise BenchError(f"{self.name} answers {text!r} to {query} after it was set to infinity")

    def block(self, query: str) -> bytes:
        """The content of a definite-length block, `#<digits><length><bytes>`, which may hold any byte."""
        transport = cast("BlockTransport", self._transport)
        data = b""
        with self._lock:
            try:
                transport.write(f"{query};{ERROR}")
                # A line end within the block ends a read, so the length decides.
                while (begin := _begin(data)) is None or len(data) <= sum(begin) or data[-1:] != b"\n":
                    data += transport.read_raw()
            except (pyvisa.Error, OSError) as error:
                self._raise_queued(query)
                raise BenchError(f"{self.name} does not answer {query!r}: {error}") from error
            except ValueError as error:
                raise BadReply(self.name, query, repr(data[:20]), "a block of definite length") from error
            first, length = begin
            content, rest = data[first : first + length], data[first + length :]
            self._settle(query, "#" + rest.decode("latin-1").rstrip("\r\n"), 1)
        return content

    def _settle(self, command: str, reply: str, count: int) -> list[str]:
        fields = _split(reply)
        found = _ERROR.fullmatch(fields[-1])
        if found is None or len(fields) != count + 1:
            expected = "an error" if count == 0 else f"{count} values and an error"
            raise BadReply(self.name, command, reply, f'{expected}, such as 0,"No error"')
        if int(found[1]):
            self._first_error()
            raise InstrumentError(self.name, command, int(found[1]), found[2])
        return fields[:-1]

    def _first_error(self) -> tuple[int, str]:
        first = 0, ""
        for _ in range(_QUEUE):
            reply = self._exchange(ERROR, explain=False)
            found = _ERROR.fullmatch(reply.strip())
            if found is None:
                raise BadReply(self.name, ERROR, reply, 'an error, such as 0,"No error"')
            if int(found[1]) == 0:
                break
            first = first if first[0] else (int(found[1]), found[2])
        return first


def _split(reply: str) -> list[str]:
    """The fields of a reply: semicolons separate them, except within quotes."""
    fields: list[str] = []
    position = 0
    while position <= len(reply):
        match = _FIELD.match(reply, position)
        end = match.end() if match else position
        if end < len(reply) and reply[end] != ";":
            return [reply]  # a quote that is never closed
        fields.append(reply[position:end].strip())
        position = end + 1
    return fields


def _begin(data: bytes) -> tuple[int, int] | None:
    """Where a block begins and how long it is; None while that has not come. ValueError if it is no such block."""
    if data[:1] not in (b"", b"#") or (len(data) > 1 and not data[1:2].isdigit()) or data[:2] == b"#0":
        raise ValueError
    if len(data) < 2 or len(data) < 2 + int(data[1:2]):
        return None
    first = 2 + int(data[1:2])
    return first, int(data[2:first])
