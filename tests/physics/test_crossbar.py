from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.errors import InputError, SolveError
from labmtj.physics import mtj
from labmtj.physics.crossbar import Solution, column_currents, solve_cells
from labmtj.records import Floats

TRUTH = sorted((Path(__file__).parents[1] / "truth" / "ngspice").glob("*.npz"))
CELL: dict[str, Any] = {"tmr0": 1.2, "v_h": 0.5, "k_p": 0.2}
FLOATING = np.nan


def die(seed: int, shape: tuple[int, int] = (15, 15), r_p: float = 7960.0) -> tuple[Any, Floats]:
    chance = np.random.default_rng(seed)
    return chance.integers(0, 2, shape).astype(np.int8), r_p * np.exp(0.06 * chance.standard_normal(shape))


def v_half(row: int, col: int, amplitude: float, shape: tuple[int, int] = (15, 15)) -> tuple[Floats, Floats]:
    rows, cols = np.zeros(shape[0]), np.zeros(shape[1])
    rows[row], cols[col] = amplitude / 2, -amplitude / 2
    return rows, cols


def out_of_balance(found: Solution, r_wire: float) -> float:
    """Largest sum of currents at a node from the returned node voltages alone, over the largest current."""
    along_w = np.concatenate([found.i_row[:, None], -np.diff(found.w, axis=1) / r_wire, 0 * found.w[:, :1]], axis=1)
    along_b = np.concatenate([0 * found.b[:1], -np.diff(found.b, axis=0) / r_wire, found.i_col[None]], axis=0)
    on_w = along_w[:, :-1] - along_w[:, 1:] - found.cell_i
    on_b = along_b[:-1] - along_b[1:] + found.cell_i
    most = max(np.abs(found.i_row).max(), np.abs(found.i_col).max())
    return float(max(np.abs(on_w).max(), np.abs(on_b).max()) / most)


def obeys(found: Solution, state: Any, r_p: Any, rows: Any, cols: Any, *, r_wire: float, **lines: float) -> None:
    """Assert Kirchhoff's laws, the law of each cell and the voltages of held, unlimited terminals."""
    assert found.kcl < 1e-9
    assert out_of_balance(found, r_wire) < 1e-9
    assert mtj.current(found.cell_v, state=state, r_p=r_p, **CELL) == pytest.approx(found.cell_i, rel=1e-12, abs=0)
    start = found.w[:, 0] + found.i_row * (r_wire + lines.get("r_row", 0.0))
    end = found.b[-1] - found.i_col * (r_wire + lines.get("r_col", 0.0))
    held_row, held_col = ~np.isnan(rows) & ~found.limited_row, ~np.isnan(cols) & ~found.limited_col
    assert rows[held_row] == pytest.approx(start[held_row], abs=1e-12)
    assert cols[held_col] == pytest.approx(end[held_col], abs=1e-12)
    assert np.abs(found.i_row[np.isnan(rows)]).max(initial=0.0) == 0.0
    assert np.abs(found.i_col[np.isnan(cols)]).max(initial=0.0) == 0.0


@pytest.mark.parametrize("path", TRUTH, ids=lambda path: path.stem)
def test_every_operating_point_of_ngspice_is_met(path: Path) -> None:
    truth = np.load(path)
    r_wire, tmr0, v_h, k_p = truth["params"]
    found = solve_cells(
        truth["state"], truth["Rp"], truth["vrow"], truth["vcol"], r_wire=r_wire, tmr0=tmr0, v_h=v_h, k_p=k_p
    )
    for name in ("w", "b", "cell_v"):
        assert np.abs(getattr(found, name) - truth[name]).max() < 1e-11
    most = max(np.abs(truth["i_row"]).max(), np.abs(truth["i_col"]).max())
    for name in ("i_row", "i_col", "cell_i"):
        assert np.abs(getattr(found, name) - truth[name]).max() < 1e-10 * most
    assert found.kcl < 1e-11


def test_all_sixteen_patterns_of_ngspice_are_there() -> None:
    assert len(TRUTH) == 16


@pytest.mark.parametrize("r_p", [7960.0, 1270.0])
@pytest.mark.parametrize("corner", [(0, 0), (0, 14), (14, 0), (14, 14)])
@pytest.mark.parametrize("selected", [(0, 0), (0, 14), (14, 14)])
def test_a_short_in_any_corner_is_solved(r_p: float, corner: tuple[int, int], selected: tuple[int, int]) -> None:
    state, resistance = die(1, r_p=r_p)
    state[corner], resistance[corner] = mtj.LINEAR, 100.0
    rows, cols = v_half(*selected, 0.9)
    found = solve_cells(state, resistance, rows, cols, r_wire=20.0, r_row=2.0, r_col=1.0, **CELL)
    obeys(found, state, resistance, rows, cols, r_wire=20.0, r_row=2.0, r_col=1.0)


