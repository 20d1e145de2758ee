"""YAML files as data with a position for every key and every value; tags and duplicate keys are refused."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from labmtj.config import yaml12
from labmtj.config.yaml12 import TAG
from labmtj.errors import FileProblems, InputError, MissingFile, Problem

KeyPath = tuple[str | int, ...]

MAX_BYTES = 1_000_000  # chosen: far above any bench or protocol, low enough that a hostile file is refused at once
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_LONGEST_EXCERPT = 160


@dataclass(frozen=True)
class Mark:
    """Where something stands, counted from 1, and how many characters it covers on that line."""

    line: int
    column: int
    width: int


@dataclass(frozen=True)
class SetProblem(Problem):
    """Something wrong with a value from the command line: `where` is the option, there is no line."""

    def __str__(self) -> str:
        prefix = f"{self.path}: " if self.path else ""
        return f"{self.where}: {prefix}{self.message}" + (f"\n  {self.hint}" if self.hint else "")


@dataclass(frozen=True)
class Source:
    """A YAML document: its data, and where each key and value of it stands.

    `name` is how messages call it. `changed` holds the paths that the command line set, with the
    option's text; what is below such a path has no place in the file.
    """

    name: str
    path: Path | None
    text: str
    data: Any
    keys: Mapping[KeyPath, Mark]
    values: Mapping[KeyPath, Mark]
    changed: Mapping[KeyPath, str] = field(default_factory=dict[KeyPath, str])

    def setting(self, path: KeyPath) -> str:
        """Text of the option that set `path` or something above it; empty if it comes from the file."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.changed:
                return self.changed[path[:length]]
        return ""

    def mark(self, path: KeyPath, *, key: bool = False) -> Mark:
        """Position of the value at `path` (or of its key), or of the nearest thing above that is written."""
        for length in range(len(path), 0, -1):
            whole = length == len(path)
            marks = self.values if whole and not key else self.keys
            found = marks.get(path[:length]) or self.values.get(path[:length])
            if found is not None:
                return found
        top = self.values[()]
        return Mark(top.line, top.column, 1)

    def place(self, path: KeyPath) -> str:
        """File and line of a value, or the option that set it, for a message about another file."""
        return self.setting(path) or f"{self.name}:{self.mark(path).line}"

    def problem(self, path: KeyPath, message: str, *, hint: str = "", key: bool = False) -> Problem:
        """Make a problem positioned at the value at `path`, or at its key."""
        setting = self.setting(path)
        if setting:
            return SetProblem(where=setting, message=message, line=0, column=0, path=in_words(path), hint=hint)
        mark = self.mark(path, key=key)
        return _problem(self.name, self.text, mark, message, path=in_words(path), hint=hint)

    def effective_text(self) -> str:
        """Write the document as YAML: as it was written, or dumped anew if the command line changed it."""
        if parse(self.text, name=self.name).data == self.data:
            return self.text
        options = "".join(f"# {' '.join(text.split())}\n" for text in dict.fromkeys(self.changed.values()))
        body = yaml12.dump(self.data)
        return f"# {self.name}, as it was used{' with' if options else ''}\n{options}{body}"


def in_words(path: KeyPath) -> str:
    """Write a path as a person does, steps without their number: program.pulse.width, limits.cell_voltage."""
    if len(path) > 2 and path[0] == "steps" and isinstance(path[1], int):
        path = path[2:]
    words = ""
    for part in path:
        words += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return words.lstrip(".")


def _problem(name: str, text: str, mark: Mark, message: str, *, path: str = "", hint: str = "") -> Problem:
    lines = _BREAK.split(text)
    excerpt = lines[mark.line - 1] if mark.line <= len(lines) else ""
    excerpt = excerpt.replace("\t", " ").rstrip()[:_LONGEST_EXCERPT]
    if mark.column > _LONGEST_EXCERPT:
        excerpt = ""
    width = max(1, min(mark.width, len(excerpt) + 1 - mark.column))
    return Problem(name, message, mark.line, mark.column, path=path, excerpt=excerpt, width=width, hint=hint)


