"""The table behind `labmtj.physics.switching`: its axes, where it lies, and how it is made.

What is tabulated is as smooth as can be. For a drive i >= 0 the probability rises towards what stands in
the other well for ever, P_inf, and

    P = P_inf (1 - exp(-H)),   1 - P = (1 - P_inf) + P_inf exp(-H),
    1 - P_inf = s + f,   s = 1 / (1 + exp(b))

with b the logarithm of the ratio of the two wells' occupations (a closed form: `occupation`) and f the little
that comes back while the state relaxes without drive. ln((1 - s) H) is the table's entry, ln P in one tail and
ln(-ln(1 - P)) in the other; without the factor 1 - s it would bend sharply near i = 0. Once the fast modes
have died H grows with the slowest rate, so a table up to `LONGEST` tau_D and that rate cover every longer
pulse. For i < 0 the two-state formula with the same rate holds up to what the start's tail over the barrier
adds, below 1e-7 from Delta = 20 on; ln of that is the second table, left out where it is below 1e-17. After
`LONGEST` it goes over, at the same rate, into what stands on the far side for ever: f again, by symmetry.

Make it anew, in about ten minutes on one core: OPENBLAS_NUM_THREADS=1 python -m labmtj.physics.switching_table
"""

from __future__ import annotations

import functools
import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

import labmtj
from labmtj.errors import InputError, MissingFile
from labmtj.physics.fokker_planck import Evolution, Macrospin
from labmtj.records import Floats

NAME = "switching-table.npz"
DELTA_FIRST, DELTA_STEP, DELTA_COUNT = 10.0, 8.0, 15
DRIVE_LIMIT = 6.0
DRIVE_SCALE, DRIVE_COUNT = 0.4, 72  # i - 1 = scale * sinh(s), s even: dense around the critical drive
BACK_SCALE, BACK_COUNT = 0.3, 20  # -i = scale * sinh(s)
BACK_DELTAS = 5
SHORTEST, LONGEST, TIME_COUNT = 0.02, 100.0, 60  # tau = shortest * (exp(x) - 1), x even
COLUMNS = TIME_COUNT + 2
BACK_START = DELTA_COUNT * DRIVE_COUNT * TIME_COUNT
LATE_START = BACK_START + BACK_DELTAS * BACK_COUNT * TIME_COUNT

DRIVE_LOW = math.asinh(-1.0 / DRIVE_SCALE)
DRIVE_STEP = (math.asinh((DRIVE_LIMIT - 1.0) / DRIVE_SCALE) - DRIVE_LOW) / (DRIVE_COUNT - 1)
BACK_STEP = math.asinh(DRIVE_LIMIT / BACK_SCALE) / (BACK_COUNT - 1)
TIME_STEP = math.log1p(LONGEST / SHORTEST) / (TIME_COUNT - 1)

ABOUT = """\
Switching probability of a perpendicular macrospin under a spin-torque pulse, relaxed after it, from a
Boltzmann start. Solution of the Fokker-Planck equation of Butler et al. 2012, doi:10.1109/TMAG.2012.2209122
(arXiv:1202.2621), by labmtj.physics.fokker_planck on two grids with Richardson extrapolation.
Units: drive i in critical voltages, Delta in kT, time in tau_D; all entries are dimensionless.
forward[Delta, i, :60] = ln((1 - s) H(tau)), forward[Delta, i, 60] = ln((1 - s) times the slowest rate),
forward[Delta, i, 61] = ln(f / (1 - s)); back[Delta, -i, tau] = ln of the probability beyond the two-state formula.
Axes and meaning: labmtj/physics/switching_table.py. Made by: python -m labmtj.physics.switching_table
"""


def deltas() -> Floats:
    """Barriers of the table [kT]."""
    return DELTA_FIRST + DELTA_STEP * np.arange(DELTA_COUNT, dtype=np.float64)


