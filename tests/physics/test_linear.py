import time
import tracemalloc
from typing import Any, cast

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import splu

from labmtj.errors import InputError, SolveError
from labmtj.physics import mtj
from labmtj.physics.crossbar import column_currents, solve_cells
from labmtj.physics.linear_blocks import currents
from labmtj.physics.linear_rows import eliminate, in_series
from labmtj.records import Floats

SMALL = [(1, 1), (1, 7), (7, 1), (2, 3), (5, 4), (15, 15), (16, 9), (9, 16), (30, 21)]
LARGE = [(64, 64), (57, 90), (90, 57), (70, 61)]


def junctions(chance: np.random.Generator, *shape: int) -> Floats:
    return np.exp(0.06 * chance.standard_normal(shape)) / np.where(chance.random(shape) < 0.5, 7960.0, 17500.0)


def rough(chance: np.random.Generator, *shape: int) -> Floats:
    """Conductances over six decades, a tenth of the cells open, shorts of 100 ohm in the corners."""
    conductance = 10.0 ** chance.uniform(-8, -2, shape)
    conductance[chance.random(shape) < 0.1] = 0.0
    conductance[..., :: max(1, shape[-2] - 1), :: max(1, shape[-1] - 1)] = 1e-2
    return conductance


def transfer(conductance: Floats, r_wire: float) -> Floats:
    return column_currents(conductance, np.eye(conductance.shape[-2]), r_wire=r_wire)


def in_blocks(conductance: Floats, r_wire: float) -> Floats:
    return currents(conductance, r_wire, np.eye(len(conductance)))


def by_nodes(conductance: Floats, inputs: Floats, r_wire: float) -> Floats:
    """Column currents from the nodal equations of the circuit, solved by SuperLU and refined once."""
    rows, cols = conductance.shape
    w = np.arange(rows * cols).reshape(rows, cols)
    b = w + rows * cols
    one = np.concatenate([w.ravel(), w[:, :-1].ravel(), b[:-1].ravel()])
    other = np.concatenate([b.ravel(), w[:, 1:].ravel(), b[1:].ravel()])
    wires = np.full(one.size - conductance.size, 1.0 / r_wire)
    siemens = np.concatenate([conductance.ravel(), wires])
    ends = np.concatenate([w[:, 0], b[-1]])
    diagonal = np.bincount(np.concatenate([one, other]), np.tile(siemens, 2), 2 * rows * cols)
    diagonal[ends] += 1.0 / r_wire if rows * cols else 0.0
    edges = scipy.sparse.coo_array((siemens, (one, other)), shape=(2 * rows * cols,) * 2)
    nodal = scipy.sparse.csc_array(scipy.sparse.diags_array(diagonal) - edges - edges.T)
    source = np.zeros((2 * rows * cols, len(inputs)))
    source[w[:, 0]] = inputs.T / r_wire
    factors = splu(nodal)
    volts = factors.solve(source)
    volts += factors.solve(source - nodal @ volts)
    return volts[b[-1]].T / r_wire


@pytest.mark.parametrize("shape", SMALL + LARGE)
@pytest.mark.parametrize("r_wire", [0.1, 5.0, 100.0])
def test_currents_are_those_of_the_nodal_equations(shape: tuple[int, int], r_wire: float) -> None:
    chance = np.random.default_rng(shape[0])
    inputs = chance.uniform(0.0, 1.0, (3, shape[0]))
    for conductance in (junctions(chance, *shape), rough(chance, *shape)):
        expected = by_nodes(conductance, inputs, r_wire)
        assert expected == pytest.approx(column_currents(conductance, inputs, r_wire=r_wire), rel=1e-9, abs=1e-16)


