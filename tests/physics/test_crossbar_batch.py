from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.errors import InputError, SolveError
from labmtj.physics import mtj
from labmtj.physics.crossbar import Solution, solve_cells
from labmtj.records import Floats

TRUTH = sorted((Path(__file__).parents[1] / "truth" / "ngspice").glob("*.npz"))
CELL: dict[str, Any] = {"tmr0": 1.2, "v_h": 0.5, "k_p": 0.2}
FIELDS = ("w", "b", "i_row", "i_col", "cell_v", "cell_i")
FLOATING = np.nan


def dies(seed: int, members: int, shape: tuple[int, int] = (15, 15), r_p: float = 7960.0) -> tuple[Any, Floats]:
    chance = np.random.default_rng(seed)
    state = chance.integers(0, 2, (members, *shape)).astype(np.int8)
    return state, r_p * np.exp(0.06 * chance.standard_normal((members, *shape)))


def v_half(members: int, amplitude: float, shape: tuple[int, int] = (15, 15)) -> tuple[Floats, Floats]:
    """Each member writes another cell."""
    rows, cols = np.zeros((members, shape[0])), np.zeros((members, shape[1]))
    for member in range(members):
        rows[member, member % shape[0]] = amplitude / 2
        cols[member, (3 * member + 1) % shape[1]] = -amplitude / 2
    return rows, cols


def agrees(batch: Solution, member: int, single: Solution, tolerance: float = 1e-12) -> None:
    """Voltages to `tolerance` volts, currents to it of the largest current."""
    most = max(np.abs(single.i_row).max(), np.abs(single.i_col).max())
    for name in FIELDS:
        unit = 1.0 if name in ("w", "b", "cell_v") else most
        assert np.abs(getattr(batch, name)[member] - getattr(single, name)).max() <= tolerance * unit, name


def out_of_balance(found: Solution, r_wire: float) -> float:
    """Largest sum of currents at a node from the node voltages alone, over the largest current of that member."""
    along_w = np.concatenate([found.i_row[..., None], -np.diff(found.w, axis=2) / r_wire, 0 * found.w[..., :1]], axis=2)
    along_b = np.concatenate([0 * found.b[:, :1], -np.diff(found.b, axis=1) / r_wire, found.i_col[:, None]], axis=1)
    on_w = along_w[..., :-1] - along_w[..., 1:] - found.cell_i
    on_b = along_b[:, :-1] - along_b[:, 1:] + found.cell_i
    most = np.maximum(np.abs(found.i_row).max(axis=1), np.abs(found.i_col).max(axis=1))
    return float((np.maximum(np.abs(on_w), np.abs(on_b)).max(axis=(1, 2)) / most).max())


def test_every_operating_point_of_ngspice_is_met_in_one_batch() -> None:
    truth = [np.load(path) for path in TRUTH]
    assert len(truth) == 16
    r_wire, tmr0, v_h, k_p = truth[0]["params"]
    found = solve_cells(
        np.stack([one["state"] for one in truth]),
        np.stack([one["Rp"] for one in truth]),
        np.stack([one["vrow"] for one in truth]),
        np.stack([one["vcol"] for one in truth]),
        r_wire=r_wire,
        tmr0=tmr0,
        v_h=v_h,
        k_p=k_p,
    )
    for member, one in enumerate(truth):
        assert one["params"].tolist() == truth[0]["params"].tolist()
        most = max(np.abs(one["i_row"]).max(), np.abs(one["i_col"]).max())
        for name in FIELDS:
            unit = 1e-11 if name in ("w", "b", "cell_v") else 1e-10 * most
            assert np.abs(getattr(found, name)[member] - one[name]).max() < unit
    assert np.max(found.kcl) < 1e-11


def test_a_batch_of_arrays_is_as_good_as_its_members_alone() -> None:
    state, r_p = dies(1, 11)
    rows, cols = v_half(11, 0.66)
    found = solve_cells(state, r_p, rows, cols, r_wire=5.0, **CELL)
    for member in range(11):
        agrees(found, member, solve_cells(state[member], r_p[member], rows[member], cols[member], r_wire=5.0, **CELL))
    assert (found.w.shape, found.i_row.shape, found.i_col.shape) == ((11, 15, 15), (11, 15), (11, 15))
    assert (np.shape(found.kcl), found.limited_row.shape, found.limited_col.any()) == ((11,), (11, 15), False)
    assert np.max(found.kcl) < 1e-12
    assert out_of_balance(found, 5.0) < 1e-9


