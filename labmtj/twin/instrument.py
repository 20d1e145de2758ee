"""A simulated instrument as a transport sees it: bytes in, messages out. It knows no PyVISA.

The message exchange is that of IEEE 488.2, section 6: a message that comes before the reply to the last
one was read drops the reply and queues error -410 (query interrupted); a read with nothing to read queues
-420 (query unterminated). Every transport and every session talks through a `Conversation` of its own, so
that replies never cross; the firmware behind them is one.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol
from weakref import WeakSet

from labmtj.twin.clock import HostClock
from labmtj.twin.incoming import LONGEST, Incoming

MESSAGE_AVAILABLE, REQUEST_SERVICE = 16, 64  # bits of the status byte (IEEE 488.2, section 11.2)
QUERY_INTERRUPTED, QUERY_UNTERMINATED, QUERY_DEADLOCKED = -410, -420, -430  # SCPI-99, section 21.8.11
INPUT_OVERRUN = -363  # SCPI-99, section 21.8.10

_KNOWN, _LONGEST_KNOWN = 256, 200  # chosen: messages that are remembered, and bytes of the longest


class Firmware(Protocol):
    """What stands behind an instrument: takes one message, gives its replies. It is called with the lock held."""

    blocks: bool
    """Whether #<n><length> in a message begins a definite block (SCPI; in TSP # is Lua's length)."""

    def execute(self, message: str) -> list[str]:
        """Carry out one message without its line end, bytes as latin-1; the replies, likewise."""
        ...

    def clear(self) -> None:
        """Device clear: forget a message that is not complete."""
        ...

    def status_byte(self, *, waiting: bool) -> int:
        """The status byte with MSS in bit 6; `waiting` says that a reply is available."""
        ...

    def trigger(self) -> None:
        """A group execute trigger."""
        ...

    def query_error(self, code: int) -> None:
        """Queue an error that the message exchange found."""
        ...


class WorldClock(Protocol):
    """The clock that instruments bring forward, and the host's way along it."""

    host: HostClock

    def now(self) -> float:
        """Seconds when the last message was done."""
        ...


Piece = tuple[bytes, float, bool]
"""A part of a reply: bytes, seconds until they are ready (infinite: never), whether END comes with the last."""


class Instrument:
    """One firmware with the state that all conversations share: its request for service.

    RQS, bit 6 of a serial poll, is set when the master summary MSS rises and cleared by the poll or when MSS
    falls (IEEE 488.2, section 11.3). `listeners` are called each time it is set, on the thread that caused it.
    `tamper` makes of a reply what leaves in its place: faults.
    """

    def __init__(self, firmware: Firmware, clock: WorldClock, lock: threading.RLock) -> None:
        self.firmware, self.clock, self.lock = firmware, clock, lock
        self.listeners: list[Callable[[], None]] = []
        self.tamper: Callable[[bytes], Sequence[Piece]] | None = None
        self.known: dict[bytes, str] = {}  # single messages as they came, and what they say: drivers repeat a few
        self.done_at = clock.now()  # [s] on the world's clock: when the last message was carried out
        self.watched = False  # a serial poll has cleared RQS: from now on it matters when MSS rises
        self._links: WeakSet[Conversation] = WeakSet()
        self._summary = self._requests = False

    def converse(self, *, exchange: bool = True) -> Conversation:
        """A link of its own; without `exchange` the instrument does not see reads, as on a raw socket.

        Then replies queue, and there is neither -410 nor -420.
        """
        link = Conversation(self, exchange=exchange)
        with self.lock:
            self._links.add(link)
        return link

    def restart(self, firmware: Firmware) -> None:
        """Go on with a firmware that was just switched on: what links have not read, or sent in part, is gone."""
        with self.lock:
            self.firmware = firmware
            for link in self._links:
                link.clear()

    def requesting(self) -> bool:
        """Whether service was requested and no serial poll has asked yet."""
        with self.lock:
            rose = self.look()
            requests = self._requests
        if rose:
            self.notify()
        return requests

    def learn(self, data: bytes, message: str) -> None:
        """Remember a message that came alone, with its line end and without a block."""
        if len(self.known) >= _KNOWN:
            self.known.clear()
        self.known[data] = message

    def look(self) -> bool:
        """See whether MSS has changed, with the lock held; True if it has risen: `notify` without the lock."""
        waiting = any(link.waiting for link in self._links)
        summary = bool(self.firmware.status_byte(waiting=waiting) & REQUEST_SERVICE)
        rose = summary and not self._summary
        self._summary = summary
        self._requests = rose or (self._requests and summary)
        return rose

    def notify(self) -> None:
        """Tell the listeners of a request for service."""
        for listener in tuple(self.listeners):
            listener()

    def answer_poll(self) -> bool:
        """RQS, which the poll clears; with the lock held."""
        self.watched = True
        requests, self._requests = self._requests, False
        return requests


