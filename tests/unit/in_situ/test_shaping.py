"""Line voltages that make products of probabilities, on cells that differ and behind wires."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import InputError
from labmtj.physics.flip_pulses import flip_law
from labmtj.physics.variation import draw_die
from labmtj.records import State
from labmtj.routines.in_situ.line_wires import LineWires
from labmtj.routines.in_situ.shaping import PHASES, LineShaper
from labmtj.studies.in_situ.flips import Known, TrueFlips, in_parallel
from labmtj.twin.build import die_model

LAYER = (13, 6)


@pytest.fixture(scope="module")
def flips():
    bench = load_bench("simulated-15x15").bench
    return TrueFlips(draw_die(dataclasses.replace(die_model(bench), seed=4)))


def alike(copies=1, inputs=4, outputs=3, width=1e-4, **settings):
    """A layer of cells that are all the same, without wires."""
    laws = {State.P: flip_law(0.4, delta=75.0, width=width), State.AP: flip_law(0.46, delta=75.0, width=width)}
    return LineShaper(laws, shape=(copies, inputs, outputs), **settings), laws


def asked_of(rows, cols):
    return np.abs(rows[:, :, np.newaxis] * np.repeat(cols, 2, axis=1)[:, np.newaxis])


def test_cells_that_are_alike_flip_with_the_product():
    shaper, laws = alike()
    rows, cols = np.array([[0.3, -0.5, 0.0, 1.0]]), np.array([[0.2, -0.4, 0.05]])
    levels = shaper.levels(rows, cols)
    volts = levels.cell_voltages[0]
    asked, driven = asked_of(rows, cols)[0], 0
    for (sign, target), over in zip(PHASES, volts, strict=True):
        for i, j in np.ndindex(4, 6):
            product = rows[0, i] * cols[0, j // 2]
            wanted = State.P if (product > 0) == (j % 2 == 0) else State.AP
            if product == 0 or wanted is not target or np.sign(rows[0, i]) != sign:
                continue
            towards = over[i, j] if target is State.P else -over[i, j]
            assert asked[i, j] == pytest.approx(float(laws[target].probability(np.array(towards))), rel=0.2)
            driven += 1
    assert 18 == driven  # every device of three rows in exactly one pulse


def test_half_selected_cells_see_half_of_the_most_driven():
    levels = alike()[0].levels(np.array([[1.0, 0.2, 0.1, 0.05]]), np.array([[0.5, 0.3, 0.1]]))
    lines = max(np.abs(levels.rows).max(), np.abs(levels.cols).max())
    assert 0.5 * levels.highest[0] == pytest.approx(lines, rel=1e-6)


def test_what_is_asked_of_nothing_drives_nothing():
    shaper = alike(copies=2)[0]
    levels = shaper.levels(np.zeros((2, 4)), np.ones((2, 3)))
    assert not levels.fired.any()
    assert 0.0 == np.abs(levels.rows).max() == np.abs(levels.cols).max()
    positive = shaper.levels(np.ones((2, 4)), np.array([[0.5, 0.0, 0.0]] * 2))
    assert [True, True, False, False] == positive.fired[0].tolist()


def test_the_sign_of_the_bench_turns_every_voltage():
    rows, cols = np.array([[0.3, -0.5, 0.2, 1.0]]), np.array([[0.2, -0.4, 0.05]])
    one, other = alike()[0].levels(rows, cols), alike(sign=-1)[0].levels(rows, cols)
    assert np.array_equal(one.rows, -other.rows)
    assert np.array_equal(one.cols, -other.cols)


def test_copies_do_not_know_of_each_other(flips):
    rng, count = np.random.default_rng(1), 3
    truth, model = flips.truth, flips.truth.model
    laws = {
        state: flip_law(
            flips.v_c0[state][np.newaxis, :13, :12], delta=flips.delta[:13, :12], width=1e-4,
            field=flips.field[state][np.newaxis, :13, :12],
        )
        for state in State
    }  # fmt: skip
    rows, cols = rng.uniform(-1, 1, (count, 13)), 0.3 * rng.standard_normal((count, 6))
    cols[1] = 0.0
    ap = rng.random((count, 15, 15))
    tmr = np.where(np.isfinite(truth.tmr), truth.tmr, 0.0)
    wires = LineWires(truth.r_p[np.newaxis], tmr[np.newaxis], model.wire, row_contact=2.0)
    shaper = LineShaper(
        laws, shape=(1, *LAYER), good=flips.good[np.newaxis, :13, :12], wires=wires, at=(np.arange(13), np.arange(12))
    )
    together = shaper.levels(rows, cols, of=np.zeros(count, np.int64), ap=ap)
    assert [True, False, True] == together.fired.any(axis=1).tolist()
    for copy in range(count):
        one = slice(copy, copy + 1)
        alone = shaper.levels(rows[one], cols[one], ap=ap[one])
        assert together.rows[copy] == pytest.approx(alone.rows[0], abs=2e-6)
        assert together.cols[copy] == pytest.approx(alone.cols[0], abs=2e-6)


@pytest.mark.parametrize("width", [1e-8, 1e-4])
def test_in_a_parallel_update_the_mean_is_what_was_asked(flips, width):
    effective = Known(flips.v_c0 * (1.0 - flips.field), flips.delta * (1.0 - flips.field) ** 2)
    for size in (0.05, 0.3):
        found = in_parallel(flips, effective, layer=LAYER, width=width, updates=30, seed=1, size=size)
        assert 1.0 == pytest.approx(found.mean, abs=0.1)


def test_only_the_die_known_still_gives_the_mean_at_ten_nanoseconds(flips):
    found = in_parallel(flips, None, layer=LAYER, width=1e-8, updates=30, seed=1, size=0.3)
    assert 1.0 == pytest.approx(found.mean, abs=0.15)


def test_limits_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="probabilities"):
        alike(smallest=0.5, largest=0.2)
    with pytest.raises(InputError, match="at"):
        alike(wires=LineWires(np.full((1, 4, 6), 8e3), np.ones((1, 4, 6)), 5.0))
