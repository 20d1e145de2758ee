"""A TSP instrument's script engine: real Lua with the model's tables, `print` and an error queue."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NoReturn, cast

from labmtj.twin.effort import TooMuch
from labmtj.twin.status import COMPLETE, event_bit
from labmtj.twin.tsp.buffer import ReadingBuffer, elements
from labmtj.twin.tsp.printing import BOUNDS, DEFAULTS, Printer, interleaved
from labmtj.twin.tsp.sandbox import LuaError, OutOfMemory, Sandbox, ScriptError, join, split
from labmtj.twin.tsp.status import BYTE, StatusTree
from labmtj.twin.tsp.tables import Fixed, Reference, Table, TspError, argument, fitting, number, within

_OUTPUT = 4_000_000  # chosen: characters that one message may print
_MADE = 100  # chosen: reading buffers of scripts at one time
_LONGEST_ERROR = 500  # chosen: characters of an error; a script may make one of a million
_ERRORS = 100  # chosen: errors that the queue holds; the last is replaced by -350 when one more comes
_MASK_DIGITS = 20  # chosen: of a number of thousands of digits, which Python refuses to read, these are too large
_LOAD = re.compile(r"(loadscript|loadandrunscript)(?:\s+([A-Za-z_]\w*))?")
_COMMON = re.compile(r"\*([A-Za-z]{3})(\?)?(?:\s+(\S.*))?")
_QUERY_ERRORS = {-410: "Query INTERRUPTED", -420: "Query UNTERMINATED", -430: "Query DEADLOCKED"}
QUEUE_EMPTY = (0, "Queue Is Empty", 0, 0)


class TspEngine:
    """Lua with a model's attributes, functions and tables; `execute` takes one message.

    `attributes` maps full names to default values (names in capitals are constants, `Fixed` ones cannot be
    set), `functions` full names to Python functions, `tables` full names to tables with state of their own,
    `sets` paths below `status` to bits of the set above (see StatusTree). `on_set(name, value) -> value` may
    check, convert or refuse (TspError) an assignment; `on_get` may compute an attribute; `on_trigger` is *TRG.
    """

    blocks = False  # a "#" in a message is Lua's length, not the head of a block

    def __init__(
        self,
        identity: str,
        attributes: Mapping[str, Any],
        functions: Mapping[str, Callable[..., Any]],
        *,
        on_set: Callable[[str, Any], Any],
        on_get: Callable[[str], Any] | None = None,
        on_reset: Callable[[], None],
        on_message: Callable[[], None],
        on_trigger: Callable[[], None] | None = None,
        tables: Mapping[str, Table] | None = None,
        sets: Mapping[str, int] | None = None,
    ) -> None:
        self.identity = identity
        self.errors: deque[tuple[int, str, int, int]] = deque()
        self.status = StatusTree(sets or {}, errors=lambda: bool(self.errors))
        given = {**DEFAULTS, **{f"status.{name}": bit for name, bit in BYTE.items()}, **attributes}
        self._defaults = {name: v.value if isinstance(v, Fixed) else v for name, v in given.items()}
        self._fixed = {name for name, v in given.items() if isinstance(v, Fixed) or split(name)[-1].isupper()}
        self.values: dict[str, Any] = dict(self._defaults)
        self.printer = Printer(self.values)
        self.tables: dict[str, Table] = {**self.status.tables(), **(tables or {})}
        self._made: dict[str, list[str]] = {}
        self._numbers = count(1)
        self._saved: dict[str, Any] | None = None
        self._functions: dict[str, Callable[..., Any]] = {
            "errorqueue.next": self._next_error,
            "errorqueue.clear": self._clear_errors,
            "reset": self.reset,
            "localnode.reset": self.reset,
            "waitcomplete": lambda *_: None,
            "opc": lambda *_: self.status.status.report(COMPLETE),
            "status.reset": self.status.reset,
            "printbuffer": self._printbuffer,
            "printnumber": lambda *values: self._reply(self.printer.numbers(values)),
            "setup.save": self._save,
            "setup.recall": self._recall,
            **functions,
        }
        self._makers = {name for name in functions if name.endswith(".makebuffer")}
        self._on_set, self._on_get, self._on_reset, self._on_message = on_set, on_get, on_reset, on_message
        self._on_trigger = on_trigger
        self._replies: list[str] = []
        self._printed = 0  # characters that the present message has printed
        self._script: list[str] | None = None
        self._script_name, self._script_runs = "anonymous", False
        self._failure: TspError | None = None
        self._bug: Exception | None = None
        self._start()

    def _start(self) -> None:
        self._lua = Sandbox(get=self._get, put=self._set, call=self._call, emit=self._emit)
        for path, table in self.tables.items():
            self._show(path, table)
        for name, value in self._defaults.items():
            if split(name)[-1].isupper():
                self._lua.constant(name, cast("float | str", value))
            else:
                self._lua.attribute(name, settable=name not in self._fixed)
        self._lua.attribute("errorqueue.count", settable=False)
        for name in self._functions:
            self._lua.function(name, makes=name in self._makers)

    def _show(self, path: str, table: Table) -> None:
        self._lua.table(path, table.luatype)
        for key, settable in table.attributes.items():
            self._lua.attribute(join(path, key), settable=settable)

    # -- messages ----------------------------------------------------------------------------------

    def execute(self, message: str) -> list[str]:
        """Carry out one message: a common command, a Lua chunk, or lines of a script that is being loaded."""
        self._on_message()
        self._replies, self._printed = [], 0
        if "\n" in message and (self._script is not None or _LOAD.match(message.lstrip())):
            for line in message.split("\n"):
                self._line(line)
        else:
            self._line(message)
        return self._replies

    def _line(self, message: str) -> None:
        text = message.strip()
        if self._script is not None:
            if text == "endscript":
                source, self._script = "\n".join(self._script), None
                self._store(source)
            else:
                self._script.append(message.rstrip("\r"))
        elif text.startswith("load") and (found := _LOAD.fullmatch(text)):
            self._script, self._script_runs = [], found[1] == "loadandrunscript"
            self._script_name = found[2] or "anonymous"
        elif text.startswith("*"):
            self._common(text)
        elif text:
            self._lua_chunk(text)

    def _store(self, source: str) -> None:
        """A script is complete: keep it, and run it if it was loaded for that."""
        name = self._script_name
        try:
            self._lua.script(name, source)
        except ScriptError as error:
            self._queue_lua(error)
            return
        except OutOfMemory:
            self._start_anew()
            return
        if self._script_runs:
            self._lua_chunk("script.anonymous.run()" if name == "anonymous" else f"{name}.run()")

    def clear(self) -> None:
        """Device clear: forget a script that was not finished."""
        self._script = None

    def reset(self, *_: Any) -> None:
        """Back to the model's defaults."""
        self.values.update(self._defaults)
        self._on_reset()

    def status_byte(self, *, waiting: bool) -> int:
        """The status byte with MSS in bit 6; `waiting`: a reply can be read."""
        return self.status.byte(waiting=waiting)

    def trigger(self) -> None:
        """*TRG, and the group execute trigger."""
        if self._on_trigger is not None:
            try:
                self._on_trigger()
            except TspError as error:
                self.queue(error.code, error.text)
            except TooMuch:
                self.queue(-286, "TSP Runtime error at line 1: this is too much for one trigger of a simulated one")

    def query_error(self, code: int) -> None:
        """A reply was not read before the next message (-410), or read without a question (-420)."""
        self.queue(code, _QUERY_ERRORS.get(code, "Query error"))

    def _common(self, text: str) -> None:
        found = _COMMON.fullmatch(text)
        name, query, value = (found[1].upper(), found[2], found[3]) if found else ("", None, None)
        registers = self.status.status
        match name, bool(query):
            case "IDN", True:
                self._replies.append(self.identity)
            case "RST", False:
                self.reset()
            case "CLS", False:
                self.errors.clear()
                self.status.clear()
            case (("OPC" | "TST"), True):
                self._replies.append("1" if name == "OPC" else "0")
            case "OPC", False:
                registers.report(COMPLETE)
            case "ESR", True:
                self._replies.append(str(registers.read_events()))
            case "STB", True:
                self._replies.append(str(self.status.byte(waiting=False)))
            case (("ESE" | "SRE"), True):
                self._replies.append(str(registers.ese if name == "ESE" else registers.sre))
            case (("ESE" | "SRE"), False) if value is not None and value.isascii() and value.isdigit():
                self._mask(name, int(value[:_MASK_DIGITS]))
            case "TRG", False:
                self.trigger()
            case "WAI", False:
                pass
            case _:
                self.queue(-285, f"TSP Syntax error at line 1: unexpected symbol near `{text[:1]}'")

    def _mask(self, name: str, bits: int) -> None:
        if bits > 255:
            self.queue(-222, f"Parameter data out of range: *{name} takes 0 to 255")
        elif name == "ESE":
            self.status.status.ese = bits
        else:
            self.status.status.sre = bits & ~64

    def _lua_chunk(self, text: str) -> None:
        self._failure = None
        try:
            self._lua.run(text)
        except OutOfMemory:
            self._start_anew()
        except ScriptError as error:
            if self._failure is not None and not error.syntax:
                self.queue(self._failure.code, self._failure.text)
            else:
                self._queue_lua(error)
        else:
            if self._failure is not None:  # a script caught it; the instrument has it in its queue all the same
                self.queue(self._failure.code, self._failure.text)
        if self._bug is not None:
            bug, self._bug = self._bug, None
            raise bug

    def _queue_lua(self, error: ScriptError) -> None:
        kind, code = ("Syntax", -285) if error.syntax else ("Runtime", -286)
        self.queue(code, f"TSP {kind} error at line {error.line}: {error.text}")

    def _start_anew(self) -> None:
        """Memory is full, perhaps with what a script keeps in globals: they are given up, attributes stay."""
        self.queue(-286, "TSP Runtime error at line 1: not enough memory; what scripts had stored is lost")
        for path in list(self._made):
            self._drop(path)
        self._start()

    # -- the error queue ---------------------------------------------------------------------------

    def queue(self, code: int, text: str) -> None:
        """Put an error in the queue: number, text, severity (20: recoverable), node 1."""
        self.status.status.report(event_bit(code))
        if len(self.errors) < _ERRORS:
            self.errors.append((code, " ".join(text[:_LONGEST_ERROR].splitlines()), 20, 1))
        else:
            self.errors[-1] = (-350, "Queue overflow", 20, 1)

    def _clear_errors(self, *_: Any) -> None:
        self.errors.clear()

    def _next_error(self, *_: Any) -> tuple[Any, ...]:
        return self.errors.popleft() if self.errors else QUEUE_EMPTY

    # -- what Lua calls ----------------------------------------------------------------------------

    def _get(self, path: str, key: str) -> Any:
        try:
            table = self.tables.get(path)
            if table is not None:
                return table.get(key)
            name = join(path, key)
            if name == "errorqueue.count":
                return len(self.errors)
            value = self._on_get(name) if self._on_get is not None else None
            return self.values.get(name) if value is None else value
        except Exception as error:
            self._fail(error)

    def _set(self, path: str, key: str, value: Any) -> None:
        table, name = self.tables.get(path), join(path, key)
        try:
            if table is not None:
                table.set(key, argument(value))
                return
            self.assign(name, argument(value))
        except Exception as error:
            self._fail(error)

    def assign(self, name: str, value: Any) -> None:
        """Set an attribute. Raises TspError."""
        if name not in self._defaults or name in self._fixed:
            raise TspError(1101, f"Parameter {name}: no such attribute, or it is read-only")
        if name in BOUNDS:
            value = within(name, value, *BOUNDS[name])
        self.values[name] = self._on_set(name, fitting(name, self._defaults[name], value))

    def _call(self, name: str, *arguments: Any) -> Any:
        try:
            return self._functions[name](*map(argument, arguments))
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> NoReturn:
        """Stop the chunk; the first error is the one that is queued. What is a bug must not end as a Lua error."""
        if isinstance(error, TooMuch):
            error = TspError(-286, "TSP Runtime error at line 1: this is too much for one message to a simulated one")
        if isinstance(error, TspError):
            self._failure = self._failure or error
        elif not isinstance(error, LuaError | MemoryError):
            self._bug = self._bug or error
        raise error

    def _emit(self, *values: Any) -> None:
        self._reply("\t".join(map(self.printer.text, values)))

    def _reply(self, reply: str) -> None:
        self._printed += len(reply) + 1
        if self._printed > _OUTPUT:
            self._fail(TspError(-286, "TSP Runtime error at line 1: too much output for one message"))
        self._replies.append(reply)

    # -- buffers -----------------------------------------------------------------------------------

    def _printbuffer(self, first: Any = None, last: Any = None, *buffers: Any) -> None:
        start, end = int(number("startIndex", first)), int(number("endIndex", last))
        if not buffers or not 0 <= end - start < _OUTPUT // (8 * len(buffers)):
            raise TspError(1102, f"Parameter endIndex out of range: elements {start} to {end}")
        columns = [self._elements(buffer) for buffer in buffers]
        self._reply(self.printer.numbers(interleaved(columns, start, end)))

    def _elements(self, buffer: Any) -> list[Any]:
        return cast("list[Any]", buffer) if isinstance(buffer, list) else elements(self.resolve(buffer))

    def resolve(self, value: Any) -> Table | None:
        """The table that an argument refers to."""
        return self.tables.get(value.path) if isinstance(value, Reference) else None

    def make_buffer(self, capacity: int) -> str:
        """A new reading buffer for a script; its name. Raises TspError if there are too many."""
        if len(self._made) >= _MADE:
            for path in [path for path in self._made if self._lua.forget(path)]:
                self._drop(path)
            if len(self._made) >= _MADE:
                raise TspError(-225, "Out of memory: there are too many reading buffers")
        path = f"buffer_{next(self._numbers)}"
        tables = ReadingBuffer(capacity).tables(path)
        self._made[path] = list(tables)
        self._lua.loose_table(path, ReadingBuffer.luatype)
        self.tables.update(tables)
        for name, table in tables.items():
            self._show(name, table)
            for function, body in buffer_functions(name, table).items():
                self._functions[function] = body
                self._lua.function(function)
        return path

    def _drop(self, path: str) -> None:
        """Forget a buffer that `make_buffer` made."""
        for name in self._made.pop(path):
            for function in buffer_functions(name, self.tables.pop(name)):
                del self._functions[function]

    # -- setups ------------------------------------------------------------------------------------

    def _save(self, *_: Any) -> None:
        self._saved = dict(self.values)

    def _recall(self, which: Any = 1, *_: Any) -> None:
        """Setup 0 is the factory's, 1 the saved one; outputs are off after either."""
        place = int(within("id", float(which) if isinstance(which, str) and which in ("0", "1") else which, 0, 1))
        if place and self._saved is None:
            raise TspError(1102, "Parameter id out of range: no setup was saved")
        self.reset()
        for name, value in (self._saved or {}).items() if place else ():
            if value != self.values[name] and not name.endswith("source.output"):
                self.assign(name, value)


def buffer_functions(path: str, table: Table) -> dict[str, Callable[..., Any]]:
    """Functions of a buffer's table, by full name."""
    if isinstance(table, ReadingBuffer):
        return {f"{path}.clear": table.clear, f"{path}.clearcache": lambda *_: None}

    def reading(place: Any = None, *_: Any) -> Any:
        return table.get(str(int(number("index", place))))

    return {f"{path}.getreading": reading}