@pytest.mark.parametrize("shape", [(2, 1), (1, 2), (2, 2), (3, 40), (40, 3), (33, 34), (50, 17), (23, 47), (60, 60)])
@pytest.mark.parametrize("r_wire", [1e-9, 0.1, 5.0, 100.0])
def test_blocks_and_rows_agree_in_every_single_conductance(shape: tuple[int, int], r_wire: float) -> None:
    chance = np.random.default_rng(shape[1])
    for conductance in (junctions(chance, *shape), rough(chance, *shape)):
        assert transfer(conductance, r_wire) == pytest.approx(in_blocks(conductance, r_wire), rel=1e-11, abs=1e-30)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 24),
    cols=st.integers(1, 24),
    decade=st.floats(-12, 2),
)
def test_laws_hold_for_every_array(seed: int, rows: int, cols: int, decade: float) -> None:
    chance, r_wire = np.random.default_rng(seed), 10.0**decade
    conductance = rough(chance, rows, cols)
    found = transfer(conductance, r_wire)
    # No current flows against the only voltage there is, and none can exceed that of a single segment.
    assert found.min() >= 0.0
    assert found.sum(axis=1).max() <= (1 + 1e-12) / r_wire
    # Reciprocity: the circuit with rows and columns exchanged, the first for the last.
    assert found == pytest.approx(transfer(conductance[::-1, ::-1].T, r_wire)[::-1, ::-1].T, rel=1e-11, abs=1e-30)
    # Superposition.
    inputs = chance.uniform(-1.0, 1.0, (4, rows))
    assert inputs @ found == pytest.approx(column_currents(conductance, inputs, r_wire=r_wire), rel=1e-9, abs=1e-16)
    # More conductance anywhere never lowers the current that all rows together send out.
    more = conductance.copy()
    more[chance.integers(rows), chance.integers(cols)] += 1e-3
    assert transfer(more, r_wire).sum() >= found.sum() * (1 - 1e-12)
    if rows > 1 or cols > 1:
        assert found == pytest.approx(in_blocks(conductance, r_wire), rel=1e-11, abs=1e-30)


@pytest.mark.parametrize("shape", [(6, 8), (24, 20)])
def test_currents_obey_kirchhoff_in_the_solved_network(shape: tuple[int, int]) -> None:
    chance = np.random.default_rng(1)
    conductance, rows = junctions(chance, *shape), chance.uniform(-0.1, 0.1, shape[0])
    solved = solve_cells(
        np.full(shape, mtj.LINEAR), 1 / conductance, rows, np.zeros(shape[1]), r_wire=5.0, tmr0=0.0, v_h=1.0, k_p=0.0
    )
    found = column_currents(conductance, rows[None], r_wire=5.0)[0]
    assert solved.i_col == pytest.approx(found, rel=0, abs=1e-10 * np.abs(found).max())
    assert found == pytest.approx(currents(conductance, 5.0, rows[None])[0], rel=1e-11)
    assert solved.i_row.sum() == pytest.approx(found.sum(), rel=0, abs=1e-10 * np.abs(found).max())


@pytest.mark.parametrize("size", [12, 64])
def test_a_uniform_array_is_symmetric(size: int) -> None:
    found = transfer(np.full((size, size), 1e-4), 5.0)
    assert found[::-1, ::-1].T == pytest.approx(found, rel=1e-12)
    assert (np.diff(found[:, 0]) > 0).all()


@pytest.mark.parametrize("shape", [(10, 7), (60, 66)])
def test_lines_without_cells_beyond_the_last_cell_change_nothing(shape: tuple[int, int]) -> None:
    conductance = junctions(np.random.default_rng(2), *shape)
    larger = np.zeros((shape[0] + 3, shape[1] + 2))
    larger[3:, :-2] = conductance
    found = transfer(larger, 5.0)
    assert found[3:, :-2] == pytest.approx(transfer(conductance, 5.0), rel=1e-12)
    assert (np.abs(found[:3]).max(), np.abs(found[:, -2:]).max()) == (0.0, 0.0)


@pytest.mark.parametrize("shape", [(10, 7), (60, 66)])
def test_a_row_without_cells_takes_no_part_wherever_it_is(shape: tuple[int, int]) -> None:
    conductance = junctions(np.random.default_rng(3), *shape)
    conductance[4:6] = 0.0
    found = transfer(conductance, 20.0)
    assert np.abs(found[4:6]).max() == 0.0
    inputs = np.ones((2, shape[0]))
    inputs[1, 4:6] = [1e3, -1e3]
    first, second = column_currents(conductance, inputs, r_wire=20.0)
    assert first == pytest.approx(second, rel=1e-12)


