"""A simulated instrument as a transport sees it: bytes in, messages out. It knows no PyVISA."""

from __future__ import annotations

from collections import deque
from typing import Protocol


class Firmware(Protocol):
    """What stands behind an instrument: takes one message, gives its replies."""

    def execute(self, message: str) -> list[str]:
        """Carry out one message (without its line end); the replies, each without a line end."""
        ...

    def clear(self) -> None:
        """Forget a message that is not complete."""
        ...


class Instrument:
    """Message exchange of one instrument: splits lines, queues replies, hands out bytes."""

    def __init__(self, firmware: Firmware) -> None:
        self.firmware = firmware
        self._incoming = bytearray()
        self._outgoing: deque[bytes] = deque()

    def write(self, data: bytes, *, end: bool = True) -> None:
        """Take bytes; complete lines, and what is left when END comes, are carried out."""
        self._incoming += data
        while True:
            line, newline, rest = self._incoming.partition(b"\n")
            if not newline:
                break
            self._incoming = rest
            self._carry_out(line)
        if end and self._incoming:
            line, self._incoming = self._incoming, bytearray()
            self._carry_out(line)

    def read(self, count: int, stop: int | None = None) -> tuple[bytes, bool]:
        """At most `count` bytes of the oldest reply, up to and with byte `stop`; True with its last byte."""
        if not self._outgoing:
            return b"", False
        message = self._outgoing.popleft()
        length = min(count, len(message))
        if stop is not None and (found := message.find(stop, 0, length)) >= 0:
            length = found + 1
        if length < len(message):
            self._outgoing.appendleft(message[length:])
        return message[:length], length == len(message)

    @property
    def waiting(self) -> bool:
        """Whether a reply, or a part of one, has not been read."""
        return bool(self._outgoing)

    def clear(self) -> None:
        """Device clear: drop what was received in part and what was not read."""
        self._incoming.clear()
        self._outgoing.clear()
        self.firmware.clear()

    def _carry_out(self, line: bytes | bytearray) -> None:
        text = line.decode("latin-1").rstrip("\r")
        if text:
            self._outgoing.extend(reply.encode("latin-1") + b"\n" for reply in self.firmware.execute(text))