def drives() -> Floats:
    """Drives i >= 0 of the first table."""
    s = DRIVE_LOW + DRIVE_STEP * np.arange(DRIVE_COUNT)
    return np.maximum(1.0 + DRIVE_SCALE * np.sinh(s), 0.0)


def back_drives() -> Floats:
    """Drives i <= 0 of the second table."""
    return -BACK_SCALE * np.sinh(BACK_STEP * np.arange(BACK_COUNT))


def times() -> Floats:
    """Pulse lengths of the table [tau_D]."""
    return SHORTEST * np.expm1(TIME_STEP * np.arange(TIME_COUNT, dtype=np.float64))


def find() -> Path:
    """Look for the table's file: in the checkout, else as shipped with the package. Raises MissingFile."""
    package = Path(labmtj.__file__).parent
    places = [package.parent / "data" / "reference" / NAME, package / "_shipped" / "data" / "reference" / NAME]
    for place in places:
        if place.is_file():
            return place
    raise MissingFile(
        f"the switching table is neither at {places[0]} nor at {places[1]}; install labmtj again, "
        "or make the table with: python -m labmtj.physics.switching_table"
    )


def occupation(i: float, delta: float) -> float:
    """Share of the well that a drive i >= 0 leaves, in the long run: 1 / (1 + exp(b)).

    b is the logarithm of the ratio of the integrals of exp(Delta (u - i)^2) over the two wells, each by the
    first two terms of Dawson's integral.
    """
    if delta * i > 25.0:
        return 0.0
    j = min(i, 0.6)  # beyond it the share is below 1e-10 at any barrier of the table, and the series fails
    favoured = (1.0 + 0.5 / (delta * (1.0 + j) ** 2)) / (1.0 + j)
    left = (1.0 + 0.5 / (delta * (1.0 - j) ** 2)) / (1.0 - j)
    return 1.0 / (1.0 + math.exp(4.0 * delta * i) * favoured / left)


def refuse(count: int, i: ArrayLike, delta: ArrayLike) -> InputError:
    """The error for `count` cells that the table does not hold."""
    seen = [f"{name} from {np.min(a):g} to {np.max(a):g}" for name, a in (("i", i), ("delta", delta))]
    last = DELTA_FIRST + DELTA_STEP * (DELTA_COUNT - 1)
    return InputError(
        f"{count} cell(s) outside the switching table, with {seen[0]}, {seen[1]}; it holds |i| up to {DRIVE_LIMIT:g}, "
        f"delta {DELTA_FIRST:g} to {last:g}, and pulses of 0 s or longer: lower the amplitude or change the die"
    )


@functools.cache
def load() -> Floats:
    """Read the table once per process; it becomes one row of numbers, in three parts.

    ln((1 - s) H) at all times; from `BACK_START` on the second table; from `LATE_START` on, close together in
    memory, what a pulse longer than the table needs: ln((1 - s) H) at the longest time, the rate, the rest, 0.
    """
    with np.load(find(), allow_pickle=False) as stored:
        forward: NDArray[np.float32] = stored["forward"]
        back: NDArray[np.float32] = stored["back"]
    late = np.zeros((DELTA_COUNT, DRIVE_COUNT, 4))
    late[:, :, :3] = forward[:, :, TIME_COUNT - 1 :]
    parts = [part.astype(np.float64).ravel() for part in (forward[:, :, :TIME_COUNT], back, late)]
    return np.concatenate(parts)


