"""Trains and judges the networks of a training study: images, maps and network of its file, methods of nets.chips."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import FileProblems, InputError, MissingFile, PlacementError, StorageError
from labmtj.nets.chips.cells import ChipCells, Mask, chip_cells
from labmtj.nets.chips.files import ChipNetworkFile, write_network
from labmtj.nets.chips.judging import scores
from labmtj.nets.chips.networks import ChipNetworks, Form
from labmtj.nets.chips.tiling import Tiling
from labmtj.nets.images.preparing import Prepared, Samples, held_back, prepare
from labmtj.nets.images.sets import load
from labmtj.records import Floats
from labmtj.studies.training import chips
from labmtj.studies.training.chips import Chips
from labmtj.studies.training.fits import Fit
from labmtj.studies.training.load import TrainingJob
from labmtj.studies.training.schema import Surface
from labmtj.studies.training.trainer import Around, Judged, Solution, Trainer

_FLIPS = np.array([0.0, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1])  # chosen: up to where most networks fail
_MEASURED = 1000  # chosen: images that measures are taken on; all 10,000 on 36 dies would take a gigabyte
_DRAWS = 4  # chosen: on each of several dies


@dataclass(frozen=True, eq=False)
class Ready:
    """What a training file names, read and checked: its images, the network's form, and where it lies on the chip."""

    images: Prepared
    form: Form
    tiling: Tiling
    dies: int

    @property
    def facts(self) -> dict[str, str]:
        """What it is, in words."""
        images, form, tiling = self.images, self.form, self.tiling
        columns = tiling.kernels * tiling.cols
        used = sum(-(-inputs // form.block) * 2 * outputs for inputs, outputs in form.shapes)
        return {
            "images": f"{images.name}, {len(images.train)} to train and {len(images.test)} to test",
            "network": f"{form.side} x {form.side} inputs of {form.bits} bits, {form.hidden} hidden units of "
            f"{form.hidden_bits} bits, {form.classes} classes",
            "chip": f"{tiling.kernels} kernels of {tiling.rows} x {tiling.cols}: {tiling.used} of "
            f"{tiling.shape[0] * tiling.shape[1]} cells hold a device, {used} of {columns} columns",
        }

    @property
    def lines(self) -> tuple[str, ...]:
        """The same, a line each."""
        return tuple(f"{name}: {text}" for name, text in self.facts.items())


def prepared(job: TrainingJob) -> Ready:
    """Read the images that a file names and lay its network on its chip. Raises FileProblems with the place."""
    file, array = job.file, job.bench.bench.array
    try:
        images = load(file.data.name, folder=None if file.data.folder is None else Path(file.data.folder))
    except (InputError, MissingFile) as error:
        raise FileProblems([job.source.problem(("data",), str(error))]) from error
    try:
        found = prepare(images, side=file.network.side, bits=file.network.bits)
    except InputError as error:
        raise FileProblems([job.source.problem(("network", "side"), str(error))]) from error
    shape = file.network
    form = Form(shape.side, shape.bits, shape.hidden, shape.hidden_bits, array.rows, found.classes)
    try:
        tiling = Tiling.of_shapes(
            form.shapes, block=form.block, kernels=array.kernels or 1, rows=array.rows, cols=array.cols
        )
    except PlacementError as error:
        raise FileProblems([job.source.problem(("network",), str(error))]) from error
    return Ready(found, form, tiling, chips.count(job))


def chip_ways(job: TrainingJob) -> ChipWays:
    """Everything that trains and judges a file's networks. Raises FileProblems; dies are drawn when they are used."""
    return ChipWays(job, prepared(job), chips.maps_digest(job))


class ChipWays:
    """The methods of nets.chips on the chips of a training study (labmtj.studies.training.trainer.Ways)."""

    def __init__(self, job: TrainingJob, ready: Ready, maps: str) -> None:
        self._job, self._ready, self._maps = job, ready, maps
        self._chips: dict[float, Chips] = {}
        self._cells: dict[tuple[float, str], ChipCells] = {}
        self.dies = chips.names(job)

    @property
    def digest(self) -> str:
        """SHA-256 of images and measured maps."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        found = hashlib.sha256(self._maps.encode())
        for part in (self._ready.images.train, self._ready.images.test):
            for array in (part.levels, part.labels):
                found.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return found.hexdigest()

    def trainer(self, fit: Fit, *, before: Solution | None) -> Trainer:
        """What carries a fit out. Raises InputError without JAX."""
        from labmtj.nets.chips import training
        from labmtj.nets.chips.statistics import Statistics

        form, options = self._ready.form, self._options(fit)
        learn, validation = self._split(fit.seed)
        mask = Mask(fit.mask)
        if fit.method == "baseline" or fit.shorts is None:
            return training.baseline(form, learn=learn, validation=validation, options=options)
        if fit.method == "statistics_aware":
            aware = self._job.file.methods.statistics_aware
            drawn = 1.0 if aware is None else aware.drawn
            known = Statistics.of(self._dies(fit.shorts).known, shorts=drawn, seed=fit.seed)
            return training.statistics_aware(
                form, known, mask=mask, learn=learn, validation=validation, options=options
            )
        cells = self._on(fit.shorts, fit.mask)
        if fit.method == "hardware_aware":
            return training.hardware_aware(form, cells, learn=learn, validation=validation, options=options)
        assert before is not None
        networks = ChipNetworks.from_arrays(form, before)
        return training.tuned(networks, cells, learn=learn, validation=validation, options=options)

    def software(self, solution: Solution) -> Judged:
        """Networks on perfect devices, (networks, 1)."""
        return _columns(*self._judged(self._networks(solution), None))

    def judge(self, solution: Solution, *, shorts: float, mask: str) -> Judged:
        """Every network on every die."""
        networks, cells = self._networks(solution), self._on(shorts, mask)
        rows = [self._judged(networks.take([one]), cells) for one in range(len(networks))]
        return Judged(np.stack([right for right, _ in rows]), np.stack([loss for _, loss in rows]))

    def judge_own(self, solution: Solution, *, shorts: float, mask: str) -> Judged:
        """Each network on the die of its own place, (networks, 1)."""
        return _columns(*self._judged(self._networks(solution), self._on(shorts, mask)))

    def surface(self, solution: Solution, *, shorts: float, mask: str, wanted: Surface, seed: int) -> Around:
        """The loss around the first network on the first dies, or on its own where each has one, on training images."""
        from labmtj.nets.chips.surface import flipped, surface

        samples = self._ready.images.train.take(np.arange(min(wanted.images, len(self._ready.images.train))))
        networks = self._networks(solution)
        dies = min(wanted.dies, len(self.dies)) if len(networks) == 1 else 1
        network, cells = networks.take([0]), self._on(shorts, mask).take(list(range(dies)))
        found = surface(network, samples, cells=cells, reach=wanted.reach, points=wanted.points, seed=seed)
        turned = flipped(network, samples, cells=cells, rates=_FLIPS, draws=_DRAWS, seed=seed)
        return Around(found.along, found.loss, _FLIPS, turned.loss.mean(axis=1), turned.accuracy.mean(axis=1))

    def measures(
        self, solution: Solution, *, shorts: float, mask: str, before: Solution | None
    ) -> Mapping[str, Floats]:
        """How networks on dies follow software, on the first test images."""
        from labmtj.nets.chips.measures import of_chips

        reference = None if before is None else self._networks(before)
        test, cells = self._ready.images.test, self._on(shorts, mask)
        some = test.take(np.arange(min(_MEASURED, len(test))))
        return of_chips(self._networks(solution), some, cells=cells, reference=reference)

    def facts(self) -> Mapping[str, str]:
        """What tables and page say of images, network and chips."""
        dies = self._job.file.dies
        other = "measured" if dies.files is not None else f"drawn, seeds from {dies.seed}"
        return {
            **self._ready.facts,
            "dies": f"{len(self.dies)} to judge on, {dies.statistics_from} others for the statistics ({other})",
        }

    def defects(self) -> Mapping[str, NDArray[Any]]:
        """Defects of each die at each rate of shorts."""
        parts = [chips.defects(self._dies(rate), shorts=rate) for rate in self._job.shorts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def currents(self) -> Mapping[str, NDArray[Any]]:
        """What cells draw against the voltage."""
        return chips.currents(self._job)

    def keep(self, solution: Solution, folder: Path, *, fit: Fit) -> list[Path]:
        """Write networks as files that a protocol can name, with the number of the die where each has its own."""
        networks, made, name = self._networks(solution), list[Path](), fit.name
        window = self._dies(self._job.shorts[0] if fit.shorts is None else fit.shorts).known.window
        for number in range(len(networks)):
            own = f"{name}-die{number + 1:02d}" if len(networks) > 1 else name
            header = f"{own}: {self._job.file.title}; {'; '.join(self._ready.lines)}"
            path = folder / f"{own}.npz"
            try:
                write_network(path, ChipNetworkFile(networks.network(number, name=own, window=window), header))
            except OSError as error:
                raise StorageError(f"{path}: this network cannot be written: {error.strerror}") from error
            made.append(path)
        return made

    def _networks(self, solution: Solution) -> ChipNetworks:
        return ChipNetworks.from_arrays(self._ready.form, solution)

    def _split(self, seed: int) -> tuple[Samples, Samples]:
        return held_back(self._ready.images.train, share=self._job.file.train.validation, seed=seed)

    def _options(self, fit: Fit) -> Any:
        from labmtj.nets.chips.schedule import Schedule
        from labmtj.nets.chips.training import Options

        train, said = self._job.file.train, self._job.methods[fit.method]
        schedule = Schedule(
            epochs=fit.epochs,
            rate=said.rate or train.rate,
            patience=said.patience or train.patience,
            descent=train.descent,
        )
        return Options(schedule, batch=said.batch or train.batch, seed=fit.seed)

    def _dies(self, shorts: float) -> Chips:
        if shorts not in self._chips:
            self._chips[shorts] = chips.chips(self._job, shorts=shorts)
        return self._chips[shorts]

    def _on(self, shorts: float, mask: str) -> ChipCells:
        """Devices on the dies that networks are judged on; their window is that of the dies of the statistics."""
        if (shorts, mask) not in self._cells:
            found = self._dies(shorts)
            cells = chip_cells(found.judged, self._ready.tiling, mask=Mask(mask), window=found.known.window)
            self._cells[shorts, mask] = cells
        return self._cells[shorts, mask]

    def _judged(self, networks: ChipNetworks, cells: ChipCells | None) -> tuple[Floats, Floats]:
        """Accuracy and mean cross-entropy [nat] of each copy on the test images."""
        from labmtj.nets.chips.surface import cross_entropy

        test = self._ready.images.test
        found = scores(networks, test, cells=cells)
        right = np.mean(np.argmax(found, axis=-1) == test.labels, axis=1)
        return right, cross_entropy(found, test.labels)


def _columns(accuracy: Floats, loss: Floats) -> Judged:
    return Judged(accuracy[:, np.newaxis], loss[:, np.newaxis])
