"""Solutions of the Fokker-Planck equation over the whole range that the switching table promises.

    OPENBLAS_NUM_THREADS=1 python tests/physics/make_switching_held_out.py

writes switching_held_out.npz beside this file, in about six minutes: corners, and drives and barriers drawn at
random (seeded), each at 0, at 0.01 tau_D and at 60 random pulses up to 1e10 tau_D. Where |i| > 1.2 nothing
happens after 300 tau_D, and only every tenth drive is followed further; what is left out is nan.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from labmtj.physics.fokker_planck import solve

FILE = Path(__file__).with_name("switching_held_out.npz")
NEAR = (0.0, 0.003, -0.003, 0.012, -0.012, 0.04, -0.04, -0.15, 0.97, 0.99, 1.0, 1.004, 1.02, 1.06)


def points(chance):
    found = [(i, delta) for delta in (20.0, 20.7, 23.5, 31.0, 57.0, 90.0) for i in NEAR]
    found += [(i, delta) for delta in (20.0, 46.0, 90.0) for i in (5.99, -5.99)]
    found += [(float(chance.uniform(-0.5, 2.0)), float(chance.uniform(20, 90))) for _ in range(160)]
    return found + [(float(chance.uniform(-6, 6)), float(chance.uniform(20, 90))) for _ in range(90)]


def main():
    chance = np.random.default_rng(20240611)
    rows = []
    for number, (i, delta) in enumerate(points(chance)):
        drawn = 10 ** chance.uniform(-2, 2.5, 30), 10 ** chance.uniform(-2, 10, 30)
        tau = np.sort(np.concatenate([[0.0, 1e-2], *drawn]))
        used = tau <= (1e10 if abs(i) < 1.2 or number % 10 == 0 else 300.0)
        both = np.full((2, tau.size), np.nan)
        both[:, used] = solve(i, tau[used], delta=delta, grids=(1, 2))
        rows.append((i, delta, tau, *both))
    i, delta, tau, switched, kept = (np.array(column) for column in zip(*rows, strict=True))
    logs = {name: np.log10(np.maximum(p, 1e-30)).astype("f4") for name, p in (("p", switched), ("error", kept))}
    np.savez_compressed(FILE, i=i, delta=delta, tau=tau.astype("f4"), **logs)


if __name__ == "__main__":
    main()
