"""Cells with a transistor and kernels of them. There is no ngspice truth for these: an independent solution of
all node equations (scipy) stands in for it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import root

from labmtj.errors import InputError
from labmtj.physics import mtj
from labmtj.physics.crossbar_plain import PlainCrossbar
from labmtj.physics.gated import gated_cell, solve_gated, solve_patterns
from labmtj.physics.transistor import Transistor

TRANSISTOR = Transistor(0.4, 750.0, 0.8)
WIRE_LIKE = Transistor(0.4, 1e-9, 0.8)
R_P = float(mtj.resistance_p(60e-9, resistance_area=10e-12))
LAW: dict[str, Any] = {"tmr": 1.2, "v_h": 0.5, "k_p": 0.2}
CELL: dict[str, Any] = LAW | {"transistor": TRANSISTOR}
NAN = np.nan


def kernel(seed, shape):
    chance = np.random.default_rng(seed)
    states, r_p = chance.integers(0, 2, shape), R_P * np.exp(0.05 * chance.standard_normal(shape))
    at = chance.integers(shape[0]), chance.integers(shape[1])
    states[at], r_p[at] = 2, 100.0
    return states, r_p, 0.4 + 0.01 * chance.standard_normal(shape)


def drain_current(gate_over_n, gate_over_r):
    k = TRANSISTOR.k
    return k / 2 * (np.maximum(gate_over_n, 0) ** 2 - np.maximum(gate_over_r, 0) ** 2)


def test_a_wide_open_transistor_before_a_short_has_its_on_resistance():
    found = gated_cell(2, 1e-6, v_row=1e-4, v_col=0.0, gate=1.2, **CELL)
    assert pytest.approx(750.0, rel=1e-4) == 1e-4 / float(found.cell_i)


def test_the_conductances_of_the_group_s_device_model_come_out():
    # 233 and 133 uS at 0.3 V, transistor included: arXiv 2312.06446
    found = gated_cell([0, 1], R_P, v_row=0.3, v_col=0.0, gate=1.45, **CELL)
    assert pytest.approx([233e-6, 133e-6], rel=0.02) == found.cell_i / 0.3


@pytest.mark.parametrize("ohms", [1e-9, 1.0, 100.0])
def test_a_short_draws_no_more_than_its_transistor_saturates_at(ohms):
    found = gated_cell(2, ohms, v_row=[0.4, 1.0, 5.0], v_col=0.0, gate=0.75, **CELL)
    assert np.all(found.cell_i <= TRANSISTOR.k / 2 * 0.35**2 * (1 + 1e-6))
    assert found.by_row[2] < 1e-9


def test_a_transistor_conducts_alike_both_ways():
    one = gated_cell(2, 1e-6, v_row=0.3, v_col=-0.2, gate=1.0, **CELL)
    other = gated_cell(2, 1e-6, v_row=-0.2, v_col=0.3, gate=1.0, **CELL)
    assert pytest.approx(float(one.cell_i), rel=1e-6) == -float(other.cell_i)


def test_below_the_threshold_hardly_anything_flows():
    assert abs(float(gated_cell(0, R_P, v_row=0.1, v_col=0.0, gate=0.39, **CELL).cell_i)) < 1e-12


@settings(max_examples=60)
@given(
    row=st.floats(-1.5, 1.5),
    col=st.floats(-1.5, 1.5),
    gate=st.floats(-1.0, 2.0),
    state=st.sampled_from([0, 1, 2]),
    ohms=st.sampled_from([1e-3, 100.0, R_P, 1e9]),
)
def test_the_junction_carries_what_the_transistor_does(row, col, gate, state, ohms):
    found = gated_cell(state, ohms, v_row=row, v_col=col, gate=gate, **CELL)
    node = float(found.cell_v) + col
    through = drain_current(gate - 0.4 - node, gate - 0.4 - row) + 1e-12 * (row - node)
    scale = float(found.by_col) + 1e-9
    assert abs(through - float(found.cell_i)) < 1e-13 / ohms + 1e-12 * scale + 1e-11 * abs(through) + 1e-15
    assert min(row, col) - 1e-12 <= node <= max(row, col) + 1e-12


@pytest.mark.parametrize("gate", [0.55, 0.75, 1.6])
@pytest.mark.parametrize("state", [0, 1, 2])
def test_slopes_are_the_derivatives_of_the_current(gate, state):
    def current(row, col):
        return float(gated_cell(state, R_P, v_row=row, v_col=col, gate=gate, **CELL).cell_i)

    found, step = gated_cell(state, R_P, v_row=0.1, v_col=-0.05, gate=gate, **CELL), 1e-5
    by_row = (current(0.1 + step, -0.05) - current(0.1 - step, -0.05)) / (2 * step)
    by_col = (current(0.1, -0.05 - step) - current(0.1, -0.05 + step)) / (2 * step)
    assert pytest.approx((by_row, by_col), rel=1e-6) == (float(found.by_row), float(found.by_col))


def node_equations(x, shape, states, r_p, v_t, v_row, v_col, gates, r, r_line):
    """Kirchhoff's law at each node of rows, columns and between transistor and junction; floating lines end open."""
    w, b, n = x.reshape(3, *shape)
    junction = mtj.current(n - b, state=states, r_p=r_p, tmr0=LAW["tmr"], v_h=LAW["v_h"], k_p=LAW["k_p"])
    over = gates[:, np.newaxis] - v_t
    opened = np.isfinite(gates)[:, np.newaxis]
    channel = np.where(opened, drain_current(over - n, over - w) + 1e-12 * (w - n), 0.0)
    at_w, at_b = -channel, np.where(opened, junction, 0.0)
    at_n = np.where(opened, channel - junction, n)
    for line, volts in enumerate(v_row):
        at_w[line] += np.diff(np.diff(w[line]) / r, prepend=0.0, append=0.0)
        if not np.isnan(volts):
            at_w[line, 0] += (volts - w[line, 0]) / (r + r_line)
    for line, volts in enumerate(v_col):
        at_b[:, line] += np.diff(np.diff(b[:, line]) / r, prepend=0.0, append=0.0)
        if not np.isnan(volts):
            at_b[-1, line] += (volts - b[-1, line]) / (r + r_line)
    return np.array([at_w, at_b, at_n]).ravel() * 1e3


