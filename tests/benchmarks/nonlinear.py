"""How fast solve_cells is, as ratios to Newton's method on scipy's sparse matrices, in one run on one thread.

    python tests/benchmarks/nonlinear.py          (needs scipy and threadpoolctl)

The reference is what one would write with scipy: nodal analysis of all 2 M N nodes, the pattern of the matrix
made once for a size, its values filled in place in every step, SuperLU in its symmetric mode (the fastest of its
orderings here), full Newton steps from 0 V until the largest sum of currents at a node is below 1e-11 of
the largest line current. solve_cells is held to the same. Both are warmed up, both times are the least of some
rounds in which they take turns, and the worst difference of a cell's voltage, over the largest, is printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu
from threadpoolctl import threadpool_limits

from labmtj.physics import mtj
from labmtj.physics.crossbar import Solution, solve_cells
from labmtj.records import Floats

CELL = {"tmr0": 1.2, "v_h": 0.5, "k_p": 0.2}
EXACT = 1e-11


class SparseNewton:
    """The reference for one array: the pattern of the nodal matrix, and where each branch goes in it."""

    def __init__(self, shape: tuple[int, int], *, r_wire: float) -> None:
        rows, cols = shape
        node = np.arange(rows * cols).reshape(shape)
        word, bit = node, node + node.size
        self.shape, self.wire = shape, 1.0 / r_wire
        wires = [(word[:, :-1].ravel(), word[:, 1:].ravel()), (bit[:-1].ravel(), bit[1:].ravel())]
        first = np.concatenate([word.ravel(), *(a for a, _ in wires)])
        second = np.concatenate([bit.ravel(), *(b for _, b in wires)])
        nodes = 2 * node.size
        line = np.concatenate([first, second, first, second, np.arange(nodes)])
        col = np.concatenate([first, second, second, first, np.arange(nodes)])
        self.matrix = csc_matrix((np.ones(line.size), (line, col)), shape=(nodes, nodes))
        self.matrix.sort_indices()
        keys = np.repeat(np.arange(nodes), np.diff(self.matrix.indptr)) * nodes + self.matrix.indices
        self.place = np.searchsorted(keys, col * nodes + line)
        self.first, self.second = first, second
        self.ends = np.concatenate([word[:, 0], bit[-1]])

    def solve(self, state: Floats, r_p: Floats, rows: Floats, cols: Floats) -> tuple[Floats, int]:
        """Cell voltages and the number of Newton steps."""
        sources = np.concatenate([rows, cols])
        held = np.where(np.isnan(sources), 0.0, self.wire)
        sources = np.where(np.isnan(sources), 0.0, sources)
        volts, cells = np.zeros(self.matrix.shape[0]), state.size
        branch = np.full(self.first.size, self.wire)
        law = {"state": state.ravel(), "r_p": r_p.ravel(), **CELL}
        for step in range(40):
            across = volts[self.first] - volts[self.second]
            through = self.wire * across
            through[:cells] = mtj.current(across[:cells], **law)
            fed = held * (sources - volts[self.ends])
            missing = np.bincount(self.second, through, volts.size) - np.bincount(self.first, through, volts.size)
            missing[self.ends] += fed
            if np.abs(missing).max() <= EXACT * np.abs(fed).max() and step:
                return across[:cells].reshape(self.shape), step
            branch[:cells] = mtj.differential_conductance(across[:cells], **law)
            diagonal = np.zeros(volts.size)
            diagonal[self.ends] = held
            values = np.concatenate([branch, branch, -branch, -branch, diagonal])
            self.matrix.data[:] = np.bincount(self.place, values, self.matrix.nnz)
            factors = splu(
                self.matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
            )
            volts += factors.solve(missing)
        raise RuntimeError("the reference did not converge")


@dataclass(frozen=True)
class Case:
    """Junctions of `r_p` on `size` x `size` cells; `floating`: share of the lines that nobody drives."""

    name: str
    size: int
    members: int
    wanted: int
    floating: float = 0.0
    r_p: float = 7960.0
    r_wire: float = 5.0
    shorts: float = 0.0
    sample: int = 20


CASES = (
    Case("V/2 writes, batch", 15, 1000, wanted=100),
    Case("the same with 0.6 % shorts", 15, 1000, wanted=100, shorts=0.006),
    Case("V/2 write, one", 15, 1, wanted=10),
    Case("a third floats, one", 15, 1, wanted=3, floating=0.3),
    Case("V/2 write", 64, 1, wanted=3),
    Case("a third floats", 64, 1, wanted=3, floating=0.3),
    Case("all float but two", 64, 1, wanted=3, floating=1.0),
    Case("a third floats, 8 shorts", 64, 1, wanted=3, floating=0.3, shorts=0.002),
    Case("100 nm, 20 ohm, V/2 write", 64, 1, wanted=3, r_p=1270.0, r_wire=20.0),
    Case("100 nm, 20 ohm, all float", 64, 1, wanted=3, floating=1.0, r_p=1270.0, r_wire=20.0),
    Case("a third floats", 128, 1, wanted=3, floating=0.3),
)


def least(work: Callable[[], object], turns: int) -> float:
    """Shortest time [s] of some turns."""
    times: list[float] = []
    for _turn in range(turns):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def compare(case: Case) -> bool:
    """Print one row of the table; return whether the ratio and the accuracy are as wanted."""
    chance = np.random.default_rng(case.size)
    shape = (case.members, case.size, case.size)
    state = chance.integers(0, 2, shape).astype(np.int8)
    r_p = case.r_p * np.exp(0.06 * chance.standard_normal(shape))
    short = chance.random(shape) < case.shorts
    state[short], r_p[short] = mtj.LINEAR, chance.uniform(100.0, 300.0, int(short.sum()))
    rows, cols = (np.where(chance.random(shape[:2]) < case.floating, np.nan, 0.0) for _side in range(2))
    member = np.arange(case.members)
    rows[member, chance.integers(0, case.size, case.members)] = 0.165
    cols[member, chance.integers(0, case.size, case.members)] = -0.165
    sample = range(min(case.sample, case.members))
    reference = SparseNewton(shape[1:], r_wire=case.r_wire)

    def theirs() -> list[tuple[Floats, int]]:
        return [reference.solve(state[one], r_p[one], rows[one], cols[one]) for one in sample]

    def ours() -> Solution:
        if case.members == 1:
            return solve_cells(state[0], r_p[0], rows[0], cols[0], r_wire=case.r_wire, **CELL)
        return solve_cells(state, r_p, rows, cols, r_wire=case.r_wire, **CELL)

    found, expected = ours(), theirs()
    cell_v = found.cell_v.reshape(shape)
    apart = max(float(np.abs(cell_v[one] - expected[one][0]).max()) for one in sample) / 0.33
    slow, fast = np.inf, np.inf
    for _round in range(5):
        slow = min(slow, least(theirs, 1) / len(sample))
        fast = min(fast, least(ours, 3 if case.members > 1 else 10) / case.members)
    ratio = slow / fast
    print(
        f"{case.name:28s}{case.size:4d} x {case.size:<4d}{case.members:6d}{expected[0][1]:7d}{slow * 1e3:10.2f}"
        f"{fast * 1e6:11.1f}{ratio:9.1f}{case.wanted:9d}{np.max(found.kcl):11.1e}{apart:12.1e}",
        flush=True,
    )
    return ratio >= case.wanted and apart < 1e-9 and bool(np.max(found.kcl) < EXACT)


def main() -> int:
    """Print the table; exit status 0 if all of it is as wanted."""
    print(
        f"{'case':28s}{'array':>8s}{'batch':>9s}  steps  scipy ms    here us    ratio   wanted  imbalance  difference"
    )
    with threadpool_limits(limits=1):
        good = [compare(case) for case in CASES]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
