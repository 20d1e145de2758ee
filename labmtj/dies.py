"""From a bench file to the statistics of its die: what the file says, else the defaults of the diameter.

The twin draws its die from them, and a plan judges with them what a protocol asks for; a run never does.
"""

from __future__ import annotations

from typing import Any

from labmtj.config.bench import Bench
from labmtj.config.dies import die_defaults
from labmtj.physics.variation import Breakdown, DieModel

DEFAULT_DIAMETER = 40e-9  # [m] the main job's device size (physics.md, section 3)
_CONVERTED = ("short_resistance", "telegraph_size", "flicker_p", "flicker_ap", "breakdown")


def die_model(bench: Bench) -> DieModel:
    """The statistics of a bench's simulated die: what the file says, else the defaults of its diameter."""
    said: dict[str, Any] = {}
    if bench.simulation is not None and bench.simulation.die is not None:
        said = {key: value for key, value in dict(bench.simulation.die).items() if value is not None}
    defaults = die_defaults()
    diameter = said.get("diameter", DEFAULT_DIAMETER)
    shared = dict(defaults.shared)
    merged = shared | dict(defaults.at(diameter)) | said | {"diameter": diameter}
    defects = dict(shared["defects"])
    if "defects" in said:
        defects |= {key: value for key, value in dict(said["defects"]).items() if value is not None}
    return DieModel(
        seed=said.get("seed", 0),
        rows=bench.array.shape[0],
        cols=bench.array.cols,
        short=defects["short"],
        open=defects["open"],
        stuck=defects["stuck"],
        short_resistance=_pair(merged["short_resistance"]),
        telegraph_size=_pair(merged["telegraph_size"]),
        flicker_p=merged["flicker_p"] * 1e-12,  # um^2 to m^2
        flicker_ap=merged["flicker_ap"] * 1e-12,
        breakdown=Breakdown(**dict(merged["breakdown"])),
        sign=-1 if said.get("positive_row_writes") == "AP" else 1,
        **{
            key: merged[key]
            for key in DieModel.__dataclass_fields__
            if key in merged and key not in _CONVERTED and key != "seed"
        },
    )


def _pair(values: list[float]) -> tuple[float, float]:
    return values[0], values[1]
