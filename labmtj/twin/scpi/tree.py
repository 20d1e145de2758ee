"""The commands of one instrument by header (SCPI-1999 volume 1, section 6.2): long and short forms, suffixes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from labmtj.twin.scpi.call import Call
from labmtj.twin.scpi.errors import ScpiError
from labmtj.twin.scpi.syntax import forms

Setter = Callable[[Call], object]
Getter = Callable[[Call], str | None]

_NODE = re.compile(r"(?:\[:?(?P<optional>[A-Za-z][\w|]*)(?P<a>#?):?\]|:?(?P<needed>[A-Za-z][\w|]*)(?P<b>#?))", re.ASCII)
_LONGEST_MNEMONIC = 12  # IEEE 488.2-1992, 7.6.1.4.1
_LONGEST_SUFFIX = 6  # digits; chosen: no model counts further than three
_NOT_NUMBERED = -1


@dataclass(frozen=True)
class Command:
    """What one way of writing a header leads to; `slots`: the suffix's number of each node, or -1."""

    header: str
    handler: Setter | Getter
    most: int
    slots: tuple[int, ...]
    suffixes: int
    choices: tuple[str, ...]


@dataclass
class _Node:
    children: dict[str, _Node] = field(default_factory=lambda: {})
    commands: dict[bool, Command] = field(default_factory=lambda: {})  # by: is it a query?


@dataclass(frozen=True)
class _Part:
    """One node of a pattern: its alternatives, whether it may be left out, its suffix and its choice number."""

    names: tuple[str, ...]
    optional: bool
    slot: int
    choice: int


class Headers:
    """All headers of an instrument; each node is looked up in its parent, so that a search takes a step a node."""

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, pattern: str, *, handler: Setter | Getter, query: bool, most: int, replace: bool) -> None:
        """Add all ways to write `pattern`.

        Raises ValueError for a pattern that cannot be read, or a header that is taken (unless `replace`).
        """
        parts = _parts(pattern)
        suffixes = sum(part.slot != _NOT_NUMBERED for part in parts)
        choices = sum(part.choice >= 0 for part in parts)
        for names in itertools.product(*(part.names + (("",) if part.optional else ()) for part in parts)):
            present = [(name, part) for name, part in zip(names, parts, strict=True) if name]
            if not present:
                continue
            chosen = [""] * choices
            node = self._root
            for name, part in present:
                short, long = forms(name)
                if long not in node.children and short in node.children:
                    raise ValueError(f"{pattern}: {short} is short for another header there")
                child = node.children.setdefault(long, _Node())
                node = node.children.setdefault(short, child)
                if part.choice >= 0:
                    chosen[part.choice] = long
            taken = node.commands.get(query)
            if taken is not None and taken.handler is not handler and not replace:
                raise ValueError(f"{pattern} would hide {taken.header}; make one more of their nodes compulsory")
            slots = tuple(part.slot for _, part in present)
            node.commands[query] = Command(pattern, handler, most, slots, suffixes, tuple(chosen))

    def find(self, names: Sequence[str], *, query: bool) -> tuple[Command, tuple[int, ...]]:
        """The command that upper case node names lead to, with its suffixes.

        Raises ScpiError -112, -113 or -114.
        """
        node, numbers = self._root, list[int | None]()
        for name in names:
            child, found = node.children.get(name), None
            if child is None:
                stem = name.rstrip("0123456789")
                child, digits = node.children.get(stem), name[len(stem) :]
                if child is None or not digits:
                    raise ScpiError(-112 if len(stem) > _LONGEST_MNEMONIC else -113)
                if len(digits) > _LONGEST_SUFFIX:
                    raise ScpiError(-114)
                found = int(digits)
            node = child
            numbers.append(found)
        command = node.commands.get(query)
        if command is None:
            raise ScpiError(-113)
        suffixes = [1] * command.suffixes
        for slot, sent in zip(command.slots, numbers, strict=True):
            if sent is None:
                continue
            if slot != _NOT_NUMBERED:
                suffixes[slot] = sent
            elif sent != 1:  # a suffix 1 may always be written
                raise ScpiError(-114)
        return command, tuple(suffixes)


def _parts(pattern: str) -> list[_Part]:
    found: list[_Part] = []
    position = suffixes = choices = 0
    while position < len(pattern):
        node = _NODE.match(pattern, position)
        if node is None:
            raise ValueError(f"{pattern!r} is no header pattern: cannot read {pattern[position:]!r}")
        names = tuple((node["optional"] or node["needed"]).split("|"))
        numbered = bool(node["a"] or node["b"])
        found.append(
            _Part(
                names,
                optional=node["optional"] is not None,
                slot=suffixes if numbered else _NOT_NUMBERED,
                choice=choices if len(names) > 1 else -1,
            )
        )
        suffixes += numbered
        choices += len(names) > 1
        position = node.end()
    if not found:
        raise ValueError("a header pattern needs a node")
    return found
