"""The program step: a layer of the network onto the array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from labmtj.config.quantities import Ratio
from labmtj.config.source import KeyPath, Source
from labmtj.errors import BenchError, InputError, Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.fields import AmplitudePair, Layer, Lines, Place, PulseEntry
from labmtj.protocol.kinds.mapping import MapStep
from labmtj.protocol.kinds.step import Stated, Step
from labmtj.protocol.progress import Progress, listed
from labmtj.records import Copy, Defect, Ints, Placement, Scheme
from labmtj.routines.characterise import write_amplitudes
from labmtj.routines.writing.settings import STEPS, Algorithm, Order, WriteSettings

if TYPE_CHECKING:
    from labmtj.config.bench import Bench, BenchFile


_SHARE = 0.66  # chosen: of the line compliance that the cells of one pulse may draw together by calculation
_MOST_MOVES = 3  # chosen: a layer that three better places did not help has other troubles


class ProgramStep(Step):
    """Write a layer with write-verify pulses, repair what they disturbed, read it back.

    `algorithm`: `one_shot` pulses every cell once and looks at the end; `verify_first` pulses only what is wrong;
    `ispp` steps the amplitude up by `step` until a cell has switched; `width_modulated` lengthens the pulse;
    `model` gives each cell what the die map says of it. `order`: `batches` writes cells of a row together and
    verifies sums, `cells` goes cell by cell on the shortest way, `naive` grounds all lines before each pulse and
    reading. `compensate` adds at the terminals what the wires take, where the map knows them. `line_checks` looks
    at all half-selected lines after every pulse. Cells that stay wrong are marked and left (`mark`), moved to
    better lines (`remap`: pairs swapped, the layer placed anew and written again), or end the run (`stop`).
    `place`: `identity` takes the first lines, `avoid_defects` those with the best cells in their order, `optimise`
    the rows and pairs of columns on which this network's outputs err least, in any order; or the lines are named.
    """

    kind: ClassVar[str] = "program"
    of_network: ClassVar[bool] = True
    inherits: ClassVar[tuple[str, ...]] = (
        "algorithm",
        "scheme",
        "pulse",
        "order",
        "compensate",
        "step",
        "line_checks",
        "retries",
        "repair_sweeps",
        "place",
        "unwritable",
    )

    layer: Layer
    algorithm: Annotated[Algorithm, Field(strict=False)] = Algorithm.VERIFY_FIRST
    scheme: Annotated[Scheme, Field(strict=False)] = Scheme.V_HALF
    pulse: PulseEntry = PulseEntry()
    order: Annotated[Order, Field(strict=False)] = Order.BATCHES
    compensate: bool = True
    step: Annotated[Ratio, Field(lt=1.0)] | None = None
    line_checks: bool = False
    retries: Annotated[int, Field(ge=0, le=1000)] = 10
    repair_sweeps: Annotated[int, Field(ge=0, le=100)] = 4
    place: Place = "avoid_defects"
    unwritable: Literal["mark", "remap", "stop"] = "mark"

    @property
    def label(self) -> str:
        """Program, with the layer's number."""
        return f"program {self.layer}"

    def needs(self) -> tuple[str, ...]:
        """A map of the die; for `model`, of the switching voltages of its cells, too."""
        return ("map", "ramps") if self.algorithm is Algorithm.MODEL else ("map",)

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
        if self.step is not None and self.algorithm is not Algorithm.ISPP:
            yield source.problem((*here, "step"), "step belongs to algorithm: ispp", key=True)
        if not bench.bench.analog and self.scheme is Scheme.V_THIRD:
            hint = "write scheme: v_half, or run on a bench with a source on every row (parallel)"
            yield source.problem((*here, "scheme"), "v_third needs three sources besides ground", hint=hint)
        if bench.bench.analog and self.scheme is Scheme.FLOATING:
            hint = "write scheme: v_half; rows of this bench are wired to their sources and cannot float"
            yield source.problem((*here, "scheme"), "lines of this bench cannot float", hint=hint)
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
        """Place the layer, write it, verify it; move it where cells cannot be written and that was asked for."""
        from labmtj.nets.placement import around
        from labmtj.routines.program import program_layer

        target = progress.known_network.layers[self.layer - 1].states
        placement, moves = self._placement(progress), 0
        while True:
            settings = self._settings(progress)
            self._plan(progress, placement, target, settings)
            copy = program_layer(
                progress.array,
                die_map=progress.known_map,
                target=target,
                placement=placement,
                settings=settings,
                picture=progress.picture,
                tick=tick,
                tally=progress.tally,
            )
            progress.stands(self.layer, copy)
            missed = copy.wrong & (copy.defect == Defect.NONE)
            self._record(progress, copy, settings)
            if not missed.any() or self.unwritable == "mark":
                break
            cells = [placement.cell(int(row), int(col)) for row, col in np.argwhere(missed)]
            names = ", ".join(str(cell) for cell in cells)
            if self.unwritable == "stop":
                raise BenchError(
                    f"layer {self.layer}: cells {names} cannot be written; the protocol says to stop there"
                )
            progress.mark_stuck(cells)
            moves += 1
            if moves > _MOST_MOVES:
                break
            placement = around(progress.known_map, placement, target)
        right = copy.target.size - int(copy.wrong.sum())
        line = f"layer {self.layer}   {right}/{copy.target.size} cells   {int(copy.pulses.sum())} pulses"
        line += f"   {copy.repaired} repaired" if copy.repaired else ""
        return line + (f"   moved {moves} times" if moves else "")

    def _settings(self, progress: Progress) -> WriteSettings:
        die = progress.known_map
        if self.algorithm is Algorithm.MODEL and (die.v_switch_p is None or die.v_switch_ap is None):
            raise InputError("the model algorithm needs the cells' switching voltages: put a ramps step before it")
        said = self.pulse.amplitude
        amplitudes = write_amplitudes(die.switching) if said == "from_map" else said.record
        picture = progress.picture
        if self.compensate and picture.model is not None:
            progress.array.trust(picture.lower_bound)
            amplitudes = picture.at_cells(amplitudes) if said == "from_map" else amplitudes
        steps = None if self.step is None else replace(STEPS[self.algorithm], rise=self.step)
        settings = WriteSettings(
            amplitudes=amplitudes,
            width=self.pulse.width or die.width,
            scheme=self.scheme,
            retries=self.retries,
            repair_sweeps=self.repair_sweeps,
            read=die.read_voltage,
            algorithm=self.algorithm,
            order=self.order,
            compensate=self.compensate,
            line_checks=self.line_checks,
            steps=steps,
        )
        if progress.limits is None:
            return settings
        return replace(settings, line_current=_SHARE * progress.limits.line_compliance)

    def _plan(self, progress: Progress, placement: Placement, target: Ints, settings: WriteSettings) -> None:
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

    def _record(self, progress: Progress, copy: Copy, settings: WriteSettings) -> None:
        progress.journal.record(
            "program",
            {
                "layer": self.layer,
                "rows": list(copy.placement.rows),
                "cols": list(copy.placement.cols),
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

    def _placement(self, progress: Progress) -> Placement:
        from labmtj.nets import placement as places

        shape = progress.known_network.layers[self.layer - 1].shape
        if isinstance(self.place, Lines):
            return places.explicit(self.place.rows, self.place.cols, layer=shape, shape=progress.array.shape)
        if self.place == "identity":
            return places.identity(shape)
        if self.place == "optimise":
            network, data = progress.known_network, progress.known_data
            training = data.inputs[data.train]
            return places.optimise(progress.known_map, network, layer=self.layer - 1, inputs=training)
        return places.avoid_defects(progress.known_map, shape)
