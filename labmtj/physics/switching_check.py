"""How far the switching table is from the equation itself, at points it was not made at.

    python -m labmtj.physics.switching_check [points] [seed]

draws drive and barrier at random, solves the equation on two other grids than the table's, and prints the
largest differences over pulses from 0 to 1e10 tau_D, with where they are.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from labmtj.physics.fokker_planck import solve
from labmtj.physics.switching import switching_probability, write_error
from labmtj.records import Floats

_TAIL = 1e-12


@dataclass(frozen=True)
class Worst:
    """Largest difference of one kind, and where: drive, barrier [kT], pulse [tau_D]."""

    kind: str
    size: float
    where: tuple[float, float, float]

    def __str__(self) -> str:
        i, delta, tau = self.where
        return f"{self.kind:<12} {self.size:.2e}   at i = {i:.3f}, Delta = {delta:.1f}, tau = {tau:.3g}"


def compare(i: float, delta: float, tau: Floats, *, grids: tuple[int, int]) -> list[Worst]:
    """Largest |difference| of P, of log10 P and of log10 (1 - P), the logarithms down to 1e-12."""
    exact = solve(i, tau, delta=delta, grids=grids)
    table = [f(i, tau, delta=delta, tau_d=1.0) for f in (switching_probability, write_error)]
    found = [("P", np.abs(table[0] - exact[0]))]
    for kind, mine, true in zip(("log10 P", "log10 (1-P)"), table, exact, strict=True):
        away = np.abs(np.log10(np.maximum(mine, 1e-300) / np.maximum(true, 1e-300)))
        found.append((kind, np.where(true > _TAIL, away, 0.0)))
    return [Worst(kind, float(away.max()), (i, delta, float(tau[away.argmax()]))) for kind, away in found]


def main(points: int = 100, seed: int = 1) -> None:
    """Print the largest differences at `points` random drives and barriers."""
    chance = np.random.default_rng(seed)
    tau = np.concatenate([[0.0], np.geomspace(0.01, 200.0, 60), np.geomspace(1e3, 1e10, 15)])
    worst: dict[str, Worst] = {}
    for point in range(points):
        print(f"\r{point + 1} of {points}", end="", file=sys.stderr, flush=True)
        # chosen: half of the drives where P depends most on them, half anywhere
        i = float(chance.uniform(-0.5, 2.0) if point % 2 else chance.uniform(-6.0, 6.0))
        delta = float(chance.uniform(20.0, 90.0))
        settled = i > 1.2 or delta * (1.0 - i) ** 2 > 70.0  # nothing is left, or nothing will ever switch
        for one in compare(i, delta, tau[tau < 200.0 / max(i, 1.0)] if settled else tau, grids=(2, 3)):
            if one.kind not in worst or one.size > worst[one.kind].size:
                worst[one.kind] = one
    print(file=sys.stderr)
    for one in worst.values():
        print(one)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
