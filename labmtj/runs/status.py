"""How a run stands, from what lies in its folder: its journal, who holds it, and what a guardian wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from labmtj.errors import StorageError
from labmtj.runs.asking import Question, aborted, pending
from labmtj.runs.claim import described, holder, is_claimed
from labmtj.runs.folder import known_run
from labmtj.runs.journal import line_pulse_of, read_journal
from labmtj.units import Dimension, show

JOURNAL, GUARDIAN = "journal.jsonl", "guardian.json"


@dataclass(frozen=True)
class RunStatus:
    """How a run stands.

    `how` is running, done, stopped, failed, aborted by a criterion of its protocol, or interrupted: its process is gone
    without a word. `step` and `steps` count from 1, `done` of `items` are those of the step in hand; `unresolved` are
    pulses without an outcome, as their intents in the journal; `error` says why it failed or stopped, `guardian` what a
    guardian did.
    `waits` is the question that a running one waits with, `criterion` what ended an aborted one; `anew`: its protocol
    asks for what this die or bench cannot give, so that resuming would end in the same place.
    """

    how: Literal["running", "done", "stopped", "failed", "aborted", "interrupted"]
    title: str
    step: int
    name: str
    layer: int | None
    done: int
    items: int
    cell: tuple[int, int] | None
    neuron: int | None
    steps_done: int
    pulses: int
    readings: int
    unresolved: tuple[dict[str, Any], ...]
    error: str
    process: dict[str, Any]
    guardian: dict[str, Any]
    returns: int
    simulated: bool
    folder: str
    operator: str = ""
    sample: str = ""
    waits: Question | None = None
    criterion: str = ""
    anew: bool = False

    @property
    def lines(self) -> list[str]:
        """What a person reads."""
        found = [self._where()]
        if self.sample or self.operator:
            who = f"operator {self.operator}" if self.operator else ""
            found.append("   ".join(filter(None, (f"sample {self.sample}" if self.sample else "", who))))
        if self.waits is not None:
            words = "|".join(word.replace(" ", "-") for word in self.waits.answers)
            found.append(f"waits for a person: {self.waits.text}")
            found.append(f"since {self.waits.since}; answer with: labmtj answer {self.folder} {words}")
        if self.error:
            found.append(self.error)
        read = f"{self.readings} readings, sums and products"
        found.append(f"in the journal: {self.pulses} pulses, {read}; none of them is lost")
        if self.how == "running":
            return [*found, f"held by {described(self.process)}"]
        for entry in self.unresolved:
            found.append(f"1 pulse has no outcome yet: {_pulse(entry)}. It will be read, not repeated.")
        if self.how == "done":
            return found
        found.append(self._safety())
        if self.anew:
            return [*found, "resuming would end in the same place: change the protocol, and run it anew"]
        past = ' --past-abort "what you found"' if self.criterion else ""
        return [*found, f"continue with: labmtj resume {self.folder}{past}"]

    def _where(self) -> str:
        word = "interrupted: its process is gone" if self.how == "interrupted" else self.how
        if self.how == "done":
            return f"{word}: {self.title}, {self.steps_done} steps"
        if not self.name:
            return f"{word} before its first step"
        layer = f" layer {self.layer}" if self.layer else ""
        cell = f", cell ({self.cell[0]}, {self.cell[1]})" if self.cell else ""
        cell += f", neuron {self.neuron}" if self.neuron else ""
        return f"{word} in step {self.step} ({self.name}{layer}){cell}, {self.done} of its {self.items} done"

    def _safety(self) -> str:
        if self.guardian:
            seconds = self.guardian.get("safe_after_seconds")
            if seconds is None:
                return f"the guardian could not make the outputs safe: {self.guardian.get('failures')}; look at them"
            why = self.guardian.get("why", "the process died")
            return f"outputs were made safe by the guardian after {seconds:.1f} s: {why}"
        if self.how in ("stopped", "failed", "aborted"):
            return "the bench was left safe: sources at 0 V and off, relays open"
        if self.simulated:
            return "simulated outputs went off, and relays opened, with the process"
        return "no guardian has reported: look at the outputs (labmtj safe BENCH brings them to zero)"


def read_status(folder: Path) -> RunStatus:
    """How the run of a folder stands. Raises MissingFile where there is none, StorageError for a damaged journal."""
    entries = list(read_journal(known_run(folder) / JOURNAL))
    if entries and entries[0]["k"] != "run":
        raise StorageError(f"{folder / JOURNAL}: its first entry is not that of a run")
    header = entries[0] if entries else {}
    open_pulses = {e["n"]: e for e in entries if e["k"] == "intent"}
    pulses = len(open_pulses)
    step: dict[str, Any] = {}
    done = steps_done = 0
    cell: tuple[int, int] | None = None
    neuron: int | None = None
    end: dict[str, Any] = {}
    for entry in entries:
        match entry["k"]:
            case "outcome":
                open_pulses.pop(entry["of"], None)
            case "step":
                step, done, cell, neuron = entry, 0, None, None
            case "at":
                done = entry["done"]
            case "read" | "intent" if "cell" in entry:
                cell = (entry["cell"][0], entry["cell"][1])
            case "neuron":
                neuron = entry["neuron"]
            case "done":
                steps_done += 1
            case "end":
                end = entry
            case _:
                pass
        if entry["k"] != "end" and entry["k"] not in ("account", "field"):
            end = {}
    held = is_claimed(folder)
    how = "running" if held else end.get("how", "interrupted")
    met = None if held else aborted(entries)
    return RunStatus(
        how=how,
        title=str(header.get("title", "")),
        step=step.get("number", 0),
        name=step.get("name", ""),
        layer=step.get("fields", {}).get("layer"),
        done=done,
        items=step.get("items", 0),
        cell=cell,
        neuron=neuron,
        steps_done=steps_done,
        pulses=pulses,
        readings=sum(
            len(e["patterns"]) if e["k"] == "products" else e["k"] in ("read", "sum", "sample", "product", "neuron")
            for e in entries
        ),
        unresolved=tuple(open_pulses.values()),
        error=str(end.get("error", "")),
        process=holder(folder) if held else {},
        guardian=guardian_of(folder, holder(folder)),
        returns=sum(e["k"] == "resume" for e in entries),
        simulated=bool(header.get("simulated", False)),
        folder=str(folder),
        operator=str(header.get("operator", "")),
        sample=str(header.get("sample", "")),
        waits=pending(entries) if held else None,
        criterion="" if met is None else str(met["criterion"]),
        anew=bool(end.get("anew", False)),
    )


def _pulse(entry: dict[str, Any]) -> str:
    """An intent in words."""
    width = show(entry["width"], Dimension.TIME)
    if "lines" in entry:
        pulse = line_pulse_of(entry)
        return f"{pulse}, up to {show(pulse.span, Dimension.VOLTAGE)}, {width}"
    cells = ", ".join(f"({entry['cell'][0]}, {col})" for col in (entry["cell"][1], *entry.get("cols", ())))
    return f"cell {cells}, {show(entry['v'], Dimension.VOLTAGE)}, {width}"


def guardian_of(folder: Path, last: dict[str, Any]) -> dict[str, Any]:
    """What a guardian wrote about the process that held the run last; nothing about one before it."""
    try:
        found: Any = json.loads((folder / GUARDIAN).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    said = cast("dict[str, Any]", found)
    return said if said.get("pid", last.get("pid")) == last.get("pid") else {}