def test_large_junctions_on_long_wires_with_floating_lines_shorts_and_opens_are_solved() -> None:
    state, resistance = die(2, r_p=1270.0)
    state[3, 4], resistance[3, 4] = mtj.LINEAR, 100.0
    state[14, 14], resistance[14, 14] = mtj.LINEAR, 1e9
    rows, cols = np.full(15, FLOATING), np.full(15, FLOATING)
    rows[0], cols[14] = 1.0, 0.0
    obeys(solve_cells(state, resistance, rows, cols, r_wire=20.0, **CELL), state, resistance, rows, cols, r_wire=20.0)


@pytest.mark.slow
@pytest.mark.parametrize("size", [40, 64])
def test_large_arrays_are_solved(size: int) -> None:
    state, resistance = die(3, (size, size))
    rows, cols = v_half(0, size - 1, 0.6, (size, size))
    cols[5] = FLOATING
    obeys(solve_cells(state, resistance, rows, cols, r_wire=5.0, **CELL), state, resistance, rows, cols, r_wire=5.0)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    r_wire=st.sampled_from([2.0, 20.0, 200.0]),
    floating=st.sampled_from([0.0, 0.4, 0.8]),
    ends=st.sampled_from([(0.0, 0.0), (200.0, 1.0)]),
)
def test_any_mix_of_cells_and_lines_obeys_kirchhoff(
    seed: int, shape: tuple[int, int], r_wire: float, floating: float, ends: tuple[float, float]
) -> None:
    chance = np.random.default_rng(seed)
    state = chance.integers(0, 3, shape).astype(np.int8)
    resistance = np.where(state == mtj.LINEAR, chance.choice([100.0, 1e6]), chance.uniform(1e3, 6e4))
    rows, cols = chance.uniform(-1, 1, shape[0]), chance.uniform(-1, 1, shape[1])
    rows[chance.random(shape[0]) < floating], cols[chance.random(shape[1]) < floating] = FLOATING, FLOATING
    rows[0], cols[0] = 0.7, -0.2
    found = solve_cells(state, resistance, rows, cols, r_wire=r_wire, r_row=ends[0], r_col=ends[1], **CELL)
    obeys(found, state, resistance, rows, cols, r_wire=r_wire, r_row=ends[0], r_col=ends[1])


@settings(derandomize=True, max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), row=st.integers(0, 4), col=st.integers(0, 5))
def test_linear_arrays_are_reciprocal_and_obey_superposition(seed: int, row: int, col: int) -> None:
    chance = np.random.default_rng(seed)
    resistance = chance.uniform(1e2, 2e4, (5, 6))

    def solved(rows: Floats, cols: Floats) -> Solution:
        return solve_cells(np.full((5, 6), mtj.LINEAR), resistance, rows, cols, r_wire=7.0, r_row=3.0, **CELL)

    there = solved(np.eye(5)[row], np.zeros(6)).i_col[col]
    back = -solved(np.zeros(5), np.eye(6)[col]).i_row[row]
    assert there == pytest.approx(back, rel=1e-10)
    one, two = chance.uniform(-1, 1, (2, 11))
    rows, cols = 2.0 * one[:5] - 3.0 * two[:5], 2.0 * one[5:] - 3.0 * two[5:]
    parts = solved(one[:5], one[5:]), solved(two[:5], two[5:])
    assert 2.0 * parts[0].w - 3.0 * parts[1].w == pytest.approx(solved(rows, cols).w, abs=1e-12)


def test_an_array_turned_over_its_diagonal_gives_the_same_answer() -> None:
    state, resistance = die(4, (6, 9))
    rows, cols = v_half(2, 7, 0.7, (6, 9))
    rows[4] = FLOATING
    found = solve_cells(state, resistance, rows, cols, r_wire=5.0, r_row=2.0, r_col=1.0, **CELL)
    turned = solve_cells(
        state.T[::-1, ::-1], resistance.T[::-1, ::-1], cols[::-1], rows[::-1], r_wire=5.0, r_row=1.0, r_col=2.0, **CELL
    )
    assert -found.cell_v.T[::-1, ::-1] == pytest.approx(turned.cell_v, abs=1e-12)
    assert -found.i_col[::-1] == pytest.approx(turned.i_row, abs=1e-15)


def test_without_wires_driven_cells_see_their_sources() -> None:
    state, resistance = die(5)
    rows, cols = v_half(3, 9, 0.6)
    found = solve_cells(state, resistance, rows, cols, r_wire=0.0, **CELL)
    assert (rows[:, None] - cols).tolist() == found.cell_v.tolist()
    assert found.cell_i.sum(axis=1) == pytest.approx(found.i_row, rel=1e-14)


