"""One HiSLIP client of one instrument: what each message of either connection does."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from dataclasses import dataclass

from labmtj.twin.clock import HostClock
from labmtj.twin.instrument import MESSAGE_AVAILABLE, REQUEST_SERVICE, Instrument
from labmtj.twin.served.connection import Connection, Outlet
from labmtj.twin.served.hislip_locks import LockAnswer, Locks
from labmtj.twin.served.hislip_messages import HEADER, Kind, Message, Mistake, packed

LARGEST = 1 << 20  # chosen: bytes of payload that are taken in one message; clients cut longer ones
_SMALLEST = 64  # chosen: a client that takes fewer bytes a message is told that it erred
_RMT_DELIVERED = 1  # control code: the client has handed the end of the last reply to its user


@dataclass(frozen=True)
class Device:
    """An instrument and the locks of its clients."""

    instrument: Instrument
    locks: Locks


class Session:
    """Both connections of a client, its conversation, and what it has not read yet."""

    def __init__(self, device: Device, host: HostClock, synchronous: Connection, *, announce: bool) -> None:
        self.device, self.number = device, 0
        self.synchronous = synchronous
        self.asynchronous: Connection | None = None
        self._conversation = device.instrument.converse()
        self._outlet = Outlet(self._conversation, host, self._deliver)
        self._size(1 << 18)  # chosen: until the client has said how much it takes, which all known ones do at once
        self._message_id = 0
        self._unread = False  # a reply has left that the client's user has not had to its end
        self._ended = False
        self._clearing = False  # between AsyncDeviceClear and DeviceClearComplete
        self._blocked: deque[Message] = deque()
        self._announce = announce
        self._loop = asyncio.get_running_loop()
        if announce:
            device.instrument.listeners.append(self._service_requested)

    def end(self) -> None:
        """Leave the instrument to others."""
        self._ended = True
        self._outlet.cancel()
        self._blocked.clear()
        if self._announce:
            self.device.instrument.listeners.remove(self._service_requested)
        for connection in (self.synchronous, self.asynchronous):
            if connection is not None:
                connection.close()
        self.device.locks.leave(self)

    # -- the synchronous connection ----------------------------------------------------------------

    def synchronous_message(self, message: Message) -> None:
        """Take a message in its turn; while another client holds a lock, it waits and nothing more is read."""
        if self._clearing or message.kind == Kind.DEVICE_CLEAR_COMPLETE:
            self._while_clearing(message)
        elif self._blocked or not self.device.locks.admits(self):
            self._blocked.append(message)
            self.synchronous.hold("locked")
        else:
            self._carry_out(message)

    def carry_on(self) -> None:
        """Locks have changed: carry out what has waited, if this client may talk now."""
        while self._blocked and self.device.locks.admits(self):
            self._carry_out(self._blocked.popleft())
        if not self._blocked:
            self.synchronous.release("locked")

    def _carry_out(self, message: Message) -> None:
        if message.kind not in (Kind.DATA, Kind.DATA_END, Kind.TRIGGER):
            self._mistake(self.synchronous, Mistake.MESSAGE_TYPE, message)
            return
        self._look_for_interrupted(message)
        self._message_id = message.parameter
        if message.kind == Kind.TRIGGER:
            self._conversation.trigger()
        else:
            self._conversation.write(message.payload, end=message.kind == Kind.DATA_END)
        self._outlet.flush()

    def _look_for_interrupted(self, message: Message) -> None:
        """A new message although the last reply was not read: the reply is void, and the instrument says so."""
        if self._unread and not message.control & _RMT_DELIVERED:
            self._conversation.interrupted()
            if self._announce and self.asynchronous is not None:
                self.synchronous.send(packed(Kind.INTERRUPTED, 0, message.parameter))
                self.asynchronous.send(packed(Kind.ASYNC_INTERRUPTED, 0, message.parameter))
        self._unread = False

    def _deliver(self, data: bytes, end: bool) -> None:
        self._unread = True
        self.synchronous.send(packed(Kind.DATA_END if end else Kind.DATA, 0, self._message_id, data))

    def _while_clearing(self, message: Message) -> None:
        if message.kind == Kind.DEVICE_CLEAR_COMPLETE:
            self._clearing = False
            self.synchronous.send(packed(Kind.DEVICE_CLEAR_ACKNOWLEDGE))  # control code 0: synchronized mode

    # -- the asynchronous connection ---------------------------------------------------------------

    def asynchronous_message(self, message: Message) -> None:
        """Answer as soon as what the client sent before on the other connection has been taken, locked or not.

        Both connections may be readable in the same turn of the loop, in any order; the next turn comes after
        both. That holds if the asynchronous one is read once a turn.
        """
        self._loop.call_soon(self._answer_to, message)

    def _answer_to(self, message: Message) -> None:
        if self._ended:
            return
        match message.kind:
            case Kind.ASYNC_MAXIMUM_MESSAGE_SIZE:
                self._maximum_message_size(message)
            case Kind.ASYNC_STATUS_QUERY:
                self._answer(Kind.ASYNC_STATUS_RESPONSE, self._status(message))
            case Kind.ASYNC_DEVICE_CLEAR:
                self._device_clear()
            case Kind.ASYNC_LOCK:
                self._lock(message)
            case Kind.ASYNC_LOCK_INFO:
                locks = self.device.locks
                self._answer(Kind.ASYNC_LOCK_INFO_RESPONSE, int(locks.exclusive), locks.holders)
            case Kind.ASYNC_REMOTE_LOCAL_CONTROL:
                self._answer(Kind.ASYNC_REMOTE_LOCAL_RESPONSE)  # there is no front panel to lock
            case _:
                if self.asynchronous is not None:
                    self._mistake(self.asynchronous, Mistake.MESSAGE_TYPE, message)

    def _answer(self, kind: Kind, control: int = 0, parameter: int = 0, payload: bytes = b"") -> None:
        if self.asynchronous is not None:
            self.asynchronous.send(packed(kind, control, parameter, payload))

    def _maximum_message_size(self, message: Message) -> None:
        size = int.from_bytes(message.payload, "big") if len(message.payload) == 8 else 0
        if size < _SMALLEST:
            if self.asynchronous is not None:
                self._mistake(self.asynchronous, Mistake.UNIDENTIFIED, message)
            return
        self._size(size)
        self._answer(Kind.ASYNC_MAXIMUM_MESSAGE_SIZE_RESPONSE, payload=struct.pack("!Q", LARGEST))

    def _size(self, client: int) -> None:
        self._outlet.chunk = min(client, LARGEST) - HEADER.size  # right whether a client counts the header or not

    def _status(self, message: Message) -> int:
        """The status byte; a reply is available until the client's user has had it, wherever it is on its way."""
        if message.control & _RMT_DELIVERED:
            self._unread = False
        status = self._conversation.serial_poll() & ~MESSAGE_AVAILABLE
        ready = self._conversation.waiting and self._conversation.ready_in() <= 0
        return status | (MESSAGE_AVAILABLE if ready or self._unread else 0)

    def _device_clear(self) -> None:
        """Drop everything in both directions; the synchronous connection is deaf until the client has done so, too."""
        self._clearing = True
        self._unread = False
        self._blocked.clear()
        self._outlet.cancel()
        self._conversation.clear()
        self.synchronous.release("locked")
        self._answer(Kind.ASYNC_DEVICE_CLEAR_ACKNOWLEDGE)

    def _lock(self, message: Message) -> None:
        locks = self.device.locks
        if message.control == 1:
            key = message.payload.decode("latin-1")
            locks.request(self, key=key, seconds=message.parameter / 1000, answer=self._locked)  # milliseconds
        elif message.control == 0:
            self._locked(locks.release(self))
        elif self.asynchronous is not None:
            self._mistake(self.asynchronous, Mistake.CONTROL_CODE, message)

    def _locked(self, answer: LockAnswer) -> None:
        self._answer(Kind.ASYNC_LOCK_RESPONSE, answer)

    # -- what is sent unasked ----------------------------------------------------------------------

    def _service_requested(self) -> None:
        """Called by the instrument, on whatever thread it is."""
        self._loop.call_soon_threadsafe(self._announce_service_request)

    def _announce_service_request(self) -> None:
        status = self.device.instrument.firmware.status_byte(waiting=self._unread)
        self._answer(Kind.ASYNC_SERVICE_REQUEST, status | REQUEST_SERVICE)

    def _mistake(self, connection: Connection, mistake: Mistake, message: Message) -> None:
        text = f"message type {message.kind} with control code {message.control}"
        connection.send(packed(Kind.ERROR, mistake, 0, text.encode("ascii")))
