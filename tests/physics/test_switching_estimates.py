"""Estimates of V_c0, Delta and switching voltages against the hidden truth of default dies."""

import dataclasses
import math

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import InputError
from labmtj.physics.switching import switching_probability
from labmtj.physics.switching_law import HALF, Exponent, WidthLaw, width_law
from labmtj.physics.variation import draw_die
from labmtj.records import Defect
from labmtj.routines.switching_estimate import Estimates, Goals, Tracks
from labmtj.twin.build import die_model

WIDTH, LONG = 1e-4, 1.0  # [s]
QUICK = Goals(voltage=1e-9, v_c0=math.inf, delta=math.inf)


class Cells:
    """Cells of default dies and their exact switching; tracks are all cells towards P, then all towards AP."""

    def __init__(self, diameter, count, *, seed=1):
        bench = load_bench("simulated-15x15", overrides=(f'simulation.die.diameter="{diameter} nm"',)).bench
        dies = [draw_die(dataclasses.replace(die_model(bench), seed=100 + n)) for n in range(1 + count // 200)]
        good = np.concatenate([(die.defect == Defect.NONE).ravel() for die in dies])
        v_c0, delta, field = (
            np.concatenate([getattr(die, name).ravel() for die in dies])[good][:count]
            for name in ("v_c0", "delta", "stray_field")
        )
        self.count, self._v_c0 = count, np.concatenate([v_c0, 1.15 * v_c0])
        self._delta = np.tile(np.minimum(delta, 122.0), 2)  # the twin's table ends there
        self._field = np.concatenate([field, -field])
        self.chance = np.random.default_rng(seed)
        self.v_c0 = self._v_c0 * (1.0 - self._field)
        self.delta = self._delta * (1.0 - self._field) ** 2
        low, high = 0.1 * self._v_c0, 1.2 * self._v_c0
        for _halving in range(40):
            middle = 0.5 * (low + high)
            above = self.probability(np.arange(2 * count), middle, np.full(2 * count, WIDTH)) > 0.5
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        self.voltage = low

    def probability(self, tracks, volts, widths):
        drive = volts / self._v_c0[tracks] + self._field[tracks]
        out = np.empty(len(tracks))
        for width in np.unique(widths):
            at = widths == width
            out[at] = switching_probability(drive[at], width, delta=self._delta[tracks][at], tau_d=1e-9)
        return out

    def prior(self):
        """What a map's probes tell: the median of each direction, 3 % off."""
        middle = np.median(self.voltage.reshape(2, -1), axis=1) * np.exp(0.03 * self.chance.standard_normal(2))
        return np.repeat(middle, self.count)

    def estimated(self, *, widths, pulses, goals, **assumed) -> Estimates:
        """All cells go to and fro, `pulses` on each in all."""
        tracks = Tracks(self.prior(), spread=0.15, widths=widths, law=Exponent(), goals=goals, most=pulses, **assumed)
        each, towards_ap = np.arange(self.count), np.zeros(self.count, int)
        for _pulse in range(pulses):
            which = towards_ap * self.count + each
            volts, width = tracks.propose(which)
            switched = self.chance.random(self.count) < self.probability(which, volts, np.array(widths)[width])
            tracks.update(which, volts=volts, width=width, switched=switched)
            towards_ap ^= switched
        return tracks.estimates()


def judged(cells, found, name):
    """Relative errors, and the share of truths within the stated 95 % intervals."""
    truth = getattr(cells, name)
    low, high = found.interval(name)
    return getattr(found, name) / truth - 1.0, float(((low <= truth) & (truth <= high)).mean())


def within(errors, limit):
    return float((np.abs(errors) < limit).mean())


@pytest.mark.parametrize(("diameter", "rms"), [(20, 0.025), (40, 0.022), (75, 0.022)])
def test_half_of_the_pulses_find_v_c0_and_delta_of_few_cells(diameter, rms):
    cells = Cells(diameter, 25)
    found = cells.estimated(widths=(WIDTH, LONG), pulses=150, goals=Goals())
    v_c0, covered = judged(cells, found, "v_c0")
    delta, _ = judged(cells, found, "delta")
    assert float(np.sqrt(np.mean(v_c0**2))) < rms
    assert float(np.abs(delta).max()) < 0.15
    assert covered > 0.88
    assert 150 == (found.pulses[:25] + found.pulses[25:]).max()


@pytest.mark.slow
@pytest.mark.parametrize("diameter", [20, 40, 75])
def test_300_pulses_a_cell_meet_the_requirement_over_600_cells(diameter, capsys):
    cells = Cells(diameter, 600)
    found = cells.estimated(widths=(WIDTH, LONG), pulses=300, goals=Goals())
    v_c0, covered = judged(cells, found, "v_c0")
    delta, covered_delta = judged(cells, found, "delta")
    voltage, covered_voltage = judged(cells, found, "voltage")
    with capsys.disabled():
        for name, errors, share in (
            ("V_c0", v_c0, covered), ("Delta", delta, covered_delta), ("V_1/2", voltage, covered_voltage)
        ):  # fmt: skip
            for end, part in (("P", slice(0, 600)), ("AP", slice(600, 1200))):
                print(
                    f"\n{diameter} nm {name} to {end}: rms {np.sqrt(np.mean(errors[part] ** 2)):.4f} "
                    f"bias {errors[part].mean():+.4f} median {np.median(np.abs(errors[part])):.4f} "
                    f"within 3 % {within(errors[part], 0.03):.4f} 15 % {within(errors[part], 0.15):.4f} "
                    f"covered (both) {share:.4f}", end=""
                )  # fmt: skip
    assert within(v_c0, 0.03) > 0.95
    assert within(delta, 0.15) > 0.995
    assert 0.93 <= covered <= 0.97
    assert 0.93 <= covered_delta <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("diameter", [20, 40, 75])
@pytest.mark.parametrize("known", [False, True], ids=["barriers unknown", "barriers of other cells known"])
def test_60_pulses_a_cell_find_the_switching_voltages_of_both_directions(diameter, known, capsys):
    cells = Cells(diameter, 600)
    others = np.repeat(np.median(cells.delta.reshape(2, -1), axis=1), 600)
    assumed = {"delta": others, "delta_spread": 0.2} if known else {}
    found = cells.estimated(widths=(WIDTH,), pulses=60, goals=QUICK, **assumed)
    errors, covered = judged(cells, found, "voltage")
    with capsys.disabled():
        print(
            f"\n{diameter} nm V_1/2 from 60 pulses, barriers known {known}: rms {np.sqrt(np.mean(errors**2)):.4f} "
            f"median {np.median(np.abs(errors)):.4f} within 1.7 % {within(errors, 0.017):.4f} covered {covered:.4f}"
        )
    assert float(np.sqrt(np.mean(errors**2))) < 0.017


def test_60_pulses_find_the_switching_voltages_of_a_few_cells():
    cells = Cells(40, 40)
    found = cells.estimated(widths=(WIDTH,), pulses=60, goals=QUICK)
    errors, covered = judged(cells, found, "voltage")
    assert float(np.sqrt(np.mean(errors**2))) < 0.0125
    assert covered > 0.88


@pytest.mark.parametrize("delta", [20.0, 45.0, 75.0, 115.0])
def test_the_law_of_n_2_is_the_exact_one(delta):
    drive = np.linspace(0.2, 1.1, 40)
    for width in (WIDTH, 1e-2, LONG):
        law = WidthLaw(Exponent(), width=width)
        exact = switching_probability(drive, width, delta=delta, tau_d=1e-9)
        found = -np.expm1(-np.exp(law.log_hazard(drive, log_delta=np.full(40, math.log(delta)))))
        assert np.abs(found - exact).max() < 2e-3


def test_beyond_the_table_the_law_goes_on_smoothly():
    law, drive = Exponent(), np.linspace(0.3, 0.9, 7)
    below, at, above = (law.log_hazard(drive, delta=np.full(7, d), width=WIDTH) for d in (121.0, 122.0, 123.0))
    assert np.abs((above - at) - (at - below)).max() < 0.01


@pytest.mark.parametrize("n", [1.0, 1.5, 2.0])
def test_the_drive_is_the_inverse_of_the_law(n):
    law, log_delta = width_law(Exponent(n), WIDTH), np.log(np.array([25.0, 60.0, 110.0]))
    drive = law.drive(np.full(3, HALF), log_delta=log_delta)
    assert np.abs(law.log_hazard(drive, log_delta=log_delta) - HALF).max() < 0.01


def test_another_n_finds_what_was_made_with_it():
    law, chance = Exponent(1.5), np.random.default_rng(4)
    v_c0, delta = np.full(20, 0.4), np.full(20, 60.0)
    start = 0.4 * width_law(law, WIDTH).drive(np.array([HALF]), log_delta=np.log(delta[:1]))[0]
    tracks = Tracks(np.full(20, start), spread=0.15, widths=(WIDTH, LONG), law=law, goals=Goals(), most=200)
    for _pulse in range(120):
        volts, width = tracks.propose(np.arange(20))
        hazard = np.exp([
            law.log_hazard(volts[at : at + 1] / 0.4, delta=delta[:1], width=(WIDTH, LONG)[width[at]])[0]
            for at in range(20)
        ])  # fmt: skip
        tracks.update(np.arange(20), volts=volts, width=width, switched=chance.random(20) < -np.expm1(-hazard))
    found = tracks.estimates()
    assert float(np.abs(np.mean(found.v_c0 / v_c0 - 1.0))) < 0.01
    assert float(np.abs(np.mean(found.delta / delta - 1.0))) < 0.04


def test_proposals_stay_below_the_ceiling_and_goals_end_a_track():
    tracks = Tracks(np.array([0.25]), spread=0.15, widths=(WIDTH, LONG), law=Exponent(), goals=Goals(0.5, 0.5, 0.9))
    one = np.array([0])
    volts, width = tracks.propose(one, highest=0.05)
    assert (0.05, 1) == (volts[0], width[0])
    volts, _ = tracks.propose(one, highest=0.2)
    assert volts[0] <= 0.2
    assert tracks.reached(one).all()


def test_a_law_that_makes_no_sense_is_refused():
    with pytest.raises(InputError, match=r"n is 0.5 to 3"):
        Exponent(5.0)
