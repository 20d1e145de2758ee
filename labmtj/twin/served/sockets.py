"""Raw SCPI sockets: one TCP port an instrument, messages and replies that end with a line feed.

No END, no serial poll, no device clear: what every language can talk to. A client that closes in the
middle of a message leaves nothing behind; one that reconnects begins with an empty conversation.
"""

from __future__ import annotations

import socket

from labmtj.twin.clock import HostClock
from labmtj.twin.instrument import Instrument
from labmtj.twin.served.connection import Connection, Outlet

PORT = 5025  # the port that IANA lists as scpi-raw


class SocketConnection(Connection):
    """One client of one instrument."""

    def __init__(
        self, accepted: socket.socket, connections: set[Connection], instrument: Instrument, host: HostClock
    ) -> None:
        super().__init__(accepted, connections)
        self._conversation = instrument.converse(exchange=False)  # it cannot see what the client reads
        self._outlet = Outlet(self._conversation, host, self._deliver)

    def received(self, data: bytes) -> None:
        """Carry out what is complete; a block with line feeds in it stays in one piece."""
        self._conversation.write(data, end=False)
        self._outlet.flush()

    def lost(self) -> None:
        """Drop what was not read."""
        self._outlet.cancel()

    def _deliver(self, data: bytes, end: bool) -> None:
        del end  # the line feed says it
        self.send(data)
