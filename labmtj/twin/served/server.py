"""A simulated bench for other processes: every instrument over HiSLIP and as a raw socket, on loopback.

    with BenchServer(simulated_bench("simulated-15x15"), hislip_port=0, socket_port=0) as server:
        print(server.resources["smu"].hislip)      # TCPIP::127.0.0.1::hislip0,4880::INSTR

Nothing here asks who a client is, so no other address than loopback is served.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Generator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from types import FrameType, TracebackType
from typing import Any

from labmtj.errors import InputError
from labmtj.twin.build import SimulatedBench
from labmtj.twin.faults.control import offer
from labmtj.twin.hands import offer_hands
from labmtj.twin.served import hislip, sockets
from labmtj.twin.served.connection import Connection
from labmtj.twin.served.control import Control, ControlConnection
from labmtj.twin.served.hislip import HislipConnection, HislipServer
from labmtj.twin.served.listener import Listener
from labmtj.twin.served.sockets import DeadSocketConnection, RawPort, SocketConnection

FORMAT = 1  # of the ready-file
_LINGER = 0.2  # [s] chosen: what clients get to take their last replies when the server ends
_MOST_CONNECTIONS = 256  # chosen: below the 1024 files that a process may have open by default on Linux
_MOST_ENTRIES = 1000  # chosen: entries of the log in one answer


@dataclass(frozen=True)
class Resource:
    """Where a served instrument is found: its model's title, its two VISA resource strings, its port of dead sockets.

    `dead_socket` plays port 5030 of the instrument, if that has one: see labmtj.twin.served.sockets.
    """

    model: str
    hislip: str
    socket: str
    dead_socket: int | None = None


class BenchServer:
    """Serves a bench while its `with` block lasts (on a thread of its own) or until a signal (`serve_forever`).

    Ports: 0 takes any free one; `socket_port` is the first of consecutive ones. `models` says what to call the
    instruments' models, `dead_sockets` names those with a port for dead sockets. `announce`: see
    labmtj.twin.served.hislip. Raises InputError for an address that is not loopback, BenchError for a port that is
    taken.
    """

    def __init__(
        self,
        bench: SimulatedBench,
        *,
        host: str = "127.0.0.1",
        hislip_port: int = hislip.PORT,
        socket_port: int = sockets.PORT,
        control_port: int = 0,
        models: Mapping[str, str] | None = None,
        dead_sockets: Collection[str] = (),
        announce: bool = False,
    ) -> None:
        self.bench, self.host = bench, _loopback(host)
        self.hislip_port, self.control_port = hislip_port, control_port
        self.token = secrets.token_urlsafe(16)
        self.resources: dict[str, Resource] = {}
        self.control = Control(self.token)
        for name, handler in (
            ("status", self._status),
            ("resources", self._resources),
            ("log", self._log),
            ("shutdown", self._shutdown),
        ):
            self.control.add(name, handler)
        offer(self.control, bench.faults)
        if bench.hands is not None:
            offer_hands(self.control, bench.hands)
        self._socket_port, self._announce = socket_port, announce
        self._models, self._dead_sockets = dict(models or {}), frozenset(dead_sockets)
        self._raw: dict[str, RawPort] = {}
        self._connections: set[Connection] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._began = time.monotonic()

    def description(self) -> dict[str, Any]:
        """What a client needs to know: resource strings, ports, process, token. Written to the ready-file."""
        return {
            "format": FORMAT,
            "bench": self.bench.title,
            "pid": os.getpid(),
            "host": self.host,
            "hislip_port": self.hislip_port,
            "control_port": self.control_port,
            "token": self.token,
            "realtime": self.bench.world.host.realtime,
            "instruments": {name: asdict(resource) for name, resource in self.resources.items()},
        }

    # -- its life ----------------------------------------------------------------------------------

    def __enter__(self) -> BenchServer:
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._on_thread, args=(ready,), name="labmtj served bench")
        self._thread.start()
        try:
            ready.result()
        except BaseException:
            self.stop()
            self._thread.join()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def serve_forever(self, ready: Callable[[], None]) -> None:
        """Serve on this thread until SIGINT, SIGTERM, `stop()` or a shutdown command; `ready()` is called once."""
        with _stopped_by_signals(self.stop):
            _run(self._serve(ready))

    def stop(self) -> None:
        """Ask it to end; may be called from any thread and from a signal handler."""
        loop, end = self._loop, self._end
        if loop is not None and end is not None and not loop.is_closed():
            loop.call_soon_threadsafe(end.set)

    def _on_thread(self, ready: Future[None]) -> None:
        try:
            _run(self._serve(lambda: ready.set_result(None)))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _serve(self, ready: Callable[[], None]) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self.bench.faults.switched_on.append(self._switched_on)
        listeners: list[Listener] = []
        try:
            self._listen(listeners)
            ready()
            await self._end.wait()
        finally:
            self.bench.faults.switched_on.remove(self._switched_on)
            for listener in listeners:
                listener.close()
            await self._hang_up()

    async def _hang_up(self) -> None:
        """Close all connections; who does not take its last bytes in time loses them."""
        for connection in list(self._connections):
            connection.close()
        deadline = time.monotonic() + _LINGER
        while self._connections and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        for connection in list(self._connections):
            connection.abort()

    def _listen(self, listeners: list[Listener]) -> None:
        world, known = self.bench.world, self._connections
        instruments = {self.bench.names[address]: found for address, found in self.bench.instruments.items()}
        addresses = {name: f"hislip{number}" for number, name in enumerate(instruments)}
        server = HislipServer(
            {addresses[name]: found for name, found in instruments.items()}, world.host, announce=self._announce
        )

        def opened(port: int, connect: Callable[[socket.socket], Connection]) -> int:
            listeners.append(Listener(self.host, port, lambda accepted: self._admit(accepted) and connect(accepted)))
            return listeners[-1].port

        self.hislip_port = opened(self.hislip_port, lambda accepted: HislipConnection(accepted, known, server))
        for number, (name, instrument) in enumerate(instruments.items()):
            raw = self._raw[name] = RawPort(instrument, world.host, known, partial(self._keeps, name))
            listeners.append(raw.open(self.host, self._socket_port + number if self._socket_port else 0, self._admit))
            port, dead = listeners[-1].port, None
            if name in self._dead_sockets:
                dead = opened(0, partial(DeadSocketConnection, connections=known, port=raw))
            self.resources[name] = Resource(
                self._models.get(name, ""),
                f"TCPIP::{self.host}::{addresses[name]},{self.hislip_port}::INSTR",
                f"TCPIP::{self.host}::{port}::SOCKET",
                dead,
            )
        self.control_port = opened(self.control_port, lambda accepted: ControlConnection(accepted, known, self.control))

    def _admit(self, accepted: socket.socket) -> bool:
        """Whether there is room for one more connection; it is closed if not."""
        if len(self._connections) < _MOST_CONNECTIONS:
            return True
        accepted.close()
        return False

    def _keeps(self, name: str) -> bool:
        """Whether an instrument does not notice that a client of its raw socket has gone."""
        ending = self._end is None or self._end.is_set()
        return not ending and self.bench.faults.keeps_session(name)

    def _switched_on(self, name: str) -> None:
        """An instrument that was switched off and on has no sessions."""
        if name in self._raw:
            self._raw[name].free()

    # -- commands of the control port --------------------------------------------------------------

    def _status(self, request: dict[str, Any]) -> dict[str, Any]:
        del request
        world = self.bench.world
        return {
            "bench": self.bench.title,
            "pid": os.getpid(),
            "seconds": round(time.monotonic() - self._began, 3),
            "bench_time": world.now(),
            "realtime": world.host.realtime,
            "hislip_clients": sum(isinstance(c, HislipConnection) for c in self._connections) // 2,
            "socket_clients": sum(isinstance(c, SocketConnection) for c in self._connections),
            "blocked": sorted(name for name, raw in self._raw.items() if raw.blocked),
            "closed": [f"{row}{col}" for row, col in sorted(world.closed)],
            "driven": world.driven(),
            "violations": len(world.violations),
            "log": world.log.count,
            "commands": self.control.names,
        }

    def _resources(self, request: dict[str, Any]) -> dict[str, Any]:
        del request
        return {"instruments": {name: asdict(resource) for name, resource in self.resources.items()}}

    def _log(self, request: dict[str, Any]) -> dict[str, Any]:
        since = request.get("since", 0)
        if not isinstance(since, int) or since < 0:
            raise InputError('"since" is the number of the first entry that is wanted, from 0')
        entries = self.bench.world.log.since(since)[:_MOST_ENTRIES]
        return {"entries": entries, "next": entries[-1]["n"] + 1 if entries else max(since, self.bench.world.log.count)}

    def _shutdown(self, request: dict[str, Any]) -> dict[str, Any]:
        del request
        self.stop()
        return {"ending": True}


def _run(main: Coroutine[Any, Any, None]) -> None:
    """Run it on a loop of selectors: on Windows, too, where it is not the default."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main)


def _loopback(host: str) -> str:
    """The address as four numbers. Raises InputError unless it is this machine alone that reaches it."""
    text = "127.0.0.1" if host == "localhost" else host
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise InputError(
            f"a bench is served on loopback only, not on {host!r}: whoever connects may do anything with it; "
            "use 127.0.0.1, and a tunnel (ssh -L) from other machines"
        )
    return str(address)


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Generator[None, None, None]:
    """Call `stop` on SIGINT and SIGTERM; in another thread than the main one signals are not ours."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def caught(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop()

    before = {number: signal.signal(number, caught) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
