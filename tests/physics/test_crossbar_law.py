"""Crossbars of cells of any law: `crossbar.solve`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.errors import InputError, SolveError
from labmtj.physics import mtj
from labmtj.physics.crossbar import Solution, solve, solve_cells
from labmtj.records import Floats

TRUTH = sorted((Path(__file__).parents[1] / "truth" / "ngspice").glob("*.npz"))
SHAPE = (4, 5)
NEVER = np.inf


def resistors(siemens: Any) -> Any:
    def law(v: Floats) -> Any:
        return siemens

    return law


def reciprocal(v: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return 1e-3 / np.abs(v)


def falling(v: Floats) -> Floats:
    return 1e-3 / (1 + (v / 0.1) ** 4)


def sinh(siemens: Any, scale: float) -> Any:
    """i = g s sinh(v / s), a tunnel barrier; as a conductance, with its limit at no voltage."""

    def law(v: Floats) -> Floats:
        x = np.where(v == 0.0, 1e-9, v / scale)
        return siemens * np.sinh(x) / x

    return law


def diode(siemens: float, scale: float) -> Any:
    """i = g s (exp(v / s) - 1): hardly anything flows backwards."""

    def law(v: Floats) -> Floats:
        x = np.where(v == 0.0, 1e-9, v / scale)
        return siemens * np.expm1(x) / x

    return law


def out_of_balance(found: Solution, wire: float) -> float:
    along_w = np.concatenate([found.i_row[:, None], -np.diff(found.w, axis=1) / wire, 0 * found.w[:, :1]], axis=1)
    along_b = np.concatenate([0 * found.b[:1], -np.diff(found.b, axis=0) / wire, found.i_col[None]], axis=0)
    on_w = along_w[:, :-1] - along_w[:, 1:] - found.cell_i
    on_b = along_b[:-1] - along_b[1:] + found.cell_i
    most = max(np.abs(found.i_row).max(), np.abs(found.i_col).max())
    return float(max(np.abs(on_w).max(), np.abs(on_b).max()) / most)


@pytest.mark.parametrize("path", TRUTH, ids=lambda path: path.stem)
def test_the_junctions_of_ngspice_are_met_by_their_law_alone(path: Path) -> None:
    truth = np.load(path)
    r_wire, tmr0, v_h, k_p = truth["params"]
    siemens: Floats = 1.0 / truth["Rp"]
    is_p: Floats = np.asarray(truth["state"] == 0, float)

    def law(v: Floats) -> Any:
        return siemens * (is_p * (1 + k_p * v**2) + (1 - is_p) / (1 + tmr0 / (1 + (v / v_h) ** 2)))

    found = solve(law, truth["vrow"], truth["vcol"], wire=r_wire)
    for name in ("w", "b", "cell_v"):
        assert np.abs(getattr(found, name) - truth[name]).max() < 1e-9
    most = max(np.abs(truth["i_row"]).max(), np.abs(truth["i_col"]).max())
    for name in ("i_row", "i_col", "cell_i"):
        assert np.abs(getattr(found, name) - truth[name]).max() < 1e-8 * most
    assert found.kcl < 1e-9


@settings(max_examples=100)
@given(
    seed=st.integers(0, 2**32 - 1),
    floating=st.integers(0, 7),
    volts=st.sampled_from([1e-3, 0.1, 1.0, 5.0]),
    scale=st.sampled_from([0.05, 0.3, 2.0]),
    kind=st.sampled_from([sinh, diode]),
)
def test_any_rising_law_obeys_kirchhoff(seed: int, floating: int, volts: float, scale: float, kind: Any) -> None:
    chance = np.random.default_rng(seed)
    law = kind(1e-5 * np.exp(chance.normal(size=SHAPE)), max(scale, volts / 20))
    lines = volts * chance.uniform(-1, 1, sum(SHAPE))
    lines[chance.choice(sum(SHAPE), floating, replace=False)] = np.nan
    found = solve(law, lines[: SHAPE[0]], lines[SHAPE[0] :], wire=7.0, r_row=50.0)
    assert found.kcl < 1e-9
    assert out_of_balance(found, 7.0) < 1e-8
    assert law(found.cell_v) * found.cell_v == pytest.approx(
        found.cell_i, rel=1e-8, abs=1e-9 * np.abs(found.i_row).max()
    )


def test_compliance_and_shorts_are_those_of_solve_cells() -> None:
    chance = np.random.default_rng(3)
    state, r_p = chance.integers(0, 3, SHAPE), np.full(SHAPE, 3e3)
    r_p[state == 2] = 100.0
    cell: dict[str, Any] = {"tmr0": 1.2, "v_h": 0.5, "k_p": 0.2}

    def law(v: Floats) -> Floats:
        x = np.where(v == 0.0, 1e-9, v)
        return mtj.current(x, state=state, r_p=r_p, **cell) / x

    rows, cols = np.array([0.3, np.nan, 0.0, 0.1]), np.array([0.0, -0.3, np.nan, 0.0, 0.0])
    lines: dict[str, Any] = {"r_row": 50.0, "r_col": [0.0, 200.0, 0.0, 3.0, 0.0], "limit_row": 3e-4, "limit_col": NEVER}
    expected = solve_cells(state, r_p, rows, cols, r_wire=5.0, **cell, **lines)
    found = solve(law, rows, cols, wire=5.0, **lines)
    assert expected.limited_row.any()
    assert expected.limited_row.tolist() == found.limited_row.tolist()
    assert expected.i_col == pytest.approx(found.i_col, rel=1e-8)
    assert expected.w == pytest.approx(found.w, rel=1e-9)


def test_many_biases_are_one_call_and_each_as_good_as_alone() -> None:
    law, cols = sinh(1e-4, 0.2), np.zeros(SHAPE[1])
    rows = np.random.default_rng(1).uniform(-1, 1, (3, SHAPE[0]))
    found = solve(law, rows, cols, wire=5.0)
    assert (3, *SHAPE) == found.w.shape
    assert (3,) == np.shape(found.kcl)
    for at in range(3):
        assert np.array_equal(solve(law, rows[at], cols, wire=5.0).cell_i, found.cell_i[at])


def test_without_wires_cells_see_their_sources() -> None:
    law = sinh(1e-4, 0.2)
    found = solve(law, [0.5, 0.0], [0.0, -0.5], wire=0.0)
    assert found.cell_v.tolist() == [[0.5, 1.0], [0.0, 0.5]]


def test_a_cell_of_no_conductance_is_no_path() -> None:
    siemens = np.full((2, 2), 1e-4)
    siemens[1] = 0.0
    with pytest.raises(SolveError, match="no path to a driven line from row 2"):
        solve(resistors(siemens), [1.0, np.nan], [0.0, 0.0], wire=1.0)


@pytest.mark.parametrize(
    ("law", "message"),
    [
        (resistors(np.full((2, 2), -1.0)), r"g_of_v gives -1.0 S for cell \(1, 1\) at 0 V"),
        (resistors(np.nan), "gives nan S"),
        (resistors(np.ones(3)), r"the shape \(3,\) for voltages of \(2, 2\)"),
        (reciprocal, "infinite conductance at 0 V"),
        (falling, r"current of cell \(1, 1\) falls"),
    ],
)
def test_a_law_that_is_none_is_refused(law: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        solve(law, [1.0, 1.0], [0.0, 0.0], wire=1.0)


@pytest.mark.parametrize("rows", [[], 1.0, [[[1.0]]]])
def test_biases_that_are_no_lines_are_refused(rows: Any) -> None:
    with pytest.raises(InputError, match="biases have the shapes"):
        solve(resistors(1e-3), rows, [0.0], wire=1.0)


def test_lines_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="does not fit"):
        solve(resistors(1e-3), [1.0, 1.0], [0.0], wire=1.0, r_row=[1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"r_wire = -1\.0"):
        solve(resistors(1e-3), [1.0, 1.0], [0.0], wire=-1.0)
