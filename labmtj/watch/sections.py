"""The parts of the page as they are sent: each with the edition in which it changed last."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from labmtj.runs.journal import finite
from labmtj.watch.commands import asked_of
from labmtj.watch.picture import Picture
from labmtj.watch.standing import Holder

WORDS = {
    "running": "running",
    "waiting": "waits for a person",
    "done": "done",
    "stopped": "stopped; it can be resumed",
    "failed": "failed",
    "aborted": "ended by a criterion of its protocol",
    "interrupted": "interrupted: its process is gone",
}


class Sections:
    """What the page shows, part by part."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[int, Any]] = {}

    def put(self, name: str, content: Any, edition: int) -> bool:
        """Put a part; whether it is another one than before."""
        content = finite(content)
        if name in self._parts and self._parts[name][1] == content:
            return False
        self._parts[name] = (edition, content)
        return True

    def get(self, name: str) -> Any:
        """A part as it is now; None if there is none."""
        return self._parts[name][1] if name in self._parts else None

    def since(self, edition: int) -> dict[str, Any]:
        """The parts that changed after an edition."""
        return {name: content for name, (when, content) in self._parts.items() if when > edition}


def how_it_stands(picture: Picture, holder: Holder | None) -> str:
    """One of the words above."""
    if holder is not None:
        return "waiting" if picture.asked is not None else "running"
    return str(picture.end.get("how", "interrupted"))


def run_part(
    picture: Picture, holder: Holder | None, guardian: dict[str, Any], commands: list[dict[str, Any]]
) -> dict[str, Any]:
    """What the head of the page says of a run."""
    header, how = picture.header, how_it_stands(picture, holder)
    asked = [] if holder is None else asked_of(holder, commands)
    begun = datetime.fromisoformat(header["wall"]) if header else None
    return {
        "title": header.get("title", ""),
        "operator": header.get("operator", ""),
        "sample": header.get("sample", ""),
        "abort": header.get("abort", {}),
        "simulated": header.get("simulated", False),
        "begun": None if begun is None else begun.isoformat(),
        "ended": picture.end.get("wall"),
        "how": how,
        "words": WORDS.get(how, how),
        "error": picture.end.get("error", ""),
        "aborted": picture.aborted.get("text", ""),
        "folder": str(picture.folder),
        "process": "" if holder is None else holder.words,
        "reachable": holder is not None and holder.here,
        "asked": [{"what": said["what"], "user": said["user"], "wall": said["wall"]} for said in asked],
        "returns": picture.returns,
        "pulses": picture.measured.pulses,
        "readings": picture.measured.readings,
        "unresolved": len(picture.measured.open),
        "time": picture.steps.time,
        "safety": _safety(picture, how, guardian),
        "question": None if picture.asked is None or holder is None else _question(picture),
        "read": picture.tail.place,
        "size": picture.tail.size,
    }


def steps_part(picture: Picture, holder: Holder | None) -> dict[str, Any]:
    """The steps, and the time that is left while somebody runs them."""
    left = None if holder is None else picture.steps.left(datetime.now(UTC))
    number = None if picture.steps.now is None else picture.steps.now.number
    return {"steps": picture.steps.listed(), "now": number, "left": left}


def array_part(picture: Picture, kernels: int | None, picked: str) -> dict[str, Any]:
    """The array: its size, how a chip's kernels divide it, lines that are left out, faults of lines."""
    rows, cols = picture.header["shape"]
    return {
        "rows": rows,
        "cols": cols,
        "kernels": kernels or 1,
        "kind": picked,
        "out": picture.out,
        "faults": [[axis, number, text] for axis, number, text, _ in picture.faults],
    }


def _question(picture: Picture) -> dict[str, Any]:
    asked = picture.asked
    return {} if asked is None else {**asdict(asked), "answers": list(asked.answers)}


def _safety(picture: Picture, how: str, guardian: dict[str, Any]) -> str:
    """Why the bench is safe, or that nobody knows."""
    if how in ("running", "waiting"):
        return ""
    if guardian:
        seconds = guardian.get("safe_after_seconds")
        if seconds is None:
            return f"the guardian could not make the outputs safe: {guardian.get('failures')}; look at them"
        return f"outputs were made safe by the guardian after {seconds:.1f} s: {guardian.get('why')}"
    if how != "interrupted":
        return "the bench was left: sources at 0 V and off, relays open"
    if picture.header.get("simulated"):
        return "simulated outputs went off, and relays opened, with the process"
    return "no guardian has reported: look at the outputs, or press safe"
