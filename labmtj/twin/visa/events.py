"""Service requests as VISA events: queued for `wait_on_event`, or handed to handlers (VPP-4.3, section 3.7)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from pyvisa.constants import EventMechanism, EventType, StatusCode

LONGEST_QUEUE = 50  # VI_ATTR_MAX_QUEUE_LENGTH as VISA has it at first
_SEPARATE = (EventMechanism.queue, EventMechanism.handler, EventMechanism.suspend_handler)

Handler = Callable[[Any, EventType, Any, Any], Any]


def is_service_request(event: int) -> bool:
    """Whether this names the one event that instruments here have."""
    return event in (EventType.service_request, EventType.all_enabled)


class ServiceRequests:
    """What one session wants to know of its instrument's requests for service, and has not yet been told.

    `deliver(handler, user_handle)` calls a handler; the times of events are those of the world's clock [s].
    """

    def __init__(self, deliver: Callable[[Handler, Any, float], Any]) -> None:
        self.changed = threading.Condition()
        self.enabled: set[EventMechanism] = set()
        self.handlers: list[tuple[Handler, Any]] = []
        self.queued: deque[float] = deque(maxlen=LONGEST_QUEUE)
        self._suspended: deque[float] = deque(maxlen=LONGEST_QUEUE)
        self._deliver = deliver

    def post(self, at: float) -> None:
        """The instrument has requested service."""
        with self.changed:
            if EventMechanism.queue in self.enabled:
                self.queued.append(at)
                self.changed.notify_all()
            if EventMechanism.suspend_handler in self.enabled:
                self._suspended.append(at)
        if EventMechanism.handler in self.enabled:
            self._call(at)

    def take(self, before: float) -> float | None:
        """The oldest queued event that has happened by then."""
        with self.changed:
            return self.queued.popleft() if self.queued and self.queued[0] <= before else None

    def enable(self, mechanism: int) -> StatusCode:
        """Enable some mechanisms; handlers that are no longer suspended get what has come meanwhile."""
        asked = {each for each in _SEPARATE if each & mechanism}
        if not asked or asked >= {EventMechanism.handler, EventMechanism.suspend_handler}:
            return StatusCode.error_invalid_mechanism
        if EventMechanism.handler in asked and not self.handlers:
            return StatusCode.error_handler_not_installed
        already = bool(asked & self.enabled)
        self.enabled -= {EventMechanism.handler, EventMechanism.suspend_handler} if asked != {_SEPARATE[0]} else set()
        self.enabled |= asked
        while EventMechanism.handler in self.enabled and self._suspended:
            self._call(self._suspended.popleft())
        return StatusCode.success_event_already_enabled if already else StatusCode.success

    def disable(self, mechanism: int) -> StatusCode:
        """Disable mechanisms; what is queued stays."""
        asked = {each for each in _SEPARATE if each & mechanism}
        already = not asked & self.enabled
        self.enabled -= asked
        return StatusCode.success_event_already_disabled if already else StatusCode.success

    def discard(self, mechanism: int) -> StatusCode:
        """Forget what was not delivered."""
        with self.changed:
            found = 0
            for each, queue in ((EventMechanism.queue, self.queued), (EventMechanism.suspend_handler, self._suspended)):
                if each & mechanism:
                    found += len(queue)
                    queue.clear()
        return StatusCode.success if found else StatusCode.success_queue_already_empty

    def _call(self, at: float) -> None:
        """Handlers in the order of VISA: the last one installed first, until one says that it was the last."""
        for handler, user_handle in reversed(self.handlers):
            if self._deliver(handler, user_handle, at) == StatusCode.success_no_more_handler_calls_in_chain:
                break
