"""Training for chips: schedules, and small trainings in JAX."""

import importlib.util

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from labmtj.errors import InputError
from labmtj.nets.chips.cells import ChipCells, Mask
from labmtj.nets.chips.judging import accuracy
from labmtj.nets.chips.networks import ChipNetworks, Form
from labmtj.nets.chips.schedule import Schedule
from labmtj.nets.chips.statistics import Statistics
from labmtj.nets.chips.training import Options, baseline, hardware_aware, statistics_aware, tuned
from labmtj.nets.images.preparing import held_back, prepare
from labmtj.nets.images.sets import digits
from labmtj.records import ChipMaps, Defect

with_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None or importlib.util.find_spec("optax") is None,
    reason="training needs JAX and optax: pip install 'labmtj[train]'",
)
FORM = Form(side=8, hidden=20)
DATA = prepare(digits(), side=8, bits=2)
LEARN, VALIDATION = held_back(DATA.train, share=0.1, seed=0)


def statistics() -> Statistics:
    random = np.random.RandomState(7)
    g_ap = random.normal(100e-6, 4e-6, (6, 100, 25))
    g_p = g_ap + random.normal(70e-6, 1e-6, g_ap.shape)
    short = random.uniform(size=g_ap.shape) < 0.01
    g_ap[short] = g_p[short] = 450e-6
    maps = ChipMaps(g_p, g_ap, short * int(Defect.SHORT), 0.1, tuple("abcdef"))
    return Statistics.of(maps, opens=0.0, stuck=0.0)


def random_network() -> ChipNetworks:
    random = np.random.RandomState(1)
    shapes = FORM.shapes
    devices = [random.randint(0, 2, (1, *shape, 2)).astype(np.uint8) for shape in shapes]
    gain = [np.full((1, -(-inputs // 25), outputs, 2), 0.5) for inputs, outputs in shapes]
    return ChipNetworks(FORM, tuple(devices), tuple(gain), tuple(np.zeros((1, outputs)) for _, outputs in shapes))


def chips(count: int, *, mask: Mask = Mask.NONE) -> ChipCells:
    return statistics().draw(count, FORM.shapes, mask=mask, seed=2)


def test_without_patience_the_rate_falls_along_a_cosine_to_zero():
    schedule = Schedule(epochs=2, rate=1.0)
    course = schedule.begin()
    first = schedule.rates(course, steps=2)
    course = schedule.advance(course, 0.5)
    second = schedule.rates(course, steps=2)
    assert np.concatenate([first, second]) == pytest.approx([(1 + np.cos(np.pi * k / 4)) / 2 for k in (1, 2, 3, 4)])
    assert not schedule.over(course)
    assert schedule.over(schedule.advance(course, 0.5))


def test_a_plateau_starts_the_descent_and_ends_the_training_early():
    schedule = Schedule(epochs=20, rate=1.0, patience=3, descent=0.2)
    course, accuracies = schedule.begin(), [0.5, 0.6, 0.7, 0.7, 0.6, 0.7, 0.9, 0.9, 0.9, 0.9]
    started = []
    for number, found in enumerate(accuracies):
        started.append(schedule.rates(course, steps=1)[0] < 1.0)
        assert not schedule.over(course), number
        course = schedule.advance(course, found)
    assert started == [False] * 6 + [True] * 4
    assert schedule.over(course)


def test_validation_that_keeps_rising_has_all_epochs():
    schedule = Schedule(epochs=10, rate=1.0, patience=3, descent=0.2)
    course = schedule.begin()
    for number in range(10):
        assert not schedule.over(course)
        assert (schedule.rates(course, steps=1)[0] < 1.0) == (number >= 8)
        course = schedule.advance(course, number / 10)
    assert schedule.over(course)


def test_schedules_that_cannot_be_are_refused():
    for wrong in ({"epochs": 0}, {"rate": 0.0}, {"descent": 0.0}):
        with pytest.raises(InputError, match="schedule"):
            Schedule(**wrong)


def trained(trainer):
    state = trainer.begin()
    while not trainer.over(state):
        state, _ = trainer.epoch(state)
    return trainer.trained(state)


@with_jax
def test_a_baseline_learns_the_digits_and_goes_on_from_a_stored_state_as_if_nothing_had_happened():
    options = Options(Schedule(epochs=6, rate=0.03), batch=32)
    trainer = baseline(FORM, learn=LEARN, validation=VALIDATION, options=options)
    state = trainer.begin()
    for _ in range(4):
        state, _ = trainer.epoch(state)
    kept = {name: np.array(part) for name, part in state.items()}
    while not trainer.over(state):
        state, epoch = trainer.epoch(state)
    assert epoch.validation.shape == epoch.loss.shape == epoch.train.shape == (1,)
    assert accuracy(trainer.trained(state), DATA.test)[0] > 0.85
    while not trainer.over(kept):
        kept, _ = trainer.epoch(kept)
    assert kept.keys() == state.keys()
    for name, part in state.items():
        assert_array_equal(kept[name], part)


@pytest.mark.slow
@with_jax
def test_tuning_fits_gains_and_biases_to_each_chip_and_leaves_every_bit():
    network, cells = random_network(), chips(2)
    trainer = tuned(network, cells, learn=LEARN, validation=VALIDATION, options=Options(Schedule(3, 0.02), batch=32))
    found = trained(trainer)
    assert len(found) == 2
    for after, before in zip(found.devices, network.devices, strict=True):
        assert_array_equal(after, np.repeat(before, 2, axis=0))
    assert not np.array_equal(found.gain[0][0], found.gain[0][1])
    assert np.all(accuracy(found, DATA.test, cells=cells) > accuracy(network, DATA.test, cells=cells) + 0.3)


@pytest.mark.slow
@with_jax
def test_what_knows_of_shorts_does_better_on_chips_than_what_does_not():
    options, given = Options(Schedule(epochs=40, rate=0.02), batch=32), {"learn": LEARN, "validation": VALIDATION}
    known = statistics()
    blind = trained(baseline(FORM, options=options, **given))
    for mask in Mask:
        cells = chips(4, mask=mask)
        aware = trained(statistics_aware(FORM, known, mask=mask, options=options, **given))
        own = trained(hardware_aware(FORM, cells, options=options, **given))
        fitted = trained(tuned(aware, cells, options=Options(Schedule(10, 5e-3), batch=32), **given))
        means = [accuracy(some, DATA.test, cells=cells).mean() for some in (blind, aware, fitted, own)]
        assert min(means[2:]) > means[0]
        assert means[1] > means[0] or mask is Mask.DEFECTS


@with_jax
def test_more_samples_in_a_batch_than_there_are_is_refused():
    with pytest.raises(InputError, match="a batch of 2000, but only 1293 samples"):
        baseline(FORM, learn=LEARN, validation=VALIDATION, options=Options(batch=2000))
