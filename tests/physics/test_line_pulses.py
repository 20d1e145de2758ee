import dataclasses
from typing import Any

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.dies import die_model
from labmtj.errors import InputError
from labmtj.physics.crossbar_many import GOAL
from labmtj.physics.line_pulses import LineDies
from labmtj.physics.lockstep import Dies
from labmtj.physics.mtj import LINEAR, current
from labmtj.physics.variation import DieModel, DieTruth, draw_die
from labmtj.records import Floats, Ints
from labmtj.twin.electrics import Electrics
from labmtj.twin.hookup import Connections, Contact, Hookup
from labmtj.twin.sources import Source
from labmtj.twin.state import DieState

WIDTH, COUNT = 100e-6, 5


def model(**changes: Any) -> DieModel:
    return dataclasses.replace(die_model(load_bench("simulated-15x15").bench), **changes)


def truths(count: int = COUNT, **changes: Any) -> list[DieTruth]:
    return [draw_die(model(seed=seed, **changes)) for seed in range(count)]


def lines(count: int, *, seed: int = 1, volts: float = 0.15) -> tuple[Floats, Floats]:
    """Five rows up, four columns down, each at a voltage of its own."""
    chance = np.random.default_rng(seed)
    rows, cols = np.zeros((count, 15)), np.zeros((count, 15))
    rows[:, 2:12:2] = volts * chance.uniform(0.8, 1.1, (count, 5))
    cols[:, 3:11:2] = -volts * chance.uniform(0.8, 1.1, (count, 4))
    return rows, cols


def pulse(dies: LineDies, which: Ints, rows: Floats, cols: Floats) -> None:
    dies.pulse_lines(which, rows, cols, width=WIDTH, row_on=rows != 0.0, col_on=cols != 0.0)


def test_a_pulse_that_selects_one_cell_does_what_a_pulse_on_one_cell_does() -> None:
    drawn = truths(short=0.01, stuck=0.02)
    one, many = Dies(drawn), LineDies(drawn, highest=0.7)
    chance, which, each = np.random.default_rng(2), np.arange(COUNT), np.arange(COUNT)
    changed = 0
    for _turn in range(40):
        row, col = chance.integers(0, 15, COUNT), chance.integers(0, 15, COUNT)
        amplitude = chance.choice([-0.45, -0.3, 0.28, 0.4], COUNT)
        rows, cols = np.zeros((COUNT, 15)), np.zeros((COUNT, 15))
        rows[each, row], cols[each, col] = 0.5 * amplitude, -0.5 * amplitude
        before = one.state.copy()
        one.pulse(which, row, col, amplitude=amplitude, width=WIDTH)
        pulse(many, which, rows, cols)
        assert one.state.tolist() == many.state.tolist()
        changed += int((before != one.state).sum())
    assert changed > 20
    assert many.counts[:, :2].sum() == changed


def test_a_pulse_on_many_lines_does_to_dies_in_lockstep_what_it_does_to_the_twin() -> None:
    drawn = truths(3, short=0.005)
    dies, twins = LineDies(drawn, highest=0.7), [Electrics(truth, DieState(truth)) for truth in drawn]
    changed = 0
    for turn in range(8):
        rows, cols = lines(3, seed=turn, volts=0.15 if turn % 2 else -0.17)
        before = dies.state.copy()
        pulse(dies, np.arange(3), rows, cols)
        for die, twin in enumerate(twins):
            volts = np.concatenate([rows[die], cols[die]])
            # Every line on a source of its own, through next to no resistance.
            paths = tuple((Contact(source, 1e-9),) for source in range(30))
            sources = tuple(Source(float(level), 1.0) for level in volts)
            twin.pulse(Hookup(Connections(paths, 30), sources), WIDTH)
            free = dies.state[die] != LINEAR
            assert twin.state.state[free].tolist() == dies.state[die][free].tolist()
        changed += int((before != dies.state).sum())
    assert changed > 30


def test_the_quick_solution_is_the_exact_one_to_three_in_a_hundred_thousand() -> None:
    dies = LineDies(truths(40, short=0.01), highest=0.7)
    rows, cols = lines(40)
    which, good = np.arange(40), dies.state != LINEAR
    exact = dies.voltages(which, rows, cols, goal=GOAL)
    quick = dies.voltages(which, rows, cols, goal=1e-3)
    selected = good & (np.abs(exact) > 0.15)
    assert np.abs(quick / exact - 1.0)[selected].max() < 5e-5
    assert np.abs(quick - exact)[good].max() < 2e-5


