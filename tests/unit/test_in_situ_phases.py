"""Updates as pulses: which lines take part, how often, and where layers lie."""

import numpy as np
import pytest

from labmtj.errors import PlacementError
from labmtj.records import State
from labmtj.routines.in_situ.phases import balanced, drawn_cells, drawn_lines, phases
from labmtj.routines.in_situ.places import blocks

ROWS, COLS = np.array([0.9, -0.4, 0.0, 0.2]), np.array([-0.1, 0.3])


def signs(found):
    """+1 and -1 for cells (inputs, device columns) that pulses ask to P and to AP."""
    asked = np.zeros((ROWS.size, 2 * COLS.size))
    for phase in found:
        asked[np.ix_(phase.inputs, phase.columns)] += 1.0 if phase.target is State.P else -1.0
    return asked


def test_four_pulses_ask_each_pair_towards_the_sign_of_its_product():
    found = list(phases(ROWS, COLS))
    assert [0, 1, 2, 3] == [phase.number for phase in found]
    wanted = np.sign(np.outer(ROWS, COLS))
    asked = signs(found)
    assert np.array_equal(wanted, asked[:, 0::2])
    assert np.array_equal(-wanted, asked[:, 1::2])


def test_nothing_is_pulsed_where_nothing_is_asked():
    assert [] == list(phases(np.zeros(4), COLS))
    assert [] == list(drawn_lines(ROWS, np.zeros(2), seed=1, layer=0, update=0))


def test_chances_of_rows_and_columns_are_balanced_and_multiply_to_what_is_asked():
    rows, cols = balanced(ROWS, COLS)
    assert rows.max() == pytest.approx(cols.max())
    assert np.allclose(np.outer(rows, cols), np.abs(np.outer(ROWS, COLS)))
    over = balanced(4.0 * ROWS, COLS)
    assert max(map(np.max, over)) <= 1.0


@pytest.mark.parametrize("way", ["lines", "cells"])
def test_cells_are_asked_as_often_as_they_should_be(way):
    trials, counts = 600, np.zeros((ROWS.size, 2 * COLS.size))
    for update in range(trials):
        if way == "lines":
            counts += np.abs(signs(drawn_lines(ROWS, COLS, seed=3, layer=1, update=update)))
        else:
            hit = drawn_cells(ROWS, COLS, seed=3, layer=1, update=update)
            counts += hit[State.P] | hit[State.AP]
    wanted = np.abs(np.outer(ROWS, COLS)).repeat(2, axis=1)
    error = np.sqrt(wanted * (1.0 - wanted) / trials)
    assert (np.abs(counts / trials - wanted) <= 4.5 * error).all()


def test_cells_that_are_drawn_by_themselves_are_asked_in_the_direction_of_the_product():
    hit = drawn_cells(100.0 * ROWS, COLS, seed=3, layer=0, update=7)
    asked = hit[State.P].astype(int) - hit[State.AP].astype(int)
    assert np.array_equal(np.sign(np.outer(ROWS, COLS)), asked[:, 0::2])
    assert np.array_equal(-asked[:, 0::2], asked[:, 1::2])


def test_layers_lie_along_the_diagonal_where_there_is_room_else_beside_or_below_each_other():
    first, second = blocks(((13, 6), (6, 3)), (19, 18))
    assert ((13, 12), (14, 13)) == ((first.rows[-1], first.cols[-1]), (second.rows[0], second.cols[0]))
    beside, below = blocks(((13, 3), (3, 3)), (15, 15))[1], blocks(((3, 2), (2, 2)), (5, 5))[1]
    assert ((1, 7), (4, 1)) == ((beside.rows[0], beside.cols[0]), (below.rows[0], below.cols[0]))
    with pytest.raises(PlacementError, match="along the diagonal they need 19 x 18"):
        blocks(((13, 6), (6, 3)), (15, 15))
