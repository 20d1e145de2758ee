"""Wires and contacts of a die whose map is in a file, as every run with a map step leaves one (die.h5).

python protocols/scripts/wires.py MAP [BENCH]
"""

from __future__ import annotations

import sys
from pathlib import Path

import labmtj
from labmtj.routines.wires import measure_wires
from labmtj.runs.die_map import read_die_map

die = read_die_map(Path(sys.argv[1]))
with labmtj.open_bench(sys.argv[2] if len(sys.argv) > 2 else "simulated-15x15") as bench:
    found = measure_wires(bench.array, die=die, voltage=die.read_voltage, repeats=20)
    print(found.finding.line)
    print("bench time", round(bench.clock.now(), 1), "s")
