"""Between a driver's link and PyVISA: the fence, the last gate and the heartbeat of every message.

Whatever reaches an instrument passes here, the raw writes of a user too. In this order: a bench that somebody
else has made safe takes nothing more (`Fence`), a message that would set more than a limit is refused (`MessageGate`),
and the guardian is told until when an answer is due (`Heartbeat`).
"""

from __future__ import annotations

from typing import Any, Protocol


class Fence(Protocol):
    """Whether this process may still touch the bench."""

    def check(self) -> None:
        """Raise Fenced if somebody else has made the bench safe."""
        ...


class MessageGate(Protocol):
    """Reads what a message would set."""

    def admit(self, message: str) -> None:
        """Raise LimitExceeded for a message that would set more than a limit, or of which that cannot be told."""
        ...


class Heartbeat(Protocol):
    """Tells a guardian when this process is to be heard of next."""

    def expect(self, seconds: float) -> None:
        """Within so many seconds [s] this transaction ends."""
        ...

    def rest(self) -> None:
        """The transaction is over."""
        ...


class GuardedTransport:
    """A PyVISA resource behind the fence, the gate and the heartbeat (labmtj.drivers.link.Transport)."""

    def __init__(
        self,
        resource: Any,
        *,
        fence: Fence | None = None,
        gate: MessageGate | None = None,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._resource, self._fence, self._gate, self._heartbeat = resource, fence, gate, heartbeat

    def write(self, message: str) -> object:
        """Send one message, if it may be sent."""
        if self._fence is not None:
            self._fence.check()
        if self._gate is not None:
            self._gate.admit(message)
        if self._heartbeat is not None:
            self._heartbeat.expect(self._patience)
        return self._resource.write(message)

    def read(self) -> str:
        """One reply without its line end."""
        try:
            return self._resource.read()
        finally:
            if self._heartbeat is not None:
                self._heartbeat.rest()

    def read_raw(self) -> bytes:
        """What has come, up to the end of a line or of the reply."""
        return self._resource.read_raw()

    def clear(self) -> None:
        """Device clear."""
        if self._fence is not None:
            self._fence.check()
        self._resource.clear()

    def close(self) -> None:
        """Close the session."""
        self._resource.close()

    @property
    def timeout(self) -> float:
        """Control how long [s] a reply may take."""
        return float(self._resource.timeout) / 1000

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self._resource.timeout = seconds * 1000

    @property
    def _patience(self) -> float:
        return self.timeout + 1.0  # chosen: what a busy computer adds to a time-out
