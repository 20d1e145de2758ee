"""The switching table over the whole range that it promises, against the equation and against its laws."""

import math
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import legendre
from scipy.linalg import expm

from labmtj.physics.fokker_planck import solve
from labmtj.physics.retention import read_disturb, retention_loss, retention_time
from labmtj.physics.switching import high_barrier_rate, switching_probability, switching_rate, write_error

HELD_OUT = Path(__file__).with_name("switching_held_out.npz")  # made by make_switching_held_out.py
TAIL = 1e-12
law = settings(deadline=None, derandomize=True, max_examples=60)

drives = st.floats(-6.0, 6.0)
barriers = st.floats(20.0, 90.0)
pulses = st.one_of(st.just(0.0), st.floats(-2.0, 10.0).map(lambda power: 10.0**power))


def both(i, tau, delta):
    given = {"delta": delta, "tau_d": 1.0}
    return float(switching_probability(i, tau, **given)), float(write_error(i, tau, **given))


# -- against the equation --------------------------------------------------------------------------


def test_held_out_points_of_the_whole_range_agree_in_probability_and_in_both_tails():
    with np.load(HELD_OUT) as held:
        tau, true = held["tau"].astype(float), (10.0 ** held["p"].astype(float), 10.0 ** held["error"].astype(float))
        i, delta = (np.broadcast_to(held[name][:, None], tau.shape) for name in ("i", "delta"))
        solved = np.isfinite(held["p"])
    assert np.count_nonzero(solved) > 18_000
    mine = [f(i, tau, delta=delta, tau_d=1.0) for f in (switching_probability, write_error)]
    assert np.max(np.abs(mine[0] - true[0])[solved]) < 0.0015  # 0.005 is promised
    for found, exact in zip(mine, true, strict=True):
        seen = solved & (exact > TAIL)
        assert np.max(np.abs(np.log10(found[seen] / exact[seen]))) < 0.03  # 0.1 is promised


def by_legendre_polynomials(i, tau, delta, count=110):
    """Probability to be below the equator after a pulse and 40 tau_D at rest, by Galerkin's method."""
    u, weight = legendre.leggauss(2 * count)
    basis = legendre.legvander(u, count - 1)
    slope = np.array([legendre.legval(u, legendre.legder(row)) for row in np.eye(count)]).T
    norm = 2.0 / (2 * np.arange(count) + 1)

    def generator(drive):
        flux = (1.0 - u**2)[:, None] * ((u - drive)[:, None] * basis - slope / (2.0 * delta))
        return slope.T @ (weight[:, None] * flux) / norm[:, None]

    above, at = legendre.leggauss(300)
    start = np.exp(delta * ((0.5 * above + 0.5) ** 2 - 1.0)) * at
    rho = legendre.legvander(0.5 * above + 0.5, count - 1).T @ (start / start.sum()) / norm
    below, half = legendre.leggauss(count)
    lower = legendre.legvander(0.5 * below - 0.5, count - 1).T @ (0.5 * half)
    return float(lower @ expm(40.0 * generator(0.0)) @ expm(tau * generator(i)) @ rho)


@pytest.mark.parametrize(("i", "tau", "delta"), [(0.97, 8.0, 20.0), (2.5, 1.2, 40.0)])
def test_another_method_gives_the_same_solution(i, tau, delta):
    assert both(i, tau, delta)[0] == pytest.approx(by_legendre_polynomials(i, tau, delta), abs=1e-3)


