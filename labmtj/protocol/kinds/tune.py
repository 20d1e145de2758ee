"""The tune step."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from labmtj.ports import Ticker
from labmtj.protocol.kinds.step import Step

if TYPE_CHECKING:
    from labmtj.protocol.progress import Progress


class TuneStep(Step):
    """Tune what papers call the scale, on the training samples only."""

    kind: ClassVar[str] = "tune"
    changes_cells: ClassVar[bool] = False
    of_network: ClassVar[bool] = True
    inherits: ClassVar[tuple[str, ...]] = ("what", "on")

    what: Literal["scale"] = "scale"
    on: Literal["train"] = "train"

    def needs(self) -> tuple[str, ...]:
        """Inference through every layer that is programmed."""
        return ("infer all",)

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
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