@pytest.mark.parametrize("floating", [0, 5])
@pytest.mark.parametrize("series", [0.0, 50.0])
def test_short_wires_approach_no_wires(floating: int, series: float) -> None:
    state, resistance = die(6)
    rows, cols = v_half(3, 9, 0.6)
    rows[10 : 10 + floating], cols[:floating] = FLOATING, FLOATING
    none = solve_cells(state, resistance, rows, cols, r_wire=0.0, r_row=series, **CELL)
    short = [solve_cells(state, resistance, rows, cols, r_wire=r, r_row=series, **CELL) for r in (1e-3, 1e-6, 1e-12)]
    assert [
        np.abs(found.cell_v - none.cell_v).max() < 0.05 * r + 1e-13
        for found, r in zip(short, (1e-3, 1e-6, 1e-12), strict=True)
    ] == [True] * 3
    assert np.ptp(none.w, axis=1).max() == 0.0


def test_no_drive_gives_no_current_and_one_driven_line_takes_all_others_along() -> None:
    state, resistance = die(7)
    still = solve_cells(state, resistance, np.zeros(15), np.zeros(15), r_wire=5.0, **CELL)
    assert (np.abs(still.w).max(), np.abs(still.cell_i).max()) == (0.0, 0.0)
    rows = np.full(15, FLOATING)
    rows[4] = 0.3
    taken = solve_cells(state, resistance, rows, np.full(15, FLOATING), r_wire=5.0, **CELL)
    assert taken.b == pytest.approx(np.full((15, 15), 0.3), abs=1e-13)


def test_a_solution_does_not_depend_on_the_call_before() -> None:
    state, resistance = die(8)
    first = solve_cells(state, resistance, *v_half(1, 1, 0.6), r_wire=5.0, **CELL)
    solve_cells(1 - state, resistance, *v_half(9, 3, -0.9), r_wire=20.0, **CELL)
    again = solve_cells(state, resistance, *v_half(1, 1, 0.6), r_wire=5.0, **CELL)
    assert first.w.tobytes() == again.w.tobytes()


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    state, resistance = die(9)
    free = solve_cells(state, resistance, *v_half(2, 3, 0.6), r_wire=5.0, **CELL)
    limited = solve_cells(
        state, resistance, *v_half(2, 3, 0.6), r_wire=5.0, limit_row=5e-3, limit_col=np.full(15, 5e-3), **CELL
    )
    assert free.w.tobytes() == limited.w.tobytes()
    assert (limited.limited_row.any(), limited.limited_col.any()) == (False, False)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("r_wire", [0.0, 5.0])
def test_a_source_in_compliance_gives_its_limit_at_a_smaller_voltage(sign: int, r_wire: float) -> None:
    state, resistance = die(10)
    state[2, 3], resistance[2, 3] = mtj.LINEAR, 100.0
    rows, cols = v_half(2, 3, sign * 0.6)
    limit = np.full(15, 1e-3)
    limit[2] = 2e-4
    found = solve_cells(state, resistance, rows, cols, r_wire=r_wire, r_row=2.0, limit_row=limit, **CELL)
    assert np.flatnonzero(found.limited_row).tolist() == [2]
    assert sign * 2e-4 == pytest.approx(found.i_row[2], rel=1e-12)
    terminal = found.w[2, 0] + found.i_row[2] * (r_wire + 2.0)
    assert sign * terminal < 0.3
    # A source of that voltage in its place gives the same network.
    rows[2] = terminal
    same = solve_cells(state, resistance, rows, cols, r_wire=r_wire, r_row=2.0, **CELL)
    assert same.cell_v == pytest.approx(found.cell_v, abs=1e-10)
    assert not found.limited_col.any()


def test_two_limits_on_one_path_leave_the_smaller_in_charge() -> None:
    rows, cols = np.array([0.5, FLOATING]), np.array([FLOATING, -0.5])
    found = solve_cells(np.zeros((2, 2)), 1e3, rows, cols, r_wire=1.0, limit_row=1e-4, limit_col=5e-5, **CELL)
    assert (found.limited_row.tolist(), found.limited_col.tolist()) == ([False, False], [False, True])
    assert pytest.approx(found.i_row[0], rel=1e-9) == 5e-5


@settings(derandomize=True, max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), limit=st.floats(1e-6, 1e-3))
def test_limits_are_honoured_by_every_line_and_only_where_needed(seed: int, limit: float) -> None:
    chance = np.random.default_rng(seed)
    state, resistance = die(seed, (4, 5), 3e3)
    rows, cols = chance.uniform(-1, 1, 4), chance.uniform(-1, 1, 5)
    found = solve_cells(state, resistance, rows, cols, r_wire=5.0, limit_row=limit, limit_col=3e-4, **CELL)
    assert np.abs(found.i_row).max() <= limit * (1 + 1e-8)
    assert np.abs(found.i_col).max() <= 3e-4 * (1 + 1e-8)
    short_of = (rows - found.w[:, 0] - 5.0 * found.i_row) * np.sign(found.i_row)
    assert (short_of[found.limited_row] > -1e-8).all()
    obeys(found, state, resistance, rows, cols, r_wire=5.0)


