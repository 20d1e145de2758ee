"""A TCP port that is listened on; it may refuse everybody for a while and go on at the same number."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

from labmtj.errors import BenchError

_BACKLOG = 64  # chosen: connections that may wait to be accepted


class Listener:
    """Calls `connect` with every connection that is accepted. Raises BenchError for a port that is taken."""

    def __init__(self, host: str, port: int, connect: Callable[[socket.socket], object]) -> None:
        self._connect, self._loop = connect, asyncio.get_running_loop()
        try:
            self._socket = _bound(host, port)
        except OSError as error:
            raise BenchError(
                f"port {port} of {host} cannot be served: {error.strerror}; "
                "choose another with --hislip-port, --socket-port or --control-port, or 0 for any free one"
            ) from error
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self.refuses = False
        self._loop.add_reader(self._socket, self._accept)

    def refuse(self) -> None:
        """Accept nobody any more; the port stays ours."""
        if self.refuses:
            return
        self.refuses = True
        # Linux alone takes a socket out of its listening state; elsewhere who comes is closed at once.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
            self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Accept again."""
        if not self.refuses:
            return
        self.refuses = False
        self._socket.listen(_BACKLOG)
        self._loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Close the port."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        try:
            accepted, _ = self._socket.accept()
        except OSError:
            return  # the client has gone again, or this process has no file descriptor left for it
        if self.refuses:
            accepted.close()
        else:
            self._connect(accepted)


def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens on a port by its number, even on a free one: Linux gives up others with `refuse`."""
    if port or os.name != "posix":
        return socket.create_server((host, port), backlog=_BACKLOG)
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that both may be bound for a moment
        holder.bind((host, 0))
        return socket.create_server((host, holder.getsockname()[1]), backlog=_BACKLOG)
