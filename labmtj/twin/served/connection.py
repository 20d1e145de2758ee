"""One accepted TCP connection of a served bench, and the way replies leave through it.

One event loop in one thread serves all connections: the bench has one world behind one lock, so threads
would only wait for each other, and time-outs, held replies and a clean end are timers and calls here.
The sockets are read directly: with asyncio's transports, which turn the loop once for every receive, a
client gets half as many exchanges a second.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import time
from collections.abc import Callable

from labmtj.twin.clock import HostClock
from labmtj.twin.instrument import Conversation

# Linux delays acknowledgements by 40 ms; a client with Nagle's algorithm on (pyvisa-py's sockets) keeps its
# second write back until the first is acknowledged. The option does not last: it is set after every receive.
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_CHUNK = 1 << 16  # chosen: bytes of one receive
_TURN = 16  # chosen: receives from one client before the others have their turn
_give_way: Callable[[], None] = getattr(os, "sched_yield", lambda: None)  # POSIX only
_PATIENCE = 1e-4  # [s] chosen: the next message of a client is awaited so long on the spot; to fall asleep takes longer
_LINGER = 0.5  # [s] chosen: how long a connection that was closed here waits for its client to close


class Connection:
    """Bytes from one client; acknowledged at once, and not read while the client does not take its replies."""

    def __init__(self, accepted: socket.socket, connections: set[Connection]) -> None:
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket, self._connections = accepted, connections
        self._loop = asyncio.get_running_loop()
        self._outbox = bytearray()
        self._holds: set[str] = set()
        self._last: asyncio.TimerHandle | None = None
        self.open = True  # until it is closed from either side
        self.turn = _TURN
        connections.add(self)
        self._loop.add_reader(accepted, self._readable)

    def received(self, data: bytes) -> None:
        """Take what has come."""
        raise NotImplementedError

    def lost(self) -> None:
        """The connection is gone."""

    def send(self, data: bytes) -> None:
        """Send; what the network does not take now waits. After the connection was closed: nothing."""
        if not self.open:
            return
        if not self._outbox:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.abort()
                return
            if sent == len(data):
                return
            data = data[sent:]
            self._loop.add_writer(self._socket, self._writable)
            self.hold("slow")
        self._outbox += data

    def close(self) -> None:
        """Close once what waits has been sent and the client has closed, too, or some time has passed.

        To close at once with something unread would reset the connection, and the last reply with it.
        """
        if self.open:
            self.open = False
            self._last = self._loop.call_later(_LINGER, self.abort)
            self._holds.clear()
            self._loop.add_reader(self._socket, self._readable)
            if not self._outbox:
                self._say_goodbye()

    def abort(self) -> None:
        """Close now."""
        if self not in self._connections:
            return
        self._connections.discard(self)
        self.open = False
        if self._last is not None:
            self._last.cancel()
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self.lost()

    def hold(self, reason: str) -> None:
        """Read nothing more from the client until every reason is gone."""
        self._holds.add(reason)
        self._loop.remove_reader(self._socket)

    def release(self, reason: str) -> None:
        """Take a reason away; reading goes on after the last."""
        if reason in self._holds:
            self._holds.discard(reason)
            if not self._holds and self.open:
                self._loop.add_reader(self._socket, self._readable)

    def _readable(self) -> None:
        receives, patience = 0, 0.0
        while receives < self.turn:
            try:
                data = self._socket.recv(_CHUNK)
            except BlockingIOError:
                if receives and time.perf_counter() < patience:
                    _give_way()  # the client may have only this core
                    continue
                return
            except OSError:
                data = b""
            if not data:
                self.abort()
                return
            if not self.open:
                continue  # what comes after the end is read away
            if _QUICKACK is not None:
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
            try:
                self.received(data)
            except BaseException:
                self.abort()  # a fault of ours costs this client its connection and nobody else's; the loop reports it
                raise
            if self._holds or self not in self._connections:
                return
            receives += 1
            patience = time.perf_counter() + _PATIENCE

    def _writable(self) -> None:
        try:
            del self._outbox[: self._socket.send(self._outbox)]
        except BlockingIOError:
            return
        except OSError:
            self.abort()
            return
        if not self._outbox:
            self._loop.remove_writer(self._socket)
            if self.open:
                self.release("slow")
            else:
                self._say_goodbye()

    def _say_goodbye(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.abort()  # the client was faster


class Outlet:
    """Hands the replies of one conversation on as they become ready.

    On the virtual clock they are ready at once, for the time-outs of a client in another process pass in
    wall time; in real time they are held for as long as the instrument takes, without the world's lock.
    """

    def __init__(self, conversation: Conversation, host: HostClock, deliver: Callable[[bytes, bool], None]) -> None:
        self._conversation, self._host, self._deliver = conversation, host, deliver
        self._timer: asyncio.TimerHandle | None = None
        self.chunk = 1 << 16  # bytes that `deliver` gets at most; its bool says that they end the reply

    def flush(self) -> None:
        """Deliver what is ready; come back for the rest when it is."""
        self.cancel()
        conversation = self._conversation
        while conversation.waiting:
            seconds = conversation.ready_in()
            if seconds > 0:
                if self._host.realtime or math.isinf(seconds):
                    self._later(seconds)
                    return
                self._host.sleep(seconds)
            data, end = conversation.read(self.chunk, None)
            if not data:
                return
            self._deliver(data, end)

    def cancel(self) -> None:
        """Come back for nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _later(self, seconds: float) -> None:
        if not math.isinf(seconds):  # a reply that never comes needs no timer
            self._timer = asyncio.get_running_loop().call_later(seconds, self.flush)
