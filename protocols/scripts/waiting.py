"""Write a checkerboard, wait for a day, and count what is left of it (on the twin the day passes at once).

python protocols/scripts/waiting.py [BENCH]
"""

from __future__ import annotations

import sys

import labmtj
from labmtj.routines.bring import all_cells
from labmtj.routines.characterise import map_die
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.retention import measure_retention

with labmtj.open_bench(sys.argv[1] if len(sys.argv) > 1 else "simulated-15x15") as bench:
    array, read = bench.array, 0.05  # [V]
    polarity = find_polarity(
        array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=1e-4, read=read
    )
    die = map_die(array, polarity=polarity, read=read, width=1e-4)
    hours = measure_retention(array, die=die, cells=all_cells(array.shape), read=read, times=[3600.0, 86400.0])
    print(hours.line)
