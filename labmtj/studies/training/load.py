"""From a training file, a bench and overrides to a checked training study; nothing here reads images or draws dies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from labmtj.config import finder
from labmtj.config.bench import BenchFile, check_bench, scope
from labmtj.config.check import check
from labmtj.config.overrides import Scope, Setting, absolute, apply, parse_settings
from labmtj.config.source import Source, read
from labmtj.errors import FileProblems, Problem
from labmtj.studies.load import named_bench
from labmtj.studies.training.schema import METHODS, Mask, Method, OnDies, TrainingFile

CHIP = "simulated-1t1r"
"""The bench of a file that names none."""


@dataclass(frozen=True)
class TrainingJob:
    """A checked training study for the chip of a checked bench; `source` is its document, settings included."""

    file: TrainingFile
    source: Source
    bench: BenchFile

    @property
    def shorts(self) -> tuple[float, ...]:
        """Rates of shorts at which networks are judged, multiples of the bench's; dies that were measured have one."""
        return (1.0,) if self.file.dies.files is not None else tuple(self.file.shorts)

    @property
    def methods(self) -> dict[str, Method]:
        """The ways to train that are wanted, in the order in which they are carried out."""
        found = ((name, getattr(self.file.methods, name)) for name in METHODS)
        return {name: method for name, method in found if method is not None}

    def trained_at(self, method: str) -> tuple[float, ...]:
        """Rates of shorts [multiples] at which networks are trained by a method; the baseline knows none."""
        said = self.methods[method]
        if not isinstance(said, OnDies):
            return ()
        return self.shorts if said.shorts is None or self.file.dies.files is not None else tuple(said.shorts)

    def masks(self, method: str) -> tuple[Mask, ...]:
        """Masks with which networks are trained by a method; the baseline knows none."""
        said = self.methods[method]
        if not isinstance(said, OnDies):
            return ("none",)
        return tuple(self.file.masks if said.masks is None else said.masks)


def is_training(data: object) -> bool:
    """Whether the content of a YAML file is that of a training study, by the field that no other kind of file has."""
    return isinstance(data, dict) and "methods" in data and "steps" not in data


def load_training(
    file: str | Path, *, bench: str | Path | None = None, overrides: Sequence[str] = (), place: Path | None = None
) -> TrainingJob:
    """Read a training file by name or path and the bench that it, or `bench`, names, with `path=value` overrides.

    An override is looked up in the file, then the bench, then the bench's simulation. `place` is the bench file of a
    training folder. Raises MissingFile, or FileProblems with all that is wrong.
    """
    source = read(finder.find("protocols", file))
    if not is_training(source.data):
        raise FileProblems([_no_training(source)])
    settings = parse_settings(overrides)
    if bench is not None:
        settings.append(Setting("bench", str(bench), f"--bench {bench}"))
    bench_source = read(place or named_bench(source, settings, default=CHIP))
    source, bench_source = apply(settings, [Scope(source, TrainingFile, ((),)), scope(bench_source)])
    found = check_bench(bench_source)
    checked = check(source, TrainingFile, lambda wanted: _problems(wanted, source, found))
    source = absolute(source, ("data", "folder"))
    for position in range(len(checked.dies.files or ())):
        source = absolute(source, ("dies", "files", position))
    return TrainingJob(TrainingFile.model_validate(source.data), source, found)


def _no_training(source: Source) -> Problem:
    data: Any = source.data
    keys = set(cast("dict[str, Any]", data)) if isinstance(data, dict) else set[str]()
    kinds = {
        "steps": ("a protocol", f"run it with: labmtj run {source.name}"),
        "diameters": ("a study of copies", f"carry it out with: labmtj study {source.name}"),
        "in_situ": ("a study of training on the array", f"carry it out with: labmtj study {source.name}"),
        "neuron_network": ("a study of networks of neurons", f"carry it out with: labmtj study {source.name}"),
        "instruments": ("a bench file", ""),
    }
    for key, (what, hint) in kinds.items():
        if key in keys:
            return source.problem((key,), f"this is {what}, not a training file", hint=hint, key=True)
    return source.problem((), "this is no training file: it names no methods")


def _problems(file: TrainingFile, source: Source, bench: BenchFile) -> Iterator[Problem]:
    """What does not go together in a training file, or in it and its bench."""
    methods, dies = file.methods, file.dies
    if not any(getattr(methods, name) is not None for name in METHODS):
        hint = f"name one at least: {', '.join(METHODS)}"
        yield source.problem(("methods",), "there is nothing to train", hint=hint, key=True)
    if methods.tuned is not None and methods.statistics_aware is None:
        hint = "add statistics_aware: {}"
        yield source.problem(("methods", "tuned"), "what is tuned are statistics-aware networks", hint=hint, key=True)
    if file.data.name != "digits" and file.data.folder is None:
        hint = "write folder: <the folder with its IDX files>, or --set data.folder=DIR"
        yield source.problem(("data",), f"{file.data.name} does not come with labmtj", hint=hint, key=True)
    if file.train.validation >= 1.0:
        yield source.problem(("train", "validation"), "nothing would be left to learn from")
    surface = file.compare.surface
    if surface is not None and surface.points % 2 == 0:
        hint = "write an odd number, so that the solution is one of the points"
        yield source.problem(("compare", "surface", "points"), f"{surface.points} is even", hint=hint)
    yield from _rates(file, source)
    if bench.bench.array.kernels is None or bench.bench.gates is None:
        hint = "networks of this kind are for chips with a transistor in every cell, such as simulated-1t1r"
        yield source.problem(("bench",), f"{bench.source.name} has no such chip", hint=hint)
    if dies.files is not None and len(dies.files) <= dies.statistics_from:
        text = f"{len(dies.files)} maps: {dies.statistics_from} give the statistics, none would be left to judge on"
        yield source.problem(("dies", "files"), text)


def _rates(file: TrainingFile, source: Source) -> Iterator[Problem]:
    """What is wrong with rates of shorts and with masks.

    Each stands in a list once, and networks are trained with those that they are judged with.
    """
    for field in ("shorts", "masks"):
        known: list[object] = getattr(file, field)
        lists: list[tuple[tuple[str, ...], list[object]]] = [((field,), known)]
        for name in METHODS[1:]:
            method = getattr(file.methods, name)
            if method is not None and getattr(method, field) is not None:
                lists.append((("methods", name, field), getattr(method, field)))
        for path, values in lists:
            for position, value in enumerate(values):
                if value in values[:position]:
                    yield source.problem((*path, position), f"{value} stands twice")
                elif value not in known:
                    hint = f"judged at: {', '.join(map(str, known))}"
                    yield source.problem((*path, position), f"no network is judged at {value}", hint=hint)
        tuned, aware = file.methods.tuned, file.methods.statistics_aware
        if tuned is not None and aware is not None:
            have: list[object] = getattr(aware, field) or known
            for value in getattr(tuned, field) or known:
                if value not in have:
                    text = f"there is no statistics-aware network to tune: {field} {value}"
                    yield source.problem(("methods", "tuned"), text, hint=f"name those of tuned: {field}: [...]")