def test_many_biases_of_one_array_are_one_call() -> None:
    state, r_p = dies(2, 1, (7, 9))
    rows = np.random.default_rng(0).uniform(-0.3, 0.3, (6, 7))
    found = solve_cells(state[0], r_p[0], rows, np.zeros(9), r_wire=5.0, r_row=3.0, **CELL)
    for member in range(6):
        agrees(found, member, solve_cells(state[0], r_p[0], rows[member], np.zeros(9), r_wire=5.0, r_row=3.0, **CELL))


def test_a_member_does_not_depend_on_the_others_or_on_its_place() -> None:
    state, r_p = dies(3, 9)
    state[4, 2, 3], r_p[4, 2, 3] = mtj.LINEAR, 100.0
    r_p[7] /= 6.0
    rows, cols = v_half(9, 0.6)
    order = np.random.default_rng(5).permutation(9)
    first = solve_cells(state, r_p, rows, cols, r_wire=5.0, **CELL)
    second = solve_cells(state[order], r_p[order], rows[order], cols[order], r_wire=5.0, **CELL)
    alone = solve_cells(state[4:5], r_p[4:5], rows[4:5], cols[4:5], r_wire=5.0, **CELL)
    for name in (*FIELDS, "kcl"):
        assert getattr(first, name)[order].tobytes() == getattr(second, name).tobytes()
        assert getattr(first, name)[4:5].tobytes() == getattr(alone, name).tobytes()


@pytest.mark.parametrize("r_p", [7960.0, 1270.0])
@pytest.mark.parametrize("r_wire", [5.0, 20.0])
def test_shorts_in_any_corner_are_solved(r_p: float, r_wire: float) -> None:
    state, resistance = dies(4, 9, r_p=r_p)
    corners = [(0, 0), (0, 14), (14, 0), (14, 14)]
    for member, places in enumerate([*([corner] for corner in corners), corners, corners[:2], corners[1:3], [(7, 7)]]):
        for place in places:
            state[member][place], resistance[member][place] = mtj.LINEAR, 100.0
    rows, cols = v_half(9, 0.9)
    found = solve_cells(state, resistance, rows, cols, r_wire=r_wire, r_row=2.0, r_col=1.0, **CELL)
    for member in range(9):
        single = solve_cells(
            state[member], resistance[member], rows[member], cols[member], r_wire=r_wire, r_row=2.0, r_col=1.0, **CELL
        )
        agrees(found, member, single)
    assert np.max(found.kcl) < 1e-11
    assert out_of_balance(found, r_wire) < 1e-9


def test_more_shorts_than_are_treated_apart_are_solved_too() -> None:
    state, resistance = dies(5, 3)
    state[1, 5:9, 5:9], resistance[1, 5:9, 5:9] = mtj.LINEAR, 120.0
    rows, cols = v_half(3, 0.6)
    found = solve_cells(state, resistance, rows, cols, r_wire=5.0, **CELL)
    agrees(found, 1, solve_cells(state[1], resistance[1], rows[1], cols[1], r_wire=5.0, **CELL))


def test_floating_and_limited_members_are_solved_among_driven_ones() -> None:
    state, resistance = dies(6, 7)
    rows, cols = v_half(7, 0.6)
    rows[2, 5:], cols[3] = FLOATING, FLOATING
    limit = np.full((7, 15), np.inf)
    limit[5, 5] = 2e-5
    found = solve_cells(state, resistance, rows, cols, r_wire=5.0, limit_row=limit, **CELL)
    for member in range(7):
        single = solve_cells(
            state[member], resistance[member], rows[member], cols[member], r_wire=5.0, limit_row=limit[member], **CELL
        )
        agrees(found, member, single)
        assert found.limited_row[member].tolist() == single.limited_row.tolist()
    assert np.argwhere(found.limited_row).tolist() == [[5, 5]]
    assert np.max(found.kcl) < 1e-11


def test_a_batch_without_wire_resistance_is_exact() -> None:
    state, resistance = dies(7, 5)
    rows, cols = v_half(5, 0.6)
    found = solve_cells(state, resistance, rows, cols, r_wire=0.0, **CELL)
    assert (rows[:, :, None] - cols[:, None]).tolist() == found.cell_v.tolist()
    assert found.cell_i.sum(axis=2) == pytest.approx(found.i_row, rel=1e-13)
    loaded = solve_cells(state, resistance, rows, cols, r_wire=0.0, r_row=50.0, **CELL)
    single = solve_cells(state[3], resistance[3], rows[3], cols[3], r_wire=0.0, r_row=50.0, **CELL)
    agrees(loaded, 3, single, 1e-11)


