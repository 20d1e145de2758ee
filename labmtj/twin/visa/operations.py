"""Locks and events of the PyVISA backend, as operations on sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyvisa.constants import EventMechanism, EventType, Lock, StatusCode

from labmtj.twin.visa.events import ServiceRequests, is_service_request
from labmtj.twin.visa.library import SessionLibrary, seconds
from labmtj.twin.visa.waiting import wait_for


class OperationLibrary(SessionLibrary):
    """viLock, viUnlock, and what has to do with service requests."""

    # -- locks -------------------------------------------------------------------------------------

    def lock(
        self, session: int, lock_type: Lock, timeout: int, requested_key: str | None = None
    ) -> tuple[str, StatusCode]:
        """Lock a resource for this session, or together with those that know the key; the key, if there is one."""
        lock = self._lock_of(self._session(session))
        key = ""
        if lock_type == Lock.exclusive:
            status = self._patiently(session, lambda: lock.take_exclusive(session), lock, timeout)
        elif lock_type == Lock.shared:
            key, status = self._patiently(session, lambda: lock.take_shared(session, requested_key), lock, timeout)
        else:
            status = StatusCode.error_invalid_lock_type
        return key, self._done(session, status)

    def unlock(self, session: int) -> StatusCode:
        """Undo the last lock of this session."""
        return self._done(session, self._lock_of(self._session(session)).release(session))

    # -- events ------------------------------------------------------------------------------------

    def enable_event(self, session: int, event_type: EventType, mechanism: int, context: None = None) -> StatusCode:
        """Enable service requests; one that nobody has polled yet is an event at once."""
        del context
        self._session(session)
        live = self._live.get(session)
        if live is None or event_type != EventType.service_request:
            self._fail(session, StatusCode.error_invalid_event)
        status = live.events.enable(mechanism)
        if live.events.enabled:
            live.device.tell(live.events)
        return self._done(session, status)

    def disable_event(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, session: int, event_type: EventType, mechanism: int
    ) -> StatusCode:
        """Disable service requests by some mechanisms."""
        status = self._on_events(session, event_type, lambda events: events.disable(mechanism))
        live = self._live.get(session)
        if live is not None and not live.events.enabled:
            live.device.forget(live.events)
        return status

    def discard_events(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, session: int, event_type: EventType, mechanism: int
    ) -> StatusCode:
        """Forget service requests that were not delivered."""
        return self._on_events(session, event_type, lambda events: events.discard(mechanism))

    def _on_events(
        self, session: int, event_type: EventType, act: Callable[[ServiceRequests], StatusCode]
    ) -> StatusCode:
        self._session(session)
        live = self._live.get(session)
        if live is None or not is_service_request(event_type):
            if event_type != EventType.all_enabled:
                self._fail(session, StatusCode.error_invalid_event)
            return self._done(session, StatusCode.success)
        return self._done(session, act(live.events))

    def wait_on_event(
        self, session: int, in_event_type: EventType, timeout: int | None
    ) -> tuple[EventType, Any, StatusCode]:
        """Wait for a service request; its time passes on the bench's clock."""
        self._session(session)
        live = self._live.get(session)
        if live is None or not is_service_request(in_event_type):
            self._fail(session, StatusCode.error_invalid_event)
        events, instrument, clock = live.events, live.instrument, self.clock
        if EventMechanism.queue not in events.enabled and not events.queued:
            self._fail(session, StatusCode.error_not_enabled)
        deadline = clock.now() + seconds(timeout)

        def happened() -> float | None:
            instrument.requesting()  # notices what time alone has changed
            return events.take(deadline)

        at = wait_for(happened, seconds=seconds(timeout), clock=clock, changed=events.changed)
        if at is None:
            self._fail(session, StatusCode.error_timeout)
        clock.wait_until(at)
        status = StatusCode.success_queue_not_empty if events.queued else StatusCode.success
        return EventType.service_request, self._new_context(), self._done(session, status)

    def install_handler(
        self, session: int, event_type: EventType, handler: Any, user_handle: Any
    ) -> tuple[Any, Any, Any, StatusCode]:
        """Install a handler; it is called on the thread whose message made the instrument request service."""
        self._session(session)
        live = self._live.get(session)
        if live is None or event_type != EventType.service_request:
            self._fail(session, StatusCode.error_invalid_event)
        live.events.handlers.append((handler, user_handle))
        return handler, user_handle, handler, self._done(session, StatusCode.success)

    def uninstall_handler(
        self, session: int, event_type: EventType, handler: Any, user_handle: Any = None
    ) -> StatusCode:
        """Take a handler away."""
        del event_type
        live = self._live.get(session)
        known = live.events.handlers if live is not None else []
        for entry in known:
            if entry[0] == handler and entry[1] is user_handle:
                known.remove(entry)
                return self._done(session, StatusCode.success)
        self._fail(session, StatusCode.error_invalid_handler_reference)