def test_currents_of_the_quick_solution_add_up_at_every_node() -> None:
    drawn = truths(short=0.005)
    dies = LineDies(drawn, highest=0.7)
    rows, cols = lines(COUNT)
    cell_v = dies.voltages(np.arange(COUNT), rows, cols, goal=1e-4)
    cells = {
        "state": dies.state, "r_p": np.stack([t.r_p for t in drawn]), "tmr0": np.stack([t.tmr for t in drawn]),
        "v_h": drawn[0].model.v_h, "k_p": drawn[0].model.k_p,
    }  # fmt: skip
    amperes, wire = current(cell_v, **cells), drawn[0].model.wire
    along = np.cumsum(amperes[:, :, ::-1], axis=2)[:, :, ::-1]
    words = rows[:, :, np.newaxis] - wire * np.cumsum(along, axis=2)
    below = np.cumsum(amperes, axis=1)
    bits = cols[:, np.newaxis, :] + wire * np.cumsum(below[:, ::-1], axis=1)[:, ::-1]
    assert np.abs(words - bits - cell_v).max() < 1e-5
    currents = dies.sums(np.arange(COUNT), rows)
    assert currents.shape == (COUNT, 15)


def test_volts_of_the_other_sign_give_cell_voltages_of_the_other_sign() -> None:
    dies = LineDies(truths(), highest=0.7, goal=1e-4)
    rows, cols = lines(COUNT)
    one, other = (dies.voltages(np.arange(COUNT), sign * rows, sign * cols) for sign in (1.0, -1.0))
    assert one.tolist() == (-other).tolist()


def test_a_die_fares_as_it_does_alone() -> None:
    drawn = truths(11)
    rows, cols = lines(11)
    together, apart = (LineDies(drawn, highest=0.7, goal=1e-3) for _ in range(2))
    for _turn in range(5):
        pulse(together, np.arange(11), rows, cols)
        for part in (np.array([9, 1, 4]), np.array([0, 2, 3, 5, 6, 7, 8, 10])):
            pulse(apart, part, rows[part], cols[part])
    assert together.state.tolist() == apart.state.tolist()
    assert together.counts.tolist() == apart.counts.tolist()
    assert together.counts[:, 0].sum() > 10


def test_two_lives_of_a_die_draw_their_own_numbers() -> None:
    drawn = [draw_die(model(seed=3))] * 2
    dies = LineDies(drawn, highest=0.7, lives=np.array([0, 1]))
    rows, cols = lines(2, volts=0.15)
    rows[1], cols[1] = rows[0], cols[0]
    for turn in range(6):
        pulse(dies, np.arange(2), rows * (-1) ** turn, cols * (-1) ** turn)
    assert (dies.state[0] != dies.state[1]).any()


def test_what_is_above_the_limit_is_refused_before_anything_flips() -> None:
    dies = LineDies(truths(), highest=0.3)
    before = dies.state.copy()
    rows, cols = lines(COUNT, volts=0.3)
    with pytest.raises(InputError, match=r"above 0\.3 V"):
        pulse(dies, np.arange(COUNT), rows, cols)
    rows[0] = cols[0] = 0.0
    made = dies.pulse_lines(
        np.arange(COUNT), rows, cols, width=WIDTH, row_on=rows != 0.0, col_on=cols != 0.0, strict=False
    )
    assert made.tolist() == [True, False, False, False, False]
    assert before.tolist() == dies.state.tolist()


def test_cells_that_are_not_selected_stay_where_disturb_is_off() -> None:
    drawn = truths(10, delta=30.0)
    counts: list[int] = []
    for spared in (False, True):
        dies = LineDies(drawn, highest=0.7, goal=1e-3, spared=spared)
        rows, cols = lines(10)
        for turn in range(6):
            pulse(dies, np.arange(10), rows * (-1) ** turn, cols * (-1) ** turn)
        counts.append(int(dies.counts[:, 1].sum()))
    assert counts[0] > 3
    assert counts[1] == 0
