"""Pulses of updates on arrays: currents of sources, and levels that make flip probabilities."""

import numpy as np
import pytest

from labmtj.physics.flip_pulses import flip_law
from labmtj.records import Amplitudes, Cell, DieMap, Placement, Polarity, State
from labmtj.routines.in_situ.books import Books
from labmtj.routines.in_situ.crossbar_door import CrossbarDoor, Driving
from labmtj.routines.in_situ.doors import Aimed
from labmtj.routines.in_situ.level_door import LevelDoor

SHAPE, WIDTH = (4, 6), 1e-4
PLACE = Placement((1, 2, 4), (1, 2, 5, 6))
ROWS, COLS = np.array([0.8, -0.5, 0.3]), np.array([0.4, -0.1])


def die_map():
    random = np.random.RandomState(5)
    v_c0 = 0.4 * np.exp(random.normal(0.0, 0.05, SHAPE))
    barrier = np.full(SHAPE, 60.0)
    return DieMap(
        np.full(SHAPE, 8e3), np.full(SHAPE, 18e3), np.zeros(SHAPE, np.int64), 0.05,
        Polarity(State.P, Cell(1, 1), 0.3, 0.35),
        Amplitudes(0.3, 0.35), WIDTH, v_c0_p=v_c0, v_c0_ap=1.2 * v_c0, delta_p=barrier, delta_ap=barrier,
    )  # fmt: skip


def driving(line_current=np.inf):
    return Driving(Amplitudes(0.4, 0.45), WIDTH, 0.05, 6, 3, line_current)


def test_levels_make_the_sum_of_flip_probabilities_that_is_asked_of_every_column():
    die = die_map()
    door = LevelDoor(
        None, die=die, places=(PLACE,), how=driving(), own_cells=True, median=die.switching, wired=None
    )  # nothing is asked of the array for shaping
    wanted, found = np.abs(np.outer(ROWS, COLS)).repeat(2, axis=1), np.zeros((3, 4))
    for aimed in door.pulses(0, ROWS, COLS, update=0):
        volts = np.abs(aimed.pulse.cell_voltages(SHAPE))
        critical = die.v_c0_p if aimed.target is State.P else die.v_c0_ap
        law = flip_law(critical, delta=60.0, width=WIDTH)
        rows = [PLACE.rows.index(row) for row in aimed.pulse.rows]
        cols = [PLACE.cols.index(col) for col in aimed.pulse.cols]
        at = np.ix_(np.array(aimed.pulse.rows) - 1, np.array(aimed.pulse.cols) - 1)
        found[np.ix_(rows, cols)] += law.probability(volts)[at]
    assert found.sum() == pytest.approx(wanted.sum(), rel=0.1)
    assert found.sum(axis=1) == pytest.approx(wanted.sum(axis=1), rel=0.15)


def test_pulses_are_taken_apart_until_the_sources_can_feed_their_lines():
    one = CrossbarDoor(None, die=die_map(), places=(PLACE,), how=driving())
    weak = CrossbarDoor(None, die=die_map(), places=(PLACE,), how=driving(line_current=3e-4))
    rows, cols = 100.0 * ROWS, np.sign(COLS)
    whole, parts = (list(door.pulses(0, rows, cols, update=0)) for door in (one, weak))
    assert len(whole) == 4 < len(parts)

    def cells(found: list[Aimed]):
        return sorted((cell, aimed.target) for aimed in found for cell in aimed.pulse.cells)

    assert cells(whole) == cells(parts)
    assert {0.5 * 0.4, 0.5 * 0.45} == {abs(aimed.pulse.row_volts[0]) for aimed in whole}


def test_flips_that_were_asked_are_told_from_those_that_were_not():
    die, near = die_map(), np.zeros(SHAPE, np.bool_)
    books = Books(die)
    rows, cols = (line.ravel() for line in np.indices(SHAPE))
    books.read(rows, cols, np.full(rows.size, 1 / 18e3))
    door = CrossbarDoor(None, die=die, places=(PLACE,), how=driving())
    aimed = next(door.pulses(0, np.array([9.0, 0.0, 0.0]), np.array([1.0, 0.0]), update=0))
    near[0], near[:, 0] = True, True
    books.fired(aimed, near)
    assert (1, 9) == (books.stale.sum(), books.suspect.sum())
    changed = np.where((rows == 0) & (cols == 0) | (rows == 2) & (cols == 0), 1 / 8e3, 1 / 18e3)
    books.read(rows, cols, changed)
    assert [[0, 0]] == np.argwhere(books.flips).tolist()
    assert [[2, 0]] == np.argwhere(books.disturbs).tolist()
    costs = books.costs(seconds=2.0)
    assert (1.0, 1.0, 1.0, 2.0) == tuple(
        float(getattr(costs, name)[0]) for name in ("pulses", "flips", "disturbed", "seconds")
    )
    assert costs.energy[0] == pytest.approx(0.4**2 * 0.5 * (1 / 8e3 + 1 / 18e3) * WIDTH)
