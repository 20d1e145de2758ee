"""What exchanges with any instrument have in common: no reply is ever taken for that of another message.

A reply that was not read (a time-out, garbage, Ctrl-C in the middle) marks the link. Before anything else is said it
recovers: device clear, or a new connection where there is none; the identity must be that of the beginning; the
error queue is drained; the instrument must not have been switched off and on; and the settings in force are compared,
and made again where they differ, with source levels at 0 V. Only then a question, or a setting that reads back, is sent
once more. What acts (a pulse, a trigger, a relay) is never repeated: it raises NoReply, and a reading tells.
"""

from __future__ import annotations

import enum
import math
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Protocol

import pyvisa

from labmtj.drivers.elsewhere import Elsewhere
from labmtj.drivers.in_force import InForce, Setting
from labmtj.errors import BadReply, BenchError, InstrumentError, InterlockOpen, LabmtjError, NoReply, PowerLost

OVERFLOW = 9.0e37  # instruments return 9.9E37 or 9.91E37 for a reading beyond the range, and for infinity
OVERRANGE = 1.06  # a range shows up to 5 % (Keithley) or 6 % (Keysight B2900) more than its name
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_QUERY_ERRORS = range(-499, -399)  # of the exchange itself (SCPI-99, section 21.8.11): a lost reply leaves them behind
_TOGETHER = 12  # chosen: settings that are asked for in one message; input buffers hold a few hundred characters
_RECOVERY = 2.0  # [s] chosen: what an instrument that still lives needs for its identity; the time-out is longer
_ANOTHER_THREAD = 0.2  # [s] chosen: how long what must not wait waits for an exchange of another thread


class Meaning(enum.Enum):
    """What a message does: whether it may be sent again if nobody saw its reply."""

    READ = "read"
    SET = "set"
    ACT = "act"


class Transport(Protocol):
    """The part of a PyVISA message-based resource that drivers use; `timeout` and `reopen` where it has them."""

    def write(self, message: str) -> object:
        """Send one message."""
        ...

    def read(self) -> str:
        """One reply without its line end."""
        ...

    def clear(self) -> None:
        """Device clear."""
        ...


