"""Read one cell and write it both ways: the bench is safe however this ends.

python protocols/scripts/one_cell.py [BENCH]
"""

from __future__ import annotations

import sys

import labmtj

with labmtj.open_bench(sys.argv[1] if len(sys.argv) > 1 else "simulated-15x15") as bench:
    cell = bench.cell(3, 7)
    print("before", round(cell.read(at="50 mV").resistance), "ohm")
    for amplitude in ("400 mV", "-400 mV"):  # word line minus bit line
        print(amplitude, round(cell.pulse(amplitude, width="100 us").resistance), "ohm")
    print("bench time", round(bench.clock.now(), 3), "s")
