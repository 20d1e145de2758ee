"""The statistics of simulated neurons: what is said, else the defaults of data/reference/mtj-neurons.yaml.

The shipped table of the default device's magnetisation (physics.neuron_table) is made anew, in about a minute, by
python -m labmtj.neuron_dies
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from labmtj.config.bench import Bench
from labmtj.config.neurons import NeuronDefaults, neuron_defaults
from labmtj.errors import InputError
from labmtj.physics import neuron_table
from labmtj.physics.neuron import NeuronModel

VACUUM_PERMEABILITY = 1.25663706212e-6  # [T m/A] CODATA 2018


def neuron_model(seed: int = 0, *, count: int = 1, **changes: Any) -> NeuronModel:
    """The statistics of default neurons (data/reference/mtj-neurons.yaml), `count` of them, with a seed.

    `changes` are entries of that file in SI units (flicker in um^2), such as `sigma_offset` or `temperature`.
    Raises InputError for an entry that is not there.
    """
    unknown = sorted(set(changes) - set(NeuronDefaults.model_fields))
    if unknown:
        raise InputError(f"mtj-neurons.yaml has no entry {', '.join(unknown)}")
    given: dict[str, Any] = dict(neuron_defaults()) | changes
    area = math.pi * given["diameter"] ** 2 / 4
    torque = given["unit"] / given["critical_current"]
    defects = dict(given["defects"])
    low, high = given["short_resistance"]
    same = (
        "anisotropy", "bias", "unit", "ratio", "damping", "temperature", "v_h", "k_p", "fano", "offset", "asymmetry",
        "sigma_current", "sigma_offset", "sigma_asymmetry", "sigma_tmr", "sigma_resistance", "open_resistance",
    )  # fmt: skip
    return NeuronModel(
        moment=given["saturation"] / VACUUM_PERMEABILITY * area * given["thickness"],
        torque=torque,
        probe_torque=given["probe_efficiency"] * torque,
        resistance_x=given["resistance_area_x"] / area,
        resistance_z=given["resistance_area_z"] / area,
        tmr_x=given["tmr"],
        tmr_z=given["tmr"],
        area_x=area,
        area_z=area,
        flicker=given["flicker"] * 1e-12,  # um^2 to m^2
        short=defects["short"],
        open=defects["open"],
        short_resistance=(low, high),
        seed=seed,
        count=count,
        **{name: given[name] for name in same},
    )


def model_of_bench(bench: Bench) -> NeuronModel:
    """The statistics of a bench's simulated neurons: what the file says, else the defaults; their seed is the die's.

    Raises InputError for a bench without neurons.
    """
    if bench.neurons is None:
        raise InputError(f"{bench.title}: this bench has no neurons")
    simulation = bench.simulation
    said: dict[str, Any] = {} if simulation is None or simulation.neurons is None else simulation.neurons.said()
    if "defects" in said:
        said["defects"] = dict(neuron_defaults().defects) | said["defects"]
    die = None if simulation is None else simulation.die
    return neuron_model((die and die.seed) or 0, count=bench.neurons.count, **said)


def varied(model: NeuronModel, variation: float) -> NeuronModel:
    """The model with one spread for all four of critical current, offset, asymmetry and TMR.

    `variation` is relative to the critical current, the critical current, 1 and the TMR: 0.05 is 5 percent of each.
    """
    return dataclasses.replace(
        model,
        sigma_current=variation,
        sigma_offset=variation,
        sigma_asymmetry=variation,
        sigma_tmr=variation,
    )


if __name__ == "__main__":
    path = Path(__file__).parents[1] / "data" / "reference" / neuron_table.NAME
    neuron_table.write(neuron_table.make(neuron_model().reduced), path)
    path.chmod(0o644)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