def test_lines_may_be_permuted_where_wires_have_no_resistance() -> None:
    chance = np.random.default_rng(4)
    conductance, inputs = rough(chance, 9, 5), chance.uniform(-1, 1, (6, 9))
    rows, cols = chance.permutation(9), chance.permutation(5)
    found = column_currents(conductance, inputs, r_wire=0.0)
    permuted = column_currents(conductance[rows][:, cols], inputs[:, rows], r_wire=0.0)
    assert found[:, cols] == pytest.approx(permuted, rel=1e-12)


@pytest.mark.parametrize("shape", [(15, 15), (64, 64)])
def test_no_resistance_is_the_limit_of_little_resistance(shape: tuple[int, int]) -> None:
    conductance = junctions(np.random.default_rng(5), *shape)
    none = transfer(conductance, 0.0)
    assert none == pytest.approx(conductance, rel=1e-15)
    apart = [np.abs(transfer(conductance, r) / none - 1.0).max() for r in (1e-3, 1e-6, 1e-9, 1e-15)]
    assert all(
        gap < 2.0 * r * conductance.sum() + 1e-14 for gap, r in zip(apart, (1e-3, 1e-6, 1e-9, 1e-15), strict=True)
    )
    assert apart[0] == pytest.approx(1e3 * apart[1], rel=1e-2)


def test_one_cell_on_its_wires_is_a_series_circuit() -> None:
    for blocks in (transfer, in_blocks):
        conductance = np.zeros((40, 50))
        conductance[11, 6] = 1e-3
        found = blocks(conductance, 3.0)
        assert found[11, 6] == pytest.approx(1.0 / (1e3 + 3.0 * (7 + 29)), rel=1e-13)
        assert np.count_nonzero(found) == 1


def test_superconducting_cells_leave_the_wires() -> None:
    for blocks in (transfer, in_blocks):
        found = blocks(np.array([[1e9], [0.0], [1e9]]), 2.0)
        # Rows 1 and 3 reach the bit line through 2 ohm each, at its nodes 1 and 3; 4 ohm lie between them.
        across = 1.0 / (1.0 / 2.0 + 1.0 / 2.0 + 1.0 / 6.0)
        assert found[:, 0] == pytest.approx([across / 6.0 / 2.0, 0.0, across / 2.0 / 2.0], rel=1e-7)


@pytest.mark.parametrize("shape", [(6, 5), (5, 6), (60, 62)])
def test_a_batch_is_its_arrays_one_by_one(shape: tuple[int, int]) -> None:
    chance = np.random.default_rng(6)
    conductance, inputs = rough(chance, 3, *shape), chance.uniform(-1, 1, (3, 4, shape[0]))
    each = [column_currents(g, v, r_wire=5.0) for g, v in zip(conductance, inputs, strict=True)]
    assert np.stack(each) == pytest.approx(column_currents(conductance, inputs, r_wire=5.0), rel=1e-12)
    shared = [column_currents(g, inputs[0], r_wire=5.0) for g in conductance]
    assert np.stack(shared) == pytest.approx(column_currents(conductance, inputs[0], r_wire=5.0), rel=1e-12)
    one = [column_currents(conductance[0], v, r_wire=5.0) for v in inputs]
    assert np.stack(one) == pytest.approx(column_currents(conductance[0], inputs, r_wire=5.0), rel=1e-12)


def test_views_and_integers_are_taken_as_they_are() -> None:
    chance = np.random.default_rng(7)
    conductance = junctions(chance, 30, 24)
    expected = column_currents(conductance[::2, ::3].copy(), np.eye(15), r_wire=5.0)
    assert expected.tobytes() == column_currents(conductance[::2, ::3], np.eye(15, dtype=int), r_wire=5).tobytes()
    large = junctions(chance, 130, 120)
    assert transfer(large[::2, ::2], 5.0).tobytes() == transfer(large[::2, ::2].copy(), 5.0).tobytes()