def _hazard(evolved: Evolution) -> tuple[Floats, float]:
    """H at all `times()`, and the slowest rate [1 / tau_D]: the slope of H at its end."""
    tau = times()
    forever = sum(evolved.kept_forever)
    missing = (evolved.kept - forever) / (1.0 - forever)
    direct = -np.log1p(-np.minimum(evolved.switched / (1.0 - forever), 0.5))
    # kept and forever are good to about eleven digits each, so their difference is to two or more until here.
    usable = missing > max(math.exp(-40.0), 1e-9 * forever)
    hazard = np.where(missing > 0.5, direct, -np.log(np.where(usable, missing, 1.0)))
    last = usable.size - 1 - int(np.argmax(usable[::-1]))
    before = min(int(np.searchsorted(evolved.tau, 0.6 * float(evolved.tau[last]))), last - 1)
    rate = (hazard[last] - hazard[before]) / (evolved.tau[last] - evolved.tau[before])
    full = np.empty_like(tau)
    full[: last + 1] = hazard[: last + 1]
    full[last + 1 :] = hazard[last] + rate * (tau[last + 1 :] - tau[last])
    return full, float(rate)


def forward_row(i: float, delta: float) -> Floats:
    """One row of the first table, extrapolated from two grids (the error falls as the spacing squared)."""
    tau = times()
    if i > 1.0:  # H = 40 is reached after about (40 + ln(4 Delta)) / (2 (i - 1))
        tau = tau[: 2 + int(np.searchsorted(tau, 25.0 / (i - 1.0)))]
    rows: list[Floats] = []
    for refine in (1, 2):
        evolved = Macrospin(i, delta=delta, refine=refine).evolve(tau)
        hazard, rate = _hazard(evolved)
        rows.append(np.log(np.concatenate([hazard, [rate, evolved.kept_forever[1]]])))
    favoured = math.log1p(-occupation(i, delta))
    row = (4.0 * rows[1] - rows[0]) / 3.0 + favoured
    row[-1] -= 2.0 * favoured
    return row


def back_row(i: float, delta: float) -> Floats:
    """One row of the second table: what is beyond the two-state formula at a hindering drive.

    Without drive that is the start's tail over the barrier at every time, because the slowest mode itself
    says where a spin relaxes to; by subtraction it would be lost at a high barrier.
    """
    tau = times()
    evolved = Macrospin(i, delta=delta, refine=2).evolve(tau if i else tau[:1])
    if i == 0.0:
        return np.full_like(tau, math.log(evolved.switched[0]))
    middle = int(np.searchsorted(tau, 0.5 * LONGEST))
    rise = evolved.switched[-1] - evolved.switched[middle]
    if rise < 1e-6 * evolved.switched[-1]:  # the two-state part is nothing beside what is sought
        return np.log(evolved.switched)
    share = occupation(-i, delta)  # of the other well, in the long run
    rate = rise / (share * (tau[-1] - tau[middle]))
    for _ in range(20):
        rate *= rise / (share * (math.exp(-rate * tau[middle]) - math.exp(-rate * tau[-1])))
    return np.log(np.maximum(evolved.switched + share * np.expm1(-rate * tau), 1e-30))


def make() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Solve the equation at every point of the axes; a line of progress goes to standard error.

    Returns the two tables, shapes (Delta, i >= 0, time and two more columns) and (Delta, i <= 0, time).
    """
    forward = np.empty((DELTA_COUNT, DRIVE_COUNT, COLUMNS), dtype=np.float32)
    back = np.empty((BACK_DELTAS, BACK_COUNT, TIME_COUNT), dtype=np.float32)
    for place, delta in enumerate(deltas()):
        print(f"\rswitching table: Delta = {delta:g} of {deltas()[-1]:g} kT", end="", file=sys.stderr, flush=True)
        for at, i in enumerate(drives()):
            forward[place, at] = forward_row(float(i), float(delta))
        for at, i in enumerate(back_drives() if place < BACK_DELTAS else ()):
            back[place, at] = back_row(float(i), float(delta))
    print(file=sys.stderr)
    return forward, back


if __name__ == "__main__":
    path = Path(labmtj.__file__).parent.parent / "data" / "reference" / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    first, second = make()
    np.savez_compressed(path, allow_pickle=False, about=np.array(ABOUT), forward=first, back=second)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
