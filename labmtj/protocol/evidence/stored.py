"""Files of a run folder that are made of its journal, held against what it makes of them now, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import labmtj
from labmtj.errors import LabmtjError, StorageError
from labmtj.protocol.evidence.check import Check, named
from labmtj.protocol.evidence.differences import differences
from labmtj.protocol.evidence.lines import Entry, Lines
from labmtj.protocol.run_folder import MAP, NEURONS
from labmtj.runs.die_map import die_map_from, die_map_groups
from labmtj.runs.netcdf import ROOT, Group, image, read_image
from labmtj.runs.neuron_map import neuron_map_from, neuron_map_groups
from labmtj.runs.provenance import program, revision
from labmtj.runs.run_attributes import FILES
from labmtj.runs.store import NAME, groups_of

_HELD = "cannot be held against a damaged journal"
_MAKES = "labmtj rebuild makes it"
_REBUILD = f"{_MAKES} anew"
_UNSURE = frozenset({"journal_sha256", "made_by"})
_UNMADE = "the journal cannot be made into it, an entry is not what it should be"
_NO_RUN = (KeyError, TypeError, ValueError, IndexError)  # what an entry that nobody here has written may end in
_RANK = ("good", "open", "damaged")
_SHOWN = 20  # chosen: characters of a version that are shown


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
            return Check(NAME, "open", f"it is not there yet; {'the run makes it at its end' if running else _MAKES}")
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
    except _NO_RUN as error:
        return Check(NAME, "damaged", f"{_UNMADE}: {error!r}")
    later = len(lines.whole) - count
    tail = f"; the journal has gone on by {later} entries since, {_REBUILD}" if later and not running else ""
    if data == image(NAME, expected):
        return Check(NAME, "good", f"bit for bit what {count} entries of the journal make{tail}")
    said = root.get("journal_sha256")
    if said is not None and said != lines.sha256_of(count):
        what = named(differences(found, expected, ignore=_UNSURE)) or "no value that it holds"
        return Check(NAME, "damaged", f"the journal is not the one that it was made of; what differs: {what}")
    maker = root.get("made_by", "an older labmtj")
    other = "" if maker == program() else f"it was made by another program ({maker})"
    return _compared(NAME, found, expected, other, f"what {count} entries of the journal make{tail}")


def _compared(name: str, found: Mapping[str, Group], expected: Mapping[str, Group], other: str, whose: str) -> Check:
    """A file whose bytes are not those that this program makes: by its values, if another program made it."""
    if wrong := differences(found, expected, known_only=bool(other), ignore=_UNSURE):
        return Check(name, "damaged", f"{named(wrong)}; {_REBUILD}")
    if not other:
        return Check(name, "damaged", f"every value is right, the file's bytes are not; {_REBUILD}")
    if more := differences(found, expected, ignore=_UNSURE):
        return Check(name, "open", f"{other}; of what both know every value is right, but {named(more)}")
    return Check(name, "good", f"value for value {whose}; {other}")


def check_maps(folder: Path, lines: Lines) -> Iterator[Check]:
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
            yield _check_map(path, lines)


def _check_map(path: Path, lines: Lines) -> Check:
    """Of a run that is not done the file may be as old as its last finished step."""
    try:
        data = path.read_bytes()
        found = read_image(path, data)
        best: Check | None = None
        for groups in _candidates(path.name, lines):
            made = _compared_map(path.name, data, found, groups, lines)
            if best is None or _RANK.index(made.verdict) < _RANK.index(best.verdict):
                best = made
            if best.verdict == "good":
                break
    except LabmtjError as error:
        return Check(path.name, "damaged", str(error))
    except _NO_RUN as error:
        return Check(path.name, "damaged", f"{_UNMADE}: {error!r}")
    return best or Check(path.name, "damaged", "the journal has no such map")


def _candidates(name: str, lines: Lines) -> Iterator[Mapping[str, Group]]:
    """What the file may hold; of a run that is done only the newest."""
    for groups in _maps(name, lines.entries):
        yield groups
        if lines.how == "done":
            return


def _compared_map(
    name: str, data: bytes, found: Mapping[str, Group], expected: Mapping[str, Group], lines: Lines
) -> Check:
    if data == image(name, expected):
        return Check(name, "good", "bit for bit the map that the journal has")
    return _compared(name, found, expected, other_program(lines.header, "h5py"), "the map that the journal has")


def _maps(name: str, entries: Sequence[Entry]) -> Iterator[Mapping[str, Group]]:
    """What the file may hold by the journal, the newest first."""
    if name == NEURONS:
        for entry in reversed(entries):
            if entry.get("k") == "neuron_map":
                yield neuron_map_groups(neuron_map_from(entry))
        return
    known: Entry = {}
    state: Any = None
    versions: list[tuple[Entry, Any]] = []
    for entry in entries:
        kind = entry.get("k")
        if kind in ("map", "states"):
            known, state = (entry, state) if kind == "map" else (known, entry["state"])
            if known:
                versions.append((known, state))
                if kind == "map":  # a map that no step has changed yet has the states that it was made with
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


def other_program(header: Entry, package: str) -> str:
    """In words, that this file may have been made by another version; empty if all of them are those of the run."""
    said = header.get("provenance", {})
    now = {"labmtj": labmtj.__version__, package: version(package), "git": revision()}
    changed = [f"{name} {said[name][:_SHOWN]}" for name, this in now.items() if name in said and said[name] != this]
    return f"it was made by another program ({', '.join(changed)})" if changed else ""


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else -1.0
