"""Find the polarity of a die, map it, keep the map in a file, and ask whether the map is of the die on the bench."""

from pathlib import Path
from tempfile import mkdtemp

import labmtj
from labmtj.routines.characterise import map_die
from labmtj.routines.fingerprint import compare
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.runs.die_map import read_die_map, write_die_map

path = Path(mkdtemp()) / "die.h5"
with labmtj.open_bench("simulated-15x15") as bench:
    array = bench.array
    polarity = find_polarity(
        array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=100e-6, read=0.05
    )
    die = map_die(array, polarity=polarity, read=0.05, width=100e-6, wire=5.0)
    write_die_map(path, die)
    match = compare(array, read_die_map(path), cells=24)
print(f"a positive row writes {polarity.positive_writes.name}")
print(f"R_P {1 / die.conductance_p:.0f} ohm, R_AP {1 / die.conductance_ap:.0f} ohm, {int(die.good.sum())} good cells")
print(f"the same die: {match.same}   {match.line}")
