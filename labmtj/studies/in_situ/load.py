"""From a study file of training on the array, a bench and overrides to a checked study; nothing here draws dies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from labmtj.config import finder
from labmtj.config.bench import DEFAULT, BenchFile, check_bench, scope
from labmtj.config.check import check
from labmtj.config.overrides import Scope, Setting, apply, parse_settings
from labmtj.config.source import Source, read
from labmtj.dies import die_model
from labmtj.errors import FileProblems, InputError, Problem
from labmtj.studies.in_situ.schema import BadDies, InSituFile
from labmtj.studies.load import named_bench

_LISTS = (
    ("comparison", "variants"), ("ablation", "variants"), ("ablation", "without"), ("spread", "factors"),
    ("spread", "variants"), ("immunity", "sigmas"), ("immunity", "widths"), ("immunity", "variants"),
    ("bad_dies", "shorts"), ("bad_dies", "wires"), ("bad_dies", "variants"), ("time", "lines"),
    ("realised", "asked"), ("realised", "widths"),
)  # fmt: skip


@dataclass(frozen=True)
class InSituJob:
    """A checked study of training on the arrays of a checked bench; `source` is its document, settings included."""

    file: InSituFile
    source: Source
    bench: BenchFile

    @property
    def gated(self) -> bool:
        """Whether every cell has a transistor: then a network lies on one chip, else each layer on an array."""
        return self.bench.bench.array.kernels is not None


def is_in_situ(data: object) -> bool:
    """Whether the content of a YAML file is that of such a study, by the field that no other kind of file has."""
    return isinstance(data, dict) and "in_situ" in data and "steps" not in data


def load_in_situ(
    file: str | Path, *, bench: str | Path | None = None, overrides: Sequence[str] = (), place: Path | None = None
) -> InSituJob:
    """Read a study by name or path and the bench that it, or `bench`, names, with `path=value` overrides.

    An override is looked up in the study, then the bench, then the bench's simulation. `place` is the bench file of a
    study folder. Raises MissingFile, or FileProblems with all that is wrong.
    """
    source = read(finder.find("protocols", file))
    if not is_in_situ(source.data):
        raise FileProblems([source.problem((), "this is no study of training on the array: it says nothing in_situ")])
    settings = parse_settings(overrides)
    if bench is not None:
        settings.append(Setting("bench", str(bench), f"--bench {bench}"))
    bench_source = read(place or named_bench(source, settings, default=DEFAULT))
    source, bench_source = apply(settings, [Scope(source, InSituFile, ((),)), scope(bench_source)])
    found = check_bench(bench_source)
    checked = check(source, InSituFile, lambda wanted: _problems(wanted, source, found))
    return InSituJob(checked, source, found)


def _problems(file: InSituFile, source: Source, bench: BenchFile) -> Iterator[Problem]:
    """What does not go together in a study, or in it and its bench."""
    if file.in_situ.eta_end > file.in_situ.eta:
        text = f"{file.in_situ.eta_end:g} is above eta, {file.in_situ.eta:g}: it must fall"
        yield source.problem(("in_situ", "eta_end"), text)
    for part, field in _LISTS:
        values: list[object] = getattr(getattr(file, part), field, [])
        for position, value in enumerate(values):
            if value in values[:position]:
                yield source.problem((part, field, position), f"{value} stands twice")
    for position, asked in enumerate(file.realised.asked if file.realised is not None else ()):
        if not 0.0 < asked < 1.0:
            yield source.problem(("realised", "asked", position), f"{asked:g} must lie between 0 and 1")
    data: Any = bench.source.data
    if isinstance(data, dict) and cast("dict[str, Any]", data).get("visa") != "@labmtj":
        hint = "name a bench whose visa is @labmtj; a real array learns by a protocol, step train_array"
        yield source.problem(("bench",), f"{bench.source.name} has real instruments", hint=hint)
    try:
        model = die_model(bench.bench)
    except InputError as error:
        yield source.problem(("bench",), str(error))
        return
    worst = max(file.bad_dies.shorts) if isinstance(file.bad_dies, BadDies) else 1.0
    if model.short * worst + model.open + model.stuck > 0.5:
        text = f"{worst:g} times the bench's rate of shorts is {100 * model.short * worst:g} % of all cells"
        yield source.problem(("bad_dies", "shorts"), text)
