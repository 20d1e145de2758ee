"""The neurons of a block: a die drawn with the statistics of the bench, or those of a measured map."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from pathlib import Path

from labmtj.nets.neurons.curves import Calibration, DeviceCurves, Zero, of_map
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
    noise_x, noise_z = (said.noise, said.noise if said.noise_z is None else said.noise_z) if not plain else (0.0, 0.0)
    levels = 0 if plain or not said.bits else 1 << said.bits
    known, points = Calibration(calibration), said.points
    if variation is None:
        assert said.map is not None
        found = of_map(
            _map(said.map), calibration=known, noise_x=noise_x, noise_z=noise_z, levels=levels, points=points
        )
    else:
        found = simulated(
            _die(job, variation, seed, math.ceil(_MORE * neurons) + _AT_LEAST),
            calibration=known,
            measuring=Measuring(reach=said.range, error=said.calibration_error),
            noise_x=noise_x,
            noise_z=noise_z,
            levels=levels,
            points=points,
        )
    return replace(found, margin=said.margin).zeroed(Zero(said.zero)).spread_over(neurons, seed=seed)


def _die(job: NeuronJob, variation: float, seed: int, count: int) -> NeuronTruth:
    model = replace(model_of_bench(job.bench.bench), seed=seed, count=count)
    return draw_neurons(varied(model, variation))


@functools.lru_cache(maxsize=1)
def _map(path: str) -> NeuronMap:
    return read_neuron_map(Path(path))
