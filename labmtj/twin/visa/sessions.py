"""What PyVISA has opened: a live instrument as a device of pyvisa-sim, and a session with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from pyvisa.constants import InterfaceType, LineState, ResourceAttribute, SerialTermination, StatusCode
from pyvisa_sim.devices import Device, Devices
from pyvisa_sim.sessions.session import Session

from labmtj.twin.instrument import Conversation, Instrument
from labmtj.twin.visa.events import ServiceRequests
from labmtj.twin.visa.locks import ResourceLock
from labmtj.twin.visa.waiting import LONGEST_WAIT

KINDS = ("ASRL INSTR", "GPIB INSTR", "TCPIP INSTR", "TCPIP SOCKET", "USB INSTR", "USB RAW")
_CROWD = 32  # chosen: conversations of a session before those of threads that have ended are looked for


class LiveDevice(Device):
    """A pyvisa-sim device whose answers a simulated instrument gives."""

    def __init__(self, name: str, instrument: Instrument) -> None:
        super().__init__(name, b"")
        for kind in KINDS:
            self.add_eom(kind, "\n", "\n")
        self.instrument = instrument
        self._asking: list[ServiceRequests] = []

    def tell(self, requests: ServiceRequests) -> None:
        """Post service requests there from now on, and the one that nobody has polled yet."""
        if requests in self._asking:
            return
        with self.instrument.lock:
            pending = self.instrument.requesting()
            if not self._asking:
                self.instrument.listeners.append(self._requested)
            self._asking.append(requests)
        if pending:
            requests.post(self.instrument.done_at)

    def forget(self, requests: ServiceRequests) -> None:
        """Post nothing there any more."""
        if requests in self._asking:
            self._asking.remove(requests)
            if not self._asking:
                self.instrument.listeners.remove(self._requested)

    def _requested(self) -> None:
        at = self.instrument.done_at
        for requests in tuple(self._asking):
            requests.post(at)


class BenchDevices(Devices):
    """All that stands on a bench: live instruments, and dumb boxes of pyvisa-sim's own."""

    def join(self, others: Devices) -> None:
        """Take over the devices of a YAML file of pyvisa-sim."""
        for name in others.list_resources():
            self._internal[name] = others[name]

    def __contains__(self, name: str) -> bool:
        return name in self._internal


class LiveSession:
    """A session with a live instrument: one conversation for each thread that writes.

    A thread that has written reads the replies to what it wrote; one that has not reads the oldest reply.
    The attributes that every read or write needs are kept at hand; `refresh` after one has changed.
    """

    def __init__(self, session: Session, device: LiveDevice, lock: ResourceLock, deliver: Callable[..., Any]) -> None:
        self.attributes: dict[Any, Any] = session.attrs  # pyright: ignore[reportUnknownMemberType]
        self.device, self.instrument, self.lock = device, device.instrument, lock
        self.events = ServiceRequests(deliver)
        self.unheard = 0  # writes since the last reply
        self.left_at = time.monotonic()  # wall time when the client had nothing more to do here
        self.conversations: dict[int, Conversation] = {}
        kind = session.parsed
        self._serial = kind.interface_type_const == InterfaceType.asrl
        self._ends = not self._serial and kind.resource_class != "SOCKET"  # whether the link has an END
        self._idle = device.instrument.converse(exchange=self._ends)
        self._identify(session)
        self.refresh()

    def _identify(self, session: Session) -> None:
        kind, attributes = session.parsed, self.attributes
        attributes[ResourceAttribute.resource_manufacturer_name] = "labmtj"
        attributes[ResourceAttribute.interface_instrument_name] = str(kind).split("::", maxsplit=1)[0]
        attributes[ResourceAttribute.resource_impl_version] = 0
        if kind.interface_type_const == InterfaceType.gpib:
            attributes.pop(ResourceAttribute.termchar, None)  # pyvisa-sim puts the board's number there
            attributes[ResourceAttribute.interface_number] = int(getattr(kind, "board", 0))
            attributes[ResourceAttribute.gpib_ren_state] = LineState.asserted

    def refresh(self) -> None:
        """Look the attributes up again."""
        known = self.attributes.get
        milliseconds = float(known(ResourceAttribute.timeout_value, 2000))
        self.timeout = min(milliseconds / 1000, LONGEST_WAIT)  # [s] for reads
        self.send_end = self._ends and bool(known(ResourceAttribute.send_end_enabled, True))
        self.suffix = b""
        character = int(known(ResourceAttribute.termchar, 10))
        self.stop = character if known(ResourceAttribute.termchar_enabled, False) else None
        self.stop_status = StatusCode.success_termination_character_read
        self.suppress = bool(known(ResourceAttribute.suppress_end_enabled, False))
        if self._serial:
            self.suppress = True  # there is no END on a serial line; what ends a read is a character
            if known(ResourceAttribute.asrl_end_in, SerialTermination.termination_char) == (
                SerialTermination.termination_char
            ):
                self.stop, self.stop_status = character, StatusCode.success
            if known(
                ResourceAttribute.asrl_end_out, SerialTermination.none
            ) == SerialTermination.termination_char and known(ResourceAttribute.send_end_enabled, True):
                self.suffix = bytes([character])

    def begin(self) -> Conversation:
        """The conversation of a thread that writes for the first time."""
        if len(self.conversations) >= _CROWD:
            alive = {thread.ident for thread in threading.enumerate()}
            for thread, conversation in list(self.conversations.items()):
                if thread not in alive and not conversation.waiting:
                    del self.conversations[thread]
        made = self.conversations[threading.get_ident()] = self.instrument.converse(exchange=self._ends)
        return made

    def reader(self) -> Conversation:
        """The conversation that this thread reads."""
        own = self.conversations.get(threading.get_ident())
        if own is not None:
            return own
        waiting = [each for each in list(self.conversations.values()) if each.waiting]
        return min(waiting, key=lambda each: each.ready_at, default=self._idle)

    def clear(self) -> None:
        """Device clear."""
        for conversation in [self._idle, *list(self.conversations.values())]:
            conversation.clear()

    def discard(self, before: float) -> None:
        """Drop the replies that have come by then [s]."""
        for conversation in list(self.conversations.values()):
            conversation.discard(before=before)

    def available(self) -> int:
        """Bytes that wait to be read."""
        return sum(conversation.available for conversation in list(self.conversations.values()))
