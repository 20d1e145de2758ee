"""Files of a run folder that are made of its journal, held against what it makes of them now, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from labmtj.errors import LabmtjError, StorageError
from labmtj.protocol.evidence.check import Check, named
from labmtj.protocol.evidence.differences import differences
from labmtj.protocol.evidence.lines import Entry, Lines
from labmtj.protocol.run_folder import MAP, NEURONS
from labmtj.runs.die_map import die_map_from, die_map_groups
from labmtj.runs.netcdf import ROOT, Group, image, read_image
from labmtj.runs.neuron_map import neuron_map_from, neuron_map_groups
from labmtj.runs.run_attributes import FILES
from labmtj.runs.store import NAME, groups_of

_HELD = "cannot be held against a damaged journal"
_REBUILD = "labmtj rebuild makes it anew"
_UNSURE = frozenset({"journal_sha256"})


def check_inputs(folder: Path, lines: Lines) -> Iterator[Check]:
    """Whether protocol.yaml and bench.yaml are those that the run began with."""
    for name in FILES:
        expected = lines.header.get("provenance", {}).get(f"sha256 of {name}")
        if expected is None:
            yield Check(name, "open", "the journal's header has no hash of it")
            continue
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            yield Check(name, "damaged", f"it cannot be read: {error}; its text is in {NAME}, if that is good")
            continue
        if _sha(text) == expected:
            yield Check(name, "good", f"SHA-256 {expected[:12]}.. is that of the header")
        else:
            said = f"SHA-256 {_sha(text)[:12]}.. in the place of {expected[:12]}.."
            yield Check(name, "damaged", f"{said}; its text as it was is in {NAME}, if that is good")


def check_store(folder: Path, lines: Lines, *, running: bool) -> Check:
    """Whether run.h5 is what the journal, as far as it was made of it, makes of it."""
    path = folder / NAME
    if not path.exists():
        if running or not lines.how:
            return Check(NAME, "open", f"it is not there; {'the run' if running else _REBUILD} makes it")
        return Check(NAME, "damaged", f"it is missing, though the run has ended; {_REBUILD}")
    if lines.damaged:
        return Check(NAME, "open", _HELD)
    try:
        data = path.read_bytes()
        found = read_image(path, data)
        root = found[ROOT].attributes
        count = int(_number(root.get("journal_entries", len(lines.whole))))
        if count > len(lines.whole):
            lost = f"it was made of {count} entries, the journal has {len(lines.whole)}"
            return Check(NAME, "damaged", f"{lost}: the journal has lost some, or is of another run")
        expected = _with_texts(groups_of(folder, entries=count), root, lines.header)
    except StorageError as error:
        return Check(NAME, "damaged", str(error))
    later = len(lines.whole) - count
    tail = f"; the journal has gone on by {later} entries since, {_REBUILD}" if later and not running else ""
    if data == image(NAME, expected):
        return Check(NAME, "good", f"bit for bit what {count} entries of the journal make{tail}")
    other = _other_program(lines.header, "h5py")
    known_only = bool(other) and "journal_sha256" not in root
    problems = differences(found, expected, known_only=known_only, ignore=_UNSURE)
    said = root.get("journal_sha256")
    if said is not None and said != lines.sha256_of(count):
        what = named(problems) or "no value that it holds"
        return Check(NAME, "damaged", f"the journal is not the one that it was made of; what differs: {what}")
    if problems:
        return Check(NAME, "damaged", named(problems))
    if other:
        return Check(NAME, "good", f"value for value what {count} entries of the journal make; {other}{tail}")
    return Check(NAME, "damaged", f"every value is what the journal makes, the file's bytes are not; {_REBUILD}")


def check_maps(folder: Path, lines: Lines, *, running: bool) -> Iterator[Check]:
    """Whether die.h5 and neurons.h5 are the maps that the journal has."""
    for name, kinds in ((MAP, ("map", "states")), (NEURONS, ("neuron_map",))):
        path = folder / name
        has = any(entry.get("k") == kinds[0] for entry in lines.entries)
        if not path.exists():
            if has and lines.how == "done":
                yield Check(name, "damaged", f"it is missing, though the journal has a map; {_REBUILD}")
            continue
        if lines.damaged:
            yield Check(name, "open", _HELD)
        elif not has:
            yield Check(name, "damaged", "the journal has no such map")
        else:
            yield _check_map(path, lines, running=running)


def _check_map(path: Path, lines: Lines, *, running: bool) -> Check:
    """Of a run that is not done the file may be as old as its last finished step."""
    try:
        data = path.read_bytes()
        found = read_image(path, data)
        last: list[str] = []
        for number, expected in enumerate(_maps(path.name, lines.entries)):
            if data == image(path.name, expected):
                return Check(path.name, "good", "bit for bit the map that the journal has")
            problems = differences(found, expected, ignore=frozenset())
            other = _other_program(lines.header, "h5py")
            if not problems and other:
                return Check(path.name, "good", f"value for value the map that the journal has; {other}")
            last = last if number else problems or ["every value is right, the file's bytes are not"]
            if lines.how == "done":
                break
    except LabmtjError as error:
        return Check(path.name, "damaged", str(error))
    return Check(path.name, "damaged", f"{named(last)}; {_REBUILD}")


def _maps(name: str, entries: Sequence[Entry]) -> Iterator[Mapping[str, Group]]:
    """What the file may hold by the journal, the newest first."""
    if name == NEURONS:
        for entry in reversed(entries):
            if entry["k"] == "neuron_map":
                yield neuron_map_groups(neuron_map_from(entry))
        return
    known: Entry = {}
    state: Any = None
    versions: list[tuple[Entry, Any]] = []
    for entry in entries:
        if entry["k"] in ("map", "states"):
            known, state = (entry, state) if entry["k"] == "map" else (known, entry["state"])
            if known:
                versions.append((known, state))
                if entry["k"] == "map":  # a map that no step has changed yet has the states that it was made with
                    versions.append((known, None))
    for entry, states in reversed(versions):
        yield die_map_groups(die_map_from(entry, state=states))


def _with_texts(groups: dict[str, Group], root: Mapping[str, Any], header: Entry) -> dict[str, Group]:
    """The same with the texts of the stored file where these are the ones that the run began with."""
    attributes = dict(groups[ROOT].attributes)
    for name in FILES:
        key = name.replace(".", "_")
        text = root.get(key)
        if isinstance(text, str) and _sha(text) == header.get("provenance", {}).get(f"sha256 of {name}"):
            attributes[key] = text
    return {**groups, ROOT: replace(groups[ROOT], attributes=attributes)}


def _other_program(header: Entry, package: str) -> str:
    """In words, that this file may have been made by another version; empty if all of them are those of the run."""
    said = header.get("provenance", {})
    now: dict[str, str] = {}
    for name in ("labmtj", package):
        try:
            now[name] = version(name)
        except PackageNotFoundError:
            continue
    changed = [f"{name} {said[name]}" for name, number in now.items() if name in said and said[name] != number]
    return f"the run was made with {' and '.join(changed)}" if changed else ""


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else -1.0
