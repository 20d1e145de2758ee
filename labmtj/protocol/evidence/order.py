"""What must hold from entry to entry: pulses and their outcomes, time, steps, and what may follow an end."""

from __future__ import annotations

from collections.abc import Iterator

from labmtj.protocol.evidence.check import Check, named
from labmtj.protocol.evidence.lines import Entry, Lines

_AFTER_END = ("command", "limit", "past_abort")
_TIMED = frozenset({"read", "sum", "sample", "product", "products", "neuron", "outcome", "field"})
_GRAIN = 1e-9  # [s] times are rounded to this


def check_order(lines: Lines, *, running: bool) -> Iterator[Check]:
    """Whether the entries can have been written one after the other by a run."""
    for name, look in (("pulses", _pulses), ("clock", _clock), ("steps", _steps), ("end", _end)):
        try:
            yield look(lines.entries, running)
        except (KeyError, TypeError, AttributeError) as error:
            yield Check(name, "damaged", f"an entry lacks, or has not as it should be: {error}")


def _pulses(entries: tuple[Entry, ...], running: bool) -> Check:
    """Each outcome has its intent; a pulse leaves only when that of the one before is known."""
    problems: list[str] = []
    intents: set[int] = set()
    waiting: set[int] = set()
    for entry in entries:
        if entry["k"] == "intent":
            if waiting:
                problems.append(f"pulse {entry['n']} left while pulse {min(waiting)} had no outcome")
            intents.add(entry["n"])
            waiting.add(entry["n"])
        elif entry["k"] == "outcome":
            of = entry["of"]
            if of not in intents:
                problems.append(f"entry {entry['n']} is the outcome of {of}, which is no pulse before it")
            elif of not in waiting:
                problems.append(f"entry {entry['n']} is a second outcome of pulse {of}")
            waiting.discard(of)
    done = bool(entries) and entries[-1]["k"] == "end" and entries[-1].get("how") == "done"
    if len(waiting) > 1 or (waiting and done):
        problems.append(f"{len(waiting)} pulses have no outcome, and the run {'is done' if done else 'may have one'}")
    if problems:
        return Check("pulses", "damaged", named(problems))
    if waiting:
        what = "is in flight" if running else "has no outcome yet: it will be read, not repeated"
        return Check("pulses", "good", f"{_counted(intents)}; pulse {min(waiting)} {what}")
    return Check("pulses", "good", f"{_counted(intents)}, each with one outcome")


def _counted(intents: set[int]) -> str:
    return f"{len(intents)} {'intent' if len(intents) == 1 else 'intents'} (one may pulse several cells at once)"


def _clock(entries: tuple[Entry, ...], running: bool) -> Check:
    """The bench's clock does not run backwards from one thing that instruments did to the next."""
    problems: list[str] = []
    first: float | None = None
    before = 0.0
    for entry in entries:
        time = entry.get("t")
        if entry["k"] not in _TIMED or not isinstance(time, int | float):
            continue
        if first is None:
            first = before = float(time)
        if time < before - _GRAIN:
            problems.append(f"entry {entry['n']} is of {time:g} s, after one of {before:g} s")
        before = max(before, float(time))
    if problems:
        return Check("clock", "damaged", f"time runs backwards: {named(problems)}")
    if first is None:
        return Check("clock", "good", "nothing was measured")
    return Check("clock", "good", f"from {first:g} s to {before:g} s of the bench's time, never backwards")


def _steps(entries: tuple[Entry, ...], running: bool) -> Check:
    """Steps are begun in their order, and only a step that was begun is done."""
    problems: list[str] = []
    begun = done = 0
    for entry in entries:
        if entry["k"] == "step":
            if entry["number"] <= begun:
                problems.append(f"step {entry['number']} was begun after step {begun}")
            begun = entry["number"]
        elif entry["k"] == "done":
            if entry["number"] != begun or entry["number"] <= done:
                problems.append(f"step {entry['number']} is done in step {begun}")
            done = entry["number"]
    if problems:
        return Check("steps", "damaged", named(problems))
    return Check("steps", "good", f"{begun} begun in their order" + ("" if begun == done else ", the last is not done"))


def _end(entries: tuple[Entry, ...], running: bool) -> Check:
    """Only a run that goes on writes after an end, and nothing after the end of one that is done."""
    problems: list[str] = []
    ended = ""
    for entry in entries:
        if ended and (ended == "done" or entry["k"] not in _AFTER_END):
            problems.append(f"entry {entry['n']} ({entry['k']}) follows the end of a run that {_is(ended)}")
        ended = str(entry.get("how")) if entry["k"] == "end" else ""
    if problems:
        return Check("end", "damaged", named(problems))
    if running:
        return Check("end", "open", "it is still running")
    return Check("end", "good", f"the run {_is(ended)}" if ended else "there is none: the process is gone")


def _is(how: str) -> str:
    return {"done": "is done", "stopped": "was stopped"}.get(how, how)
