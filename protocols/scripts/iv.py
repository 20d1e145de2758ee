"""I-V of one cell, as numbers: up, down, and the same with the other sign.

python protocols/scripts/iv.py [BENCH]
"""

from __future__ import annotations

import sys

import labmtj
from labmtj.records import Cell
from labmtj.routines.iv import Event, measure_iv

with labmtj.open_bench(sys.argv[1] if len(sys.argv) > 1 else "simulated-15x15") as bench:
    levels = [0.02 * n for n in range(1, 16)]  # volts
    found = measure_iv(bench.array, cells=[Cell(3, 7)], levels=levels)
    columns = {name: column.values for name, column in found.columns.items()}
    for volts, amperes, event in zip(columns["voltage"], columns["current"][0], columns["event"][0], strict=True):
        note = "" if event == Event.NONE else Event(event).name.lower()
        print(f"{1e3 * volts:+.0f} mV {1e6 * amperes:+.3f} uA {volts / amperes:.0f} ohm {note}".rstrip())
    print(found.line)
    print("bench time", round(bench.clock.now(), 1), "s")
