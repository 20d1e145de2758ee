"""Write a chessboard on the upper left corner of a die, verify it, and say what it took."""

import numpy as np

import labmtj
from labmtj.nets.placement import identity
from labmtj.records import Scheme
from labmtj.routines.characterise import map_die, write_amplitudes
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.program import WriteSettings, program_layer
from labmtj.routines.writing.picture import Picture
from labmtj.routines.writing.settings import Algorithm

CHESS = np.indices((8, 8)).sum(axis=0) % 2
with labmtj.open_bench("simulated-15x15") as bench:
    array = bench.array
    polarity = find_polarity(
        array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=100e-6, read=0.05
    )
    die = map_die(array, polarity=polarity, read=0.05, width=100e-6, wire=5.0)
    amplitudes = Picture(die).at_cells(write_amplitudes(die.switching))
    settings = WriteSettings(
        amplitudes, 100e-6, Scheme.V_HALF, retries=10, repair_sweeps=4, read=0.05, algorithm=Algorithm.VERIFY_FIRST
    )
    begun = bench.clock.now()
    copy = program_layer(array, die_map=die, target=CHESS, placement=identity((8, 8)), settings=settings)
    taken = bench.clock.now() - begun
print(f"{copy.target.size - int(copy.wrong.sum())} of {copy.target.size} cells, {int(copy.pulses.sum())} cells pulsed")
print(f"{taken:.2f} s of bench time")
