"""V_c0 and Delta of one cell in both directions, from 300 pulses (or so many) that are chosen by what they teach.

python protocols/scripts/switching_of_one_cell.py [BENCH [PULSES]]
"""

from __future__ import annotations

import sys

import labmtj
from labmtj.records import Cell
from labmtj.routines.characterise import map_die
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.switching import measure_switching

with labmtj.open_bench(sys.argv[1] if len(sys.argv) > 1 else "simulated-15x15") as bench:
    array, read = bench.array, 0.05  # [V]
    polarity = find_polarity(
        array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=1e-4, read=read
    )
    die = map_die(array, polarity=polarity, read=read, width=1e-4)
    pulses = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    found = measure_switching(
        array, die=die, cells=[Cell(2, 2)], read=read, ceiling=0.6, widths=[1e-4, 1.0], pulses=pulses
    )
    for target, estimates in found.towards.items():
        for name, unit in (("v_c0", " V"), ("delta", " kT")):
            (low,), (high,) = estimates.interval(name)
            print(f"to {target.name}: {name} {getattr(estimates, name)[0]:.4g}{unit}, 95 % {low:.4g} to {high:.4g}")
    print("bench time", round(bench.clock.now(), 1), "s")