def test_no_drive_gives_no_current() -> None:
    state, resistance = dies(8, 3)
    still = solve_cells(state, resistance, np.zeros((3, 15)), np.zeros(15), r_wire=5.0, **CELL)
    assert (np.abs(still.w).max(), np.abs(still.cell_i).max(), np.max(still.kcl)) == (0.0, 0.0, 0.0)


def test_every_line_may_have_its_own_resistance_in_every_member() -> None:
    state, resistance = dies(9, 6, (5, 8))
    chance = np.random.default_rng(1)
    rows, cols = v_half(6, 0.5, (5, 8))
    ohms = chance.uniform(0, 200, (6, 5))
    found = solve_cells(state, resistance, rows, cols, r_wire=5.0, r_row=ohms, r_col=chance.uniform(0, 9, 8), **CELL)
    chance = np.random.default_rng(1)
    chance.uniform(0, 200, (6, 5))
    r_col = chance.uniform(0, 9, 8)
    for member in range(6):
        single = solve_cells(
            state[member], resistance[member], rows[member], cols[member], r_wire=5.0, r_row=ohms[member], r_col=r_col,
            **CELL,
        )  # fmt: skip
        agrees(found, member, single)


@settings(derandomize=True, max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    r_wire=st.sampled_from([1e-9, 2.0, 20.0, 200.0]),
    floating=st.sampled_from([0.0, 0.0, 0.4]),
)
def test_any_mix_of_members_obeys_kirchhoff_and_its_cells(
    seed: int, shape: tuple[int, int], r_wire: float, floating: float
) -> None:
    chance = np.random.default_rng(seed)
    state = chance.integers(0, 3, (6, *shape)).astype(np.int8)
    resistance = np.where(state == mtj.LINEAR, chance.choice([100.0, 1e6], (6, 1, 1)), chance.uniform(1e3, 6e4))
    rows, cols = chance.uniform(-1, 1, (6, shape[0])), chance.uniform(-1, 1, (6, shape[1]))
    rows[chance.random(rows.shape) < floating], cols[chance.random(cols.shape) < floating] = FLOATING, FLOATING
    rows[:, 0], cols[:, 0] = 0.7, -0.2
    found = solve_cells(state, resistance, rows, cols, r_wire=r_wire, r_row=3.0, **CELL)
    assert np.max(found.kcl) < 1e-9
    assert mtj.current(found.cell_v, state=state, r_p=resistance, **CELL) == pytest.approx(found.cell_i, rel=1e-12)
    if r_wire >= 1.0:
        assert out_of_balance(found, r_wire) < 1e-9
    start = found.w[:, :, 0] + found.i_row * (r_wire + 3.0)
    held = ~np.isnan(rows)
    assert rows[held] == pytest.approx(start[held], abs=1e-12)
    assert np.abs(found.i_row[~held]).max(initial=0.0) == 0.0


@settings(derandomize=True, max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), row=st.integers(0, 4), col=st.integers(0, 5))
def test_linear_batches_are_reciprocal_and_obey_superposition(seed: int, row: int, col: int) -> None:
    chance = np.random.default_rng(seed)
    resistance = chance.uniform(1e2, 2e4, (5, 6))
    one, two = chance.uniform(-1, 1, (2, 11))
    drives = np.stack([np.eye(11)[row], np.eye(11)[5 + col], one, two, 2.0 * one - 3.0 * two])
    found = solve_cells(
        np.full((5, 6), mtj.LINEAR), resistance, drives[:, :5], drives[:, 5:], r_wire=7.0, r_row=3.0, **CELL
    )
    assert found.i_col[0, col] == pytest.approx(-found.i_row[1, row], rel=1e-10)
    assert 2.0 * found.w[2] - 3.0 * found.w[3] == pytest.approx(found.w[4], abs=1e-11)


def test_an_array_turned_over_its_diagonal_gives_the_same_answer() -> None:
    state, resistance = dies(10, 4, (6, 9))
    rows, cols = v_half(4, 0.7, (6, 9))
    found = solve_cells(state, resistance, rows, cols, r_wire=5.0, r_row=2.0, r_col=1.0, **CELL)
    turned = solve_cells(
        state.transpose(0, 2, 1)[:, ::-1, ::-1], resistance.transpose(0, 2, 1)[:, ::-1, ::-1], cols[:, ::-1],
        rows[:, ::-1], r_wire=5.0, r_row=1.0, r_col=2.0, **CELL,
    )  # fmt: skip
    assert -found.cell_v.transpose(0, 2, 1)[:, ::-1, ::-1] == pytest.approx(turned.cell_v, abs=1e-12)
    assert -found.i_col[:, ::-1] == pytest.approx(turned.i_row, abs=1e-15)


