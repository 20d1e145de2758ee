"""Loop of one cell against the field, as numbers: the field is zero however this ends.

python protocols/scripts/rh_loop.py [BENCH]
"""

from __future__ import annotations

import sys

import labmtj
from labmtj.records import Cell
from labmtj.routines.field import rh_loop

with labmtj.open_bench(sys.argv[1] if len(sys.argv) > 1 else "magnet") as bench:
    if bench.field is None:
        raise SystemExit("this bench has no magnet")
    fields = [0.01 * n for n in range(-20, 21)]  # tesla
    found = rh_loop(bench.array, bench.field, cells=[Cell(3, 7)], fields=fields, read=0.01)
    for tesla, up, down in zip(fields, found.up[0, 0], found.down[0, 0], strict=True):
        print(f"{1e3 * tesla:+.0f} mT", round(up), round(down), "ohm")
    print(found.finding.line)
    print("bench time", round(bench.clock.now(), 1), "s")
