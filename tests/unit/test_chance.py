"""Addressed randomness: distribution, independence, and numbers that never change."""

import itertools

import numpy as np
import pytest
from scipy import stats

from labmtj.physics.chance import Purpose, normal, normals, uniform, uniforms, uniforms_each

N = 40_000
LEVEL = 1e-4  # chosen: all draws here are fixed, so a test passes or fails for ever; no retry can hide a bias


def test_uniform_numbers_are_uniform():
    assert stats.kstest(uniforms(1, Purpose.PULSE, N), "uniform").pvalue > LEVEL


def test_normal_numbers_are_normal():
    assert stats.kstest(normals(1, Purpose.READ_NOISE, N), "norm").pvalue > LEVEL


@pytest.mark.parametrize(
    "draw",
    [
        lambda n: uniform(n, 20, 3, 7),
        lambda n: uniform(17, n, 3, 7),
        lambda n: uniform(17, 20, n, 7),
        lambda n: uniform(17, 20, 3, n),
    ],
    ids=["seed", "purpose", "place", "ordinal"],
)
def test_counting_any_part_of_the_address_up_gives_uniform_independent_numbers(draw):
    found = np.array([draw(n) for n in range(5000)])
    assert stats.kstest(found, "uniform").pvalue > LEVEL
    for lag in (1, 2, 3, 15):
        assert abs(np.corrcoef(found[:-lag], found[lag:])[0, 1]) < 4 / np.sqrt(len(found))


def test_even_the_rarest_events_come_at_their_rate():
    # A disturbed cell is an event of 1e-3 and less: the tail of the uniform numbers counts.
    found = uniforms(5, Purpose.PULSE, 1_000_000)
    for share in (1e-2, 1e-3, 1e-4):
        expected = share * found.size
        assert abs(np.count_nonzero(found < share) - expected) < 4 * np.sqrt(expected)
        assert abs(np.count_nonzero(found > 1 - share) - expected) < 4 * np.sqrt(expected)
    assert 0 < found.min()
    assert found.max() < 1


def test_purposes_seeds_and_ordinals_share_nothing():
    series = [
        uniforms(seed, purpose, N // 4, ordinal)
        for seed, purpose, ordinal in itertools.product(
            (0, 1), (Purpose.PULSE, Purpose.EXPOSURE, Purpose.READ_NOISE), (0, 1)
        )
    ]
    for first, second in itertools.combinations(series, 2):
        assert abs(np.corrcoef(first, second)[0, 1]) < 4.5 / np.sqrt(len(first))
        assert not np.intersect1d(first, second).size


def test_the_same_address_always_gives_the_same_number():
    assert uniform(17, 20, 3, 7) == uniform(17, 20, 3, 7)
    assert uniforms(17, Purpose.PULSE, 10, 7)[3] == uniform(17, 20, 3, 7)
    assert uniforms(17, Purpose.PULSE, 10_000, 7)[3] == uniform(17, 20, 3, 7)
    assert normals(17, Purpose.PULSE, 10, 7)[3] == normal(17, 20, 3, 7)


def test_each_place_may_have_its_own_ordinal():
    ordinals = np.array([5, 0, 9], dtype=np.uint64)
    found = uniforms_each(17, Purpose.EXPOSURE, ordinals)
    assert [uniform(17, 21, place, ordinal) for place, ordinal in enumerate((5, 0, 9))] == found.tolist()


def test_places_may_be_arrays_of_any_length():
    assert uniforms(3, Purpose.DEFECT, 0).shape == (0,)
    assert uniforms(3, Purpose.DEFECT, 5).tolist() == uniforms(3, Purpose.DEFECT, 9)[:5].tolist()


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**63 - 1])
def test_any_seed_works(seed):
    assert 0 < uniform(seed, 20, 0, 0) < 1


def test_the_numbers_never_change():
    # Stored dies, journals and reports rest on them: a change here makes every seed another die.
    assert 0.06226837735281171 == uniform(0, 20, 0, 0)
    assert 0.6821432356368635 == uniform(17, 21, 224, 12345)
    # The logarithm and the cosine are the machine's own, correct to the last digit or so.
    assert normal(2**63 - 1, 22, 29, 1) == pytest.approx(-2.1920908515216637, rel=1e-14)


def test_purposes_have_different_numbers_and_keep_them():
    assert len(Purpose) == len({int(purpose) for purpose in Purpose})
    assert (7, 20, 21, 22, 30) == (
        Purpose.DEFECT,
        Purpose.PULSE,
        Purpose.EXPOSURE,
        Purpose.READ_NOISE,
        Purpose.RELAY,
    )