def test_lines_without_cells_may_be_exchanged() -> None:
    state, resistance = dies(11, 3, (6, 7))
    resistance[:, 2], resistance[:, 4] = np.inf, np.inf
    rows, cols = v_half(3, 0.5, (6, 7))
    rows[:] = [0.1, 0.2, 0.3, -0.1, 0.4, 0.0]
    other = rows.copy()
    other[:, [2, 4]] = rows[:, [4, 2]]
    found = solve_cells(state, resistance, rows, cols, r_wire=5.0, **CELL)
    exchanged = solve_cells(state, resistance, other, cols, r_wire=5.0, **CELL)
    assert found.i_col.tobytes() == exchanged.i_col.tobytes()
    assert np.delete(found.w, [2, 4], axis=1).tobytes() == np.delete(exchanged.w, [2, 4], axis=1).tobytes()


def test_short_wires_approach_no_wires() -> None:
    state, resistance = dies(12, 4)
    rows, cols = v_half(4, 0.6)
    none = solve_cells(state, resistance, rows, cols, r_wire=0.0, **CELL)
    for r_wire in (1e-3, 1e-6, 1e-12):
        near = solve_cells(state, resistance, rows, cols, r_wire=r_wire, **CELL)
        assert np.abs(near.cell_v - none.cell_v).max() < 0.05 * r_wire + 1e-13


def test_a_member_without_a_path_is_named_with_its_line() -> None:
    rows, cols = np.zeros((4, 2)), np.zeros((4, 2))
    rows[2], cols[2] = FLOATING, FLOATING
    with pytest.raises(SolveError, match="member 2 of 4, counted from 0: no path to a driven line from row 1,"):
        solve_cells(np.zeros((2, 2)), 1e3, rows, cols, r_wire=1.0, **CELL)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r_wire": -1.0}, "member 0 of 3, counted from 0: r_wire"),
        ({"tmr0": np.array([1.0, -0.5, 1.0])[:, None, None]}, r"member 1 of 3, counted from 0: tmr0 of cell \(1, 1\)"),
        ({"rows": [[0.0], [0.0], [np.inf]]}, "member 2 of 3, counted from 0: rows of row 1"),
        ({"limit_row": [[1.0], [-1.0], [1.0]]}, "member 1 of 3, counted from 0: limit_row of row 1"),
        ({"rows": [[0.1], [0.2]]}, "does not fit"),
        ({"cols": np.zeros((3, 3))}, "does not fit"),
        ({"state": np.zeros((1, 3, 1, 2))}, "shape"),
    ],
)
def test_an_argument_out_of_range_is_named_with_its_member(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"state": np.zeros((3, 1, 2)), "r_p": 1e3, "rows": [0.1], "cols": [0.0, 0.0], "r_wire": 1.0}
    with pytest.raises(InputError, match=message):
        solve_cells(**(CELL | good | change))


def test_large_arrays_with_any_floating_lines_are_solved() -> None:
    state, resistance = dies(13, 1, (40, 48))
    state[0, 3, 4], resistance[0, 3, 4] = mtj.LINEAR, 100.0
    rows, cols = np.zeros((4, 40)), np.zeros((4, 48))
    rows[:, 7], cols[:, 30] = 0.3, -0.3
    rows[1, 20:] = FLOATING
    cols[2, :30], cols[2, 31:] = FLOATING, FLOATING
    rows[3, :7], rows[3, 8:], cols[3, :30], cols[3, 31:] = FLOATING, FLOATING, FLOATING, FLOATING
    limit = np.full((4, 40), np.inf)
    limit[0, 7] = 1e-4
    found = solve_cells(state[0], resistance[0], rows, cols, r_wire=5.0, limit_row=limit, **CELL)
    assert np.max(found.kcl) < 1e-11
    assert out_of_balance(found, 5.0) < 1e-9
    held = ~np.isnan(rows) & ~found.limited_row
    assert rows[held] == pytest.approx((found.w[:, :, 0] + 5.0 * found.i_row)[held], abs=1e-12)
    assert np.abs(found.i_row[np.isnan(rows)]).max() == 0.0
    assert found.i_row[0, 7] == pytest.approx(1e-4, rel=1e-12)
