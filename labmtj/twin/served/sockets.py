"""Raw SCPI sockets: one TCP port an instrument, messages and replies that end with a line feed.

No END, no serial poll, no device clear: what every language can talk to. A client that closes in the
middle of a message leaves nothing behind; one that reconnects begins with an empty conversation.

Some instruments keep a session that its program left without closing, and the port with it: "You cannot reconnect to
it without switching the power to the instrument off and then back on", says the 707B's manual (707B-901-01 Rev. B,
page 2-39), and names a second port, of dead sockets, that ends such a session. A program that is killed and one that
closes its socket look the same to TCP here (the operating system sends the same FIN for both), so the fault
`dead_socket` says whose end is not noticed.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from labmtj.twin.clock import HostClock
from labmtj.twin.instrument import Instrument
from labmtj.twin.served.connection import Connection, Outlet
from labmtj.twin.served.listener import Listener

PORT = 5025  # the port that IANA lists as scpi-raw


class RawPort:
    """The raw socket of one instrument; `keeps` says, when a client has gone, whether its session stays open.

    It refuses everybody while a session is kept.
    """

    def __init__(
        self, instrument: Instrument, host: HostClock, connections: set[Connection], keeps: Callable[[], bool]
    ) -> None:
        self._instrument, self._host, self._connections, self._keeps = instrument, host, connections, keeps
        self._clients: set[SocketConnection] = set()
        self._listener: Listener | None = None

    def open(self, host: str, port: int, admit: Callable[[socket.socket], bool]) -> Listener:
        """Listen; `admit` says whether there is room for another connection. Raises BenchError."""

        def connect(accepted: socket.socket) -> None:
            if admit(accepted):
                self._clients.add(
                    SocketConnection(accepted, self._connections, self._instrument, self._host, self._gone)
                )

        self._listener = Listener(host, port, connect)
        return self._listener

    @property
    def blocked(self) -> bool:
        """Whether a session that nobody closed keeps everybody out."""
        return self._listener is not None and self._listener.refuses

    def free(self) -> None:
        """End all sessions, those that nobody closed, too."""
        for client in list(self._clients):
            client.abort()
        if self._listener is not None:
            self._listener.resume()

    def _gone(self, client: SocketConnection) -> None:
        self._clients.discard(client)
        if self._listener is not None and self._keeps():
            self._listener.refuse()


class SocketConnection(Connection):
    """One client of one instrument."""

    def __init__(
        self,
        accepted: socket.socket,
        connections: set[Connection],
        instrument: Instrument,
        host: HostClock,
        gone: Callable[[SocketConnection], None],
    ) -> None:
        super().__init__(accepted, connections)
        self._conversation = instrument.converse(exchange=False)  # it cannot see what the client reads
        self._outlet = Outlet(self._conversation, host, self._deliver)
        self._gone = gone

    def received(self, data: bytes) -> None:
        """Carry out what is complete; a block with line feeds in it stays in one piece."""
        self._conversation.write(data, end=False)
        self._outlet.flush()

    def lost(self) -> None:
        """Drop what was not read."""
        self._outlet.cancel()
        self._gone(self)

    def _deliver(self, data: bytes, end: bool) -> None:
        del end  # the line feed says it
        self.send(data)


class DeadSocketConnection(Connection):
    """A connection to the port of dead sockets: it ends all raw sessions of its instrument, and then itself."""

    def __init__(self, accepted: socket.socket, connections: set[Connection], port: RawPort) -> None:
        super().__init__(accepted, connections)
        port.free()
        self.close()

    def received(self, data: bytes) -> None:
        """No commands are taken here."""
