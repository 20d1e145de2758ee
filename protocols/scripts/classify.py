"""Cells to avoid on a die whose map is in a file (die.h5 of a run): leaky, unstable, defective.

python protocols/scripts/classify.py MAP [BENCH]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import labmtj
from labmtj.records import Defect, Trait
from labmtj.routines.classify import classify
from labmtj.runs.die_map import read_die_map

die = read_die_map(Path(sys.argv[1]))
with labmtj.open_bench(sys.argv[2] if len(sys.argv) > 2 else "simulated-15x15") as bench:
    found = classify(bench.array, die=die)
    defect, traits = (found.finding.columns[name].values for name in ("defect", "traits"))
    for row, col in np.argwhere((defect != Defect.NONE) | (traits != 0)):
        print(f"cell ({row + 1}, {col + 1}):", Defect(defect[row, col]).name, Trait(int(traits[row, col])).name)
    print(found.finding.line)
    print("bench time", round(bench.clock.now(), 1), "s")
