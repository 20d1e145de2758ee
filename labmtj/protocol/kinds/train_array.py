"""The train_array step: a network of two layers learns on the array itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field

from labmtj.config.quantities import Fraction, Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import InputError, PlacementError, Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.fields import AmplitudePair, PulseEntry
from labmtj.protocol.kinds.learning_fields import Numbers, RecipeFields, Regions, Side
from labmtj.protocol.kinds.mapping import MapStep
from labmtj.protocol.kinds.step import Stated, Step

if TYPE_CHECKING:
    from labmtj.config.bench import Bench, BenchFile
    from labmtj.protocol.progress import Progress

DEFAULT_BITS = 6  # chosen: as in inference (kinds.infer)


class TrainArrayStep(Step):
    """Train a network of `hidden` hidden values on the array: forward, errors in the host, update pulses.

    `data`: wine, digits, or images in a `folder`; of it these `features` (of wines) and `classes`, from 1, images of
    `side` x `side` inputs, `samples` of the training samples. `rule`: `stochastic` flips devices by chance, in parallel
    along lines; `deterministic` writes the sign of hidden numbers with verify. `coding`: with `levels` every line has a
    voltage of its own, so that row and column together make each cell's flip probability; by `chance` lines (on a chip:
    gates) are drawn, and what takes part is written for certain; `auto` is `levels` where every line has a source and
    the map tells how each cell of the layers switches: where P grows with V^33, at 100 us, nothing less will do.
    `shapes`: levels of each `cell`, as far as the map knows them, or of the `die`. `products`: samples are summed
    by the `array`, or by the host from the `map` of readings; `auto` is `array` where rows have sources. `proof` test
    samples are summed by the array itself in the end. `place`: `blocks` that share no line, or rows and columns of
    both layers. `enough`: share of training samples that ends it early. `seed`: order of samples, and chance.
    """

    kind: ClassVar[str] = "train_array"
    on_chips: ClassVar[bool] = True

    data: Literal["wine", "digits", "mnist", "fashion"] = "wine"
    folder: str | None = None
    features: Numbers | None = None
    classes: Numbers | None = None
    side: Side = 8
    samples: Annotated[int, Field(ge=2)] | None = None
    hidden: Annotated[int, Field(ge=1, le=10_000)] = 6
    rule: Literal["stochastic", "deterministic"] = "stochastic"
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 30
    enough: Fraction | None = None
    learning: RecipeFields = RecipeFields()
    coding: Literal["auto", "levels", "chance"] = "auto"
    shapes: Literal["cell", "die"] = "cell"
    products: Literal["auto", "array", "map"] = "auto"
    proof: Annotated[int, Field(ge=0)] = 0
    bits: Annotated[int, Field(ge=1, le=16)] = DEFAULT_BITS
    pulse: PulseEntry = PulseEntry()
    retries: Annotated[int, Field(ge=0, le=1000)] = 10
    read: Voltage | None = None
    place: Regions = "blocks"
    software: bool = True
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0

    @property
    def layers(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(inputs, outputs) of both layers."""
        from labmtj.nets.in_situ.sets import classes_of, inputs_of

        inputs = inputs_of(self.data, features=self.features, side=self.side)
        return (inputs, self.hidden), (self.hidden, classes_of(self.data, classes=self.classes))

    def needs(self) -> tuple[str, ...]:
        """A map of the die."""
        return ("map",)

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The read voltage, and amplitudes that are stated."""
        if self.read is not None:
            yield Stated((*here, "read"), self.read)
        if isinstance(self.pulse.amplitude, AmplitudePair):
            said = written.data["steps"][here[1]][self.kind]["pulse"]["amplitude"]
            path: KeyPath = (*here, "pulse", "amplitude")
            for name in ("ap_to_p", "p_to_ap"):
                at = (*path, name) if isinstance(said, dict) else path
                yield Stated(at, getattr(self.pulse.amplitude, name), 0.5)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """Fields that do not go together, lines that are not there, layers that do not fit."""
        from labmtj.protocol.learning import misfits

        if self.data == "wine":
            for name in ("folder", "side"):
                if name in self.model_fields_set:
                    yield source.problem((*here, name), f"{name} goes with images, not with data: wine", key=True)
        elif self.features is not None:
            yield source.problem((*here, "features"), "features are of wines; images have a side", key=True)
        if self.data in ("mnist", "fashion") and self.folder is None:
            hint = "write folder: FOLDER with the IDX files of the images"
            yield source.problem((*here, "data"), f"{self.data} does not come with labmtj", hint=hint)
        if self.learning.eta.last > self.learning.eta.first:
            yield source.problem((*here, "learning", "eta"), "eta falls: last must not be above first")
        for name in ("features", "classes"):
            numbers: tuple[int, ...] = getattr(self, name) or ()
            most = 13 if name == "features" else 3 if self.data == "wine" else 10
            if len(set(numbers)) < len(numbers):
                yield source.problem((*here, name), "a number stands twice")
            if numbers and max(numbers) > most:
                yield source.problem((*here, name), f"{self.data} has {most} {name}, counted from 1")
        yield from misfits(self, here, source, bench)

    def filled(self, bench: Bench, before: Iterable[Step]) -> Self:
        """The map's width and read voltage, and what this bench can do."""
        maps = [step for step in before if isinstance(step, MapStep)]
        width = self.pulse.width or (maps[-1].width if maps else bench.pulse.width)
        products = self.products if self.products != "auto" else "array" if bench.analog else "map"
        return self.model_copy(
            update={
                "pulse": self.pulse.model_copy(update={"width": width}),
                "read": self.read or (maps[-1].read if maps else None),
                "products": products,
            }
        )

    def items(self, progress: Progress) -> int:
        """Samples that are learnt, each as often as there are epochs."""
        from labmtj.protocol.learning import task_of

        return self.epochs * task_of(self).train.shape[1]

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Train, and keep what came of it."""
        from labmtj.protocol.learning import train

        if self.pulse.width is None:
            raise InputError("no pulse width is known: write pulse: {width: 100 us} in this step")
        try:
            return train(self, progress, tick)
        except PlacementError as error:
            error.add_note("name the lines of both layers with place: [{rows: ..., cols: ...}, {...}]")
            raise
