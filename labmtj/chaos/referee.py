"""The referee: what the twin's own log says was done to the die, against what the journal of the run says.

The log is written by the process that holds the die, the journal by the one that was killed, stopped or lied to. They
must tell the same story: every pulse of the log is an intent of the journal, in its order, and none was sent twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from labmtj.runs.journal import line_pulse_of, read_journal

Entry = dict[str, Any]
_VOLTS, _SHARE = 5e-3, 0.03  # [V] chosen: what a source may be off the amplitude that it is asked for, and as a share
DRIVES = 5e-3  # [V] as the twin has it (labmtj.twin.world): less does nothing to a junction
_WIDTH = 0.05  # chosen: share of a width that timers may round


def read_log(path: Path) -> list[Entry]:
    """The entries of a twin's log; one that is being written is left out."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def differences(journal: Path, log: Sequence[Entry], *, deaths: int) -> list[str]:
    """What does not agree, in words; `deaths` is how many processes ended without a word."""
    entries = list(read_journal(journal))  # a damaged line is an error of its own
    found = list(_numbers(entries))
    intents = [entry for entry in entries if entry["k"] == "intent"]
    outcomes = {entry["of"]: entry for entry in entries if entry["k"] == "outcome"}
    open_pulses = [intent["n"] for intent in intents if intent["n"] not in outcomes]
    unsure = sum(bool(outcome.get("uncertain")) for outcome in outcomes.values())
    pulses = [entry for entry in log if entry["kind"] == "pulse"]
    if open_pulses:
        found.append(f"{len(open_pulses)} pulses of the journal were never settled: entries {open_pulses[:5]}")
    if unsure > deaths:
        found.append(f"{unsure} pulses were settled by a reading, after {deaths} deaths or lost replies")
    found += _pulses(intents, outcomes, pulses)
    found += [f"the twin saw: {entry['what']}" for entry in log if entry["kind"] == "violation"][:5]
    return found


def _numbers(entries: Sequence[Entry]) -> Iterator[str]:
    for place, entry in enumerate(entries):
        if entry["n"] != place:
            yield f"the journal's entry {place} has the number {entry['n']}: records were lost"
            return


def _pulses(intents: Sequence[Entry], outcomes: dict[int, Entry], pulses: Sequence[Entry]) -> Iterator[str]:
    """Walk both lists together; an uncertain intent is a pulse or none, any other is one."""
    places = {0}  # how many pulses of the log may have been met so far
    for intent in intents:
        after = {at + 1 for at in places if at < len(pulses) and _same(intent, pulses[at])}
        if outcomes.get(intent["n"], {}).get("uncertain") or intent["n"] not in outcomes:
            after |= places
        if not after:
            at = max(places)
            shown = _shown(pulses[at]) if at < len(pulses) else "nothing more"
            yield f"entry {intent['n']} is a pulse of {_span(intent):.3f} V on {_where(intent)}, the die saw {shown}"
            return
        places = after
    if len(pulses) not in places:
        yield f"the die saw {len(pulses)} pulses, the journal knows of {max(places)}: one was sent twice, or unseen"


def _same(intent: Entry, pulse: Entry) -> bool:
    volts = [0.0, *pulse["volts"].values()]
    amplitude, wanted = max(volts) - min(volts), abs(_span(intent))
    return (
        abs(amplitude - wanted) <= _VOLTS + _SHARE * wanted
        and abs(pulse["seconds"] - intent["width"]) <= _WIDTH * intent["width"]
    )


def _span(intent: Entry) -> float:
    """Volts of an intent; of a pulse on many lines those between its highest and its lowest."""
    return line_pulse_of(intent).span if "lines" in intent else float(intent["v"])


def _where(intent: Entry) -> str:
    return str(line_pulse_of(intent) if "lines" in intent else intent["cell"])


def _shown(pulse: Entry) -> str:
    return ", ".join(f"{channel} at {volts:.3f} V" for channel, volts in pulse["volts"].items())


def safe_since(log: Sequence[Entry], moment: float, *, relays: bool = True) -> float | None:
    """Since when, from `moment` (seconds since 1970) on, no channel drives and (`relays`) no relay is closed.

    `moment` itself if it was so then; None if something is still on.
    """
    on: set[str] = set()
    closed: set[str] = set()
    since: float | None = moment
    for entry in log:
        _follow(on, closed, entry)
        if on or (relays and closed):
            since = None
        elif since is None:
            since = max(moment, entry["wall"])
    return since


def driven_at(log: Sequence[Entry], moment: float) -> set[str]:
    """Channels that drove the array at this moment (seconds since 1970)."""
    on: set[str] = set()
    for entry in log:
        if entry["wall"] <= moment:
            _follow(on, set(), entry)
    return on


def _follow(on: set[str], closed: set[str], entry: Entry) -> None:
    """Keep who puts more than 5 mV on the array, and which relays are closed."""
    if entry["kind"] == "output":
        (on.add if abs(entry["volts"]) > DRIVES else on.discard)(entry["channel"])
    elif entry["kind"] == "relays":
        closed.update(entry.get("close", ()))
        closed.difference_update(entry.get("open", ()))