@numba.njit
def spins_that_switch(start, i, delta, damping, tau, step):
    """How many macrospins end below the equator: Heun steps of the stochastic Landau-Lifshitz-Gilbert equation.

    Time in units of (1 + damping^2) / (gamma mu0 Hk), so tau_D is 1 / damping of them.
    """
    noise = math.sqrt(damping / (delta * (1.0 + damping**2)) / step)
    driven, total = int(tau / damping / step), int((tau + 4.0) / damping / step)
    switched = 0
    for spin in range(start.size):
        z = start[spin]
        x, y = math.sqrt(1.0 - z * z), 0.0
        for count in range(total):
            torque = damping * i if count < driven else 0.0
            hx, hy, hz = np.random.normal(), np.random.normal(), np.random.normal()
            hx, hy, hz = noise * hx, noise * hy, noise * hz
            ax = ay = az = 0.0
            px, py, pz = x, y, z
            for half in range(2):
                # The field along z is the anisotropy's; the spin torque acts as a damping term of the other sign.
                fz = pz + hz
                cx, cy, cz = py * fz - pz * hy, pz * hx - px * fz, px * hy - py * hx
                dx = -cx - damping * (py * cz - pz * cy) + torque * (pz * px)
                dy = -cy - damping * (pz * cx - px * cz) + torque * (pz * py)
                dz = -cz - damping * (px * cy - py * cx) - torque * (px * px + py * py)
                ax, ay, az = ax + 0.5 * step * dx, ay + 0.5 * step * dy, az + 0.5 * step * dz
                if half == 0:
                    px, py, pz = x + step * dx, y + step * dy, z + step * dz
            x, y, z = x + ax, y + ay, z + az
            length = math.sqrt(x * x + y * y + z * z)
            x, y, z = x / length, y / length, z / length
            if count >= driven and abs(z) > 0.6:  # it will not come back: the barrier is above 7 kT from there
                break
        switched += z < 0.0
    return switched


@numba.njit
def seed_the_spins(number):
    np.random.seed(number)


@pytest.mark.parametrize(("i", "tau", "delta"), [(1.5, 2.5, 20.0), (2.5, 1.3, 30.0), (1.05, 6.0, 40.0)])
def test_a_stochastic_monte_carlo_of_the_moment_itself_agrees(i, tau, delta):
    trials, chance = 1500, np.random.default_rng(7)
    u = np.linspace(0.0, 1.0, 20_001)
    weight = np.cumsum(np.exp(delta * (u**2 - 1.0)))
    start = np.interp(chance.random(trials), weight / weight[-1], u)
    seed_the_spins(11)
    found = spins_that_switch(start, i, delta, 0.3, tau, 0.02)
    p = both(i, tau, delta)[0]
    assert 0.1 < p < 0.95
    assert abs(found - trials * p) < 4.0 * math.sqrt(trials * p * (1.0 - p))


def test_tails_without_much_drive_agree_where_the_two_tables_meet():
    tau = np.array([0.0, 1.0, 10.0, 60.0, 107.0])
    exact = solve(-0.003, tau, delta=31.0)[0]
    found = switching_probability(-0.003, tau, delta=31.0, tau_d=1.0)
    assert np.max(np.abs(np.log10(found / exact))) < 0.03


# -- laws ------------------------------------------------------------------------------------------


@law
@given(i=drives, more=st.floats(0.0, 3.0), tau=pulses, delta=barriers)
def test_more_drive_never_switches_less(i, more, tau, delta):
    weak, strong = both(i, tau, delta), both(min(i + more, 6.0), tau, delta)
    assert strong[0] >= weak[0] * (1.0 - 3e-3) - TAIL
    assert strong[1] <= weak[1] * (1.0 + 3e-3) + TAIL


@law
@given(i=st.floats(0.0, 6.0), tau=pulses, longer=st.floats(1.0, 1e6), delta=barriers)
def test_a_longer_pulse_that_helps_never_switches_less(i, tau, longer, delta):
    short, long = both(i, tau, delta), both(i, tau * longer, delta)
    assert long[0] >= short[0] * (1.0 - 1e-6) - TAIL
    assert long[1] <= short[1] * (1.0 + 1e-6) + TAIL


