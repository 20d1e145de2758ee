"""The neurons of a block: a die drawn with the statistics of the bench, or those of a measured map."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from pathlib import Path

from labmtj.nets.neurons.curves import Calibration, DeviceCurves, of_map
from labmtj.nets.neurons.dies import Measuring, simulated
from labmtj.neuron_dies import model_of_bench, varied
from labmtj.physics.neuron_die import NeuronTruth, draw_neurons
from labmtj.records import NeuronMap
from labmtj.runs.neuron_map import read_neuron_map
from labmtj.studies.neurons.load import NeuronJob

_MORE = 1.1  # chosen: neurons drawn for one needed; shorts and opens are left out, 0.8 % of the default die's
_AT_LEAST = 16  # chosen: so many more, for a small network's die


def die_seed(job: NeuronJob, *, seed: int, die: int) -> int:
    """Seed of a die: the same for every variation, so that these are one die stretched."""
    dies = 1 if job.file.inference is None else job.file.inference.dies
    return job.file.device.seed + (seed - job.file.seed) * dies + die


def curves(
    job: NeuronJob, *, variation: float | None, calibration: str, neurons: int, seed: int, plain: bool = False
) -> DeviceCurves:
    """Curves of `neurons` working neurons of the die with this seed; of a map's where no variation is said.

    `plain`: readings have no noise and are not rounded. Raises InputError where no neuron works, or the variation is
    more than a die can have.
    """
    said = job.file.device
    noise, levels = (0.0, 0) if plain else (said.noise, 1 << said.bits if said.bits else 0)
    known = Calibration(calibration)
    if variation is None:
        assert said.map is not None
        measured = _map(said.map)
        found = of_map(measured, calibration=known, noise_x=noise, noise_z=noise, levels=levels, points=said.points)
        return replace(found, margin=said.margin).spread_over(neurons, seed=seed)
    count = math.ceil(_MORE * neurons) + _AT_LEAST
    found = simulated(
        _die(job, variation, seed, count),
        calibration=known,
        measuring=Measuring(reach=said.range),
        noise_x=noise,
        noise_z=noise,
        levels=levels,
        points=said.points,
    )
    return replace(found, margin=said.margin).spread_over(neurons, seed=seed)


def _die(job: NeuronJob, variation: float, seed: int, count: int) -> NeuronTruth:
    model = replace(model_of_bench(job.bench.bench), seed=seed, count=count)
    return draw_neurons(varied(model, variation))


@functools.lru_cache(maxsize=1)
def _map(path: str) -> NeuronMap:
    return read_neuron_map(Path(path))
