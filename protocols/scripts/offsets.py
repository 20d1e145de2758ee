"""Offset voltage of every sense path, with no drive on any line.

python protocols/scripts/offsets.py [BENCH]
"""

from __future__ import annotations

import sys

import labmtj
from labmtj.routines.offsets import measure_offsets

with labmtj.open_bench(sys.argv[1] if len(sys.argv) > 1 else "simulated-15x15") as bench:
    found = measure_offsets(bench.array, voltage=0.02)
    volts, errors = (found.columns[name].values for name in ("col_offset", "col_offset_error"))
    for col, (offset, error) in enumerate(zip(volts, errors, strict=True), start=1):
        print(f"column {col}: {1e6 * offset:+.1f} +- {1e6 * error:.1f} uV")
    print(found.line)
    print("bench time", round(bench.clock.now(), 1), "s")
