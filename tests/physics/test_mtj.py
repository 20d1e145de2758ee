import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.physics import mtj
from labmtj.physics.mtj_kernel import junction
from labmtj.records import State

CELL = {"r_p": 8e3, "tmr0": 1.2, "v_h": 0.5, "k_p": 0.2}


def test_a_40_nm_junction_of_10_ohm_um2_has_8_kilohm() -> None:
    assert pytest.approx(7957.747) == float(mtj.resistance_p(40e-9, resistance_area=10e-12))


def test_resistance_falls_with_the_area() -> None:
    assert pytest.approx(4.0) == np.divide(*mtj.resistance_p([20e-9, 40e-9], resistance_area=10e-12))


def test_the_tmr_has_halved_at_v_h() -> None:
    assert pytest.approx(mtj.tmr([0.0, 0.5], tmr0=1.2, v_h=0.5)) == [1.2, 0.6]


def test_conductance_at_zero_bias_is_that_of_each_state() -> None:
    found = mtj.conductance(0.0, state=[State.P, State.AP, mtj.LINEAR], **CELL)
    assert pytest.approx([1 / 8e3, 1 / 17.6e3, 1 / 8e3]) == found


def test_conductance_at_v_h_follows_the_formulas() -> None:
    found = mtj.conductance(-0.5, state=[State.P, State.AP, mtj.LINEAR], **CELL)
    assert pytest.approx([1.05 / 8e3, 1 / (8e3 * 1.6), 1 / 8e3]) == found


@pytest.mark.parametrize("state", [0, 1, 2])
def test_differential_conductance_is_the_derivative_of_the_current(state: int) -> None:
    v = np.linspace(-1.2, 1.2, 41)
    step = 1e-5
    rise = mtj.current(v + step, state=state, **CELL) - mtj.current(v - step, state=state, **CELL)
    assert pytest.approx(rise / (2 * step), rel=1e-8) == mtj.differential_conductance(v, state=state, **CELL)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    v=st.floats(-2.0, 2.0),
    state=st.sampled_from([0, 1, 2]),
    tmr0=st.floats(0.0, 5.0),
    v_h=st.floats(0.1, 2.0),
    k_p=st.floats(0.0, 1.0),
)
def test_current_is_odd_and_increases_with_voltage(v: float, state: int, tmr0: float, v_h: float, k_p: float) -> None:
    cell = {"state": state, "r_p": 5e3, "tmr0": tmr0, "v_h": v_h, "k_p": k_p}
    assert float(mtj.current(v, **cell)) == -float(mtj.current(-v, **cell))
    assert float(mtj.differential_conductance(v, **cell)) > 0.0


def test_the_compiled_law_equals_the_arrays() -> None:
    for state, k, ratio in ((0, 0.2, 0.0), (1, 0.0, 1.2), (2, 0.0, 0.0)):
        current, slope = junction(0.3, 1 / 8e3, k, ratio, 4.0)
        assert math.isclose(float(mtj.current(0.3, state=state, **CELL)), current, rel_tol=1e-15)
        assert math.isclose(float(mtj.differential_conductance(0.3, state=state, **CELL)), slope, rel_tol=1e-15)
