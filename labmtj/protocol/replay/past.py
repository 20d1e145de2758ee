"""What a journal tells of a run so far, entry by entry, and the moment where it ends and the bench goes on.

Steps and routines do the same again when they are given the same answers, so a run is continued by running its
protocol over its journal: each question takes the next answer from there, and the first one that finds none is put to
the bench. Before that the run comes back: the bench is looked at, and an intent without an outcome is settled by a
reading. A run may come back several times; what it found each time is in the journal, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from labmtj.errors import CannotResume

Entry = dict[str, Any]
RETURN = "resume"
"""The entry with which a run comes back; "back" ends what was looked at then."""
_ASIDE = frozenset(
    {
        "run",
        "bench",
        "at",
        "end",
        "account",
        "command",
        "gap",
        "limit",
        "interlock",
        "acknowledge",
        "summary",
        "states",
        "outcome",
        "ask",
        "abort",
        "past_abort",
    }
)
"""Entries that no step asks for; outcomes are found by the number of their intent."""


class CutShort(Exception):
    """Internal: coming back has itself ended before it was through, so it begins anew."""


class Past:
    """The journal of a run until now; of a new run there is none, and it is `live` from its first question on."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        known = list(entries)
        self.live = not known
        self._entries = deque(entry for entry in known if not _aside(entry))
        self.intents = {int(entry["n"]): entry for entry in known if entry["k"] == "intent"}
        self._outcomes = {int(entry["of"]): entry for entry in known if entry["k"] == "outcome"}
        self.unresolved = [number for number in self.intents if number not in self._outcomes]
        self.time = max((float(e["t"]) for e in known[:40] if e["k"] == "bench"), default=0.0)
        self.began = self.time
        reads = [e["v"] for e in known if e["k"] == "read"]
        self.read_voltage: float | None = reads[-1] if reads else None
        self.ended = max((float(e["t"]) for e in known if "t" in e), default=0.0)
        self.unanswered = _unanswered(known)
        """The question that the run waited with when it was left; None if with none."""
        self.acknowledged = frozenset(str(entry["criterion"]) for entry in known if entry["k"] == "past_abort")
        """Criteria of the protocol that ended the run, and that a person has let it go past."""
        self._returning = False
        self.come_back: Callable[[Entry], None] = _nothing
        """Called whenever the run came back, with what the journal noted of it."""
        self.go_on: Callable[[], Entry] = dict
        """Called once, where the journal ends: it notes that the run goes on, and returns that entry."""

    @property
    def returning(self) -> bool:
        """Whether the run is coming back just now."""
        return self._returning

    def answer(self, kind: str) -> Entry | None:
        """The next answer, of this kind; None if the bench has to give it. Raises CannotResume for another one."""
        while not self.live:
            if not self._entries:
                self._continue()
                break
            entry = self._entries[0]
            if entry["k"] == RETURN:
                if self._returning:
                    raise CutShort
                self._entries.popleft()
                self._return(entry)
                continue
            self._entries.popleft()
            if entry["k"] != kind:
                raise self.differs(entry, "the kind of question", entry["k"], kind)
            self.time = float(entry.get("t", self.time))
            return entry
        return None

    def outcome(self, number: int) -> Entry:
        """What became of the pulse with this number; if nobody knows, the run comes back and reads its cells first."""
        if number not in self._outcomes:
            if self.live:
                raise CannotResume(f"the pulse with the number {number} was not settled when the run came back")
            self._continue()
        return self._outcomes[number]

    def seen(self, time: float) -> None:
        """The bench has answered at this time [s], which the journal keeps with so many digits."""
        self.time = round(time, 9)

    def settled(self, entry: Entry) -> None:
        """A pulse whose end nobody saw has been looked at."""
        self._outcomes[int(entry["of"])] = entry

    def differs(self, entry: Entry, what: str, then: object, now: object) -> CannotResume:
        """The error that a question is another one than that of the journal."""
        return CannotResume(
            f"entry {entry['n']} of the journal: {what} was {then}, this program asks for {now}: it is not the version "
            "of labmtj, or not the protocol, that wrote it. Begin a new run"
        )

    def _continue(self) -> None:
        if self._returning:
            raise CutShort
        self.live = True
        self.come_back(self.go_on())

    def _return(self, entry: Entry) -> None:
        self._returning = True
        try:
            self.come_back(entry)
        except CutShort:
            pass  # the next such entry, or this process, begins it anew
        finally:
            self._returning = False


def _aside(entry: Entry) -> bool:
    """Whether no question is answered by it; a magnet that goes to zero when the bench is left was not asked to."""
    return entry["k"] in _ASIDE or (entry["k"] == "field" and bool(entry.get("leaving")))


def _unanswered(entries: Iterable[Entry]) -> Entry | None:
    """The first of the questions that were asked since the last answer: a run asks again when it comes back."""
    found: Entry | None = None
    for entry in entries:
        if entry["k"] == "answer":
            found = None
        elif entry["k"] == "ask" and found is None:
            found = entry
    return found


def _nothing(entry: Entry) -> None:
    del entry
