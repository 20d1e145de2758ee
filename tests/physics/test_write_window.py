"""What pulses can write and what they disturb, against what is known of these dies (physics.md, section 4)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.dies import die_model
from labmtj.physics import cell_drive
from labmtj.physics.reach import Path, reach
from labmtj.physics.switching_cells import Switching
from labmtj.physics.variation import draw_die
from labmtj.physics.write_forecast import Writing, best, forecast, survey
from labmtj.physics.write_window import mean_chance, sample, survivors, switch_chances, switching_volts, wear
from labmtj.records import Amplitudes, Defect, Scheme, State

RETRIES = tuple(max(1.0, 1.03 ** (number - 1)) for number in range(11))


def model(diameter="40 nm", wire="5 ohm"):
    return die_model(load_bench(overrides=[f"die.diameter={diameter}", f"die.wire={wire}"]).bench)


# --- cells


def test_the_sample_has_the_spread_of_the_dies():
    cells = sample(model())
    assert cells.v_c0.size > 550
    assert 0.045 < cells.v_c0.std() / cells.v_c0.mean() < 0.055
    assert 0.10 < cells.delta.std() / cells.delta.mean() < 0.12


def test_the_sample_is_not_the_die_on_the_bench():
    die = draw_die(model())
    assert not np.isin(sample(model()).v_c0, die.v_c0).any()


@pytest.mark.parametrize("target", State)
def test_chances_are_those_of_the_twins_cells(target):
    die = draw_die(dataclasses.replace(model(), rows=24, cols=24, seed=2**62))
    good = die.defect == Defect.NONE
    volts = 0.25 if target is State.P else -0.25
    drive = cell_drive.drive(die, state=np.full((24, 24), int(target.other)), cell_v=np.full((24, 24), volts))
    expected = Switching(die.delta[good], tau_d=die.model.tau_d).probabilities(drive[good], width=100e-6)
    found = switch_chances(sample(model()), np.array([0.25]), width=100e-6, target=target)
    assert np.array_equal(expected, found[0])


def test_the_mean_chance_over_volts_is_that_of_the_cells():
    cells, volts = sample(model()), np.array([0.1137, 0.151, 0.2222])
    curve = mean_chance(cells, width=100e-6, target=State.P, most=0.3)
    expected = switch_chances(cells, volts, width=100e-6, target=State.P).mean(axis=1)
    assert np.allclose(np.log(curve(volts)), np.log(expected), atol=0.1)


def test_the_middle_cell_switches_half_the_time_at_its_switching_voltage():
    kind = model()
    volts = switching_volts(kind, width=100e-6, target=State.AP)
    middle = sample(kind, spread=False)
    assert switch_chances(middle, np.array([volts]), width=100e-6, target=State.AP)[0, 0] == pytest.approx(
        0.5, abs=1e-3
    )


def test_cells_that_are_pulsed_again_survive_less_often():
    left = survivors(sample(model()), np.full(4, 0.23), width=100e-6, target=State.P)
    assert (np.diff(left) < 0).all()


@pytest.mark.parametrize(("delta", "expected"), [(50, 0.41), (80, 0.28)])
def test_one_shot_of_10_ns_at_an_error_of_1e_4_flips_a_half_selected_cell_in_three(delta, expected):
    kind = dataclasses.replace(model(), delta=delta, tau_d=2.0717e-9, stray_field=0.0)
    volts = switching_volts(kind, width=10e-9, target=State.P, chance=1 - 1e-4)
    half = switch_chances(sample(kind, spread=False), np.array([volts / 2]), width=10e-9, target=State.P)
    assert half[0, 0] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("delta", "expected"), [(50, 2.4e-4), (65, 2.6e-5), (80, 3.0e-6)])
def test_with_verification_a_weaker_pulse_will_do_and_disturbs_little(delta, expected):
    kind = dataclasses.replace(model(), delta=delta, stray_field=0.0)
    volts = switching_volts(kind, width=10e-9, target=State.P, chance=0.9)
    half = switch_chances(sample(kind, spread=False), np.array([volts / 2]), width=10e-9, target=State.P)
    assert half[0, 0] == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("volts", "expected"), [(0.9, 3.7e-2), (0.8, 6.5e-5), (0.7, 5e-8)])
def test_a_hundred_pulses_break_what_they_should(volts, expected):
    assert wear(model(), np.full(100, volts), width=100e-6)[1] == pytest.approx(expected, rel=0.05)


# --- wires


@pytest.mark.parametrize(("diameter", "expected"), [("15 nm", 0.99), ("40 nm", 0.94), ("100 nm", 0.70)])
def test_the_far_corner_gets_less_through_5_ohm_a_segment(diameter, expected):
    found = reach(model(diameter), scheme=Scheme.V_HALF, amplitude=0.4)
    assert found.selected.min() == pytest.approx(expected, abs=0.005)
    assert (found.farthest, found.nearest) == ((1, 15), (15, 1))


def test_without_wires_every_cell_gets_all_and_the_others_half():
    found = reach(model(wire="0 ohm"), scheme=Scheme.V_HALF, amplitude=0.4)
    assert np.allclose(found.selected, 1.0)
    assert found.others.max() == pytest.approx(0.5)


def test_v_third_puts_a_third_on_all_others():
    found = reach(model(wire="0 ohm"), scheme=Scheme.V_THIRD, amplitude=0.4)
    others = found.others[found.others > 0]
    assert np.allclose(others, 1 / 3)
    assert others.size == 64 * 224


def test_the_output_of_a_generator_takes_its_share():
    bare = reach(model("100 nm"), scheme=Scheme.V_HALF, amplitude=0.4)
    behind = reach(model("100 nm"), scheme=Scheme.V_HALF, amplitude=0.4, path=Path(output=50.0))
    assert 0.7 < (behind.selected / bare.selected).max() < 0.85


# --- layers


def typical(kind, width=100e-6, **how):
    seen = survey(kind, scheme=Scheme.V_HALF, amplitude=0.3)
    scale = 1.3 / (1.0 if how.get("compensated") else float(np.median(seen.typical.selected)))
    volts = {state: scale * switching_volts(kind, width=width, target=state) for state in State}
    how = {"rises": RETRIES} | how
    return Writing(Amplitudes(volts[State.P], volts[State.AP]), width, Scheme.V_HALF, (13, 12), 0.7, **how), seen


def test_a_default_layer_can_be_written():
    assert forecast(*typical(model())).wrong < 1e-12


def test_one_shot_of_10_ns_cannot_write_a_layer_at_any_amplitude():
    _, least = best(*typical(model(), width=10e-9, verified=False, rises=(1.0,)))
    assert 0.005 < least.wrong < 0.03


def test_one_shot_of_100_us_leaves_less_than_a_thousandth():
    assert forecast(*typical(model(), verified=False, rises=(1.0,))).wrong < 1e-3


def test_one_voltage_for_all_cannot_write_100_nm_through_20_ohm():
    _, least = best(*typical(model("100 nm", "20 ohm")))
    assert least.wrong > 0.01
    assert least.far < 0.35
    assert least.half > 0.4
    _, least = best(*typical(model("100 nm", "5 ohm")))
    assert least.wrong < 1e-6


def test_amplitudes_that_make_up_for_the_wires_write_what_one_voltage_cannot():
    found = forecast(*typical(model("100 nm", "20 ohm"), compensated=True, own=True))
    # near cells are flipped by the pulses on far ones and written again, but not the other way round
    assert found.flips > 0.5
    assert found.spread < 0.1
    assert found.wrong < 1e-5


def test_longer_pulses_write_what_the_first_one_misses():
    short, seen = typical(model(), rises=(0.7,) * 4, widths=(1.0,) * 4)
    longer = dataclasses.replace(short, widths=(1.0, 10.0, 100.0, 1000.0))
    assert forecast(longer, seen).missed < 0.2 * forecast(short, seen).missed


def test_pulses_are_never_forecast_above_the_limit():
    writing, seen = typical(model())
    assert forecast(dataclasses.replace(writing, most=0.35), seen).cell_volts <= 0.35
