"""The tune step: what turns sums into pre-activations, fitted to the layers as they were written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field

from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.step import Step

if TYPE_CHECKING:
    from labmtj.config.bench import Bench, BenchFile
    from labmtj.protocol.progress import Progress

_MEASURED = ("columns", "best")  # ways that can take calibration inputs
_BITS = 6  # chosen: as in an infer step


class TuneStep(Step):
    """Tune how sums become pre-activations, on the training samples only.

    `scale` is the one number that papers tune. `columns` and `best` fit gains and offsets to what software gives,
    without labels; with `calibration: 30` they take that many training inputs through the array itself.
    """

    kind: ClassVar[str] = "tune"
    changes_cells: ClassVar[bool] = False
    of_network: ClassVar[bool] = True
    inherits: ClassVar[tuple[str, ...]] = ("what", "on")

    what: Literal["scale", "layer_scales", "columns", "rows_columns", "bias", "threshold", "best"] = "scale"
    on: Literal["train"] = "train"
    calibration: Annotated[int, Field(ge=2, le=30)] | None = None
    inputs: Literal["array", "bit_serial", "analog"] | None = None

    def needs(self) -> tuple[str, ...]:
        """Inference through every layer that is programmed."""
        return ("infer all",)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """A calibration that nothing would use, and inputs that this bench cannot give."""
        if self.calibration is not None and self.what not in _MEASURED:
            hint = "only columns and best are fitted to what the array sums"
            yield source.problem((*here, "calibration"), f"{self.what} takes no calibration", hint=hint, key=True)
        if self.inputs is not None and self.calibration is None:
            yield source.problem((*here, "inputs"), "inputs belong to calibration: 30", key=True)
        if self.inputs == "analog" and not bench.bench.analog:
            hint = "write inputs: array, which is bit by bit here; a bank on the rows (the bench parallel) does analog"
            yield source.problem((*here, "inputs"), "this bench drives its rows from one source", hint=hint)

    def filled(self, bench: Bench, before: Iterable[Step]) -> Self:
        """The way in which this bench sums, for a calibration."""
        del before
        if self.calibration is None or self.inputs in ("bit_serial", "analog"):
            return self
        return self.model_copy(update={"inputs": "analog" if bench.analog else "bit_serial"})

    def items(self, progress: Progress) -> int:
        """Inputs that the array is given, or the one calculation."""
        from labmtj.protocol.calibration import still_there

        return 1 + (self.calibration or 0) * len(still_there(progress))

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Tune the copy, and the scale of the software."""
        if self.what == "scale":
            return _scale(progress, tick)
        return _readout(self, progress, tick)


def _scale(progress: Progress, tick: Ticker) -> str:
    """Find the scale of the array and of the software."""
    from labmtj.nets.tune import scale_in_software, scale_on_array
    from labmtj.protocol.progress import listed, neutral

    network, data = progress.known_network, progress.known_data
    maps = [neutral(progress.conductance[n]) for n in range(1, len(network.layers) + 1)]
    progress.software_scale = scale_in_software(network, data)
    found = scale_on_array(network, data, conductances=maps, window=progress.window)
    progress.scale = found
    tick()
    progress.journal.record(
        "tune",
        {
            "scale": found.scale,
            "software_scale": progress.software_scale.scale,
            "scales": listed(found.scales),
            "train": listed(found.train),
            "test": listed(found.test),
            "software_train": listed(progress.software_scale.train),
        },
    )
    return f"scale {found.scale:.2f} on the training wines (software {progress.software_scale.scale:.2f})"


def _readout(step: TuneStep, progress: Progress, tick: Ticker) -> str:
    """Fit the readout of one copy; what it changed is in the journal, before and after."""
    from dataclasses import asdict

    from labmtj.nets.tune import scale_in_software
    from labmtj.protocol.calibration import tuned_copy
    from labmtj.protocol.progress import listed

    progress.software_scale = scale_in_software(progress.known_network, progress.known_data)
    found = tuned_copy(
        progress, step.what, inputs=step.calibration or 0, bits=None if step.inputs == "analog" else _BITS, tick=tick
    )
    progress.tunings[step.what] = found
    tick()
    layers = [
        {"rows": listed(how.rows[0]), "gain": listed(how.gain[0]), "offset": listed(how.offset[0])}
        for how in found.readout.layers
    ]
    progress.journal.record(
        "tuning",
        {
            "what": step.what,
            "layers": layers,
            "measurements": found.measurements,
            "measured_layers": list(found.measured),
            "before": asdict(found.before),
            "after": asdict(found.after),
            "software_scale": progress.software_scale.scale,
        },
    )
    cost = f"   {found.measurements} inputs through the array" if found.measurements else ""
    return (
        f"{step.what.replace('_', ' ')}: {100 * found.before.train:.2f} to {100 * found.after.train:.2f} % of the "
        f"training wines, {100 * found.before.all:.2f} to {100 * found.after.all:.2f} % of all{cost}"
    )
