"""A server of the page on a port of loopback, until it is told to end."""

from __future__ import annotations

import secrets
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from labmtj.errors import Busy
from labmtj.watch.gatekeeper import LOOPBACK, Gatekeeper, checked_host
from labmtj.watch.server import application
from labmtj.watch.watching import Watch


class PageServer:
    """A bound port and the page behind it; `address` holds the token."""

    def __init__(self, watch: Watch, *, host: str = LOOPBACK, port: int = 0, look_only: bool = False) -> None:
        """Bind. Raises InputError for another address than loopback, Busy for a port that somebody has."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((checked_host(host), port))
            self._socket.listen(128)  # whoever comes before the server is ready waits and is not turned away
        except OSError as error:
            self._socket.close()
            raise Busy(f"port {port} cannot be had ({error.strerror}): name another, or 0 for a free one") from error
        except BaseException:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self.token = secrets.token_urlsafe(24)
        self.address = f"http://{LOOPBACK}:{self.port}/?token={self.token}"
        app = application(watch, look_only=look_only, closing=lambda: self._server.should_exit)
        config = uvicorn.Config(
            Gatekeeper(app, port=self.port, token=self.token),
            log_level="critical",
            access_log=False,
            server_header=False,
            lifespan="on",
            ws="none",
            http="h11",
            loop="asyncio",
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self._server.started

    def serve(self) -> None:
        """Answer until `close`, which may have come before."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()

    @contextmanager
    def closed_by_ctrl_c(self) -> Generator[None, None, None]:
        """While this lasts, Ctrl-C is `close`, also before `serve` has begun. For the main thread."""

        def interrupted(number: int, frame: FrameType | None) -> None:
            del number, frame
            self.close()

        before = signal.signal(signal.SIGINT, interrupted)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def close(self) -> None:
        """Let `serve` end, from any thread."""
        self._server.should_exit = True
