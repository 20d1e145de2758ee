"""Read one cell, write it, read it again: the bench is safe however this ends.

python protocols/scripts/one_cell.py [BENCH]
"""

from __future__ import annotations

import sys

import labmtj
from labmtj.records import Cell, Pulse

CELL = Cell(3, 7)

with labmtj.open_bench(sys.argv[1] if len(sys.argv) > 1 else "simulated-15x15") as bench:
    print("before", round(bench.array.read([CELL], voltage=0.05)[0].resistance), "ohm")
    for sign in (1, -1):
        bench.array.pulse(Pulse(CELL, amplitude=sign * 0.4, width=100e-6))  # [V], word line minus bit line
        reading = bench.array.read([CELL], voltage=0.05)[0]
        print("+400 mV" if sign > 0 else "-400 mV", round(reading.resistance), "ohm")
    print("bench time", round(bench.clock.now(), 3), "s")