@law
@given(i=drives, tau=pulses, delta=barriers)
def test_probabilities_are_within_0_and_1_and_make_one(i, tau, delta):
    p, error = both(i, tau, delta)
    assert 0.0 <= p <= 1.0
    assert 0.0 <= error <= 1.0
    assert p + error == pytest.approx(1.0, abs=1e-14)


@law
@given(i=drives, delta=barriers)
def test_no_pulse_switches_nothing_but_the_tail_of_the_start(i, delta):
    assert both(i, 0.0, delta)[0] < 50.0 * math.exp(-delta)


@law
@given(i=st.floats(0.0, 0.3), delta=st.floats(20.0, 60.0))
def test_after_for_ever_both_directions_share_the_same_equilibrium(i, delta):
    """The law of symmetry: P -> AP under i ends where AP -> P under -i does."""
    toward, away = both(i, 1e40, delta), both(-i, 1e40, delta)
    assert away[0] == pytest.approx(toward[1], rel=1e-2, abs=1e-20)


@law
@given(i=st.floats(0.0, 0.6), delta=barriers, first=st.floats(3.0, 8.0), second=st.floats(3.0, 8.0))
def test_long_pulses_add_up_as_their_exposures(i, delta, first, second):
    """In the regime of one rate, what two pulses leave unswitched is the product of what each leaves."""
    a, b = 10.0**first, 10.0**second
    away, back = (float(switching_rate(s * i, delta=delta, tau_d=1.0)) for s in (1, -1))
    share = away / (away + back)

    def hazard(tau):
        return -math.log1p(-min(both(i, tau, delta)[0] / share, 1.0 - 1e-12))

    if hazard(a + b) < 10.0:
        assert hazard(a + b) == pytest.approx(hazard(a) + hazard(b), rel=2e-2, abs=1e-7)


@law
@given(delta=st.floats(60.0, 90.0), i=st.floats(-0.1, 0.3), years=st.floats(0.01, 20.0))
def test_retention_and_reads_follow_the_high_barrier_law_for_years(delta, i, years):
    seconds, tau_d = years * 3.156e7, 1e-9
    expected = -np.expm1(-high_barrier_rate(i, delta=delta, tau_d=tau_d) * seconds)
    assert read_disturb(i, seconds, delta=delta, tau_d=tau_d) == pytest.approx(expected, rel=0.06, abs=1e-300)
    if both(-i, seconds / tau_d, delta)[0] < 1e-3 > expected:  # no way back yet: to be in the other well is to be lost
        assert switching_probability(i, seconds, delta=delta, tau_d=tau_d) == pytest.approx(expected, rel=0.07)


def test_retention_is_a_read_without_drive_and_its_time_the_inverse_of_its_loss():
    seconds = retention_time(0.01, delta=60.0, tau_d=1e-9, stray_field=0.05)
    assert retention_loss(seconds, delta=60.0, tau_d=1e-9, stray_field=0.05) == pytest.approx(0.01, rel=1e-12)
    assert read_disturb(0.05, seconds, delta=60.0, tau_d=1e-9) == pytest.approx(0.01, rel=1e-12)
    assert retention_time(0.01, delta=60.0, tau_d=1e-9) > 100 * seconds


def test_a_stray_field_of_5_percent_is_a_factor_of_seven_at_a_half_selected_cell():
    # physics.md's example: Delta (1 - i - h)^2 against Delta (1 - h)^2 (1 - i)^2 differ by two kT at Delta 75.
    right = high_barrier_rate(0.57 + 0.05, delta=75.0, tau_d=1.0)
    wrong = high_barrier_rate(0.57, delta=75.0 * (1 - 0.05) ** 2, tau_d=1.0)
    assert 75.0 * (1 - 0.57) ** 2 * (1 - 0.05) ** 2 == pytest.approx(12.5, abs=0.1)
    assert 75.0 * (1 - 0.62) ** 2 == pytest.approx(10.8, abs=0.1)
    assert right / wrong > 3.0