def _syntax_hint(problem: str, context: str, opened: str) -> str:
    """What to do about a syntax error; `opened` is where that began which ends wrongly."""
    if "'@'" in problem or "'`'" in problem or "'%'" in problem:
        return 'a text that begins with this character needs quotes, for example "@py"'
    if "'\\t'" in problem:
        return "indent with spaces, not with tabs"
    if "mapping values are not allowed" in problem:
        return "a text that holds a colon needs quotes; fields of one mapping must begin in one column"
    if "flow" in context:
        comma = "a comma may be missing here, or " if "got ':'" in problem else ""
        what = "bracket" if "sequence" in context else "brace"
        return f"{comma}the {what} that opens in {opened} may not be closed; texts with commas or colons need quotes"
    if "quoted" in context:
        return f"the quote that opens in {opened} is not closed"
    if "block" in context:
        what = "entries of one list" if "collection" in context or "sequence" in context else "fields of one mapping"
        return f"{what} must begin in one column; what this stands in begins in {opened}"
    return ""


class _Builder:
    """Turns composed nodes into data, keeping positions; refuses what has no meaning here."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.lines = _BREAK.split(text)
        self.keys: dict[KeyPath, Mark] = {}
        self.values: dict[KeyPath, Mark] = {}
        self.problems: list[Problem] = []
        self.count = 0

    def mark(self, node: yaml.Node) -> Mark:
        start, end = node.start_mark, node.end_mark
        line: str = self.lines[start.line] if start.line < len(self.lines) else ""
        stop: int = end.column if end.line == start.line else len(line.rstrip())
        return Mark(start.line + 1, start.column + 1, max(1, stop - start.column))

    def refuse(self, node: yaml.Node, message: str, path: KeyPath) -> None:
        self.problems.append(_problem(self.name, self.text, self.mark(node), message, path=in_words(path)))

    def build(self, node: yaml.Node, path: KeyPath = ()) -> Any:
        self.count += 1
        if self.count > yaml12.MAX_NODES or len(path) > yaml12.MAX_DEPTH:
            message = "aliases make this file unfold without bound"
            raise FileProblems([_problem(self.name, self.text, self.mark(node), message)])
        self.values[path] = self.mark(node)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == TAG + "seq":
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode) and node.tag == TAG + "map":
            return self.mapping(node, path)
        self.refuse(node, f"tags such as {node.tag} are not used here", path)
        return None

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.refuse(key_node, "a key must be a plain text", path)
                continue
            # A key is the text that stands there: `on:` and `1:` are names, not a boolean and a number.
            key = key_node.value
            here = (*path, key)
            if key in out:
                self.refuse(key_node, f"{key} stands twice, first in line {self.keys[here].line}", here)
                continue
            self.keys[here] = self.mark(key_node)
            out[key] = self.build(value_node, here)
        return out

    def scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        try:
            return yaml12.scalar(node)
        except ValueError as error:
            self.refuse(node, str(error), path)
            return None


def parse(text: str, *, name: str, path: Path | None = None) -> Source:
    """Read YAML text. Raises FileProblems with line and column."""
    try:
        node = yaml12.compose(text)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        mark = Mark(at.line + 1, at.column + 1, 1) if at else Mark(1, 1, 1)
        message, context = error.problem or "cannot be read", error.context or ""
        begun = error.context_mark or at
        opened = f"line {begun.line + 1}, column {begun.column + 1}" if begun else "the first line"
        hint = _syntax_hint(message, context, opened)
        whole = f"this is not YAML: {message}" + (f" ({context})" if context else "")
        raise FileProblems([_problem(name, text, mark, whole, hint=hint)]) from None
    except yaml.reader.ReaderError as error:
        before = _BREAK.split(text[: error.position])
        mark = Mark(len(before), len(before[-1]) + 1, 1)
        message = f"the character U+{ord(text[error.position]):04X} may not stand in YAML"
        raise FileProblems([_problem(name, text, mark, message)]) from None
    if node is None:
        raise FileProblems([Problem(name, "the file is empty", 1, 1)])
    builder = _Builder(name, text)
    data = builder.build(node)
    if builder.problems:
        raise FileProblems(builder.problems)
    return Source(name, path, text, data, builder.keys, builder.values)


def read(path: str | Path) -> Source:
    """Read a YAML file. Raises MissingFile, InputError, or FileProblems with line and column."""
    path = Path(path)
    name = str(path)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        name = os.path.relpath(path)
    if not path.exists():
        raise MissingFile(f"{name}: there is no such file")
    if not path.is_file():
        raise InputError(f"{name}: this is not a file")
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{name}: the file cannot be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise InputError(f"{name}: the file is larger than {MAX_BYTES // 1000} kB; is it the right one?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = _BREAK.split(raw[: error.start].decode("utf-8", errors="replace"))
        message = f"the file is not UTF-8 (byte 0x{raw[error.start]:02X}); save it as UTF-8"
        raise FileProblems([Problem(name, message, len(before), len(before[-1]) + 1)]) from None
    return parse(text, name=name, path=path)
