"""The simulated coil against exact solutions, and its field as the die sees it."""

import math

import numpy as np
import pytest

from labmtj.twin.coil import Coil

OHMS, HENRIES, LAG, CONSTANT = 0.5, 0.02, 0.02, 0.01


@pytest.fixture
def coil():
    return Coil(ohms=OHMS, henries=HENRIES, lag=LAG, tesla_per_ampere=CONSTANT)


def test_a_current_within_the_voltage_follows_with_the_time_constant_of_the_supply(coil):
    coil.drive(3.0, target=1.0, response=0.05, volts=20.0)
    for after in (0.0, 0.01, 0.05, 0.1):
        assert coil.current(3.0 + after) == pytest.approx(1 - math.exp(-after / 0.05), abs=1e-9)


def test_without_enough_voltage_the_current_rises_as_the_coil_lets_it(coil):
    coil.drive(0.0, target=15.0, response=1e-3, volts=10.0)
    for after in (0.01, 0.02, 0.05):
        assert coil.current(after) == pytest.approx(20.0 * (1 - math.exp(-after * OHMS / HENRIES)), rel=1e-9)
    assert 15.0 == coil.current(10.0)


def test_a_compliance_below_the_coils_voltage_is_where_the_current_ends(coil):
    coil.drive(0.0, target=15.0, response=0.02, volts=2.0)
    assert (4.0, 0.04) == (coil.current(10.0), coil.field(10.0))


def test_the_field_lags_behind_the_current_and_comes_to_its_value_exactly(coil):
    coil.drive(0.0, target=10.0, response=1e-4, volts=1e6)
    for after in (0.02, 0.04, 0.08):
        middle = after + LAG / 40  # a step is a twentieth of the lag here, and the die sees the mean of its ends
        assert coil.field(after) == pytest.approx(0.1 * (1 - math.exp(-middle / LAG)), abs=2e-3)
    assert (0.1, math.inf) == (coil.field(5.0), coil.next_change(5.0))


def test_a_new_setting_goes_on_from_where_current_and_field_are(coil):
    coil.drive(0.0, target=10.0, response=0.02, volts=20.0)
    amperes = coil.current(0.015)
    coil.drive(0.015, target=-10.0, response=0.02, volts=20.0)
    assert coil.current(0.015) == pytest.approx(amperes, rel=1e-12)
    assert -0.1 == coil.field(100.0)


def test_the_field_is_constant_between_its_changes_and_they_follow_one_another(coil):
    coil.drive(7.0, target=10.0, response=0.02, volts=20.0)
    now, seen = 7.0, []
    while math.isfinite(coil.next_change(now)):
        after = coil.next_change(now)
        assert after > now
        assert coil.field(now) == coil.field(0.5 * (now + after))
        seen.append(coil.field(now))
        now = after
    assert (np.diff(seen) > 0).all()
    assert 5 < len(seen) < 100


def test_a_shorted_coil_loses_its_current_with_its_own_time_constant(coil):
    coil.drive(0.0, target=10.0, response=0.02, volts=20.0)
    coil.drive(5.0, target=0.0, response=coil.unforced, volts=20.0)
    assert coil.current(5.04) == pytest.approx(10 / math.e, rel=1e-9)
    assert coil.voltage(5.02) == pytest.approx(0.0, abs=0.7)  # R I and L dI/dt cancel, but for the length of a step
