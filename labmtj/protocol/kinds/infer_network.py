"""The infer_network step: images through the network on a chip, and the same through its map."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from labmtj.config.quantities import Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.ports import Ticker
from labmtj.protocol.kinds.fields import Samples
from labmtj.protocol.kinds.mapping import MapStep
from labmtj.protocol.kinds.step import Stated, Step

if TYPE_CHECKING:
    from labmtj.config.bench import Bench
    from labmtj.protocol.progress import Progress


class InferNetworkStep(Step):
    """Classify test images by what the chip itself sums, and compare with emulation from its map, image by image.

    Inputs, and hidden outputs, open the gates of rows bit by bit; each column gives the current of its open cells.
    `mask: defects` leaves the gate of a row closed while a pair of columns is sensed in which it has a shorted or an
    open cell.
    `samples` are test images: `all`, a number of them spread over all, or a list.
    """

    kind: ClassVar[str] = "infer_network"
    changes_cells: ClassVar[bool] = False
    of_network: ClassVar[bool] = True
    on_arrays: ClassVar[bool] = False
    on_chips: ClassVar[bool] = True
    inherits: ClassVar[tuple[str, ...]] = ("read", "samples")

    samples: Samples = 1000
    read: Voltage | None = None
    mask: Literal["none", "defects"] = "none"

    def needs(self) -> tuple[str, ...]:
        """The network on the chip."""
        return ("program_network",)

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The read voltage."""
        if self.read is not None:
            yield Stated((*here, "read"), self.read)

    def filled(self, bench: Bench, before: Iterable[Step]) -> Self:
        """The map's read voltage."""
        del bench
        maps = [step for step in before if isinstance(step, MapStep)]
        return self.model_copy(update={"read": self.read or (maps[-1].read if maps else None)})

    def items(self, progress: Progress) -> int:
        """Columns that are sensed."""
        from labmtj.routines.chips.inference import columns_of

        tiling = progress.known_chip.tiling
        return sum(columns_of(tiling, layer=layer) for layer in range(len(tiling.shapes)))

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Classify and compare."""
        from labmtj.routines.chips.columns import gated
        from labmtj.routines.chips.comparing import compare_network

        task, die = progress.known_chip, progress.known_map
        if progress.written is None:
            from labmtj.errors import InputError

            raise InputError("the network is not on the chip any more: a later step changed its cells")
        numbers = task.samples(self.samples)
        asked: dict[str, Any] = {"voltage": self.read or die.read_voltage, "mask": self.mask == "defects"}
        found = compare_network(
            gated(progress.array),
            task.network,
            task.tiling,
            die_map=die,
            samples=task.images.test.take(numbers),
            numbers=numbers,
            tick=tick,
            **asked,
        )
        progress.inferred = found
        return progress.find(found)
