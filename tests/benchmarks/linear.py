"""How fast and how small column_currents is, as ratios to badcrossbar in one run on one thread.

    python tests/benchmarks/linear.py

badcrossbar draws with cairo and is compiled against it:

    apt-get install libcairo2-dev pkg-config        (or the like)
    pip install badcrossbar

Both solve the same arrays of 40 nm junctions on wires of 5 ohm with the same inputs, both are warmed up,
and both times are the least of some rounds in which they take turns. badcrossbar is asked for nothing but
the column currents, and 20 of the 1,000 arrays stand for all of them there.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.linalg  # noqa: F401  (loads its BLAS, so that threadpool_limits finds it)
from threadpoolctl import threadpool_limits

from labmtj.physics.crossbar import column_currents

R_WIRE = 5.0


@dataclass(frozen=True)
class Case:
    """`arrays` arrays of `size` x `size` with `inputs` inputs each, to be `wanted` times as fast."""

    size: int
    inputs: int
    arrays: int
    wanted: int
    rounds: int
    turns: int


CASES = (
    Case(15, 178, 1000, wanted=200, rounds=3, turns=3),
    Case(15, 178, 1, wanted=40, rounds=10, turns=50),
    Case(64, 100, 1, wanted=30, rounds=6, turns=10),
    Case(128, 100, 1, wanted=25, rounds=4, turns=5),
    Case(256, 10, 1, wanted=15, rounds=3, turns=3),
    Case(512, 1, 1, wanted=15, rounds=2, turns=3),
)
SAMPLE = 20
MOST_MEMORY = 300e6

# Peak memory [bytes] of a process that solves one array, less that of the interpreter before any import.
MEMORY = f"""
from pathlib import Path
peak = lambda: 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak()
import numpy as np
from labmtj.physics.crossbar import column_currents
chance = np.random.default_rng(0)
column_currents(chance.uniform(5e-5, 2e-4, (512, 512)), chance.uniform(0.0, 0.1, (1, 512)), r_wire={R_WIRE})
print(peak() - before)
"""


def least(work: Callable[[], object], turns: int) -> float:
    """Shortest time [s] of some turns."""
    times: list[float] = []
    for _turn in range(turns):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def compare(case: Case, compute: Callable[..., object]) -> bool:
    """Print one row of the table; return whether the ratio and the accuracy are as wanted."""
    chance = np.random.default_rng(case.size)
    shape = (case.arrays, case.size, case.size)
    resistance = 7960.0 * np.exp(0.06 * chance.standard_normal(shape)) * np.where(chance.random(shape) < 0.5, 1.0, 2.2)
    inputs = chance.uniform(0.0, 0.1, (case.inputs, case.size))
    conductance = 1.0 / resistance if case.arrays > 1 else 1.0 / resistance[0]
    sample = resistance[:SAMPLE]

    def theirs() -> list[np.ndarray]:
        return [
            compute(inputs.T, array, R_WIRE, node_voltages=False, all_currents=False).currents.output  # type: ignore[attr-defined]
            for array in sample
        ]

    def ours() -> np.ndarray:
        return column_currents(conductance, inputs, r_wire=R_WIRE)

    found = ours().reshape(case.arrays, case.inputs, case.size)
    apart = max(
        float(np.abs(a / b - 1.0).max()) for a, b in zip(found, theirs(), strict=False)
    )  # the sample is shorter
    slow, fast = np.inf, np.inf
    for _round in range(case.rounds):
        slow = min(slow, least(theirs, 1) * case.arrays / len(sample))
        fast = min(fast, least(ours, case.turns))
    ratio = slow / fast
    print(
        f"{case.size:4d} x {case.size:<4d}{case.inputs:5d}{case.arrays:8d}{slow * 1e3:14.2f}{fast * 1e3:12.3f}"
        f"{ratio:9.1f}{case.wanted:9d}{apart:13.1e}",
        flush=True,
    )
    return ratio >= case.wanted and apart < 1e-9


def main() -> int:
    """Print the table; exit status 0 if all of it is as wanted."""
    try:
        import badcrossbar
    except ImportError as error:
        print(f"{error}\n\n{__doc__}")
        return 2
    logging.disable(logging.CRITICAL)
    print("   array      K  arrays  badcrossbar ms     here ms    ratio   wanted   difference")
    with threadpool_limits(limits=1):
        good = [compare(case, badcrossbar.compute) for case in CASES]
    if not Path("/proc/self/status").exists():
        print("\npeak memory: not measured, this system has no /proc")
        return 0 if all(good) else 1
    memory = int(subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, check=True, text=True).stdout)
    print(
        f"\npeak memory of one 512 x 512 above the bare interpreter: {memory / 1e6:.0f} MB of {MOST_MEMORY / 1e6:.0f}"
    )
    return 0 if all(good) and memory < MOST_MEMORY else 1


if __name__ == "__main__":
    sys.exit(main())
