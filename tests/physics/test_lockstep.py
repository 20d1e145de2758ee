import dataclasses
from typing import Any

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import InputError
from labmtj.physics.chance import Purpose, uniforms
from labmtj.physics.crossbar import solve_cells
from labmtj.physics.lockstep import Dies
from labmtj.physics.lockstep_kernels import LAST, bound, locate_all, switch
from labmtj.physics.switching import switching_probability
from labmtj.physics.switching_table import load
from labmtj.physics.variation import DieModel, DieTruth, draw_die
from labmtj.records import Floats, State
from labmtj.twin.build import die_model
from labmtj.twin.electrics import Electrics
from labmtj.twin.hookup import GROUND, Connections, Contact, Hookup
from labmtj.twin.sources import Source
from labmtj.twin.state import DieState

WIDTH = 100e-6


def model(**changes: Any) -> DieModel:
    return dataclasses.replace(die_model(load_bench("simulated-15x15").bench), **changes)


def truths(count: int, **changes: Any) -> list[DieTruth]:
    return [draw_die(model(seed=seed, **changes)) for seed in range(count)]


def hookup(row: int, col: int, amplitude: float) -> Hookup:
    """Row and column on two sources, everything else grounded, all through next to no resistance."""
    lines = [(Contact(GROUND, 1e-9),)] * 30
    lines[row], lines[15 + col] = (Contact(0, 1e-9),), (Contact(1, 1e-9),)
    sources = (Source(0.5 * amplitude, 1.0), Source(-0.5 * amplitude, 1.0))
    return Hookup(Connections(tuple(lines), 2), sources)


@pytest.mark.parametrize("sign", [1, -1])
def test_pulses_do_to_dies_in_lockstep_what_they_do_to_the_twin(sign: int) -> None:
    drawn = truths(5, sign=sign, short=0.01, stuck=0.02)
    dies, twins = Dies(drawn), [Electrics(truth, DieState(truth)) for truth in drawn]
    chance = np.random.default_rng(1)
    changed = 0
    for _turn in range(25):
        named = np.flatnonzero(chance.random(5) < 0.8)
        rows, cols = chance.integers(0, 15, len(named)), chance.integers(0, 15, len(named))
        amplitude = chance.choice([-0.45, -0.3, 0.28, 0.4], len(named))
        before = dies.state.copy()
        dies.pulse(named, rows, cols, amplitude=amplitude, width=WIDTH)
        for die, row, col, volts in zip(named.tolist(), rows.tolist(), cols.tolist(), amplitude.tolist(), strict=True):
            twins[die].pulse(hookup(row, col, volts), WIDTH)
            free = dies.state[die] != 2
            assert twins[die].state.state[free].tolist() == dies.state[die][free].tolist()
        changed += int((before != dies.state).sum())
    assert changed > 20


def test_a_reading_is_the_current_of_the_solved_array() -> None:
    drawn = truths(3)
    dies = Dies(drawn)
    rows, cols = np.array([0, 14, 3]), np.array([14, 0, 7])
    found = dies.read(np.arange(3), rows, cols, voltage=0.05)
    for die, truth in enumerate(drawn):
        volts = np.zeros(15)
        volts[rows[die]] = 0.05
        single = solve_cells(
            dies.state[die], truth.r_p, volts, np.zeros(15), r_wire=5.0, tmr0=truth.tmr, v_h=0.5, k_p=0.2
        )
        assert single.i_col[cols[die]] / 0.05 == pytest.approx(found[die], rel=1e-10)


def test_the_bound_changes_no_draw() -> None:
    drawn, chance = truths(8), np.random.default_rng(2)
    count, table = 225, load()

    def stacked(name: str) -> Floats:
        return np.stack([getattr(truth, name) for truth in drawn]).reshape(8, count)

    located = np.empty((8, count), np.uint64)
    locate_all(np.arange(8), int(Purpose.PULSE), located)
    highest = np.empty(LAST)
    bound(table, 1e5, float(stacked("delta").min()), highest)
    states = [np.stack([truth.initial for truth in drawn]).reshape(8, count) for _way in range(2)]
    v_c0 = np.stack([stacked("v_c0"), 1.15 * stacked("v_c0")])
    flips = 0
    for turn in range(20):
        cell_v = chance.uniform(-0.3, 0.3, (8, count))
        before = states[0].copy()
        for state, most in zip(states, (highest, np.empty(0)), strict=True):
            pulses = np.full(8, turn, np.uint64)
            outside = switch(
                table, most, 1e5, cell_v, np.arange(8), v_c0, stacked("stray_field"), stacked("delta"),
                np.zeros((8, count), np.bool_), located, pulses, 6.0, state,
            )  # fmt: skip
            assert (outside, pulses.tolist()) == (0, [turn + 1] * 8)
        assert states[0].tobytes() == states[1].tobytes()
        flips += int((before != states[0]).sum())
    assert flips > 500


def test_draws_are_those_of_the_addressed_chance() -> None:
    truth = truths(1)[0]
    dies = Dies([truth])
    state = dies.state[0].copy()
    for ordinal, (row, col) in enumerate(((3, 4), (3, 5), (9, 9))):
        dies.pulse(np.array([0]), np.array([row]), np.array([col]), amplitude=np.array([0.31]), width=WIDTH)
        rows, cols = np.zeros(15), np.zeros(15)
        rows[row], cols[col] = 0.155, -0.155
        cell_v = solve_cells(state, truth.r_p, rows, cols, r_wire=5.0, tmr0=truth.tmr, v_h=0.5, k_p=0.2).cell_v
        drive = np.where(state == 1, cell_v / truth.v_c0 + truth.stray_field, -cell_v / truth.v_c0 / 1.15)
        drive = np.where(state == 1, drive, drive - truth.stray_field)
        probability = switching_probability(drive, WIDTH, delta=truth.delta, tau_d=1e-9)
        draws = uniforms(truth.model.seed, Purpose.PULSE, 225, ordinal).reshape(15, 15)
        state = np.where((draws < probability) & (state < 2), 1 - state, state).astype(np.int8)
        assert state.tolist() == dies.state[0].tolist()


def test_the_map_of_both_states_changes_nothing() -> None:
    dies = Dies(truths(2, short=0.0, open=0.0))
    before = dies.state.copy()
    p, ap = dies.conductances(State.P, voltage=0.05), dies.conductances(State.AP, voltage=0.05)
    assert before.tolist() == dies.state.tolist()
    assert p.shape == (2, 15, 15)
    assert 1.7 < (p / ap).min() < (p / ap).max() < 2.7


def test_what_lockstep_does_not_know_is_refused() -> None:
    dies, one = Dies(truths(2)), np.array([0])
    with pytest.raises(InputError, match="where barriers break"):
        dies.pulse(one, one, one, amplitude=np.array([0.9]), width=WIDTH)
    with pytest.raises(InputError, match="not a number"):
        dies.pulse(one, one, one, amplitude=np.array([np.nan]), width=WIDTH)
    with pytest.raises(InputError, match="named twice"):
        dies.pulse(np.array([1, 1]), np.zeros(2, int), np.ones(2, int), amplitude=np.full(2, 0.3), width=WIDTH)
    with pytest.raises(InputError, match="share wire"):
        Dies([*truths(1), draw_die(model(wire=7.0))])
    with pytest.raises(InputError, match="know no heating"):
        Dies([draw_die(model(heating=1e6))])
