"""From a study file of networks of neurons, a bench and overrides to a checked study; nothing here draws dies."""

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
from labmtj.errors import FileProblems, InputError, Problem
from labmtj.neuron_dies import model_of_bench
from labmtj.studies.load import named_bench
from labmtj.studies.neurons.schema import Calibrating, NeuronFile

BENCH = "neurons"
"""The bench of a file that names none."""
_OTHERS = {
    "steps": ("a protocol", "run it with: labmtj run"),
    "methods": ("a training file", "carry it out with: labmtj train"),
    "in_situ": ("a study of training on the array", "carry it out with: labmtj study"),
    "diameters": ("a study of copies", "carry it out with: labmtj study"),
    "instruments": ("a bench file", ""),
}
_LISTS = (("variation",), ("device", "calibration"), ("gradient", "variation"), ("gradient", "kinds"),
          ("transfer", "source_classes"))  # fmt: skip


@dataclass(frozen=True)
class NeuronJob:
    """A checked study of networks of neurons on a checked bench; `source` is its document, settings included."""

    file: NeuronFile
    source: Source
    bench: BenchFile

    @property
    def variations(self) -> tuple[float | None, ...]:
        """Variations of the dies in their order; None alone where the neurons are those of a map."""
        return (None,) if self.file.device.source == "map" else tuple(sorted(self.file.variation))

    @property
    def calibrations(self) -> tuple[Calibrating, ...]:
        """What the host knows, the least first."""
        return tuple(sorted(self.file.device.calibration, key=("none", "neuron").index))

    @property
    def seeds(self) -> range:
        """All seeds."""
        return range(self.file.seed, self.file.seed + self.file.seeds)


def is_neuron_study(data: object) -> bool:
    """Whether the content of a YAML file is that of such a study, by the field that no other kind of file has."""
    return isinstance(data, dict) and "neuron_network" in data and "steps" not in data


def load_neuron_study(
    file: str | Path, *, bench: str | Path | None = None, overrides: Sequence[str] = (), place: Path | None = None
) -> NeuronJob:
    """Read a study by name or path and the bench that it, or `bench`, names, with `path=value` overrides.

    An override is looked up in the study, then the bench, then the bench's simulation. `place` is the bench file of a
    study folder. Raises MissingFile, or FileProblems with all that is wrong.
    """
    source = read(finder.find("protocols", file))
    if not is_neuron_study(source.data):
        raise FileProblems([_another(source)])
    settings = parse_settings(overrides)
    if bench is not None:
        settings.append(Setting("bench", str(bench), f"--bench {bench}"))
    bench_source = read(place or named_bench(source, settings, default=BENCH))
    source, bench_source = apply(settings, [Scope(source, NeuronFile, ((),)), scope(bench_source)])
    found = check_bench(bench_source)
    check(source, NeuronFile, lambda wanted: _problems(wanted, source, found))
    for path in (("data", "folder"), ("device", "map")):
        source = absolute(source, path)
    return NeuronJob(NeuronFile.model_validate(source.data), source, found)


def _another(source: Source) -> Problem:
    data: Any = source.data
    keys = set(cast("dict[str, Any]", data)) if isinstance(data, dict) else set[str]()
    for key, (what, command) in _OTHERS.items():
        if key in keys:
            hint = f"{command} {source.name}" if command else ""
            return source.problem((key,), f"this is {what}, not a study of networks of neurons", hint=hint, key=True)
    return source.problem((), "this is no study of networks of neurons: it says nothing of a neuron_network")


def _problems(file: NeuronFile, source: Source, bench: BenchFile) -> Iterator[Problem]:
    """What does not go together in a study, or in it and its bench."""
    yield from _twice(file, source)
    network, device = file.neuron_network, file.device
    if file.data.name != "digits" and file.data.folder is None:
        hint = "write folder: <the folder with its files>, or --set data.folder=DIR"
        yield source.problem(("data",), f"{file.data.name} does not come with labmtj", hint=hint, key=True)
    for name in ("average", "smoothing", "dropout"):
        if getattr(network, name) >= 1.0:
            yield source.problem(("neuron_network", name), "must be below 100 %")
    if (device.map is None) == (device.source == "map"):
        text = "source: map and map: <neurons.h5 of a run> go together"
        yield source.problem(("device",), text, key="device" in (source.data or {}))
    if not any((file.inference, file.training, file.gradient, file.curves, file.transfer, file.distillation)):
        hint = "name one at least: inference, training, gradient, curves, transfer, distillation"
        yield source.problem((), "there is nothing to carry out", hint=hint)
    if (gradient := file.gradient) is not None:
        for position, variation in enumerate(gradient.variation or ()):
            if variation not in file.variation:
                known = ", ".join(f"{100 * one:g} %" for one in file.variation)
                text = f"{100 * variation:g} % is none of the study's variations: {known}"
                yield source.problem(("gradient", "variation", position), text)
    if (transfer := file.transfer) is not None:
        layers = len(transfer.hidden or network.hidden)
        if transfer.layers > layers or (transfer.layers == layers and not network.body):
            text = f"{transfer.layers} of {layers} hidden layers learn anew: none would be kept"
            hint = "write transfer: {hidden: [...]} with one more"
            yield source.problem(("transfer",), text, hint=hint, key=True)
    if file.distillation is not None and (file.distillation.teacher.dropout or 0.0) >= 1.0:
        yield source.problem(("distillation", "teacher", "dropout"), "must be below 100 %")
    for position, bound in enumerate(file.bounds.device):
        if position and bound.up_to <= file.bounds.device[position - 1].up_to:
            yield source.problem(("bounds", "device", position), "bounds stand by rising variation")
    try:
        model_of_bench(bench.bench)
    except InputError as error:
        yield source.problem(("bench",), str(error), hint="take bench: neurons")


def _twice(file: NeuronFile, source: Source) -> Iterator[Problem]:
    """Each value stands in its list once."""
    for path in _LISTS:
        part: Any = file
        for name in path:
            part = None if part is None else getattr(part, name)
        values: list[object] = part or []
        for position, value in enumerate(values):
            if value in values[:position]:
                yield source.problem((*path, position), f"{value} stands twice")
