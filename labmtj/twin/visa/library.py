"""Sessions of the PyVISA backend: opening, closing, attributes.

Handles are counted up rather than drawn from Python's global random numbers, as pyvisa-sim draws them: a
script that seeds those must get the same numbers with and without a simulated bench.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from pyvisa import attributes, constants, errors, rname
from pyvisa.constants import AccessModes, EventAttribute, EventType, ResourceAttribute, StatusCode
from pyvisa.highlevel import ResourceManager
from pyvisa.typing import VISARMSession
from pyvisa_sim import parser
from pyvisa_sim.highlevel import SimVisaLibrary
from pyvisa_sim.sessions.session import Session

from labmtj.account import Account
from labmtj.runs.cassette import SUFFIX
from labmtj.twin.build import SimulatedBench, simulated_bench
from labmtj.twin.cassette import ReplayBench, replay_bench
from labmtj.twin.clock import HostClock
from labmtj.twin.hands import Hands
from labmtj.twin.visa.locks import OPENED_SHARED, ResourceLock
from labmtj.twin.visa.sessions import BenchDevices, LiveDevice, LiveSession
from labmtj.twin.visa.waiting import LONGEST_WAIT, wait_for

Found = TypeVar("Found")


class _Ignoring:
    """Warnings that a session does not give while this is entered; PyVISA enters it around every read."""

    __slots__ = ("_codes", "_ignored")

    def __init__(self, ignored: set[Any], codes: tuple[StatusCode, ...]) -> None:
        self._ignored, self._codes = ignored, codes

    def __enter__(self) -> None:
        self._ignored.update(self._codes)

    def __exit__(self, *_: object) -> None:
        self._ignored.difference_update(self._codes)


class SessionLibrary(SimVisaLibrary):
    """pyvisa-sim's library with the instruments of one simulated bench behind its sessions."""

    bench: SimulatedBench | ReplayBench
    private = True  # its instruments are in this process and end with it

    @staticmethod
    def build(name: str) -> SimulatedBench | ReplayBench:
        """What a library path names: a bench to simulate, or a cassette to replay."""
        return replay_bench(Path(name)) if name.endswith(SUFFIX) else simulated_bench(name)

    def _init(self) -> None:
        self.sessions: dict[int, Any] = {}
        self.bench = self.build(str(self.library_path))
        self._host = self.bench.world.host
        self._die = self.bench.die if isinstance(self.bench, SimulatedBench) else None
        self.devices = BenchDevices()
        for address, instrument in self.bench.instruments.items():
            self.devices.add_device(str(rname.parse_resource_name(address)), LiveDevice(address, instrument))
        self._handles = itertools.count(1)
        self._live: dict[int, LiveSession] = {}
        self._contexts: set[int] = set()
        self._locks: dict[str, ResourceLock] = {}
        self._bytewise = threading.Lock()  # pyvisa-sim's own devices: no two threads in one of them

    @property
    def clock(self) -> HostClock:
        """The host's time on this bench."""
        return self._host

    @property
    def account(self) -> Callable[[], Account] | None:
        """What tells the account of the simulated die; a replayed session has none."""
        bench = self.bench
        return bench.account if isinstance(bench, SimulatedBench) else None

    @property
    def hands(self) -> Hands | None:
        """What puts things on the lines of this bench in a person's place; a replayed session has none."""
        bench = self.bench
        return bench.hands if isinstance(bench, SimulatedBench) else None

    def add_boxes(self, path: str) -> None:
        """Put the devices of a YAML file of pyvisa-sim on the bench, for what needs no model."""
        self.devices.join(parser.get_devices(path, False))

    # PyVISA keeps one ResourceManager a library and hands it to everybody who asks: whoever closed it would
    # close the sessions of all. A library that forgets it gives each a manager, and sessions, of their own.
    @property
    def resource_manager(self) -> ResourceManager | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """No manager is shared."""
        return None

    @resource_manager.setter
    def resource_manager(self, value: ResourceManager | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        del value

    # -- opening and closing -----------------------------------------------------------------------

    def _register(self, obj: Any) -> Any:
        handle = next(self._handles)
        self.sessions[handle] = obj
        return handle

    def open_default_resource_manager(self) -> tuple[VISARMSession, StatusCode]:
        """A session with the resource manager."""
        handle, status = super().open_default_resource_manager()
        return handle, self._done(handle, status)

    def open(
        self,
        session: int,
        resource_name: str,
        access_mode: AccessModes = AccessModes.no_lock,
        open_timeout: Any = constants.VI_TMO_IMMEDIATE,
    ) -> tuple[Any, StatusCode]:
        """Open a session, with a lock if asked to. Raises VisaIOError where nothing stands or it is locked."""
        try:
            name = str(rname.parse_resource_name(resource_name))
        except rname.InvalidResourceName:
            self._fail(session, StatusCode.error_invalid_resource_name)
        if name not in self.devices:
            self._fail(session, StatusCode.error_resource_not_found)
        if not self._live and self._die is not None:
            self._die.hold()
        handle, status = super().open(session, resource_name, AccessModes.no_lock, open_timeout)  # pyright: ignore[reportArgumentType]
        opened = self._session(handle)
        lock = self._locks.setdefault(name, ResourceLock(name))
        if isinstance(opened.device, LiveDevice):
            self._live[handle] = LiveSession(opened, opened.device, lock, self._deliverer(handle))
        try:
            if access_mode == AccessModes.exclusive_lock:
                self._patiently(session, lambda: lock.take_exclusive(handle), lock, open_timeout)
            elif access_mode == AccessModes.shared_lock:
                self._patiently(session, lambda: lock.take_shared(handle, OPENED_SHARED), lock, open_timeout)
        except errors.VisaIOError:
            self.close(handle)
            raise
        self._done(session, status)
        return handle, self._done(handle, status)

    def close(self, session: int) -> StatusCode:
        """Close a session, an event, or a resource manager with the sessions that were opened through it."""
        if session in self._contexts:
            self._contexts.discard(session)
            return StatusCode.success
        found = self.sessions.pop(session, None)
        if found is None:
            self._fail(None, StatusCode.error_invalid_object)
        if found is self:
            mine = ResourceAttribute.resource_manager_session
            for handle in [h for h, s in self.sessions.items() if s is not self and s.attrs[mine] == session]:
                self.close(handle)
        else:
            self._lock_of(found).leave(session)
            live = self._live.pop(session, None)
            if live is not None:
                live.device.forget(live.events)
                if not self._live and self._die is not None:
                    self._die.let_go()
        self._last_status_in_session.pop(session, None)  # pyright: ignore[reportArgumentType, reportCallIssue]
        self._last_status = StatusCode.success
        return StatusCode.success

    def _deliverer(self, handle: int) -> Callable[[Callable[..., Any], Any, float], Any]:
        """What calls a handler of a session when its event has happened."""

        def deliver(handler: Callable[..., Any], user_handle: Any, at: float) -> Any:
            self.clock.wait_until(at)
            context = self._new_context()
            try:
                return handler(handle, EventType.service_request, context, user_handle)
            finally:
                self._contexts.discard(context)

        return deliver

    def _new_context(self) -> int:
        context = next(self._handles)
        self._contexts.add(context)
        return context

    def ignore_warning(self, session: Any, *warnings_constants: StatusCode) -> Any:
        """Give no such warnings for a session while the context lasts; PyVISA's own takes longer than an exchange."""
        ignored = cast("dict[Any, set[Any]]", self._ignore_warning_in_session)  # pyright: ignore[reportUnknownMemberType]
        return _Ignoring(ignored[session], warnings_constants)

    # -- what operations need ----------------------------------------------------------------------

    def _done(self, session: int | None, status: int) -> StatusCode:
        """Remember how an operation ended. Raises VisaIOError for an error."""
        return self.handle_return_value(session, status)  # pyright: ignore[reportArgumentType]

    def _fail(self, session: int | None, status: StatusCode) -> NoReturn:
        """Remember that an operation failed, and raise it."""
        self._done(session, status)
        raise errors.VisaIOError(status)

    def _session(self, session: int) -> Any:
        """pyvisa-sim's session. Raises InvalidSession."""
        found = self.sessions.get(session)
        if not isinstance(found, Session):
            raise errors.InvalidSession()
        return found

    def _lock_of(self, session: Session) -> ResourceLock:
        return self._locks[str(session.parsed)]

    def _admitted(self, session: int) -> Any:
        """pyvisa-sim's session, if no lock of others keeps it out."""
        found = self._session(session)
        lock = self._lock_of(found)
        if lock.held and not lock.admits(session):
            self._fail(session, StatusCode.error_resource_locked)
        return found

    def _patiently(self, session: int, take: Callable[[], Found | None], lock: ResourceLock, timeout: Any) -> Found:
        """What `take` gets once the lock is free; VI_ERROR_RSRC_LOCKED after `timeout` [ms]."""
        taken = wait_for(take, seconds=seconds(timeout), clock=self.clock, changed=lock.changed)
        if taken is None:
            self._fail(session, StatusCode.error_resource_locked)
        return taken

    # -- attributes --------------------------------------------------------------------------------

    def get_attribute(self, session: int, attribute: int) -> tuple[Any, StatusCode]:
        """The state of an attribute of a session or an event."""
        if session in self._contexts:
            if attribute == EventAttribute.event_type:
                return EventType.service_request, StatusCode.success
            self._fail(None, StatusCode.error_nonsupported_attribute)
        found, live = self._session(session), self._live.get(session)
        if attribute == ResourceAttribute.resource_lock_state:
            return self._lock_of(found).mode, self._done(session, StatusCode.success)
        if attribute == ResourceAttribute.asrl_avalaible_number and live is not None:
            return live.available(), self._done(session, StatusCode.success)
        value, status = found.get_attribute(attribute)
        if value is attributes.NotAvailable:
            value, status = 0, StatusCode.error_nonsupported_attribute
        return value, self._done(session, status)

    def set_attribute(self, session: int, attribute: int, attribute_state: Any) -> StatusCode:
        """Set an attribute of a session."""
        status = self._session(session).set_attribute(attribute, attribute_state)
        live = self._live.get(session)
        if live is not None:
            live.refresh()
        return self._done(session, status)


def seconds(timeout: Any) -> float:
    """A VISA time-out, None or infinite among them, from milliseconds to seconds; `LONGEST_WAIT` at most."""
    if timeout is None or timeout == constants.VI_TMO_INFINITE or math.isinf(timeout):
        return LONGEST_WAIT
    return min(max(0.0, float(timeout) / 1000), LONGEST_WAIT)
