"""A HiSLIP server: several instruments as sub-addresses hislip0, hislip1 ... of one port.

IVI-6.1, HiSLIP 1.0 to 2.0 without its secure connections, synchronized mode. Each client has two
connections: messages travel on the synchronous one; locks, status, device clear on the asynchronous one.

AsyncServiceRequest and Interrupted with AsyncInterrupted come unasked on the asynchronous connection.
pyvisa-py takes whatever comes there for the answer to its last question, so they are sent only if
`announce` says so. Without them nothing stale is ever read: replies carry the number of the message that
asked, and clients drop replies to older messages.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

from labmtj.twin.clock import HostClock
from labmtj.twin.instrument import Instrument
from labmtj.twin.served.connection import Connection
from labmtj.twin.served.hislip_locks import Locks
from labmtj.twin.served.hislip_messages import BadHeader, Fatal, Kind, Message, Splitter, packed
from labmtj.twin.served.hislip_session import LARGEST, Device, Session

PORT = 4880  # the port that IANA lists as hislip
DEFAULT_ADDRESS = "hislip0"  # what an empty sub-address means
VERSION = (2, 0)
VENDOR = int.from_bytes(b"LM", "big")  # chosen: no vendor prefix of the IVI Foundation's list
_CLIENTS = 64  # chosen: sessions at once; far above what a bench needs, and a bound on what a loop can cost


class HislipServer:
    """The sessions of one port."""

    def __init__(self, instruments: Mapping[str, Instrument], host: HostClock, *, announce: bool = False) -> None:
        self.devices = {address: self._device(instrument) for address, instrument in instruments.items()}
        self.sessions: dict[int, Session] = {}
        self._host, self._announce = host, announce

    def _device(self, instrument: Instrument) -> Device:
        return Device(instrument, Locks(lambda: self._unlocked(instrument)))

    def open(self, address: str, connection: Connection) -> Session | None:
        """A session with the instrument behind a sub-address, or None if there are too many."""
        if len(self.sessions) >= _CLIENTS:
            return None
        number = next(n for n in range(1, _CLIENTS + 1) if n not in self.sessions)
        device = self.devices[address]
        session = Session(device, self._host, connection, announce=self._announce)
        self.sessions[number] = session
        session.number = number
        return session

    def close(self, session: Session) -> None:
        """End a session with both its connections; its locks are free."""
        if self.sessions.pop(session.number, None) is not None:
            session.end()

    def _unlocked(self, instrument: Instrument) -> None:
        for session in list(self.sessions.values()):
            if session.device.instrument is instrument:
                session.carry_on()


class HislipConnection(Connection):
    """One connection of a client: which of the two it is, its first message says."""

    def __init__(self, accepted: socket.socket, connections: set[Connection], server: HislipServer) -> None:
        super().__init__(accepted, connections)
        self._server = server
        self._splitter = Splitter(LARGEST)
        self._session: Session | None = None
        self._synchronous = False

    def received(self, data: bytes) -> None:
        """Take complete messages; after a header that is none, nothing can be found again."""
        try:
            for message in self._splitter.feed(data):
                if self.open:
                    self._take(message)
        except BadHeader as error:
            self._fail(Fatal.BAD_HEADER, str(error))

    def lost(self) -> None:
        """Either connection ends the session."""
        if self._session is not None:
            self._server.close(self._session)

    def _take(self, message: Message) -> None:
        session = self._session
        if session is None:
            self._begin(message)
        elif message.kind == Kind.FATAL_ERROR:
            self._server.close(session)
        elif message.kind == Kind.ERROR:
            return  # the client's opinion of a message of ours; there is nothing to repeat
        elif not self._synchronous:
            session.asynchronous_message(message)
        elif session.asynchronous is None:
            self._fail(Fatal.NO_SECOND_CHANNEL, "the asynchronous connection has not been opened")
        else:
            session.synchronous_message(message)

    def _begin(self, message: Message) -> None:
        if message.kind == Kind.INITIALIZE:
            self._initialize(message)
        elif message.kind == Kind.ASYNC_INITIALIZE:
            session = self._server.sessions.get(message.parameter)
            if session is None or session.asynchronous is not None:
                self._fail(Fatal.BAD_INITIALIZATION, f"no session {message.parameter} waits for this connection")
                return
            self._session, session.asynchronous = session, self
            self.turn = 1  # see Session.asynchronous_message
            self.send(packed(Kind.ASYNC_INITIALIZE_RESPONSE, 0, VENDOR))
        else:
            self._fail(Fatal.BAD_INITIALIZATION, "the first message is Initialize or AsyncInitialize")

    def _initialize(self, message: Message) -> None:
        address = message.payload.decode("latin-1").partition(",")[0].strip().lower() or DEFAULT_ADDRESS
        if address not in self._server.devices:
            known = ", ".join(self._server.devices)
            self._fail(Fatal.BAD_INITIALIZATION, f"there is no {address[:40]!r} here, only {known}")
            return
        session = self._server.open(address, self)
        if session is None:
            self._fail(Fatal.TOO_MANY_CLIENTS, f"{_CLIENTS} clients are connected")
            return
        self._session, self._synchronous = session, True
        asked = message.parameter >> 16
        major, minor = min((asked >> 8, asked & 0xFF), VERSION)
        self.send(packed(Kind.INITIALIZE_RESPONSE, 0, (major << 24) | (minor << 16) | session.number))

    def _fail(self, why: Fatal, text: str) -> None:
        self.send(packed(Kind.FATAL_ERROR, why, 0, text.encode("ascii", "backslashreplace")))
        self.close()
        self.lost()
