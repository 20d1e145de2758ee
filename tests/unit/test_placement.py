"""Where a layer lies on an array with defects."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.errors import PlacementError
from labmtj.nets.placement import avoid_defects, cell_costs, explicit, identity
from labmtj.records import Amplitudes, Cell, Defect, DieMap, Polarity, State


def die(shape=(6, 6), defects=(), window_error=None):
    """A map of 5 kohm and 10 kohm cells with these defects; `window_error` scales 1/R_P - 1/R_AP of a cell."""
    r_p, r_ap = np.full(shape, 5e3), np.full(shape, 1e4)
    defect = np.zeros(shape, dtype=np.int64)
    for (row, col), kind in defects:
        defect[row - 1, col - 1] = kind
        r_p[row - 1, col - 1] = r_ap[row - 1, col - 1] = np.nan
    for (row, col), factor in (window_error or {}).items():
        r_p[row - 1, col - 1] /= factor
        r_ap[row - 1, col - 1] /= factor
    polarity = Polarity(State.P, Cell(1, 1), 0.3, 0.35)
    return DieMap(r_p, r_ap, defect, 0.05, polarity, Amplitudes(0.3, 0.35), 1e-4)


def cost_of(found, placement):
    costs = cell_costs(found)
    return sum(costs[cell.position] for cell in placement.cells)


def test_the_first_lines_are_the_identity():
    found = identity((2, 3))
    assert ((1, 2), (1, 2, 3)) == (found.rows, found.cols)


def test_a_perfect_die_needs_no_search():
    assert identity((3, 4)) == avoid_defects(die(), (3, 4))


def test_a_shorted_line_is_left_out():
    found = avoid_defects(die(defects=[((2, 3), Defect.SHORT)]), (5, 5))
    assert 2 not in found.rows or 3 not in found.cols


def test_lines_that_a_short_spoils_are_left_out_where_there_is_room():
    spoilt = {(2, n): 3.0 for n in range(1, 7) if n != 3} | {(n, 3): 3.0 for n in range(1, 7) if n != 2}
    found = avoid_defects(die(defects=[((2, 3), Defect.SHORT)], window_error=spoilt), (5, 5))
    assert ((1, 3, 4, 5, 6), (1, 2, 4, 5, 6)) == (found.rows, found.cols)


def test_a_short_is_worse_than_many_stuck_cells():
    stuck = [((1, n), Defect.STUCK) for n in range(1, 4)]
    found = avoid_defects(die((3, 3), [*stuck, ((3, 1), Defect.SHORT)]), (2, 3))
    assert (1, 2) == found.rows


def test_a_layer_as_large_as_the_array_takes_the_defects_as_they_are():
    assert identity((6, 6)) == avoid_defects(die(defects=[((1, 1), Defect.OPEN)]), (6, 6))


@pytest.mark.parametrize("layer", [(7, 1), (1, 7), (13, 12)])
def test_a_layer_larger_than_the_array_is_refused(layer):
    with pytest.raises(PlacementError, match="does not fit on an array of 6 x 6"):
        avoid_defects(die(), layer)


def test_a_die_without_a_good_cell_is_refused():
    found = die((2, 2), [(place, Defect.OPEN) for place in itertools.product((1, 2), (1, 2))])
    with pytest.raises(PlacementError, match="no good cell"):
        avoid_defects(found, (1, 2))


places = st.tuples(st.integers(1, 5), st.integers(1, 5))
kinds = st.sampled_from([Defect.SHORT, Defect.OPEN, Defect.STUCK])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.dictionaries(places, kinds, max_size=4), st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_any_placement_fits_and_is_never_worse_than_the_first_lines(defects, layer):
    found = die((5, 5), defects.items())
    placement = avoid_defects(found, layer)
    for lines, count in ((placement.rows, layer[0]), (placement.cols, layer[1])):
        assert count == len(set(lines)) == len(lines)
        assert list(lines) == sorted(lines)
        assert set(lines) <= set(range(1, 6))
    assert cost_of(found, placement) <= cost_of(found, identity(layer)) + 1e-9


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.dictionaries(places, kinds, max_size=1))
def test_one_defect_is_always_avoided_where_a_line_can_be_spared(defects):
    found = die((5, 5), defects.items())
    assert 0.0 == cost_of(found, avoid_defects(found, (4, 4)))


@pytest.mark.parametrize(
    ("rows", "cols", "message"),
    [
        ((1, 2), (1, 2, 3), "the layer needs 3 rows, 2 are named"),
        ((1, 2, 3), (1, 2, 3, 4), "the layer needs 3 columns, 4 are named"),
        ((1, 2, 2), (1, 2, 3), "one of the rows .* is named twice"),
        ((1, 2, 3), (1, 3, 1), "one of the columns .* is named twice"),
        ((0, 1, 2), (1, 2, 3), "the array has rows 1 to 6"),
        ((1, 2, 3), (1, 2, 7), "the array has columns 1 to 6"),
    ],
)
def test_lines_that_a_user_names_must_fit(rows, cols, message):
    with pytest.raises(PlacementError, match=message):
        explicit(rows, cols, layer=(3, 3), shape=(6, 6))


def test_lines_that_a_user_names_keep_their_order():
    found = explicit((6, 1, 3), (2, 5, 4), layer=(3, 3), shape=(6, 6))
    assert Cell(6, 2) == found.cell(0, 0)
    assert Cell(3, 4) == found.cell(2, 2)
