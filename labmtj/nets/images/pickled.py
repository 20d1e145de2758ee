"""Reads the plain data of a pickle without unpickling: nothing is imported, called or executed.

A pickle is a program for a small stack machine (opcodes: `pickletools` of the standard library). This machine knows
those that build dictionaries, lists, tuples, numbers and texts, and four names that it never looks up: with them NumPy
writes an array of unsigned bytes. Anything else is refused by name.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from enum import Enum
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError

# chosen: three lists of 50,000 take 200,000 to 350,000 opcodes; a hostile file could hold 10^8.
_MOST_OPCODES = 2_000_000
_MOST_BYTES = 1 << 28  # chosen: of texts that were encoded; the largest published array has 154 million bytes
_MOST_AXES = 4  # chosen: images, rows, columns, colours


class _Name(Enum):
    """The names that a pickle may hold, and what this machine makes of them."""

    RECONSTRUCT = "an empty array"
    ARRAY = "the type of arrays"
    TYPE = "the type of an array's values"
    ENCODE = "bytes written as a text"


_NAMES = {
    "numpy.core.multiarray _reconstruct": _Name.RECONSTRUCT,
    "numpy._core.multiarray _reconstruct": _Name.RECONSTRUCT,
    "numpy ndarray": _Name.ARRAY,
    "numpy dtype": _Name.TYPE,
    "_codecs encode": _Name.ENCODE,
}


class _Bytes:
    """The type of unsigned bytes, the only one that arrays may have."""


class _Array:
    """An array that is not filled yet, or is."""

    def __init__(self) -> None:
        self.values: NDArray[np.uint8] | None = None


def read_pickled(content: bytes, *, name: str) -> dict[str, object]:
    """The dictionary that the pickle `content` of protocol 1 to 4 holds; arrays of uint8 in it keep their shape.

    Texts are str, those that Python 2 wrote as well (each byte a character); keys are str. `name` is the file's, for
    messages. Raises InputError for everything but plain data, naming the opcode or the name that is not allowed, for
    a pickle that is cut off, and for more than two million opcodes.
    """
    machine = _Machine()
    place = 0
    try:
        for count, (opcode, argument, position) in enumerate(pickletools.genops(content)):
            place = position or 0
            if count >= _MOST_OPCODES:
                raise _refusal(f"more than {_MOST_OPCODES} opcodes")
            machine.take(opcode.name, argument)
        found = machine.result()
    except InputError as wrong:
        raise InputError(f"{name}: at byte {place}: {wrong}; nothing of the file was executed") from None
    except (ValueError, IndexError, KeyError, OverflowError) as wrong:
        raise InputError(
            f"{name}: this is no whole pickle: after byte {place}: {wrong or type(wrong).__name__}"
        ) from None
    return {key: value.values if isinstance(value, _Array) else value for key, value in found.items()}


def _refusal(what: str) -> InputError:
    return InputError(f"{what}; only dictionaries, lists, numbers, texts and arrays of unsigned bytes are read")


_PUSHED = frozenset(
    {"BININT", "BININT1", "BININT2", "INT", "LONG1", "BINFLOAT"}
    | {"BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
    | {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
)
_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_PASSED = frozenset({"PROTO", "FRAME"})
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Machine:
    """Stack and memo of one pickle."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._encoded = 0
        self._stopped = False
        self._known: dict[str, Callable[[], None]] = {
            "MARK": self._mark,
            "STOP": self._stop,
            "EMPTY_DICT": lambda: self._push({}),
            "EMPTY_LIST": lambda: self._push([]),
            "TUPLE": lambda: self._push(tuple(self._above())),
            "LIST": lambda: self._push(self._above()),
            "DICT": lambda: self._push(self._pairs({}, self._above())),
            "APPEND": lambda: self._extend([self._stack.pop()]),
            "APPENDS": lambda: self._extend(self._above()),
            "SETITEM": lambda: self._set(self._several(2)),
            "SETITEMS": lambda: self._set(self._above()),
            "MEMOIZE": lambda: self._memo.__setitem__(len(self._memo), self._stack[-1]),
            "STACK_GLOBAL": self._name_of_two,
            "REDUCE": self._reduce,
            "BUILD": self._build,
        }

    def take(self, opcode: str, argument: Any) -> None:
        """Obey one opcode. Raises InputError for one that is not of plain data."""
        if opcode in _PUSHED:
            self._push(argument)
        elif opcode in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._memo[argument] = self._stack[-1]
        elif opcode in ("BINGET", "LONG_BINGET", "GET"):
            self._stack.append(self._memo[argument])
        elif opcode in _CONSTANTS:
            self._stack.append(_CONSTANTS[opcode])
        elif opcode in _TUPLES:
            self._stack.append(tuple(self._several(_TUPLES[opcode])))
        elif opcode == "GLOBAL":
            self._name(argument)
        elif opcode in self._known:
            self._known[opcode]()
        elif opcode not in _PASSED:
            raise _refusal(f"opcode {opcode}")

    def result(self) -> dict[str, object]:
        """What is left on the stack."""
        if not self._stopped or len(self._stack) != 1 or self._below:
            raise ValueError("it does not end where it should")
        found: object = self._stack[0]
        if not isinstance(found, dict):
            raise _refusal(f"a pickle of {type(found).__name__}, not of a dictionary")
        return cast("dict[str, object]", found)

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _stop(self) -> None:
        self._stopped = True

    def _mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _above(self) -> list[Any]:
        """What lies above the last mark, taken off."""
        found, self._stack = self._stack, self._below.pop()
        return found

    def _several(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise ValueError("too little on its stack")
        found = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return found

    def _extend(self, values: list[Any]) -> None:
        target: object = self._stack[-1]
        if not isinstance(target, list):
            raise _refusal("values appended to something that is no list")
        cast("list[Any]", target).extend(values)

    def _set(self, values: list[Any]) -> None:
        target: object = self._stack[-1]
        if not isinstance(target, dict):
            raise _refusal("items set in something that is no dictionary")
        self._pairs(cast("dict[str, Any]", target), values)

    @staticmethod
    def _pairs(found: dict[str, Any], values: list[Any]) -> dict[str, Any]:
        # Only texts as keys: the hash of a deeply nested tuple would be computed by recursion without a bound.
        for key, value in zip(values[::2], values[1::2], strict=True):
            if type(key) not in (str, bytes):
                raise _refusal(f"a key of type {type(key).__name__}")
            found[key if isinstance(key, str) else key.decode("latin-1")] = value
        return found

    def _name_of_two(self) -> None:
        module, name = self._several(2)
        if type(module) is not str or type(name) is not str:
            raise _refusal("a name that is no text")
        self._name(f"{module} {name}")

    def _name(self, name: str) -> None:
        if name not in _NAMES:
            raise _refusal(f"the name {name[:100].replace(' ', '.')}")
        self._stack.append(_NAMES[name])

    def _reduce(self) -> None:
        what, arguments = self._several(2)
        given = _tuple(arguments)
        if what is _Name.RECONSTRUCT and given[:1] == (_Name.ARRAY,):
            self._push(_Array())
        elif what is _Name.TYPE and given[:1] in (("u1",), (b"u1",)):
            self._push(_Bytes())
        elif what is _Name.ENCODE and len(given) == 2:
            self._push(self._encode(*given))
        elif what is _Name.TYPE and given and type(given[0]) in (str, bytes):
            raise _refusal(f"an array of {given[0][:20]!r}")
        else:
            raise _refusal("opcode REDUCE of something else than an array of bytes")

    def _encode(self, text: object, coding: object) -> bytes:
        if type(text) is not str or coding not in ("latin1", "latin-1"):
            raise _refusal("bytes that are not written as latin-1")
        self._encoded += len(text)
        if self._encoded > _MOST_BYTES:
            raise _refusal(f"more than {_MOST_BYTES} encoded bytes")
        return text.encode("latin-1")

    def _build(self) -> None:
        target, state = self._several(2)
        given = _tuple(state)
        if isinstance(target, _Array) and len(given) == 5:
            _, shape, kind, by_columns, content = given
            if not isinstance(kind, _Bytes):
                raise _refusal("an array of something else than unsigned bytes")
            data = self._encode(content, "latin-1") if isinstance(content, str) else content
            target.values = _shaped(data, _tuple(shape), by_columns=by_columns is True)
        elif not isinstance(target, _Bytes):
            raise _refusal("opcode BUILD of something else than an array of bytes")
        self._push(target)


def _tuple(value: object) -> tuple[Any, ...]:
    if not isinstance(value, tuple):
        raise _refusal(f"{type(value).__name__} in the place of a tuple")
    return cast("tuple[Any, ...]", value)


def _shaped(data: object, shape: tuple[Any, ...], *, by_columns: bool) -> NDArray[np.uint8]:
    if not isinstance(data, bytes) or not 0 < len(shape) <= _MOST_AXES:
        raise _refusal("an array without its shape or bytes")
    if not all(type(size) is int and 0 <= size <= _MOST_BYTES for size in shape) or math.prod(shape) != len(data):
        raise _refusal(f"an array whose {len(data)} bytes do not fit its shape")
    return np.frombuffer(data, np.uint8).reshape(shape, order="F" if by_columns else "C")
