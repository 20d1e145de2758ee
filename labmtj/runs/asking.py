"""Questions of a run to a person: what it waits for, and how an answer reaches it from another process.

The journal belongs to the process that runs, so an answer is a line in `answers.jsonl` beside it, which the run looks
at while it waits; it then writes the answer into its journal, with who gave it and how. A question is known by the
number of its entry, so an answer to one question can never be taken for the answer to another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from labmtj.errors import InputError, StorageError

NAME = "answers.jsonl"
"""The file of answers in a run folder."""

Kind = Literal["confirm", "pause"]
ANSWERS: dict[Kind, tuple[str, ...]] = {"confirm": ("yes", "no"), "pause": ("go on",)}
"""What may be answered to a question of each kind."""


@dataclass(frozen=True)
class Question:
    """What a run waits for: `number` is that of its entry, `since` the wall's time (ISO 8601).

    `seconds` [s, of the bench's clock] is how long a pause lasts by itself, None where only a person ends it.
    """

    number: int
    kind: Kind
    text: str
    since: str
    seconds: float | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        """What may be answered."""
        return ANSWERS[self.kind]


@dataclass(frozen=True)
class Answer:
    """What was answered to the question with this number: by whom, and how (terminal, command, page, ..)."""

    number: int
    answer: str
    who: str
    how: str

    @property
    def by(self) -> str:
        """By whom and how, to stand after the answer."""
        return f" by {self.who} ({self.how})" if self.who else f" ({self.how})"


def pending(entries: Iterable[Mapping[str, Any]]) -> Question | None:
    """The question that a run waits with, by the entries of its journal; None if it waits for nobody.

    A run that ended, or came back to its bench, after it asked, has not asked now.
    """
    found: Question | None = None
    for entry in entries:
        match entry["k"]:
            case "ask":
                found = question_of(entry)
            case "answer" | "end" | "resume":
                found = None
            case _:
                pass
    return found


def aborted(entries: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The entry of the criterion that ended a run and that nobody has let it go past since; None for no such run."""
    found: Mapping[str, Any] | None = None
    for entry in entries:
        if entry["k"] == "abort":
            found = entry
        elif entry["k"] == "past_abort":
            found = None
    return found


def question_of(entry: Mapping[str, Any]) -> Question:
    """The question of an `ask` entry."""
    return Question(int(entry["n"]), entry["kind"], str(entry["text"]), str(entry["wall"]), entry.get("seconds"))


def give(folder: Path, number: int, answer: str, *, who: str, how: str) -> None:
    """Answer the question with this number of the run in `folder`; the run takes it within a second.

    Raises InputError for what is no answer to any question, StorageError where it cannot be written.
    """
    known = [word for words in ANSWERS.values() for word in words]
    if answer not in known:
        raise InputError(f"{answer!r} answers no question of a run; write one of: {', '.join(known)}")
    wall = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"of": number, "answer": answer, "who": who, "how": how, "wall": wall}) + "\n"
    path = folder / NAME
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, line.encode())  # one call: lines of two people do not mix
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise StorageError(f"{path}: the answer cannot be written: {error.strerror or error}") from error


def given(folder: Path, question: Question) -> Answer | None:
    """The first answer that somebody gave to a question and that answers it; None so far."""
    try:
        lines = (folder / NAME).read_bytes().split(b"\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{folder / NAME}: answers cannot be read: {error.strerror}") from error
    for line in lines[:-1]:  # what follows the last line end is not whole yet
        try:
            found: Any = json.loads(line)
        except ValueError:
            continue  # a line that somebody typed by hand is no answer
        if not isinstance(found, dict):
            continue
        said = cast("dict[str, Any]", found)
        if said.get("of") == question.number and said.get("answer") in question.answers:
            return Answer(question.number, str(said["answer"]), str(said.get("who", "")), str(said.get("how", "")))
    return None
