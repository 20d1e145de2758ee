"""The SCPI engine: carries out the messages of one simulated instrument on the commands its firmware adds.

A pattern such as "[:SOURce#]:VOLTage[:LEVel]" names a header: capitals are the short form, brackets hold what
may be left out, # allows a numeric suffix (1 if none is sent), VOLTage|CURRent stands for either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import thread_time

from labmtj.twin.effort import TooMuch
from labmtj.twin.scpi.call import Call, block
from labmtj.twin.scpi.errors import ErrorQueue, ScpiError
from labmtj.twin.scpi.standard import add_standard
from labmtj.twin.scpi.syntax import Unit, parse
from labmtj.twin.scpi.tree import Command, Getter, Headers, Setter
from labmtj.twin.status import DEVICE, Status, event_bit

__all__ = ["Call", "Dialect", "ScpiEngine", "ScpiError", "block"]

_KEPT = 1024  # chosen: compiled messages kept; the captured clients repeat fewer than a hundred
_MANY, _PATIENCE = 64, 1.0  # chosen: from so many commands on, a message may take this long [s] on the processor
_TOO_MUCH = -200, "Execution error; this is too much for one message to a simulated instrument"
_LONGEST_KEPT = 1024  # chosen: longer messages are blocks and lists, which rarely come twice

_Step = tuple[Callable[[Call], object], Call, bool]


@dataclass(frozen=True)
class Dialect:
    """What differs between SCPI instruments apart from their commands.

    `empty`: reply of SYSTem:ERRor? when there is none. `entry`: format of an error, with code and text; {code:+d}
    gives the plus sign that Keysight sends. `queue`: errors that fit. `colon_star`: `:*RST` is taken for `*RST`.
    `separator` stands between the replies of one message. `registers`: SCPI registers beside the standard event
    register. `queue_headers`: STATus:QUEue and SYSTem:CLEar exist. `longest`: characters of a message or reply.
    """

    empty: str = '0,"No error"'
    entry: str = '{code},"{text}"'
    queue: int = 30
    colon_star: bool = True
    separator: str = ";"
    version: str = "1999.0"
    options: str = "0"
    registers: tuple[str, ...] = ("operation", "questionable")
    queue_headers: bool = False
    longest: int = 1_000_000  # chosen: the longest arbitrary waveform of the models is far shorter


class ScpiEngine:
    """Messages in, replies out; `status` holds the registers, `errors` the queue.

    `on_message` is called once a message, before it is carried out (its time passes there), `on_reset` by *RST,
    `on_trigger` by *TRG and the bus trigger. Handlers may raise ScpiError; any other exception is a bug and passes.
    """

    blocks = True

    def __init__(
        self,
        identity: str,
        *,
        dialect: Dialect | None = None,
        on_reset: Callable[[], None] | None = None,
        on_message: Callable[[], None] | None = None,
        on_trigger: Callable[[], None] | None = None,
    ) -> None:
        self.identity = identity
        self.dialect = Dialect() if dialect is None else dialect
        self.status = Status()
        self.errors = ErrorQueue(self.dialect.queue)
        self.answered = False  # whether the message in hand has a reply already: MAV for *STB?
        self._on_reset, self._on_message, self._on_trigger = on_reset, on_message or _nothing, on_trigger
        self._common, self._headers = Headers(), Headers()
        self._compiled: dict[str, tuple[_Step, ...]] = {}
        add_standard(self)

    # -- for firmwares -----------------------------------------------------------------------------

    def add(
        self,
        pattern: str,
        *,
        set: Setter | None = None,  # noqa: A002
        get: Getter | None = None,
        most: int = 1,
        replace: bool = False,
    ) -> None:
        """Add a command (`set`), its query (`get`) or both; more than `most` arguments are -108.

        A getter returns its reply, or None for no answer at all. Raises ValueError for a pattern that cannot be
        read or a header that is taken; `replace` takes it over, also from the standard commands.
        """
        headers, pattern = (self._common, pattern[1:]) if pattern.startswith("*") else (self._headers, pattern)
        if set is not None:
            headers.add(pattern, handler=set, query=False, most=most, replace=replace)
        if get is not None:
            headers.add(pattern, handler=get, query=True, most=most, replace=replace)
        self._compiled.clear()

    def error(self, code: int, text: str | None = None) -> None:
        """Queue an error and set its bit in the standard event status register."""
        self.status.report(event_bit(code))
        if not self.errors.put(ScpiError(code, text)):
            self.status.report(DEVICE)  # the -350 that took its place

    def reset(self) -> None:
        """*RST: the firmware's own settings; status and errors stay, as IEEE 488.2 asks."""
        if self._on_reset is not None:
            self._on_reset()

    # -- what an instrument asks of its firmware ---------------------------------------------------

    def execute(self, message: str) -> list[str]:
        """Carry out one message without its line end; at most one reply, without its line end.

        A command error (-1xx) drops the rest of the message, an execution error does not (IEEE 488.2, 11.5.1.1).
        """
        steps = self._compiled.get(message)
        if steps is None:
            steps = self._compile(message)
        self._on_message()
        replies: list[str] = []
        self.answered = False
        room = self.dialect.longest
        until = thread_time() + _PATIENCE if len(steps) > _MANY else 0.0
        for handler, call, query in steps:
            try:
                if until and thread_time() > until:
                    raise TooMuch
                reply = handler(call)
            except ScpiError as error:
                self.error(error.code, error.text)
                if -200 < error.code <= -100:
                    break
                continue
            except TooMuch:
                self.error(*_TOO_MUCH)
                break
            if query and isinstance(reply, str):
                room -= len(reply)
                if room < 0:  # output full while input waits
                    self.error(-430)
                    return []
                replies.append(reply)
                self.answered = True
        return replies if len(replies) < 2 else [self.dialect.separator.join(replies)]

    def clear(self) -> None:
        """Device clear: settings, status and errors stay (IEEE 488.2, 5.8)."""
        self.answered = False

    def status_byte(self, *, waiting: bool) -> int:
        """The status byte with MSS in bit 6."""
        return self.status.byte(waiting=waiting, errors=len(self.errors) > 0)

    def trigger(self) -> None:
        """A group execute trigger from the bus; what it does wrong goes to the error queue."""
        try:
            self.fire()
        except ScpiError as error:
            self.error(error.code, error.text)
        except TooMuch:
            self.error(*_TOO_MUCH)

    def query_error(self, code: int) -> None:
        """Queue -410, -420 or -430, which the message exchange finds."""
        self.error(code)

    # -- for the standard commands -----------------------------------------------------------------

    def fire(self) -> None:
        """Do what *TRG does; raises ScpiError -211 if nothing waits for a trigger."""
        if self._on_trigger is None:
            raise ScpiError(-211)
        self._on_trigger()

    def clear_status(self) -> None:
        """*CLS: events and errors are forgotten."""
        self.status.clear()
        self.errors.clear()

    def next_error(self) -> str:
        """The oldest error as this dialect writes it."""
        error = self.errors.take()
        if error is None:
            return self.dialect.empty
        return self.dialect.entry.format(code=error.code, text=error.text.replace('"', '""'))

    def all_errors(self) -> list[str]:
        """All errors, oldest first; the empty entry if there are none."""
        return [self.next_error() for _ in range(max(1, len(self.errors)))]

    # -- from text to steps ------------------------------------------------------------------------

    def _compile(self, message: str) -> tuple[_Step, ...]:
        """Handlers with their calls; where the message is wrong, the last step raises the error."""
        if len(message) > self.dialect.longest:
            return (_failure(ScpiError(-363)),)
        units, error = parse(message)
        steps: list[_Step] = []
        path: tuple[str, ...] = ()
        try:
            for unit in units:
                command, suffixes, path = self._resolve(unit, path)
                if len(unit.arguments) > command.most:
                    raise ScpiError(-108)
                call = Call(command.header, unit.arguments, suffixes, command.choices)
                steps.append((command.handler, call, unit.query))
        except ScpiError as found:
            error = found
        if error is not None:
            steps.append(_failure(error))
        compiled = tuple(steps)
        if len(message) <= _LONGEST_KEPT:
            if len(self._compiled) >= _KEPT:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[message] = compiled
        return compiled

    def _resolve(self, unit: Unit, path: tuple[str, ...]) -> tuple[Command, tuple[int, ...], tuple[str, ...]]:
        """The command of a unit, its suffixes, and the path for the next unit (common commands leave it alone)."""
        if unit.common:
            if unit.colon and not self.dialect.colon_star:
                raise ScpiError(-113)
            return *self._common.find(unit.nodes, query=unit.query), path
        names = unit.nodes if unit.colon else path + unit.nodes
        return *self._headers.find(names, query=unit.query), names[:-1]


def _nothing() -> None:
    """What a message takes of an instrument that has no time."""


def _failure(error: ScpiError) -> _Step:
    code, text = error.code, error.text

    def fail(_: Call) -> None:
        raise ScpiError(code, text)

    return fail, Call("", (), (), ()), False
