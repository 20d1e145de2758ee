"""The PyVISA backend: `ResourceManager("<bench>@labmtj")` opens a simulated bench in this process.

It is pyvisa-sim's library with live instruments in place of dialogues: replies are handed out whole
instead of byte by byte, and what pyvisa-sim lacks works: device clear, status byte, triggers, locks,
service requests, time-outs on the bench's clock. `<bench>` is the name of a shipped bench or the path of a
bench file. The library object carries the bench as `bench` and the host's clock as `clock`.
"""

from __future__ import annotations

from threading import get_ident
from time import monotonic

from pyvisa import errors
from pyvisa.constants import (
    BufferOperation,
    BufferType,
    LineState,
    RENLineOperation,
    ResourceAttribute,
    StatusCode,
    TriggerProtocol,
)
from pyvisa.util import LibraryPath
from pyvisa_sim.highlevel import SimVisaLibrary

from labmtj.interrupts import shielded
from labmtj.twin.visa.operations import OperationLibrary
from labmtj.twin.visa.sessions import LiveSession

_SUCCESS = StatusCode.success
_DISCARD_INPUT = (
    BufferOperation.discard_read_buffer
    | BufferOperation.discard_read_buffer_no_io
    | BufferOperation.discard_receive_buffer
    | BufferOperation.discard_receive_buffer2
)
_STEP = 0.02  # [s] chosen: how often a read in real time looks for a reply to what another thread has asked
_PAUSE = 0.2  # [s] chosen: a client slept on purpose; a busy machine rarely takes as long between two calls
_HELD = 16  # chosen: messages that an instrument takes before it holds the bus; short ones fill a few hundred bytes
_RELEASES = (RENLineOperation.deassert, RENLineOperation.deassert_gtl)


