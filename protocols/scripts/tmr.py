"""TMR against voltage of one cell of a die whose map is in a file (die.h5 of a run).

python protocols/scripts/tmr.py MAP [BENCH]
"""

from __future__ import annotations

import sys
from pathlib import Path

import labmtj
from labmtj.records import Cell
from labmtj.routines.tmr import measure_tmr
from labmtj.runs.die_map import read_die_map

die = read_die_map(Path(sys.argv[1]))
with labmtj.open_bench(sys.argv[2] if len(sys.argv) > 2 else "simulated-15x15") as bench:
    found = measure_tmr(bench.array, die=die, cells=[Cell(3, 3)], levels=[0.05 * n for n in range(1, 9)])
    p, ap = 1 / found.finding.columns["conductance"].values[:, 0]
    for volts, low, high in zip(found.finding.columns["level"].values, p, ap, strict=True):
        print(f"{1e3 * volts:.0f} mV: P {low:.0f} ohm, AP {high:.0f} ohm")
    print(found.finding.line)
    print("bench time", round(bench.clock.now(), 1), "s")