class Conversation:
    """One link to an instrument: what came in part, and the replies that were not read."""

    def __init__(self, instrument: Instrument, *, exchange: bool) -> None:
        self._instrument, self._exchange = instrument, exchange
        self._lock, self._host, self._now = instrument.lock, instrument.clock.host, instrument.clock.now
        self._realtime = self._host.realtime
        self._incoming = Incoming(blocks=instrument.firmware.blocks)
        self._outgoing: deque[Piece] = deque()  # replies, and when on the world's clock they are ready
        self._offset = 0  # what was read of the first
        self._size = 0  # bytes of all

    @property
    def waiting(self) -> bool:
        """Whether a reply, or a part of one, has not been read."""
        return bool(self._outgoing)

    @property
    def ready_at(self) -> float:
        """When the next reply is ready [s] on the world's clock; infinite if there is none."""
        return self._outgoing[0][1] if self._outgoing else math.inf

    @property
    def available(self) -> int:
        """Bytes that have not been read."""
        return self._size - self._offset

    def ready_in(self) -> float:
        """Seconds of the host's time until the next reply is ready; infinite if there is none."""
        return max(0.0, self.ready_at - self._host.now())

    def write(self, data: bytes, *, end: bool = True) -> None:
        """Take bytes; complete messages, and what is left when END comes, are carried out."""
        instrument = self._instrument
        with self._lock:
            known = instrument.known.get(data) if self._incoming.empty else None
            rose = self._carry_out(known) if known else self._take(data, end=end)
        if rose:
            instrument.notify()

    def _take(self, data: bytes, *, end: bool) -> bool:
        """Carry out what these bytes complete; True if MSS has risen."""
        instrument = self._instrument
        alone = self._incoming.empty and data[-1:] == b"\n"
        rose = False
        messages = self._incoming.take(data, end=end)
        for message in messages:
            if message:
                text = message.decode("latin-1")
                if alone and len(messages) == 1 and len(data) <= _LONGEST_KNOWN and b"#" not in data:
                    instrument.learn(data, text)
                rose = self._carry_out(text) or rose
        if self._incoming.overran:
            self._incoming.overran = False
            instrument.firmware.query_error(INPUT_OVERRUN)
        return rose

    def read(self, count: int, stop: int | None = None) -> tuple[bytes, bool]:
        """At most `count` bytes of the oldest reply, up to and with byte `stop`; True with its last byte.

        The time until it is ready is the caller's to wait (`ready_in`).
        """
        instrument = self._instrument
        rose = False
        with self._lock:
            if not self._outgoing:
                return b"", False
            reply, _, last = self._outgoing[0]
            begin, size = self._offset, len(reply)
            finish = size if size - begin <= count else begin + count
            if stop is not None and (found := reply.find(stop, begin, finish)) >= 0:
                finish = found + 1
            if finish < size:
                self._offset = finish
                return reply[begin:finish], False
            self._outgoing.popleft()
            self._size -= size
            self._offset = 0
            if instrument.watched or instrument.listeners:
                rose = instrument.look()
        if rose:
            instrument.notify()
        return (reply[begin:] if begin else reply), last

    def serial_poll(self) -> int:
        """The status byte with RQS in bit 6, which the poll clears; a reply is available once it is ready."""
        instrument = self._instrument
        with self._lock:
            rose = instrument.look()
            status = instrument.firmware.status_byte(waiting=self.ready_in() <= 0) & ~REQUEST_SERVICE
            if instrument.answer_poll():
                status |= REQUEST_SERVICE
        if rose:
            instrument.notify()
        return status

    def trigger(self) -> None:
        """A group execute trigger."""
        instrument = self._instrument
        with self._lock:
            self._host.catch_up()
            instrument.firmware.trigger()
            instrument.done_at = self._now()
            rose = instrument.look()
        if rose:
            instrument.notify()

    def clear(self) -> None:
        """Device clear: drop what was received in part and what was not read."""
        with self._lock:
            self._incoming.clear()
            self.discard()
            self._instrument.firmware.clear()

    def discard(self, *, before: float = math.inf) -> None:
        """Drop what was not read and was ready by then [s]."""
        with self._lock:
            while self._outgoing and self._outgoing[0][1] <= before:
                self._size -= len(self._outgoing.popleft()[0])
                self._offset = 0

    def interrupted(self) -> None:
        """A message came before the last reply was read: drop the reply, queue -410."""
        with self._lock:
            self.discard()
            self._instrument.firmware.query_error(QUERY_INTERRUPTED)

    def starved(self) -> None:
        """Somebody reads, and nothing waits: queue -420."""
        if self._exchange:
            with self._lock:
                self._instrument.firmware.query_error(QUERY_UNTERMINATED)

    def _tampered(self, pieces: Sequence[Piece], now: float) -> None:
        for data, seconds, last in pieces:
            # What never comes keeps a link with an exchange waiting; on a socket the next reply takes its place.
            if self._exchange or math.isfinite(seconds):
                self._outgoing.append((data, now + seconds, last))
                self._size += len(data)

    def _carry_out(self, message: str) -> bool:
        """Carry out one message; True if MSS has risen."""
        instrument = self._instrument
        if self._outgoing and self._exchange:
            self.interrupted()
        if self._realtime:
            self._host.catch_up()
        replies = instrument.firmware.execute(message)
        instrument.done_at = now = self._now()
        if replies:
            for reply in replies:
                encoded = reply.encode("latin-1") + b"\n"
                if instrument.tamper is None:
                    self._outgoing.append((encoded, now, True))
                    self._size += len(encoded)
                else:
                    self._tampered(instrument.tamper(encoded), now)
            if self._size > LONGEST:
                self.discard()
                instrument.firmware.query_error(QUERY_DEADLOCKED)
        return (instrument.watched or bool(instrument.listeners)) and instrument.look()