class TwinVisaLibrary(OperationLibrary):
    """PyVISA's view of one simulated bench."""

    @staticmethod
    def get_library_paths() -> tuple[LibraryPath]:
        """The bench that is opened when none is named."""
        return (LibraryPath("simulated-15x15"),)

    # -- messages ----------------------------------------------------------------------------------

    def write(self, session: int, data: bytes) -> tuple[int, StatusCode]:
        """Send bytes to an instrument; it has acted on complete messages when this returns."""
        live = self._live.get(session)
        if live is None:
            return self._write_bytewise(session, data)
        if live.lock.held:
            self._admitted(session)
        live.unheard += 1
        if live.unheard > _HELD:
            self._hold_off(live)
        conversation = live.conversations.get(get_ident()) or live.begin()
        with shielded:  # a real instrument is not interrupted by a signal to its host
            conversation.write(data + live.suffix if live.suffix else data, end=live.send_end)
        live.left_at = monotonic()
        self._last_status = self._last_status_in_session[session] = _SUCCESS  # pyright: ignore[reportArgumentType]
        return len(data), _SUCCESS

    def read(self, session: int, count: int) -> tuple[bytes, StatusCode]:
        """Hand out a reply, up to its end, to `count` bytes or to the termination character."""
        live = self._live.get(session)
        if live is None:
            return self._read_bytewise(session, count)
        if live.lock.held:
            self._admitted(session)
        conversation = live.conversations.get(get_ident()) or live.reader()
        simple = not live.suppress and live.instrument.tamper is None  # a fault may hand out a byte a second
        if simple and self._host.reach(conversation.ready_at, within=live.timeout):
            data, end = conversation.read(count, live.stop)
            live.unheard = 0
            if end:
                self._last_status = self._last_status_in_session[session] = _SUCCESS  # pyright: ignore[reportArgumentType]
                return data, _SUCCESS
            if data:
                return data, self._note(session, live.stop_status if data[-1] == live.stop else None)
        return self._read_patiently(session, live, count)

    def _hold_off(self, live: LiveSession) -> None:
        """The instrument takes no more before it has done what it has.

        Without this, the first reply to a client that had long only written would come after its time-out.
        """
        clock = self.clock
        clock.wait_until(min(live.instrument.done_at, clock.now() + live.timeout))
        live.unheard = 0

    def _read_patiently(self, session: int, live: LiveSession, count: int) -> tuple[bytes, StatusCode]:
        """Wait for a reply for as long as the time-out allows; a late one stays for a later read.

        What a client slept between its last call and this one counts as patience: it would have got the reply
        of a real instrument, whose time goes on meanwhile.
        """
        clock = self.clock
        deadline = clock.now() + live.timeout
        paused = monotonic() - live.left_at
        if paused > _PAUSE and not clock.realtime:
            deadline += paused
        taken = bytearray()
        while True:
            conversation = live.reader()
            if conversation.ready_at > deadline:
                if clock.now() < deadline:
                    # Meanwhile another thread may have asked.
                    clock.wait_until(min(deadline, clock.now() + _STEP) if clock.realtime else deadline)
                    continue
                if not conversation.waiting and not taken:
                    conversation.starved()
                live.left_at = monotonic()
                self._fail(session, StatusCode.error_timeout)
            clock.wait_until(conversation.ready_at)
            data, end = conversation.read(count - len(taken), live.stop)
            taken += data
            if data and data[-1] == live.stop and not (end and not live.suppress):
                return bytes(taken), self._note(session, live.stop_status)
            if end and not live.suppress:
                return bytes(taken), self._note(session, _SUCCESS)
            if len(taken) >= count:
                return bytes(taken), self._note(session, None)

    def _note(self, session: int, status: StatusCode | None) -> StatusCode:
        """Remember how a read ended, None: at its count. PyVISA's warning for that is not given.

        PyVISA switches it off around its own reads for the session as a whole, which threads that share a
        session undo for each other.
        """
        noted = StatusCode.success_max_count_read if status is None else status
        self._last_status = self._last_status_in_session[session] = noted  # pyright: ignore[reportArgumentType]
        return noted

    def buffer_read(self, session: int, count: int) -> tuple[bytes, StatusCode]:
        """Read; there is no buffer between."""
        return self.read(session, count)

    def buffer_write(self, session: int, data: bytes) -> tuple[int, StatusCode]:
        """Write; there is no buffer between."""
        return self.write(session, data)

    def set_buffer(self, session: int, mask: BufferType, size: int) -> StatusCode:
        """There is no buffer whose size could be set."""
        del mask, size
        self._session(session)
        return self._done(session, _SUCCESS)

    def flush(self, session: int, mask: BufferOperation) -> StatusCode:
        """Drop the replies that have come, if the mask names an input; what was written has arrived already."""
        found = self._admitted(session)
        if mask & _DISCARD_INPUT:
            live = self._live.get(session)
            if live is not None:
                live.discard(self.clock.now())
            else:
                found.device._output_buffers.clear()
        return self._done(session, _SUCCESS)

    # -- the instrument as a whole -----------------------------------------------------------------

    def clear(self, session: int) -> StatusCode:
        """Device clear: what this session sent in part and what it has not read is gone."""
        found = self._admitted(session)
        live = self._live.get(session)
        if live is not None:
            live.clear()
        else:
            with self._bytewise:
                found.device._output_buffers.clear()
                found.device._input_buffer.clear()
        return self._done(session, _SUCCESS)

    def read_stb(self, session: int) -> tuple[int, StatusCode]:
        """Serial poll, once the instrument has done what it was told, or after the time-out.

        The host's clock stands still between calls: a client that polls until something has happened
        would poll for ever if polling took no time.
        """
        found = self._admitted(session)
        live = self._live.get(session)
        if live is None:
            return 16 if found.device._output_buffers else 0, self._done(session, _SUCCESS)
        clock = self.clock
        clock.wait_until(min(live.instrument.done_at, clock.now() + live.timeout))
        return live.reader().serial_poll(), self._done(session, _SUCCESS)

    def assert_trigger(self, session: int, protocol: TriggerProtocol) -> StatusCode:
        """Group execute trigger."""
        self._admitted(session)
        live = self._live.get(session)
        if live is None:
            self._fail(session, StatusCode.error_nonsupported_operation)
        if protocol != TriggerProtocol.default:
            self._fail(session, StatusCode.error_invalid_protocol)
        live.reader().trigger()
        return self._done(session, _SUCCESS)

    def gpib_control_ren(self, session: int, mode: RENLineOperation) -> StatusCode:
        """Remote enable: the line's state is kept; front panels have nobody in front of them."""
        found = self._admitted(session)
        state = LineState.unasserted if mode in _RELEASES else LineState.asserted
        found.attrs[ResourceAttribute.gpib_ren_state] = state
        return self._done(session, _SUCCESS)

    # -- pyvisa-sim's own devices ------------------------------------------------------------------

    def _write_bytewise(self, session: int, data: bytes) -> tuple[int, StatusCode]:
        self._admitted(session)
        with self._bytewise:
            count, status = SimVisaLibrary.write(self, session, bytes(data))  # pyright: ignore[reportArgumentType]
        return count, self._done(session, status)

    def _read_bytewise(self, session: int, count: int) -> tuple[bytes, StatusCode]:
        self._admitted(session)
        try:
            with self._bytewise:
                data, status = SimVisaLibrary.read(self, session, count)  # pyright: ignore[reportArgumentType]
        except errors.VisaIOError as error:
            self._done(session, error.error_code)
            raise
        return bytes(data), self._note(session, status)
