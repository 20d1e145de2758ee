"""Curves for networks: from a map measured on the twin, and straight from the die."""

import numpy as np

from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.nets.neurons.curves import Calibration, of_map
from labmtj.nets.neurons.dies import Measuring, simulated
from labmtj.physics.neuron_die import draw_neurons
from labmtj.routines.neurons.measure import measure_neurons
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.neuron_access import TwinNeurons

NEURONS = (1, 2, 3, 4)
LEVELS = tuple(0.2 * k / 20 for k in range(-20, 21) if k)


def test_a_measured_map_gives_a_network_the_curves_that_its_die_has():
    twin = TwinNeurons(load_bench(find("benches", "neurons")), MemoryJournal())
    measured = measure_neurons(twin, neurons=NEURONS, levels=LEVELS).neuron_map
    mapped = of_map(measured, calibration=Calibration.NEURON)
    truth = draw_neurons(twin.electrics.truth.model)
    drawn = simulated(truth, calibration=Calibration.NEURON, measuring=Measuring(reach=3.0))
    assert set(mapped.numbers.tolist()) <= set(drawn.numbers.tolist())
    asked = np.linspace(-2.5, 2.5, 41)
    for row, number in enumerate(mapped.numbers):
        true = int(np.flatnonzero(drawn.numbers == number)[0])
        for found, there, within in ((mapped.x, drawn.x, 0.06), (mapped.z, drawn.z, 0.08)):
            off = np.interp(asked, mapped.grid, found[row]) - np.interp(asked, drawn.grid, there[true])
            assert np.abs(off).max() < within, (number, float(np.abs(off).max()))
