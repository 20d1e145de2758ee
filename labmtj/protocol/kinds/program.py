"""The program step: a layer of the network onto the array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field

from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.fields import AmplitudePair, Layer, Lines, Place, PulseEntry
from labmtj.protocol.kinds.mapping import MapStep
from labmtj.protocol.kinds.step import Stated, Step
from labmtj.protocol.progress import Progress, listed
from labmtj.records import Placement, Scheme

if TYPE_CHECKING:
    from labmtj.config.bench import Bench, BenchFile


class ProgramStep(Step):
    """Write a layer with write-verify pulses, repair what they disturbed, read it back."""

    kind: ClassVar[str] = "program"
    of_network: ClassVar[bool] = True
    inherits: ClassVar[tuple[str, ...]] = ("algorithm", "scheme", "pulse", "retries", "repair_sweeps", "place")

    layer: Layer
    algorithm: Literal["verify_first"] = "verify_first"
    scheme: Annotated[Scheme, Field(strict=False)] = Scheme.V_HALF
    pulse: PulseEntry = PulseEntry()
    retries: Annotated[int, Field(ge=0, le=1000)] = 10
    repair_sweeps: Annotated[int, Field(ge=0, le=100)] = 4
    place: Place = "avoid_defects"

    @property
    def label(self) -> str:
        """Program, with the layer's number."""
        return f"program {self.layer}"

    def needs(self) -> tuple[str, ...]:
        """A map of the die."""
        return ("map",)

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """Amplitudes that are stated, of which each terminal sees half."""
        if not isinstance(self.pulse.amplitude, AmplitudePair):
            return
        said = written.data["steps"][here[1]]["program"]["pulse"]["amplitude"]
        path: KeyPath = (*here, "pulse", "amplitude")
        for name in ("ap_to_p", "p_to_ap"):
            yield Stated((*path, name) if isinstance(said, dict) else path, getattr(self.pulse.amplitude, name), 0.5)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """Lines that are not on the array, or that stand twice."""
        array = bench.bench.array
        if not isinstance(self.place, Lines):
            return
        for side, lines, count in (("rows", self.place.rows, array.rows), ("cols", self.place.cols, array.cols)):
            for position, line in enumerate(lines):
                at = (*here, "place", side, position)
                if line > count:
                    hint = f"the array has {count} {side} ({bench.source.place(('array', side))})"
                    yield source.problem(at, f"line {line} is not on the array", hint=hint)
                if line in lines[:position]:
                    yield source.problem(at, f"line {line} stands twice")

    def filled(self, bench: Bench, before: Iterable[Step]) -> Self:
        """The map's pulse width where none is said."""
        maps = [step for step in before if isinstance(step, MapStep)]
        if not maps or self.pulse.width is not None:
            return self
        return self.model_copy(update={"pulse": self.pulse.model_copy(update={"width": maps[-1].width})})

    def items(self, progress: Progress) -> int:
        """The layer's devices."""
        return progress.known_network.layers[self.layer - 1].devices.size

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Place the layer, write it, read it back."""
        from labmtj.routines.characterise import write_amplitudes
        from labmtj.routines.program import WriteSettings, program_layer

        die, target = progress.known_map, progress.known_network.layers[self.layer - 1].states
        amplitudes = self.pulse.amplitude
        settings = WriteSettings(
            amplitudes=write_amplitudes(die.switching) if amplitudes == "from_map" else amplitudes.record,
            width=self.pulse.width or die.width,
            scheme=self.scheme,
            retries=self.retries,
            repair_sweeps=self.repair_sweeps,
            read=die.read_voltage,
        )
        placement = self._placement(progress)
        progress.journal.record(
            "plan",
            {
                "layer": self.layer,
                "rows": list(placement.rows),
                "cols": list(placement.cols),
                "target": listed(target),
                "amplitudes": [settings.amplitudes.ap_to_p, settings.amplitudes.p_to_ap],
                "width": settings.width,
            },
        )
        for layer, other in progress.copies.items():
            if layer != self.layer and set(other.placement.cells) & set(placement.cells):
                progress.overwritten.add(layer)
        progress.overwritten.discard(self.layer)
        copy = program_layer(
            progress.array, die_map=die, target=target, placement=placement, settings=settings, tick=tick
        )
        progress.copies[self.layer] = copy
        progress.journal.record(
            "program",
            {
                "layer": self.layer,
                "rows": list(placement.rows),
                "cols": list(placement.cols),
                "target": listed(copy.target),
                "state": listed(copy.state),
                "conductance": listed(copy.conductance),
                "pulses": listed(copy.pulses),
                "initial": listed(copy.initial),
                "defect": listed(copy.defect),
                "repaired": copy.repaired,
                "amplitudes": [settings.amplitudes.ap_to_p, settings.amplitudes.p_to_ap],
                "width": settings.width,
            },
        )
        right = copy.target.size - int(copy.wrong.sum())
        line = f"layer {self.layer}   {right}/{copy.target.size} cells   {int(copy.pulses.sum())} pulses"
        return line + (f"   {copy.repaired} repaired" if copy.repaired else "")

    def _placement(self, progress: Progress) -> Placement:
        from labmtj.nets import placement as places

        shape = progress.known_network.layers[self.layer - 1].shape
        if isinstance(self.place, Lines):
            return places.explicit(self.place.rows, self.place.cols, layer=shape, shape=progress.array.shape)
        if self.place == "identity":
            return places.identity(shape)
        return places.avoid_defects(progress.known_map, shape)