@pytest.mark.parametrize(
    ("v_row", "v_col", "gates"),
    [
        ([0.1, 0.1, 0.1, 0.1], [0.0, 0.0, 0.0], [0.75, NAN, 0.75, 0.8]),
        ([0.0, 0.0, 0.0, 0.0], [0.0, -0.8, 0.0], [NAN, 1.6, NAN, 1.6]),
        ([0.3, NAN, 0.1, 0.0], [NAN, 0.0, -0.2], [1.2, 1.2, 1.2, 1.2]),
    ],
)
def test_an_independent_solution_of_all_node_equations_is_met(v_row, v_col, gates):
    shape, r, r_line = (4, 3), 5.0, 20.0
    states, r_p, v_t = kernel(3, shape)
    found = solve_gated(
        states, r_p, v_row=v_row, v_col=v_col, gates=gates, r_wire=r, v_t=v_t, r_row=r_line, r_col=r_line, **CELL
    )
    args = (shape, states, r_p, v_t, np.array(v_row), np.array(v_col), np.array(gates), r, r_line)
    truth = root(node_equations, np.full(3 * 12, 0.01), args=args, tol=1e-13)
    assert np.abs(truth.fun).max() < 1e-12  # 1e-15 A
    _, b, n = truth.x.reshape(3, *shape)
    opened = np.isfinite(gates)
    assert np.abs(found.cell_v - (n - b))[opened].max() < 1e-9
    assert found.kcl < 1e-9
    assert pytest.approx(0.0, abs=1e-9 * np.abs(found.i_row).max()) == found.i_row.sum() - found.i_col.sum()
    floating = [*found.i_row[np.isnan(v_row)], *found.i_col[np.isnan(v_col)]]
    assert all(abs(current) < 1e-9 * np.abs(found.i_row).max() for current in floating)


