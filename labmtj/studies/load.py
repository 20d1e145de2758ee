"""From a study file, a bench and overrides to a checked study; nothing here touches an instrument."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from labmtj.config import finder
from labmtj.config.bench import DEFAULT, BenchFile, check_bench, scope
from labmtj.config.check import check
from labmtj.config.overrides import Scope, Setting, absolute, apply, parse_settings
from labmtj.config.source import Source, read
from labmtj.errors import FileProblems, Problem
from labmtj.studies.records import Kind
from labmtj.studies.schema import StudyFile

_DIE = ("simulation", "die")
_SAID = {"diameter": "diameters", "wire": "wires", "seed": "seed"}


@dataclass(frozen=True)
class StudyJob:
    """A checked study on a checked bench; `source` is the study's document, settings included."""

    study: StudyFile
    source: Source
    bench: BenchFile

    @property
    def real(self) -> bool:
        """Whether the bench has real instruments: then there is one die, and copies are made one after the other."""
        return self.bench.bench.visa != "@labmtj"


def is_study(data: object) -> bool:
    """Whether the content of a YAML file is that of a study, by the fields that no other kind of file has."""
    return isinstance(data, dict) and bool({"diameters", "networks"} & set(cast("dict[str, Any]", data)))


def load_study(
    study: str | Path, *, bench: str | Path | None = None, overrides: Sequence[str] = (), place: Path | None = None
) -> StudyJob:
    """Read a study by name or path and the bench that it, or `bench`, names, with `path=value` overrides.

    An override is looked up in the study, then the bench, then the bench's simulation. `place` is the bench file of
    a study folder, which holds whatever the study names. Raises MissingFile, or FileProblems with all that is wrong.
    """
    source = read(finder.find("protocols", study))
    if not is_study(source.data):
        raise FileProblems([not_a_study(source)])
    settings = parse_settings(overrides)
    if bench is not None:
        settings.append(Setting("bench", str(bench), f"--bench {bench}"))
    bench_source = read(place or named_bench(source, settings))
    scopes = [Scope(source, StudyFile, ((),)), scope(bench_source)]
    source, bench_source = apply(settings, scopes)
    file = check_bench(bench_source)
    checked = check(source, StudyFile, lambda found: _problems(found, source, file))
    return StudyJob(checked, absolute(source, ("networks", "files")), file)


def not_a_study(source: Source) -> Problem:
    """What to say of a file that is no study."""
    data: Any = source.data
    keys = set(cast("dict[str, Any]", data)) if isinstance(data, dict) else set[str]()
    kinds = {
        "methods": ("a training file", f"carry it out with: labmtj train {source.name}"),
        "steps": ("a protocol", f"run it with: labmtj run {source.name}"),
        "instruments": ("a bench file", ""),
    }
    for key, (what, hint) in kinds.items():
        if key in keys:
            return source.problem((key,), f"this is {what}, not a study", hint=hint, key=True)
    return source.problem((), "this is no study: it says neither networks nor diameters")


def bench_of(bench: BenchFile, kind: Kind, *, seed: int) -> BenchFile:
    """The bench with a die of this kind and seed in it, and a layout that gives the wires of that kind."""
    data: dict[str, Any] = dict(bench.source.data)
    simulation = dict(cast("dict[str, Any]", data.get("simulation") or {}))
    die: dict[str, Any] = {
        **(simulation.get("die") or {}),
        "diameter": f"{kind.diameter!r} m",
        "wire": f"{kind.wire!r} ohm",
    }
    data["simulation"] = {**simulation, "die": {**die, "seed": seed}}
    data["array"] = {**data["array"], "wire": f"{kind.wire!r} ohm"}
    return check_bench(replace(bench.source, data=data))


def named_bench(source: Source, settings: Sequence[Setting], *, default: str = DEFAULT) -> Path:
    """The bench file that the last setting names, else the file itself, else the `default` one."""
    for setting in reversed(settings):
        if setting.path == "bench" and isinstance(setting.value, str):
            return finder.find("benches", setting.value)
    named = source.data.get("bench")
    beside = None if source.path is None else source.path.resolve().parent
    return finder.find("benches", named if isinstance(named, str) else default, beside=beside)


def _problems(study: StudyFile, source: Source, bench: BenchFile) -> Iterator[Problem]:
    """What does not go together in a study, or in a study and its bench."""
    yield from _networks(study, source)
    for name in ("diameters", "wires", "tune"):
        values = cast("list[object]", getattr(study, name))
        for position, value in enumerate(values):
            if value in values[:position]:
                yield source.problem((name, position), f"{source.data[name][position]} stands twice")
    die: Any = bench.source.data
    for part in _DIE:
        die = cast("dict[str, Any]", die).get(part) if isinstance(die, dict) else None
    for name, field in _SAID.items():
        if isinstance(die, dict) and name in die and bench.source.setting((*_DIE, name)):
            hint = f"the study's {field} say it: --set {field}=..."
            yield bench.source.problem((*_DIE, name), "dies of a study are what the study says", hint=hint)
    if bench.bench.visa != "@labmtj":
        yield from _one_die(study, source, bench)


def _networks(study: StudyFile, source: Source) -> Iterator[Problem]:
    networks = study.networks
    if networks.files is None and networks.shipped is None:
        yield source.problem(("networks",), "which ones?", hint="write shipped: wine, or files: <folder>", key=True)
    if networks.files is not None and networks.shipped is not None:
        yield source.problem(("networks", "files"), "files and shipped stand side by side: leave one of them out")


def _one_die(study: StudyFile, source: Source, bench: BenchFile) -> Iterator[Problem]:
    """A real bench has one die, and it is reached through its instruments."""
    place = bench.source.place(("visa",))
    if study.level != "wire":
        hint = f"write level: wire; this bench has real instruments ({place})"
        yield source.problem(("level",), "a real die is reached through its instruments", hint=hint)
    for name, count in (("diameters", len(study.diameters)), ("wires", len(study.wires)), ("dies", study.dies)):
        if count != 1:
            hint = f"say what is in the probe card, one value; this bench has real instruments ({place})"
            yield source.problem((name,), f"a real bench has one die, {count} {name} are asked for", hint=hint)
