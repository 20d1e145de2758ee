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

from labmtj.drivers.exchange import OVERFLOW, OVERRANGE, Link, Meaning, Transport
from labmtj.drivers.in_force import Setting
from labmtj.errors import BadReply, BenchError, NoReply

ERROR = ":SYST:ERR?"
EVENTS = "*ESR?"
_POWER_ON = 128  # bit of the standard event status register (IEEE 488.2, section 11.5.1); *CLS and a query clear it
_OPC = "*OPC?"
_ALONE = frozenset(("*IDN?", "*OPT?", "*LANG?"))  # arbitrary ASCII, which ends a message (IEEE 488.2, 8.7.11)
_ERROR = re.compile(r'([+-]?\d+)\s*,\s*"(.*)"', re.ASCII | re.DOTALL)
_FIELD = re.compile(r'(?:[^;"]|"[^"]*")*')
_QUEUE = 100  # chosen: more than any error queue here holds (2400: 10, Keysight: 20 to 30)


class BlockTransport(Transport, Protocol):
    """A transport that also reads bytes."""

    def read_raw(self) -> bytes:
        """What has come, up to the end of a line or of the reply."""
        ...


class ScpiLink(Link):
    """Exchanges with one SCPI instrument."""

    def run(self, command: str, *, meaning: Meaning = Meaning.ACT) -> None:
        """Carry out commands."""
        self._converse(command, f"{command};{ERROR}", 0, meaning)

    def complete(self, command: str) -> None:
        """Carry out commands that act, and return when the instrument says that it has finished them."""
        found = self.ask(_OPC, after=command)[0]
        if found != "1":
            raise BadReply(self.name, f"{command};{_OPC}", found, "1")

    def ask(self, *queries: str, after: str = "", meaning: Meaning = Meaning.ACT) -> list[str]:
        """Replies to queries as text, after the commands `after`."""
        command = ";".join([after, *queries] if after else queries)
        return self._converse(command, f"{command};{ERROR}", len(queries), meaning)

    def ask_powered(self, *queries: str, after: str = "", meaning: Meaning = Meaning.READ) -> list[str]:
        """Like `ask`, but raise PowerLost if the instrument has been off: its event status is asked for as well."""
        *found, events = self.ask(*queries, EVENTS, after=after, meaning=meaning)
        self.see_power(events)
        return found

    def values(self, queries: list[str], *, after: str = "") -> list[str]:
        """Replies to queries as text, after a setting that may be made again."""
        return self.ask(*queries, after=after, meaning=Meaning.SET if after else Meaning.READ)

    def check_power(self) -> None:
        """Raise PowerLost if the power-on bit of the event status has come back since `mark`."""
        self.ask_powered()

    def see_power(self, events: str) -> None:
        """Raise PowerLost if this event status has the power-on bit."""
        if self._marked and (self._lost or int(self.parse(EVENTS, events)) & _POWER_ON):
            raise self.lost_power()

    def say(self, message: str, *, meaning: Meaning) -> str:
        """Carry out a message that somebody else has written; the replies to its queries, "" if it has none.

        Its errors are asked for with it, but not after a query whose reply has no end of its own (`*IDN?`).
        """
        units = [unit.split(maxsplit=1)[0] for field in _split(message) if (unit := field.strip())]
        if len(units) == 1 and units[0].upper() in _ALONE:
            return self.query(message)
        count = sum(header.endswith("?") for header in units)
        kind = Meaning.READ if count == len(units) else meaning
        return ";".join(self._converse(message, f"{message};{ERROR}", count, kind))

    def query(self, query: str) -> str:
        """The reply to one query that is sent alone: for an instrument that may not speak SCPI yet."""
        with self._lock:
            return self._exchange(query)

    def number(self, query: str, *, after: str = "") -> float:
        """The reply to a query as a number; BadReply for anything but a number within the instrument's range.

        `after` is a setting, which may be made again.
        """
        return self.parse(query, self.values([query], after=after)[0])

    def measure(self, query: str) -> float:
        """A measured value; infinite, with its sign, beyond the range."""
        return self.reading(query, self.ask(query, meaning=Meaning.READ)[0])

    def assign(self, header: str, value: float, *, tolerance: float = 0.0, level: bool = False) -> None:
        """Set a number, read it back and compare; BenchError if the instrument has another value.

        `tolerance` is the instrument's resolution where that is coarser than the six digits in its replies. The
        setting is in force from then on; a source's `level` comes back to 0 after a lost reply.
        """
        query, tolerance = f"{header}?", max(tolerance, abs(value) * self.elsewhere.coarseness)
        text = self.made(f"{header} {float(value)!r}", [query], value)[0]
        self.same(query, self.parse(query, text), value, tolerance)
        if not level or query not in self.settings.levels:
            wanted = 0.0 if level else float(value)

            def holds(text: str) -> bool:
                return _close(self.parse(query, text), wanted, tolerance)

            self.settings.keep(Setting(f"{header} {wanted!r}", query, holds, wanted), level=level)

    def same(self, query: str, found: float, wanted: float, tolerance: float = 0.0) -> None:
        """Raise BenchError unless what the instrument has is what it was told."""
        if not _close(found, wanted, tolerance):
            raise BenchError(f"{self.name} answers {found!r} to {query} after it was set to {wanted!r}")

    def assign_range(self, header: str, full_scale: float) -> None:
        """Set a range and see that the instrument took that one, which may be given with its over-range."""
        query, command = f"{header}?", f"{header} {float(full_scale)!r}"

        def holds(text: str) -> bool:
            return full_scale * (1 - 1e-6) <= self.parse(query, text) <= full_scale * OVERRANGE

        text = self.made(command, [query], full_scale)[0]
        if not holds(text):
            raise BenchError(f"{self.name} answers {float(text)!r} to {query} after it was set to {full_scale!r}")
        self.settings.keep(Setting(command, query, holds, float(full_scale)))

    def confirm(self, command: str, query: str, expected: str, *, output: bool = False) -> None:
        """Carry out a command whose setting is a word; BenchError if the query then answers another."""

        def holds(text: str) -> bool:
            return text.strip('"').upper() == expected.upper()

        found = self.made(command, [query], float(expected == "1"))[0]
        if not holds(found):
            raise BenchError(f"{self.name} answers {found!r} to {query} after {command!r}, not {expected!r}")
        self.settings.keep(Setting(command, query, holds), output=output)

    def adopt(self, header: str) -> None:
        """What a setting is now, whoever made it, is in force from now on."""
        query = f"{header}?"
        found = self.values([query])[0]
        self.settings.keep(Setting(f"{header} {found}", query, lambda text: text == found))

    def in_force(self, header: str) -> float | None:
        """What a number was set to last; None if that is not known."""
        return self.settings.number(f"{header}?")

    def assign_infinite(self, header: str, word: str, *, least: float = OVERFLOW) -> None:
        """Set a number to what the instrument calls `word`, and see that it then answers infinity."""
        query, command = f"{header}?", f"{header} {word}"
        self.infinite(query, self.values([query], after=command)[0], least=least)
        self.settings.keep(Setting(command, query, lambda text: float(text) >= least))

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
            if self._pending:
                self.recover()
            self._pending = True
            try:
                transport.write(f"{query};{ERROR}")
                # A line end within the block ends a read, so the length decides.
                while (begin := _begin(data)) is None or len(data) <= sum(begin) or data[-1:] != b"\n":
                    data += transport.read_raw()
            except (pyvisa.Error, OSError) as error:
                lost = NoReply(self.name, query, error)
                self._explain(query, lost, Meaning.ACT)
                raise lost from error
            except ValueError as error:
                raise BadReply(self.name, query, repr(data[:20]), "a block of definite length") from error
            self._pending = False
            first, length = begin
            content, rest = data[first : first + length], data[first + length :]
            self._settle(query, "#" + rest.decode("latin-1").rstrip("\r\n"), 1)
        return content

    def _settle(self, command: str, reply: str, count: int) -> list[str]:
        fields = _split(reply)
        found = _ERROR.fullmatch(fields[-1])
        if found is None or len(fields) != count + 1:
            if len(fields) > 1 and command.endswith(EVENTS):
                self.see_power(fields[-2])  # a power cut explains why a query was not answered (2400: READ? while off)
            expected = "an error" if count == 0 else f"{count} values and an error"
            raise BadReply(self.name, command, reply, f'{expected}, such as 0,"No error"')
        if int(found[1]):
            self._first_error()
            raise self.fault(command, int(found[1]), found[2])
        return fields[:-1]

    def _first_error(self) -> tuple[int, str]:
        first = 0, ""
        for _ in range(_QUEUE):
            reply = self._exchange(ERROR)
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


def _close(found: float, wanted: float, tolerance: float) -> bool:
    return math.isclose(found, wanted, rel_tol=1e-6, abs_tol=tolerance)
