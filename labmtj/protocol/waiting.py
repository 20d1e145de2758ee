"""A run that waits: for a person who answers, wherever that person sits, or for time to pass.

The bench is at rest meanwhile: every line at ground, every source at 0 V. That is between two requests to the array,
so the guardian expects no heartbeat however long it takes, and still makes the bench safe if the process dies. Now and
then the bench is told to stay at rest, which notices at once if somebody else has made it safe.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from labmtj.host_state import who
from labmtj.ports import Clock
from labmtj.protocol.observer import Observer
from labmtj.protocol.replay.past import Past
from labmtj.protocol.stop import StopRequest
from labmtj.runs.asking import Answer, Kind, Question, given
from labmtj.runs.journal import FileJournal

_LOOK = 0.2  # [s] chosen: between two looks for an answer; nobody notices it, and it costs nothing
_REST = 10.0  # [s] chosen: between two times that the bench is told to stay at rest
_TYPED = {"y": "yes", "yes": "yes", "n": "no", "no": "no"}


class Answering(enum.Enum):
    """Who answers: a person, or nobody: all is agreed to in advance.

    AUTO is a person on a bench that is real; a simulated one, where nothing can come to harm, goes on by itself.
    """

    AUTO = "auto"
    PERSON = "person"
    ADVANCE = "advance"


def no_keyboard(seconds: float) -> str | None:
    """What is typed where there is no keyboard: nothing, after so many seconds."""
    time.sleep(seconds)
    return None


@dataclass(frozen=True)
class Asking:
    """How the questions of a run are answered; `typed` waits so many seconds [s] for a line from a keyboard.

    `operator` is the name of who sits at it; the login name if that is not said.
    """

    answering: Answering = Answering.AUTO
    typed: Callable[[float], str | None] = no_keyboard
    operator: str = ""

    @property
    def keyboard(self) -> bool:
        """Whether somebody may type an answer."""
        return self.typed is not no_keyboard


class Person(Protocol):
    """Whom a step may ask."""

    def ask(
        self, kind: Kind, text: str, *, seconds: float | None = None, final: tuple[str, ...] = ("yes", "go on")
    ) -> Answer:
        """Wait for an answer, or for `seconds` [s]; what is not `final` is asked again when a run is resumed."""
        ...


@dataclass
class Waiting:
    """Asks for a run over its journal (`Person`); `rest` puts its bench at rest, `step` is the number of the step."""

    folder: Path
    journal: FileJournal
    past: Past
    clock: Clock
    rest: Callable[[], None]
    watcher: Observer
    stop: StopRequest
    asking: Asking
    simulated: bool
    step: int = 0

    def ask(
        self, kind: Kind, text: str, *, seconds: float | None = None, final: tuple[str, ...] = ("yes", "go on")
    ) -> Answer:
        """Wait for an answer that the journal does not have yet. Raises Stopped, and BenchError of a lost bench."""
        while (entry := self.past.answer("answer")) is not None:
            if entry["answer"] in final:
                return Answer(int(entry["of"]), entry["answer"], entry["who"], entry["how"])
        self.rest()
        began = self._since(kind, text, seconds)
        number = self.journal.count
        asked: dict[str, Any] = {"step": self.step, "kind": kind, "text": text, "seconds": seconds}
        question = Question(number, kind, text, _wall(), seconds)
        times = {"began": round(began, 9), "t": round(self.clock.now(), 9), "wall": question.since}
        self.journal.record("ask", {**asked, **times})
        found = self._answer(question, began)
        now = self.clock.now()
        content = {"of": number, "answer": found.answer, "who": found.who, "how": found.how}
        self.journal.record("answer", {**content, "t": round(now, 9), "wall": _wall()})
        self.past.seen(now)
        return found

    def _since(self, kind: Kind, text: str, seconds: float | None) -> float:
        """When this question was asked first [s]: what has passed of a pause since has passed, also without a run."""
        before = self.past.unanswered
        self.past.unanswered = None
        if before is None or (before["kind"], before["text"], before.get("seconds")) != (kind, text, seconds):
            return self.clock.now()
        return float(before["began"])

    def _answer(self, question: Question, began: float) -> Answer:
        """The answer, however it comes."""
        if question.seconds is None and self.asking.answering is Answering.ADVANCE:
            return Answer(question.number, question.answers[0], self._operator, "option")
        if self.simulated and question.seconds is not None:
            self.clock.sleep(max(0.0, began + question.seconds - self.clock.now()))
            return Answer(question.number, "go on", "", "time")
        if self.simulated and self.asking.answering is Answering.AUTO:
            return Answer(question.number, question.answers[0], "", "simulated")
        end = None if question.seconds is None else began + question.seconds
        self.watcher.asked(question, self._how(question))
        found = self._wait(question, end)
        self.watcher.answered(question, found)
        return found

    def _wait(self, question: Question, end: float | None) -> Answer:
        """Wait for whoever answers first, or for the `end` [s] on the bench's clock."""
        rest = time.monotonic() + _REST
        while True:
            self.stop.check()
            found = given(self.folder, question)
            if found is not None:
                return found
            left = _LOOK if end is None else min(_LOOK, end - self.clock.now())
            if left <= 0.0:
                return Answer(question.number, "go on", "", "time")
            line = self.asking.typed(left)
            if line is not None:
                said = _TYPED.get(line.strip().lower(), "") if question.kind == "confirm" else "go on"
                if said:
                    return Answer(question.number, said, self._operator, "terminal")
                self.watcher.asked(question, self._how(question))
            if time.monotonic() > rest:
                self.rest()
                rest = time.monotonic() + _REST

    def _how(self, question: Question) -> str:
        """What ends the wait, for a person."""
        words = "|".join(question.answers)
        command = f"labmtj answer {self.folder} {words.replace(' ', '-')}"
        typed = "type y or n" if question.kind == "confirm" else "press Enter to go on"
        return f"{typed}, or elsewhere: {command}" if self.asking.keyboard else f"answer with: {command}"

    @property
    def _operator(self) -> str:
        return self.asking.operator or str(who()["user"])


def _wall() -> str:
    """The wall's time, for an entry."""
    return str(who()["wall"])
