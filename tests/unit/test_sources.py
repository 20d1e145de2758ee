"""Sources on their load lines: ideal, with a resistance, in compliance, of current; against circuits done by hand."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from labmtj.errors import SolveError
from labmtj.twin.sources import Source, stand


def resistors(*ohms):
    """A network in which each source sees a resistor to ground."""

    def network(volts):
        return "solved", [v / r for v, r in zip(volts, ohms, strict=True)]

    return network


def through(ohms):
    """Two sources joined by one resistor."""

    def network(volts):
        amperes = (volts[0] - volts[1]) / ohms
        return "solved", [amperes, -amperes]

    return network


def cubic(volts):
    """A junction whose current grows faster than its voltage."""
    return "solved", [v / 1000 + 5 * v**3 for v in volts]


def test_an_ideal_source_within_its_limit_takes_one_solve():
    calls = []

    def network(volts):
        calls.append(list(volts))
        return resistors(1000.0)(volts)

    _, (found,) = stand([Source(0.5, 1e-3)], network)
    assert (0.5, 0.5e-3, False) == found_of(found)
    assert [[0.5]] == calls


def found_of(standing):
    return standing.volts, pytest.approx(standing.amperes), standing.limited


@given(level=st.floats(-2, 2), ohms=st.floats(1, 1e6), limit=st.floats(1e-6, 1e-2))
def test_a_voltage_source_holds_its_level_or_its_limit_whichever_is_less(level, ohms, limit):
    _, (found,) = stand([Source(level, limit)], resistors(ohms))
    expected = level if abs(level) / ohms <= limit else math.copysign(limit * ohms, level)
    assert found.volts == pytest.approx(expected, rel=1e-5, abs=1e-12)


@given(level=st.floats(-1e-3, 1e-3), ohms=st.floats(1, 1e6), limit=st.floats(0.1, 20))
def test_a_current_source_holds_its_level_or_its_voltage_limit(level, ohms, limit):
    _, (found,) = stand([Source(level, limit, current=True)], resistors(ohms))
    expected = level if abs(level) * ohms <= limit else math.copysign(limit / ohms, level)
    assert found.amperes == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_a_current_source_with_nothing_on_it_stands_at_its_voltage_limit():
    _, (found,) = stand([Source(-1e-6, 5.0, current=True)], lambda volts: ("open", [0.0]))
    assert (-5.0, 0.0, True) == (found.volts, found.amperes, found.limited)


def test_a_generator_of_50_ohm_divides_with_its_load():
    _, (found,) = stand([Source(1.0, 1.0, ohms=50.0)], resistors(50.0))
    assert found.volts == pytest.approx(0.5)


def test_two_generators_share_the_drop_over_what_joins_them():
    _, (first, second) = stand([Source(0.3, 1.0, 50.0), Source(-0.3, 1.0, 50.0)], through(100.0))
    assert (0.15, -0.15) == (pytest.approx(first.volts), pytest.approx(second.volts))
    assert first.amperes == pytest.approx(3e-3, rel=1e-5)


def test_a_source_that_takes_up_current_is_pushed_above_its_level():
    _, (strong, weak) = stand([Source(1.0, 1.0), Source(0.0, 1e-4)], through(1000.0))
    assert (False, True) == (strong.limited, weak.limited)
    assert weak.volts == pytest.approx(0.9, rel=1e-4)


def test_two_sources_of_equal_limits_that_are_tied_together_come_to_rest():
    """One of them decides; with a leak of 1 % beside them both currents are nearly at their limits at once."""

    def network(volts):
        joined = (volts[0] - volts[1]) / 1.5
        return "solved", [joined + volts[0] / 1000, -joined + volts[1] / 1000]

    _, (first, second) = stand([Source(0.0103, 1.05e-3), Source(-0.0003, 1.05e-3)], network)
    assert abs(first.amperes) <= 1.05e-3 * (1 + 1e-5)
    assert abs(second.amperes) <= 1.05e-3 * (1 + 1e-5)
    assert first.limited
    assert first.volts <= 0.0103
    assert second.volts >= -0.0003


@example(
    levels=[0.0, 1.0, 0.0078125],
    limits=[0.0078125] * 3,
    ohms=[0.0] * 3,
    joins=[24.0, 1.0, 1.0, 2.0, 1.0, 145.0],
)
@given(
    levels=st.lists(st.floats(-1, 1), min_size=3, max_size=3),
    limits=st.lists(st.floats(1e-5, 1e-2), min_size=3, max_size=3),
    ohms=st.lists(st.sampled_from([0.0, 1.0, 50.0]), min_size=3, max_size=3),
    joins=st.lists(st.floats(1.0, 1e5), min_size=6, max_size=6),
)
def test_any_three_sources_on_any_resistors_stand_on_their_characteristics(levels, limits, ohms, joins):
    (a, b, c, to_a, to_b, to_c) = joins

    def network(volts):
        x, y, z = volts
        return "solved", [
            (x - y) / a + (x - z) / b + x / to_a,
            (y - x) / a + (y - z) / c + y / to_b,
            (z - x) / b + (z - y) / c + z / to_c,
        ]

    sources = [Source(level, limit, r) for level, limit, r in zip(levels, limits, ohms, strict=True)]
    _, found = stand(sources, network)
    for source, at in zip(sources, found, strict=True):
        assert abs(at.amperes) <= source.limit * (1 + 1e-5)
        short = source.level - source.ohms * at.amperes - at.volts
        if at.limited:
            assert short * at.amperes >= -1e-6 * source.limit
        else:
            assert abs(short) <= 1e-6 * max(1e-3, abs(source.level))


def test_limits_hold_on_a_junction_that_is_not_linear():
    _, (found,) = stand([Source(0.5, 2e-4)], cubic)
    assert found.limited
    assert found.amperes == pytest.approx(2e-4, rel=2e-6)


def test_what_does_not_come_to_rest_is_an_error():
    flips = iter(range(10_000))

    def restless(volts):
        return "never", [1.0 + next(flips) % 2 for _ in volts]

    with pytest.raises(SolveError, match="did not settle"):
        stand([Source(1.0, 1e-3)], restless)
