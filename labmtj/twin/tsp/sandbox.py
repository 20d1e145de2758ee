"""Lua as a sandbox: compiles and runs chunks within bounds, and holds the instrument's tables.

Python hands Lua only functions that live as long as the sandbox; tables are built in Lua, with metatables
that forward (path, key) as text. Lua 5.1 is used because its numbers print as TSP's do. What a script must
not reach is removed, and what could run for ever is bounded: an instruction limit that `pcall` cannot
swallow, no coroutines, bounded patterns, a memory limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import lupa.lua51 as lupa  # pyright: ignore[reportMissingTypeStubs]

from labmtj.twin.tsp.prelude import PRELUDE

# chosen: what labmtj sends takes a few hundred instructions; 20 million take a tenth of a second. The limit
# of processor time catches what is slow in C (long strings, patterns, sorting); calls into the simulated
# instrument, which may solve the array or compile kernels, do not count for it, but for so many instructions each.
_INSTRUCTIONS, _SECONDS, _PRICE = 20_000_000, 0.5, 1500
_SOURCE = 1_000_000  # chosen: characters of the longest message or script
_KEPT, _KEPT_LENGTH = 64, 1000  # compiled messages that are kept, and characters of the longest
# chosen: bytes of one engine while a script runs, and KiB that scripts may fill: what is left is for the calls
# to and from Python, which must not fail. Outside of scripts there is no limit, for the same reason.
_MEMORY, _SCRIPTS = 40 * 1024 * 1024, 32 * 1024
_NO_MEMORY = "not enough memory"  # as Lua says it
LuaError: type[Exception] = lupa.LuaError
_PLACE = re.compile(r'(?:\[string ".*?"\]|[^:\s]*):(\d+): (.*)', re.DOTALL)


class ScriptError(Exception):
    """A chunk that is no Lua, or that failed: what Lua says, and the line."""

    def __init__(self, message: str, *, syntax: bool) -> None:
        found = _PLACE.fullmatch(message)
        self.line, self.text = (int(found[1]), found[2]) if found else (1, message)
        self.syntax = syntax
        super().__init__(self.text)


class OutOfMemory(Exception):
    """What scripts keep in globals fills the memory; the sandbox is of no use any more."""


class Sandbox:
    """One Lua state. `get(path, key)`, `put(path, key, value)`, `call(path, ...)`, `emit(...)` are called from Lua."""

    def __init__(
        self,
        *,
        get: Callable[[str, str], Any],
        put: Callable[[str, str, Any], None],
        call: Callable[..., Any],
        emit: Callable[..., None],
    ) -> None:
        make: Any = lupa.LuaRuntime  # its type stub knows none of these parameters
        runtime: Any = make(
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            attribute_filter=_no_attributes,
            max_memory=_MEMORY,
            encoding="latin-1",
        )
        loaded: Any = runtime.compile(PRELUDE)
        parts: Any = loaded(get, put, call, emit, _INSTRUCTIONS, _SECONDS, _PRICE, _SOURCE, _SCRIPTS)
        self._table_at, self._loose_at, self._attribute_at, self._function_at, *parts = parts
        self._place, self._script_at, self._living, self._run = parts
        self._compile: Any = runtime.compile
        self._limit: Any = runtime.set_max_memory
        self._limit(0)
        self._chunks: dict[str, Any] = {}  # drivers send the same few messages again and again
        self._built = {""}

    # -- tables ------------------------------------------------------------------------------------

    def table(self, path: str, luatype: str = "group") -> None:
        """Make sure that there is an instrument table at `path`, and the tables that it lies in."""
        found = ""
        for part in split(path):
            parent, found = found, join(found, part)
            if found not in self._built:
                self._built.add(found)
                self._table_at(found, parent, part, luatype)

    def loose_table(self, name: str, luatype: str) -> None:
        """Make a table that lies in no other: it lives as long as a script holds it."""
        self._built.add(name)
        self._loose_at(name, luatype)

    def attribute(self, name: str, *, settable: bool) -> None:
        """Say that there is an attribute of this name."""
        parent, key = self._parent(name)
        if parent:
            self._attribute_at(parent, key, settable)

    def constant(self, name: str, value: float | str) -> None:
        """A named number or text; it is looked up without asking Python."""
        parent, key = self._parent(name)
        self._place(parent, key, value)

    def function(self, name: str, *, makes: bool = False) -> None:
        """A function of the instrument; `makes`: it returns the name of a table, Lua gets the table."""
        self._function_at(name, *self._parent(name), makes)

    def forget(self, path: str) -> bool:
        """Whether no script holds the table at `path` any more; its name is free then."""
        if self._living(path):
            return False
        self._built = {name for name in self._built if name != path and not name.startswith(f"{path}.")}
        return True

    def _parent(self, name: str) -> tuple[str, str]:
        *parents, key = split(name)
        path = ""
        for part in parents:
            path = join(path, part)
        if path:
            self.table(path)
        return path, key

    # -- chunks ------------------------------------------------------------------------------------

    def run(self, text: str) -> None:
        """Compile and run a chunk. Raises ScriptError, OutOfMemory."""
        chunk = self._chunks.get(text)
        if chunk is None:
            chunk = self._compiled(text)
        self._limit(_MEMORY)
        try:
            message = self._run(chunk)
        except MemoryError as error:
            raise OutOfMemory(_NO_MEMORY) from error
        except lupa.LuaError as error:
            message = _brief(error)
        finally:
            self._limit(0)
        if message is not None:
            if _NO_MEMORY in message:
                raise OutOfMemory(_NO_MEMORY)
            raise ScriptError(message, syntax=False)

    def _compiled(self, text: str) -> Any:
        if text.startswith("\x1b"):  # compiled Lua, which nothing checks
            raise ScriptError("unexpected symbol near `ESC'", syntax=True)
        if len(text) > _SOURCE:  # nothing bounds how long Lua compiles
            raise ScriptError("chunk is too long", syntax=True)
        try:
            chunk = self._compile(text)
        except MemoryError as error:
            raise OutOfMemory(_NO_MEMORY) from error
        except lupa.LuaError as error:
            raise ScriptError(_brief(error), syntax=True) from error
        if len(text) < _KEPT_LENGTH:
            if len(self._chunks) >= _KEPT:
                self._chunks.clear()
            self._chunks[text] = chunk
        return chunk

    def script(self, name: str, source: str) -> None:
        """Store a script; "anonymous" is the one without a name. Raises ScriptError, OutOfMemory."""
        try:
            message = self._script_at(name, source)
        except MemoryError as error:
            raise OutOfMemory(_NO_MEMORY) from error
        if message is not None:
            raise ScriptError(message, syntax=True)


def split(name: str) -> list[str]:
    """Parts of a TSP name: "trigger.timer[1].delay" is trigger, timer, 1, delay."""
    return name.replace("[", ".").replace("]", "").split(".")


def join(path: str, key: str) -> str:
    """Name of `key` in the table at `path`; a number is an index."""
    if key.isdigit():
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _brief(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _no_attributes(_object: Any, _name: str, _setting: bool) -> str:
    raise AttributeError("Python objects have no attributes here")
