"""Messages of HiSLIP as they travel: a header of 16 bytes and a payload (IVI-6.1, section 2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

HEADER = struct.Struct("!2sBBIQ")  # prologue, message type, control code, message parameter, payload length
PROLOGUE = b"HS"


class Kind(IntEnum):
    """Message types (IVI-6.1, table 4); those of secure connections are not known here."""

    INITIALIZE = 0
    INITIALIZE_RESPONSE = 1
    FATAL_ERROR = 2
    ERROR = 3
    ASYNC_LOCK = 4
    ASYNC_LOCK_RESPONSE = 5
    DATA = 6
    DATA_END = 7
    DEVICE_CLEAR_COMPLETE = 8
    DEVICE_CLEAR_ACKNOWLEDGE = 9
    ASYNC_REMOTE_LOCAL_CONTROL = 10
    ASYNC_REMOTE_LOCAL_RESPONSE = 11
    TRIGGER = 12
    INTERRUPTED = 13
    ASYNC_INTERRUPTED = 14
    ASYNC_MAXIMUM_MESSAGE_SIZE = 15
    ASYNC_MAXIMUM_MESSAGE_SIZE_RESPONSE = 16
    ASYNC_INITIALIZE = 17
    ASYNC_INITIALIZE_RESPONSE = 18
    ASYNC_DEVICE_CLEAR = 19
    ASYNC_SERVICE_REQUEST = 20
    ASYNC_STATUS_QUERY = 21
    ASYNC_STATUS_RESPONSE = 22
    ASYNC_DEVICE_CLEAR_ACKNOWLEDGE = 23
    ASYNC_LOCK_INFO = 24
    ASYNC_LOCK_INFO_RESPONSE = 25


class Fatal(IntEnum):
    """Why a connection ends (IVI-6.1, table 16)."""

    UNIDENTIFIED = 0
    BAD_HEADER = 1
    NO_SECOND_CHANNEL = 2
    BAD_INITIALIZATION = 3
    TOO_MANY_CLIENTS = 4


class Mistake(IntEnum):
    """What was wrong with one message (IVI-6.1, table 17); the connection goes on."""

    UNIDENTIFIED = 0
    MESSAGE_TYPE = 1
    CONTROL_CODE = 2
    VENDOR_MESSAGE = 3
    TOO_LARGE = 4


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `kind` may be a number that `Kind` does not know."""

    kind: int
    control: int
    parameter: int
    payload: bytes


class BadHeader(ValueError):
    """A header after which nothing on this connection can be trusted."""


def packed(kind: Kind, control: int = 0, parameter: int = 0, payload: bytes = b"") -> bytes:
    """A message as bytes."""
    return HEADER.pack(PROLOGUE, kind, control, parameter, len(payload)) + payload


class Splitter:
    """Cuts a stream of bytes into messages."""

    def __init__(self, largest: int) -> None:
        self._buffer = bytearray()
        self._largest = largest

    def feed(self, data: bytes) -> Iterator[Message]:
        """Messages that are complete with `data`. Raises BadHeader at the first that cannot be one."""
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while len(buffer) - start >= HEADER.size:
                prologue, kind, control, parameter, length = HEADER.unpack_from(buffer, start)
                if prologue != PROLOGUE:
                    raise BadHeader(f"a message begins with 'HS'; this one with {prologue!r}")
                if length > self._largest:
                    raise BadHeader(f"a payload of {length} bytes; at most {self._largest} were agreed")
                stop = start + HEADER.size + length
                if len(buffer) < stop:
                    break
                payload = bytes(buffer[start + HEADER.size : stop])
                start = stop
                yield Message(kind, control, parameter, payload)
        finally:
            del buffer[:start]
