"""The page of what bench-top scripts use, from signatures and docstrings."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from labmtj.config.finder import shipped_root
from labmtj.docs.reference.markdown import escape, prose

_FIRST = (
    ("labmtj", "open_bench"),
    ("labmtj", "run"),
    ("labmtj.protocol.engine", "resume"),
    ("labmtj.protocol.engine", "Outcome"),
    ("labmtj.bench.session", "OpenBench"),
    ("labmtj.bench.session", "CellHandle"),
    ("labmtj.ports", "ArrayAccess"),
    ("labmtj.records", "Reading"),
    ("labmtj.records", "PulseOutcome"),
    ("labmtj.records", "DieMap"),
    ("labmtj.runs.journal", "read_journal"),
)
_WIDTH = 80  # chosen: characters of a signature that every screen shows


def python_api() -> str:
    """The page."""
    parts = [
        "# Python\n",
        "What the shipped scripts use, and what a script of yours may. Voltages, currents, resistances and times are\n"
        "plain numbers in V, A, ohm and s; where a text is taken it carries its unit. Rows and columns count from 1\n"
        "in `Cell(row, col)` and from 0 in arrays.\n",
    ]
    last = ""
    for module, name in names():
        if module != last:
            parts.append(f"## {module}\n")
            last = module
        parts += entry(module, name)
    return "\n".join(parts)


def names() -> list[tuple[str, str]]:
    """What is shown: the entry points, then what the shipped scripts import, module by module."""
    found = set[tuple[str, str]]()
    for path in (shipped_root() / "protocols/scripts").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("labmtj."):
                found |= {(str(node.module), one.name) for one in node.names}
    first = list(_FIRST)
    known = {module for module, _ in first}
    rest = sorted(found - set(first))
    listed: list[tuple[str, str]] = []
    for module in dict.fromkeys(module for module, _ in first):
        listed += [one for one in (*first, *rest) if one[0] == module]
    return [*listed, *(one for one in rest if one[0] not in known)]


def entry(module: str, name: str) -> Iterator[str]:
    """The section of one function or class."""
    found = getattr(import_module(module), name)
    yield f"### {name}\n"
    if not (inspect.isclass(found) or inspect.isfunction(found)):
        yield f"`{found!r}`\n"
        return
    signature = _signature(found)
    if signature:
        yield f"```text\n{name}{signature}\n```\n"
    yield prose(inspect.getdoc(found) or "")
    if inspect.isclass(found):
        methods = list(_methods(found))
        if methods:
            yield "".join(methods)


def _methods(kind: type[Any]) -> Iterator[str]:
    members: dict[str, Any] = dict(vars(kind))
    for name, member in members.items():
        if name.startswith("_"):
            continue
        inside: Any = getattr(member, "__func__", member)  # of a class method
        if not (inspect.isfunction(inside) or isinstance(inside, property)):
            continue
        shown = "" if isinstance(inside, property) else " ".join(_signature(inside).split()).replace("( ", "(")
        text = (inspect.getdoc(inside) or "").partition("\n\n")[0]
        yield f"- `{name}{shown}`: {escape(' '.join(text.split()))}\n"


def _signature(found: Any) -> str:
    """Names and defaults; types are left to the docstrings, and `self` to Python."""
    if inspect.isclass(found) and not dataclasses.is_dataclass(found):
        return ""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return ""
    words: list[str] = []
    star = False
    for one in parameters:
        if one.name in {"self", "cls"}:
            continue
        if one.kind is one.KEYWORD_ONLY and not star:
            words.append("*")
            star = True
        default = "" if one.default is one.empty else f"={_shown(one.default)}"
        star = star or one.kind is one.VAR_POSITIONAL
        words.append(("*" if one.kind is one.VAR_POSITIONAL else "") + one.name + default)
    return _broken(words)


def _broken(words: list[str]) -> str:
    """Arguments on one line where they fit."""
    line = f"({', '.join(words)})"
    return line if len(line) <= _WIDTH else "(\n    " + ",\n    ".join(words) + ",\n)"


def _shown(value: object) -> str:
    """A default that reads the same everywhere."""
    plain = value is None or isinstance(value, (bool, int, float, str))
    return repr(value) if plain else "..."