@settings(max_examples=20)
@given(seed=st.integers(0, 999), r_wire=st.sampled_from([0.0, 1e-9, 1.0, 20.0]), rail=st.sampled_from([0.75, 1.6]))
def test_kernels_are_proven_whatever_wires_they_have(seed, r_wire, rail):
    states, r_p, v_t = kernel(seed, (25, 25))
    gates = np.where(np.random.default_rng(seed).random(25) < 0.4, rail, NAN)
    found = solve_gated(states, r_p, v_row=0.1, v_col=0.0, gates=gates, r_wire=r_wire, v_t=v_t, r_row=3.0, **CELL)
    assert found.kcl < 1e-9
    closed = np.isnan(gates)
    assert not found.cell_i[closed].any()
    assert not found.cell_v[closed].any()


def test_without_an_open_gate_no_current_flows():
    states, r_p, _ = kernel(1, (5, 4))
    found = solve_gated(states, r_p, v_row=0.1, v_col=0.0, gates=NAN, r_wire=1.0, **CELL)
    assert 0.0 == np.abs(found.i_row).max() == np.abs(found.i_col).max()


def test_with_transistors_like_wires_a_kernel_is_a_passive_crossbar():
    states, r_p, _ = kernel(2, (25, 25))
    v_row, v_col = np.linspace(-0.1, 0.2, 25), np.linspace(0.05, -0.05, 25)
    found = solve_gated(
        states, r_p, v_row=v_row, v_col=v_col, gates=1.2, r_wire=1.0, r_row=3.0, r_col=2.0, transistor=WIRE_LIKE, **LAW
    )
    tmr = np.full((25, 25), LAW["tmr"])
    passive = PlainCrossbar(states, r_p, r_wire=1.0, tmr0=tmr, v_h=0.5, k_p=0.2)
    expected = passive.solve(v_row, v_col, r_row=np.full(25, 3.0), r_col=np.full(25, 2.0))
    assert expected is not None
    most = np.abs(expected.i_row).max()
    assert np.abs(found.i_row - expected.i_row).max() < 1e-9 * most
    assert np.abs(found.i_col - expected.i_col).max() < 1e-9 * most
    assert np.abs(found.cell_v - expected.cell_v).max() < 1e-9


def test_at_small_voltages_currents_add_up():
    states, r_p, v_t = kernel(4, (6, 5))
    one, other = np.array([1e-7, 0, 2e-7, 0, 0, 0]), np.array([0, 3e-7, 0, 0, -1e-7, 0])

    def columns(v_row):
        return solve_gated(states, r_p, v_row=v_row, v_col=0.0, gates=0.9, r_wire=5.0, v_t=v_t, **CELL).i_col

    assert pytest.approx(columns(one) + columns(other), rel=1e-6) == columns(one + other)


def test_patterns_give_what_their_gates_give_one_by_one():
    states, r_p, v_t = kernel(5, (8, 6))
    patterns = np.random.default_rng(5).random((7, 8)) < 0.5
    patterns[3] = False
    same: dict[str, Any] = {"v_row": 0.1, "v_col": 0.0, "r_wire": 1.0, "v_t": v_t, "r_col": 4.0} | CELL
    found = solve_patterns(states, r_p, patterns=patterns, rail=0.75, **same)
    expected = [solve_gated(states, r_p, gates=np.where(p, 0.75, NAN), **same).i_col for p in patterns]
    assert np.array_equal(found, expected)


def test_shapes_that_do_not_fit_are_refused():
    states, r_p, _ = kernel(6, (4, 3))
    for wrong in ({"gates": np.ones(3)}, {"gates": 1.0, "v_row": np.ones(5)}):
        with pytest.raises(InputError, match="does not fit"):
            solve_gated(states, r_p, **({"v_row": 0.1, "v_col": 0.0, "r_wire": 1.0} | CELL | wrong))
    with pytest.raises(InputError, match="4 rows"):
        solve_patterns(states, r_p, patterns=np.ones((2, 3), bool), rail=1.0, v_row=0.1, v_col=0.0, r_wire=1.0, **CELL)
