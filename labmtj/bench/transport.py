"""Between a driver's link and PyVISA: the fence, the last gate and the heartbeat of every message.

Whatever reaches an instrument passes here, the raw writes of a user too. In this order: a bench that somebody
else has made safe takes nothing more (`Fence`), a message that would set more than a limit is refused (`MessageGate`),
and the guardian is told until when an answer is due (`Heartbeat`). A reply has to be there, to its line end, within
the time-out of the whole exchange: PyVISA libraries begin to count anew with each piece, so that an instrument that
sends a byte a second would hold a caller for minutes.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress
from typing import Any, Protocol

import pyvisa
from pyvisa import constants
from pyvisa.errors import InvalidSession

_END = b"\n"
_GRACE = 1.0  # [s] chosen: what a busy computer adds to a time-out
_LOOK = 0.1  # [s] chosen: how often an exchange is looked at; a tenth of the grace


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
    """A PyVISA resource behind the fence, the gate and the heartbeat (labmtj.drivers.link.Transport).

    Its messages and replies end with a line feed.
    """

    def __init__(
        self,
        resource: Any,
        *,
        fence: Fence | None = None,
        gate: MessageGate | None = None,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._resource, self._fence, self._gate, self._heartbeat = resource, fence, gate, heartbeat
        self._raw = str(resource.resource_name).upper().endswith("::SOCKET")
        self._timeout = float(resource.timeout) / 1000
        # A library with a clock of its own is a bench in this process: it keeps time-outs on that clock itself.
        virtual = getattr(resource.visalib, "clock", None) is not None
        self._watch = None if virtual else Watch(self._abort)

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
        """One reply without its line end. Raises TimeoutError for one that is not complete in time."""
        if self._watch is not None:
            self._watch.begin(self._patience)
        try:
            reply = self._resource.read_raw()
        except Exception as error:
            if self._watch is None or not self._watch.struck:
                if type(error) is RuntimeError:  # pyvisa-py's HiSLIP, where the other end is gone
                    raise ConnectionError(str(error)) from error
                raise
            # Whatever a library makes of a session that was closed while it waited.
            raise TimeoutError(f"the reply did not end within {self._patience:g} s") from error
        finally:
            if self._watch is not None:
                self._watch.end()
            if self._heartbeat is not None:
                self._heartbeat.rest()
        if reply[-1:] != _END:
            # pyvisa-py gives what has come when a socket is quiet for a while: the rest may still be on its way.
            raise TimeoutError(f"the reply {reply!r} has no end")
        return reply[:-1].decode("ascii")

    def read_raw(self) -> bytes:
        """What has come, up to the end of a line or of the reply."""
        return self._resource.read_raw()

    def clear(self) -> None:
        """Device clear; a raw socket has none and is opened anew, so that what is still to come finds nobody."""
        if self._fence is not None:
            self._fence.check()
        if self._raw or (self._watch is not None and self._watch.struck):
            self.reopen()
            return
        try:
            self._resource.clear()
        except (pyvisa.Error, OSError):
            raise
        except Exception:
            # pyvisa-py's HiSLIP raises RuntimeError where a reply comes before the acknowledgement of the clear.
            self.reopen()

    def reopen(self) -> None:
        """Close the session and open another. Raises what PyVISA raises where nothing answers."""
        if self._fence is not None:
            self._fence.check()
        resource = self._resource
        ends = resource.read_termination, resource.write_termination
        if self._watch is not None:
            self._watch.forgive()
        resource.close()
        resource.open(constants.AccessModes.no_lock, int(self._timeout * 1000))
        resource.timeout = self._timeout * 1000
        resource.read_termination, resource.write_termination = ends

    def close(self) -> None:
        """Close the session."""
        if self._watch is not None:
            self._watch.stop()
        self._resource.close()

    @property
    def timeout(self) -> float:
        """Control how long [s] a reply may take."""
        return self._timeout

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self._timeout = seconds
        with suppress(InvalidSession):  # one that was closed gets it when it is opened again
            self._resource.timeout = seconds * 1000

    @property
    def _patience(self) -> float:
        return self._timeout + _GRACE

    def _abort(self) -> None:
        self._resource.close()


class Watch:
    """Calls `strike` when an exchange is not over in time, on a thread that begins with the first exchange."""

    def __init__(self, strike: Any) -> None:
        self._strike, self._until, self.struck = strike, math.inf, False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, seconds: float) -> None:
        """An exchange begins, which may take so many seconds."""
        self._until = time.monotonic() + seconds
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="labmtj deadline", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """It is over."""
        self._until = math.inf

    def forgive(self) -> None:
        """A new session begins."""
        self._until, self.struck = math.inf, False

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _look(self) -> None:
        while not self._stopped.wait(_LOOK):
            if time.monotonic() > self._until:
                self._until, self.struck = math.inf, True
                self._strike()
