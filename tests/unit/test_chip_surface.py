"""Loss around solutions, and measures of networks on chips."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labmtj.errors import InputError
from labmtj.nets.chips.cells import ChipCells, software_cells
from labmtj.nets.chips.judging import accuracy, scores
from labmtj.nets.chips.measures import of_chips
from labmtj.nets.chips.networks import ChipNetworks, Form
from labmtj.nets.chips.surface import cross_entropy, flipped, surface
from labmtj.nets.images.preparing import Samples

FORM = Form(side=4, hidden=7, block=5, classes=3)


def network(count: int = 1) -> ChipNetworks:
    random = np.random.RandomState(8)
    devices = [random.randint(0, 2, (count, *shape, 2)).astype(np.uint8) for shape in FORM.shapes]
    gain = [np.full((count, -(-inputs // 5), outputs, 2), 0.7) for inputs, outputs in FORM.shapes]
    bias = [random.normal(0.0, 0.1, (count, outputs)) for _, outputs in FORM.shapes]
    return ChipNetworks(FORM, tuple(devices), tuple(gain), tuple(bias))


def samples() -> Samples:
    """Samples that the network has all right."""
    levels = np.random.RandomState(9).randint(0, 4, (60, 16)).astype(np.uint8)
    blind = Samples(levels, np.zeros(60, dtype=np.int64), 2)
    return Samples(levels, np.argmax(scores(network(), blind)[0], axis=-1).astype(np.int64), 2)


def chips(count: int) -> ChipCells:
    """Chips whose window is one, with spread and an offset that both devices of a pair share."""
    random = np.random.RandomState(3)
    ideal = software_cells(FORM.shapes)
    off = tuple(random.normal(1.4, 0.1, (count, *part.shape[1:])).astype(np.float32) for part in ideal.off)
    return ChipCells(off, tuple(np.repeat(part, count, axis=0) for part in ideal.on))


def test_the_surface_has_the_solution_in_its_middle_and_rises_around_it():
    found = surface(network(), samples(), reach=1.0, points=5, seed=1)
    assert found.along.tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert found.accuracy[2, 2] == 1.0
    expected = cross_entropy(scores(network(), samples()), samples().labels)[0]
    assert found.loss[2, 2] == pytest.approx(expected, rel=1e-5)
    assert found.rise[0] == 0.0
    assert 0.0 < found.rise[1] < found.rise[2]


def test_the_surface_over_chips_is_the_mean_of_those_of_each():
    both = surface(network(), samples(), cells=chips(2), points=3, seed=1)
    each = [surface(network(), samples(), cells=chips(2).take([chip]), points=3, seed=1) for chip in range(2)]
    assert_allclose(both.loss, (each[0].loss + each[1].loss) / 2, rtol=1e-6)


def test_flips_take_accuracy_and_none_takes_none():
    found = flipped(network(), samples(), rates=np.array([0.0, 0.3]), draws=5)
    assert_array_equal(found.accuracy[0], np.ones(5))
    assert found.accuracy[1].mean() < 0.95
    assert found.loss[1].mean() > found.loss[0].mean()


def test_measures_see_nothing_on_an_ideal_chip_and_the_spread_of_a_real_one():
    ideal = of_chips(network(), samples(), cells=software_cells(FORM.shapes))
    assert (ideal["m_agreement"][0], ideal["m_flip_rate"][0], ideal["m_pearson_1"][0]) == (1.0, 0.0, pytest.approx(1.0))
    real = of_chips(network(), samples(), cells=chips(3))
    assert all(part.shape == (3,) for part in real.values())
    assert np.all((real["m_pearson_1"] > 0.8) & (real["m_pearson_1"] < 1.0))
    right = accuracy(network(), samples(), cells=chips(3))
    assert_allclose(1.0 - real["m_flip_rate"], right)


def test_a_surface_of_many_networks_or_without_a_middle_is_refused():
    for wrong, points in ((network(2), 5), (network(), 4)):
        with pytest.raises(InputError, match="one network at an odd number of points"):
            surface(wrong, samples(), points=points)
