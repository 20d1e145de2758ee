"""The control port of a served bench: one JSON object a line in, one out.

A request names what to do and carries the server's token, for every user of the machine can reach
loopback: {"do": "status", "token": "..."}. The answer is {"ok": true, ...} or {"ok": false, "error": "..."}.
"""

from __future__ import annotations

import hmac
import json
import socket
from collections.abc import Callable, Mapping
from typing import Any, cast

from labmtj.errors import BenchError, LabmtjError
from labmtj.twin.served.connection import Connection

LARGEST = 1 << 16  # chosen: bytes of a request line; a fault is a few hundred
_LONGEST_ANSWER = 1 << 26  # chosen: bytes of an answer line, all the entries of the log with some to spare
Handler = Callable[[dict[str, Any]], dict[str, Any]]


class Control:
    """The commands by name; whoever has something to offer adds its own."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._handlers: dict[str, Handler] = {}

    def add(self, name: str, handler: Handler) -> None:
        """Answer {"do": name} with what `handler` makes of the request; a LabmtjError it raises is an answer, too."""
        self._handlers[name] = handler

    @property
    def names(self) -> list[str]:
        """The commands that are known."""
        return sorted(self._handlers)

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one line."""
        try:
            request = json.loads(line)
        except (ValueError, RecursionError) as error:
            return _refusal(f"not a JSON object: {error}")
        if not isinstance(request, dict):
            return _refusal('not a JSON object; for instance {"do": "status", "token": "..."}')
        fields = cast(dict[str, Any], request)
        token = fields.pop("token", None)
        if not isinstance(token, str) or not hmac.compare_digest(token.encode(), self._token.encode()):
            return _refusal("the token is missing or wrong; the server has printed it and writes it to --ready-file")
        handler = self._handlers.get(str(fields.get("do")))
        if handler is None:
            return _refusal(f"{fields.get('do')!r} is none of: {', '.join(self.names)}")
        try:
            return {"ok": True, **handler(fields)}
        except LabmtjError as error:
            return _refusal(str(error))


class ControlConnection(Connection):
    """One client of the control port."""

    def __init__(self, accepted: socket.socket, connections: set[Connection], control: Control) -> None:
        super().__init__(accepted, connections)
        self._control = control
        self._buffer = bytearray()

    def received(self, data: bytes) -> None:
        """Answer complete lines; a line that is too long ends the connection."""
        self._buffer += data
        while (stop := self._buffer.find(b"\n")) >= 0:
            if stop > LARGEST:
                break
            line = bytes(self._buffer[:stop])
            del self._buffer[: stop + 1]
            if line.strip():
                self._reply(self._control.answer(line))
        if len(self._buffer) > LARGEST:
            self._buffer.clear()
            self._reply(_refusal(f"a request of more than {LARGEST} bytes"))
            self.close()

    def _reply(self, answer: dict[str, Any]) -> None:
        self.send(json.dumps(answer, separators=(",", ":")).encode() + b"\n")


def _refusal(why: str) -> dict[str, Any]:
    return {"ok": False, "error": why}


def ask(
    request: Mapping[str, Any], *, port: int, token: str, host: str = "127.0.0.1", timeout: float = 10.0
) -> dict[str, Any]:
    """Send one request to a served bench and return its answer; `timeout` in seconds of wall time.

    Raises BenchError if nobody answers, or if the answer is a refusal.
    """
    line = json.dumps({**request, "token": token}).encode() + b"\n"
    try:
        with socket.create_connection((host, port), timeout=timeout) as link, link.makefile("rb") as replies:
            link.sendall(line)
            answer = replies.readline(_LONGEST_ANSWER)
    except OSError as error:
        raise BenchError(
            f"no served bench answers on {host}:{port}: {error}; is `labmtj twin serve` running?"
        ) from error
    if not answer.endswith(b"\n"):
        raise BenchError(f"{host}:{port} closed without an answer to {request.get('do')!r}")
    fields = cast(dict[str, Any], json.loads(answer))
    if not fields.get("ok"):
        raise BenchError(f"the served bench refuses {request.get('do')!r}: {fields.get('error')}")
    return fields
