"""The driven crossbar in numpy, which the twin's small arrays go through."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.physics.crossbar import solve_cells
from labmtj.physics.crossbar_plain import PlainCrossbar, pace_for
from labmtj.records import Floats

TRUTH = sorted((Path(__file__).parents[1] / "truth" / "ngspice").glob("*.npz"))
CELL: dict[str, Any] = {"v_h": 0.5, "k_p": 0.2}


def driven(path: Path) -> bool:
    with np.load(path) as truth:
        return not (np.isnan(truth["vrow"]).any() or np.isnan(truth["vcol"]).any())


@pytest.mark.parametrize("path", [path for path in TRUTH if driven(path)], ids=lambda path: path.stem)
def test_driven_operating_points_of_ngspice_are_met(path: Path) -> None:
    truth = np.load(path)
    r_wire, tmr0, v_h, k_p = (float(value) for value in truth["params"])
    array = PlainCrossbar(truth["state"], truth["Rp"], r_wire=r_wire, tmr0=np.full((15, 15), tmr0), v_h=v_h, k_p=k_p)
    found = array.solve(truth["vrow"], truth["vcol"], r_row=np.zeros(15), r_col=np.zeros(15))
    assert found is not None
    for name in ("w", "b", "cell_v"):
        assert np.abs(getattr(found, name) - truth[name]).max() < 1e-11
    most = max(np.abs(truth["i_row"]).max(), np.abs(truth["i_col"]).max())
    for name in ("i_row", "i_col", "cell_i"):
        assert np.abs(getattr(found, name) - truth[name]).max() < 1e-10 * most


def test_eight_patterns_of_ngspice_or_more_are_driven() -> None:
    assert sum(driven(path) for path in TRUTH) >= 8


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    ohms=st.sampled_from([56.6e3, 7960.0, 1270.0]),
    r_wire=st.sampled_from([0.0, 1e-9, 5.0, 20.0]),
    shorts=st.integers(0, 5),
    series=st.sampled_from([0.0, 50.0, 200.0]),
)
def test_what_it_proves_is_what_the_compiled_solvers_find(
    seed: int, shape: tuple[int, int], ohms: float, r_wire: float, shorts: int, series: float
) -> None:
    chance = np.random.default_rng(seed)
    state, r_p = chance.integers(0, 2, shape), ohms * np.exp(0.06 * chance.standard_normal(shape))
    tmr0: Floats = 1.2 * np.exp(0.04 * chance.standard_normal(shape))
    for _short in range(shorts):
        at = tuple(chance.integers(shape))
        state[at], r_p[at] = 2, chance.choice([100.0, np.inf])
    rows, cols = chance.choice([0.0, 0.05, -0.3, 0.5], shape[0]), chance.choice([0.0, 0.17, -0.17], shape[1])
    r_row, r_col = series * chance.uniform(size=shape[0]), series * chance.uniform(size=shape[1])
    found = PlainCrossbar(state, r_p, r_wire=r_wire, tmr0=tmr0, **CELL).solve(rows, cols, r_row=r_row, r_col=r_col)
    if found is None:  # a load beyond the method
        return
    expected = solve_cells(state, r_p, rows, cols, r_wire=r_wire, tmr0=tmr0, r_row=r_row, r_col=r_col, **CELL)
    most = max(float(np.abs(expected.i_row).max()), float(np.abs(expected.i_col).max()))
    for name in ("w", "b", "cell_v"):
        assert np.abs(getattr(found, name) - getattr(expected, name)).max() < 1e-11
    for name in ("i_row", "i_col", "cell_i"):
        assert np.abs(getattr(found, name) - getattr(expected, name)).max() <= 1e-10 * most


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    r_wire=st.sampled_from([0.0, 5.0, 20.0]),
)
def test_compiled_steps_give_the_same_numbers_to_the_last_bit(seed: int, shape: tuple[int, int], r_wire: float) -> None:
    chance = np.random.default_rng(seed)
    state, r_p = chance.integers(0, 3, shape), 1e3 * np.exp(chance.standard_normal(shape))
    array = PlainCrossbar(state, r_p, r_wire=r_wire, tmr0=np.full(shape, 1.2), **CELL)
    rows, cols = chance.normal(size=shape[0]), chance.normal(size=shape[1])
    near = r_wire + chance.uniform(0, 50, shape[0]), r_wire + chance.uniform(0, 50, shape[1])
    one = rows[:, np.newaxis] - cols
    other, load = one.copy(), array.load(one, *near)
    array.iterate(one, pace_for(load), rows, cols, *near, compiled=False)
    array.iterate(other, pace_for(load), rows, cols, *near, compiled=True)
    assert np.array_equal(one, other)


def test_default_dies_of_all_sizes_with_two_shorts_are_within_the_method() -> None:
    chance, line = np.random.default_rng(2), np.ones(15)
    for ohms in (56.6e3, 31.8e3, 14.1e3, 7960.0, 5090.0, 2260.0, 1270.0):
        state, r_p = chance.integers(0, 2, (15, 15)), np.full((15, 15), ohms)
        state[0, 14], r_p[0, 14], state[7, 7], r_p[7, 7] = 2, 100.0, 2, 100.0
        array = PlainCrossbar(state, r_p, r_wire=5.0, tmr0=np.full((15, 15), 1.2), **CELL)
        assert array.solve(0.17 * line, -0.17 * line, r_row=line, r_col=line) is not None


def test_a_load_beyond_the_method_is_left_to_others() -> None:
    array = PlainCrossbar(
        np.zeros((30, 30), int), np.full((30, 30), 100.0), r_wire=20.0, tmr0=np.ones((30, 30)), **CELL
    )
    line = np.zeros(30)
    assert array.solve(line + 0.1, line, r_row=line, r_col=line) is None


def test_the_twin_of_a_small_array_needs_no_compiler() -> None:
    program = (
        "import sys; from labmtj.twin import electrics, build; "
        "raise SystemExit('numba was imported' if 'numba' in sys.modules else 0)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