def test_an_array_without_a_driven_line_is_refused_with_its_lines_named() -> None:
    with pytest.raises(SolveError, match="no path to a driven line from row 1, row 2, column 1;"):
        solve_cells(np.zeros((2, 1)), 1e3, [FLOATING] * 2, [FLOATING], r_wire=1.0, **CELL)


def test_a_line_without_cells_is_refused_if_it_floats() -> None:
    resistance = np.full((3, 2), 1e3)
    resistance[1] = np.inf
    with pytest.raises(SolveError, match="no path to a driven line from row 2;"):
        solve_cells(np.zeros((3, 2)), resistance, [0.1, FLOATING, FLOATING], [0.0, 0.0], r_wire=1.0, **CELL)
    held = solve_cells(np.zeros((3, 2)), resistance, [0.1, 0.2, FLOATING], [0.0, 0.0], r_wire=1.0, **CELL)
    assert (held.i_row[1], held.w[1, 1]) == (0.0, 0.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r_wire": -1.0}, "r_wire"),
        ({"v_h": 0.0}, "v_h"),
        ({"k_p": np.nan}, "k_p"),
        ({"tmr0": [[1.0, -0.5]]}, r"tmr0 of cell \(1, 2\)"),
        ({"r_p": [[1e3, np.nan]]}, r"r_p of cell \(1, 2\)"),
        ({"state": [[0, 3]]}, r"state of cell \(1, 2\)"),
        ({"rows": [np.inf]}, "rows of row 1"),
        ({"r_col": [0.0, -1.0]}, "r_col of column 2"),
        ({"limit_row": -1e-3}, "limit_row of row 1"),
        ({"cols": [0.0] * 3}, "does not fit"),
        ({"state": [0, 1]}, "shape"),
    ],
)
def test_an_argument_out_of_range_is_named(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"state": [[0, 1]], "r_p": 1e3, "rows": [0.1], "cols": [0.0, 0.0], "r_wire": 1.0, **CELL}
    with pytest.raises(InputError, match=message):
        solve_cells(**(good | change))


def test_column_currents_without_wires_are_a_matrix_product() -> None:
    chance = np.random.default_rng(0)
    conductance, inputs = chance.uniform(0, 1e-3, (5, 4)), chance.uniform(-1, 1, (7, 5))
    conductance[2, 1] = 0.0
    assert inputs @ conductance == pytest.approx(column_currents(conductance, inputs, r_wire=0.0), rel=1e-12)


def test_column_currents_are_those_of_the_solved_array() -> None:
    chance = np.random.default_rng(1)
    conductance, inputs = chance.uniform(1e-5, 1e-2, (6, 4)), chance.uniform(-1, 1, (3, 6))
    found = column_currents(conductance, inputs, r_wire=10.0)
    for currents, rows in zip(found, inputs, strict=True):
        solved = solve_cells(np.full((6, 4), mtj.LINEAR), 1 / conductance, rows, np.zeros(4), r_wire=10.0, **CELL)
        assert solved.i_col == pytest.approx(currents, rel=1e-10)


def test_column_currents_meet_dense_nodal_analysis() -> None:
    chance = np.random.default_rng(2)
    conductance, rows, wire = chance.uniform(1e-5, 1e-3, (3, 4)), chance.uniform(-1, 1, 3), 1 / 10.0
    nodal, source = np.zeros((24, 24)), np.zeros(24)

    def branch(a: int, b: int | None, siemens: float, volts: float = 0.0) -> None:
        nodal[a, a] += siemens
        source[a] += siemens * volts
        if b is not None:
            nodal[b, b] += siemens
            nodal[a, b] -= siemens
            nodal[b, a] -= siemens

    for row in range(3):
        for col in range(4):
            w, b = row * 4 + col, 12 + row * 4 + col
            branch(w, b, conductance[row, col])
            if col == 0:
                branch(w, None, wire, rows[row])
            else:
                branch(w - 1, w, wire)
            branch(b, b + 4 if row < 2 else None, wire)
    nodes = np.linalg.solve(nodal, source)
    found = column_currents(conductance, rows[None], r_wire=10.0)[0]
    assert nodes[20:] * wire == pytest.approx(found, rel=1e-10)


def test_inputs_that_do_not_fit_the_array_are_refused() -> None:
    with pytest.raises(InputError, match="do not fit"):
        column_currents(np.ones((3, 2)), np.ones((4, 2)), r_wire=1.0)
    with pytest.raises(InputError, match="negative"):
        column_currents(-np.ones((3, 2)), np.ones((4, 3)), r_wire=1.0)
