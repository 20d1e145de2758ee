"""The status model of TSP instruments as tables of its registers.

Tree and bits: Series 2600B Reference Manual, 2600BS-901-01 Rev. F, appendix on the status model and pages
on `status.*`. A register set sums up into a bit of the set above it, at last into the status byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from labmtj.twin.status import Register, Status
from labmtj.twin.tsp.tables import Table, TspError, within

BYTE: Mapping[str, int] = {  # long and short names of the bits of the status byte
    "MEASUREMENT_SUMMARY_BIT": 1,
    "MSB": 1,
    "SYSTEM_SUMMARY_BIT": 2,
    "SSB": 2,
    "ERROR_AVAILABLE": 4,
    "EAV": 4,
    "QUESTIONABLE_SUMMARY_BIT": 8,
    "QSB": 8,
    "MESSAGE_AVAILABLE": 16,
    "MAV": 16,
    "EVENT_SUMMARY_BIT": 32,
    "ESB": 32,
    "MASTER_SUMMARY_STATUS": 64,
    "MSS": 64,
    "OPERATION_SUMMARY_BIT": 128,
    "OSB": 128,
}
_TOP = {"measurement": 1, "system": 2, "questionable": 8, "operation": 128}
_WORDS = {"condition": False, "event": False, "enable": True, "ptr": True, "ntr": True}


class StatusTree:
    """Registers by path below `status`, such as "operation.sweeping"; `sets` maps each to its bit in the set above."""

    def __init__(self, sets: Mapping[str, int], *, errors: Callable[[], bool]) -> None:
        self.status, self._errors = Status(), errors
        for name, bit in _TOP.items():
            self.status.registers.setdefault(name, Register(bit))
        self._sets = {**self.status.registers, **{path: Register(bit) for path, bit in sets.items()}}
        self._watched: dict[str, Callable[[], int]] = {}

    def tables(self) -> dict[str, Table]:
        """Every register set as a table, by its full name."""
        found: dict[str, Table] = {"status": _Root(self), "status.standard": _Standard(self.status)}
        found.update({f"status.{path}": _Set(self, path) for path in self._sets})
        return found

    def watch(self, path: str, condition: Callable[[], int]) -> None:
        """Ask `condition` whenever the condition of this set is read."""
        self._watched[path] = condition

    def byte(self, *, waiting: bool) -> int:
        """The status byte."""
        return self.status.byte(waiting=waiting, errors=self._errors())

    def change(self, path: str, condition: int) -> None:
        """Take a new condition of a register set."""
        register = self._sets[path]
        if register.condition != condition:
            register.change(condition)
            self._sum_up(path)

    def clear(self) -> None:
        """*CLS: all events are forgotten."""
        self.status.clear()
        for register in self._sets.values():
            register.event = 0

    def reset(self, *_: Any) -> None:
        """status.reset(): all enable registers, filters and events to their defaults."""
        self.clear()
        self.status.ese = self.status.sre = 0
        for register in self._sets.values():
            register.preset()

    def read(self, path: str, word: str) -> int:
        """One register of a set; reading the event register clears it."""
        register = self._sets[path]
        match word:
            case "condition":
                if path in self._watched:
                    self.change(path, self._watched[path]())
                return register.condition
            case "event":
                found = register.read()
                self._sum_up(path)
                return found
            case "enable":
                return register.enable
            case "ptr":
                return register.rising
            case _:
                return register.falling

    def write(self, path: str, word: str, bits: int) -> None:
        """Set an enable register or a transition filter."""
        register = self._sets[path]
        match word:
            case "enable":
                register.enable = bits
                self._sum_up(path)
            case "ptr":
                register.rising = bits
            case _:
                register.falling = bits

    def _sum_up(self, path: str) -> None:
        """Carry a set's summary into the set above it."""
        above, dot, _ = path.rpartition(".")
        if dot:
            register, bit = self._sets[above], self._sets[path].summary_bit
            self.change(above, register.condition | bit if self._sets[path].summary else register.condition & ~bit)


class _Set:
    """condition, event, enable, ptr and ntr of one register set."""

    luatype, attributes = "status", _WORDS

    def __init__(self, tree: StatusTree, path: str) -> None:
        self._tree, self._path = tree, path

    def get(self, key: str) -> int | None:
        return self._tree.read(self._path, key) if key in _WORDS else None

    def set(self, key: str, value: Any) -> None:
        name = f"status.{self._path}.{key}"
        if not _WORDS.get(key, False):
            raise TspError(1101, f"Parameter {name}: no such attribute, or it is read-only")
        self._tree.write(self._path, key, int(within(name, value, 0, 0x7FFF)))


class _Standard:
    """The standard event status register set."""

    luatype, attributes = "status", _WORDS

    def __init__(self, status: Status) -> None:
        self._status = status

    def get(self, key: str) -> int | None:
        match key:
            case "event":
                return self._status.read_events()
            case "enable":
                return self._status.ese
            case "condition":
                return 0
            case _:
                return 0xFD if key == "ptr" else 0 if key == "ntr" else None

    def set(self, key: str, value: Any) -> None:
        if key not in ("enable", "ptr", "ntr"):
            raise TspError(1101, f"Parameter status.standard.{key}: no such attribute, or it is read-only")
        bits = int(within(f"status.standard.{key}", value, 0, 0xFFFF))
        if key == "enable":
            self._status.ese = bits & 0xFF


class _Root:
    """status.condition, the status byte, and the masks beside it."""

    luatype, attributes = "status", {"condition": False, "request_enable": True, "node_enable": True}

    def __init__(self, tree: StatusTree) -> None:
        self._tree, self._node = tree, 0

    def get(self, key: str) -> int | None:
        match key:
            case "condition":
                return self._tree.byte(waiting=False)
            case "request_enable":
                return self._tree.status.sre
            case "node_enable":
                return self._node
            case _:
                return None

    def set(self, key: str, value: Any) -> None:
        if not self.attributes.get(key, False):
            raise TspError(1101, f"Parameter status.{key}: no such attribute, or it is read-only")
        bits = int(within(f"status.{key}", value, 0, 255))
        if key == "node_enable":
            self._node = bits
        else:
            self._tree.status.sre = bits & ~64