class Link(ABC):
    """One conversation with one instrument, which messages to people call `name`."""

    def __init__(self, transport: Transport, name: str) -> None:
        self._transport, self.name = transport, name
        self._lock = threading.RLock()
        self._pending = self._recovering = self._brief = False
        self._identity: tuple[str, str] | None = None
        self._marked = self._lost = False
        self.settings, self.elsewhere = InForce(), Elsewhere()
        self.on_recovery: Callable[[], None] | None = None  # what a driver does beside, once settings are in force

    # -- connecting --------------------------------------------------------------------------------

    def identify(self) -> tuple[str, str, str, str]:
        """Manufacturer, model, serial number and firmware; after a lost reply they must be the same."""
        with self._lock:
            self.clear()
            found = self._who()
            self._identity = found[1], found[2]
        return found

    def clear(self) -> None:
        """Device clear: what was not read is dropped. Raises BenchError if the instrument does not take it."""
        try:
            with self._lock:
                self._transport.clear()
                self._pending = False
        except (pyvisa.Error, OSError) as error:
            raise BenchError(f"{self.name} does not take a device clear: {error}") from error

    def _who(self) -> tuple[str, str, str, str]:
        reply = self._exchange("*IDN?")
        parts = [part.strip() for part in reply.split(",")]
        if len(parts) != 4 or not all(parts):
            self._pending = True
            raise BadReply(self.name, "*IDN?", reply, "manufacturer, model, serial number, firmware")
        return parts[0], parts[1], parts[2], parts[3]

    # -- messages ----------------------------------------------------------------------------------

    def send(self, command: str) -> None:
        """Send a message whose effect nobody waits for; what goes wrong shows in the errors of the next one."""
        try:
            with self._lock:
                self._transport.write(command)
        except (pyvisa.Error, OSError) as error:
            raise BenchError(f"{self.name} does not take {command!r}: {error}") from error

    def blind(self, *messages: str) -> list[Exception]:
        """Send messages one after the other and wait for nothing; one that fails skips none. What failed."""
        held, failures = self._lock.acquire(timeout=_ANOTHER_THREAD), list[Exception]()
        try:
            for message in messages:
                try:
                    self._transport.write(message)
                except (pyvisa.Error, OSError, LabmtjError) as error:
                    failures.append(error)
        finally:
            if held:
                self._lock.release()
        return failures

    def silence(self, *steps: str) -> None:
        """What makes an instrument safe, each step on its own after a device clear; no failure skips a step.

        From here on nothing is made again that was in force.
        """
        self.forget()
        try:
            self.clear()
        except BenchError:
            self._pending = True  # the exchange that looks will find another way, or say that there is none
        self.blind(*steps)

    def panic(self, first: Sequence[str], then: Sequence[str], look: Callable[[], None], seconds: float = 0.5) -> None:
        """What makes an instrument safe, sent without waiting for anything: `first`; after a clear `then`; and `look`.

        Nothing of it takes longer than about `seconds` [s]. Raises what `look` raises.
        """
        self.forget()
        self.blind(*first)
        with self.brief(seconds):
            try:
                self.clear()
            except BenchError:
                self._pending = True
            self.blind(*then)  # a device clear drops what was not carried out yet
            look()

    @contextmanager
    def brief(self, seconds: float) -> Generator[None, None, None]:
        """Replies within `seconds` [s], or NoReply: nothing is recovered or repeated."""
        if not self._lock.acquire(timeout=_ANOTHER_THREAD):
            raise NoReply(self.name, "", "another thread waits for its reply")
        before, self._brief = self._brief, True
        try:
            with self._patience(seconds):
                yield
        finally:
            self._brief = before
            self._lock.release()

    @contextmanager
    def _patience(self, seconds: float) -> Generator[None, None, None]:
        """Replies within `seconds` [s], where the transport knows a time-out, and is not less patient already."""
        before: float | None = getattr(self._transport, "timeout", None)
        if before is None or before <= seconds:
            yield
            return
        self._transport.timeout = seconds  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield
        finally:
            self._transport.timeout = before  # pyright: ignore[reportAttributeAccessIssue]

    def _converse(self, command: str, asking: str, count: int, meaning: Meaning) -> list[str]:
        """Carry out `command` by the message `asking` and take `count` values for it.

        It is sent a second time if its reply was lost and its meaning allows that.
        """
        with self._lock:
            if self._pending and not (self._recovering or self._brief):
                self.recover()
            try:
                return self._settle(command, self._exchange(asking), count)
            except BadReply:
                self._pending = True  # the rest of it, or the reply itself, may still come
                raise
            except NoReply as error:
                if self._recovering or self._brief:
                    raise
                self._explain(command, error, meaning)
            return self._settle(command, self._exchange(asking), count)

    def _exchange(self, command: str) -> str:
        self._pending = True
        try:
            self._transport.write(command)
            reply = self._transport.read().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise BadReply(self.name, command, repr(bytes(error.object)), "text") from error
        except (pyvisa.Error, OSError) as error:
            raise NoReply(self.name, command, error) from error
        except LabmtjError:
            self._pending = False  # a gate refused it: nothing was sent
            raise
        self._pending = False
        return reply

    def _explain(self, command: str, error: NoReply, meaning: Meaning) -> None:
        """Recover after a lost reply: return if the message may be sent again, raise what explains it if not."""
        try:
            code, text = self.recover()
        except PowerLost as lost:
            if meaning is Meaning.ACT:
                raise error from lost  # it may have happened before the power went
            raise
        except InterlockOpen:
            raise
        except BenchError as why:
            raise error from why
        if code and code not in _QUERY_ERRORS:
            raise self.fault(command, code, text)
        if meaning is Meaning.ACT:
            raise error

    def fault(self, command: str, code: int, text: str) -> BenchError:
        """What an error that an instrument has queued means."""
        if _interlock(text):
            self.settings.leave_off()
            return InterlockOpen(f"{self.name} reports error {code} ({text}) after {command!r}: its outputs are off")
        return InstrumentError(self.name, command, code, text)

    @abstractmethod
    def _settle(self, command: str, reply: str, count: int) -> list[str]:
        """The `count` values in a reply. Raises BadReply, or what an error in the queue means."""

    @abstractmethod
    def _first_error(self) -> tuple[int, str]:
        """The oldest error of the queue, which is emptied; code 0 if there is none."""

    # -- after a lost reply ------------------------------------------------------------------------

    def recover(self) -> tuple[int, str]:
        """Bring back a link on which a reply was lost; the oldest error that the instrument had queued.

        Raises NoReply, BenchError if another instrument answers than before, and PowerLost.
        """
        with self._lock, self._patience(_RECOVERY):
            self._pending = self._recovering = True
            try:
                self._resynchronise()
                found = self._first_error()
                if _interlock(found[1]):
                    self.settings.leave_off()
                if self._marked:
                    self.check_power()
                self.reassert()
            except BaseException:
                self._pending = True
                raise
            finally:
                self._recovering = False
        return found

    def _resynchronise(self) -> None:
        """Clear, or connect anew where that does not help, until the instrument says who it is."""
        try:
            self._transport.clear()
            if self._identity is not None:
                self._same_as_before()
            return
        except (NoReply, BadReply, pyvisa.Error, OSError) as error:
            reopen = getattr(self._transport, "reopen", None)
            if reopen is None:
                if isinstance(error, LabmtjError):
                    raise
                raise NoReply(self.name, "device clear", error) from error
        try:
            reopen()
        except (pyvisa.Error, OSError) as error:
            raise NoReply(self.name, "a new connection", error) from error
        self._same_as_before()

    def _same_as_before(self) -> None:
        _, model, serial, _ = self._who()
        if self._identity is not None and (model, serial) != self._identity:
            raise BenchError(
                f"{self.name} was a {self._identity[0]} with serial number {self._identity[1]}, and now a {model} with "
                f"{serial} answers: nothing more is sent to it"
            )

    def reassert(self) -> None:
        """See that all settings are in force, and make those again that are not; source levels go to 0 V first."""
        for level in self.settings.levels.values():
            self._make(level)
        settings = list(self.settings.others.values())
        for first in range(0, len(settings), _TOGETHER):
            some = settings[first : first + _TOGETHER]
            for setting, text in zip(some, self.values([s.query for s in some]), strict=True):
                if not setting.holds(text):
                    self._make(setting)
        if self.on_recovery is not None:
            self.on_recovery()

    def _make(self, setting: Setting) -> None:
        (found,) = self.values([setting.query], after=setting.command)
        if not setting.holds(found):
            raise BenchError(f"{self.name} answers {found!r} to {setting.query} after {setting.command!r}")

    def forget(self) -> None:
        """No setting is in force any more, and a power cut would change nothing."""
        self.settings.clear()
        self._marked, self.on_recovery = False, None

    @abstractmethod
    def values(self, queries: list[str], *, after: str = "") -> list[str]:
        """Replies to queries as text, after a setting that may be made again."""

    def made(self, command: str, queries: list[str], value: float) -> list[str]:
        """Replies to queries after a setting, which is made by `command`, or by somebody else (`elsewhere`)."""
        make = self.elsewhere.take()
        if make is None:
            return self.values(queries, after=command)
        make(value)
        return self.values(queries)

    def still(self) -> None:
        """See that every setting in force is what it was, and the power. Raises BenchError, and PowerLost first."""
        self.check_power()
        settings = list(self.settings.others.values())
        for first in range(0, len(settings), _TOGETHER):
            some = settings[first : first + _TOGETHER]
            for setting, text in zip(some, self.values([s.query for s in some]), strict=True):
                if not setting.holds(text):
                    raise BenchError(f"{self.name} answers {text!r} to {setting.query}, which was {setting.command!r}")

    # -- power -------------------------------------------------------------------------------------

    def mark(self) -> None:
        """From now on an instrument that was switched off and on is noticed."""
        self._marked, self._lost = True, False

    @abstractmethod
    def check_power(self) -> None:
        """Raise PowerLost if the instrument was switched off and on since it was set up."""

    def lost_power(self) -> PowerLost:
        """What is raised where an instrument was found without what it was told; it stays so until `mark`."""
        self._lost = True
        return PowerLost(f"{self.name} was switched off and on since it was set up: its settings are gone")

    # -- numbers -----------------------------------------------------------------------------------

    def parse(self, command: str, text: str) -> float:
        """A reply as a number; 9.91E37, which stands for a reading beyond the range, is none."""
        if not _NUMBER.fullmatch(text):
            raise BadReply(self.name, command, text, "a number")
        value = float(text)
        if abs(value) > OVERFLOW:
            raise BadReply(self.name, command, text, "a value within the range")
        return value

    def reading(self, command: str, text: str, *, full_scale: float = math.inf) -> float:
        """A measured value; infinite, with its sign, where the instrument says that it is beyond the range.

        Raises BadReply for one that a range of `full_scale` cannot show.
        """
        if _NUMBER.fullmatch(text) and abs(float(text)) > OVERFLOW:
            return math.copysign(math.inf, float(text))
        value = self.parse(command, text)
        if abs(value) > OVERRANGE * full_scale:
            raise BadReply(self.name, command, text, f"at most {full_scale:g}, which is the range")
        return value


def _interlock(text: str) -> bool:
    return "interlock" in text.lower() or "output enable" in text.lower()