def test_kernels_are_compiled_for_one_kind_of_arrays_only() -> None:
    for shape in ((6, 5), (5, 6), (70, 12), (16, 16), (64, 64)):
        conductance = junctions(np.random.default_rng(8), *shape)
        conductance.flags.writeable = False
        for given_as in (conductance, np.asfortranarray(conductance), conductance[::-1], conductance.astype("f4")):
            column_currents(given_as, np.ones((1, shape[0]), "f4"), r_wire=np.float32(5.0))
    assert [len(cast(Any, kernel).signatures) for kernel in (eliminate, in_series)] == [1, 1]


@pytest.mark.parametrize(
    ("conductance", "inputs", "r_wire", "message"),
    [
        (np.ones((3, 2)), np.ones((4, 2)), 1.0, "do not fit: 3 rows"),
        (np.ones(3), np.ones((4, 3)), 1.0, "do not fit; "),
        (np.ones((3, 2)), np.ones(3), 1.0, "do not fit; "),
        (np.ones((0, 2)), np.ones((1, 0)), 1.0, "do not fit; "),
        (np.ones((2, 3, 2)), np.ones((5, 4, 3)), 1.0, "2 arrays, but inputs for 5"),
        ([[1.0, -1.0]], np.ones((1, 1)), 1.0, r"cell \(1, 2\) is -1"),
        ([[[1.0]], [[np.nan]]], np.ones((1, 1)), 1.0, r"cell \(1, 1\) of array 1 is nan"),
        ([[np.inf]], np.ones((1, 1)), 1.0, r"cell \(1, 1\) is inf"),
        (np.ones((1, 1)), [[np.nan]], 1.0, "every row is driven"),
        (np.ones((1, 1)), np.ones((1, 1)), -1.0, "r_wire = -1"),
        (np.ones((1, 1)), np.ones((1, 1)), np.nan, "r_wire = nan"),
    ],
)
def test_what_does_not_fit_is_named(conductance: Floats, inputs: Floats, r_wire: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        column_currents(conductance, inputs, r_wire=r_wire)


def test_what_floats_cannot_hold_is_an_error() -> None:
    with pytest.raises(SolveError, match="range of floats"), np.errstate(over="ignore", invalid="ignore"):
        column_currents(np.full((2, 2), 1e300), np.full((1, 2), 1e300), r_wire=0.0)


@pytest.mark.parametrize("size", [128, pytest.param(256, marks=pytest.mark.slow)])
def test_large_arrays_take_few_megabytes_and_agree_from_their_other_pair_of_sides(size: int) -> None:
    chance = np.random.default_rng(8)
    conductance, inputs = junctions(chance, size, size), chance.uniform(0.0, 0.1, (1, size))
    tracemalloc.start()
    found = column_currents(conductance, inputs, r_wire=5.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # It grows as the number of cells; 300 MB are allowed at 512 x 512.
    assert peak < 300e6 * (size / 512) ** 2
    # All columns at 1 V, the currents into the rows.
    turned = column_currents(conductance[::-1, ::-1].T, np.ones((1, size)), r_wire=5.0)[0, ::-1]
    assert found.sum() == pytest.approx(inputs[0] @ turned, rel=1e-11)


@pytest.mark.serial
def test_a_hundred_dies_take_less_time_than_three_by_sparse_elimination() -> None:
    chance = np.random.default_rng(9)
    conductance, inputs = junctions(chance, 100, 15, 15), chance.uniform(0.0, 0.1, (178, 15))
    column_currents(conductance, inputs, r_wire=5.0)
    by_nodes(conductance[0], inputs, 5.0)
    fast, slow = [], []
    for _turn in range(5):
        start = time.perf_counter()
        column_currents(conductance, inputs, r_wire=5.0)
        fast.append(time.perf_counter() - start)
        start = time.perf_counter()
        by_nodes(conductance[0], inputs, 5.0)
        slow.append(time.perf_counter() - start)
    assert min(fast) < 3.0 * min(slow)
