"""Widths that the source of a bench's pulses cannot make are found before anything runs."""

import pytest

from labmtj.errors import FileProblems
from labmtj.protocol.load import load_protocol


@pytest.mark.parametrize(
    ("bench", "setting", "hint"),
    [
        ("simulated-15x15", "program.pulse.width=10 us", "Keithley 2636B .* makes 100 us to 5 s"),
        ("keysight", "map.width=10 ns", "Keysight 33522B .* makes 16 ns to 4 s"),
        ("parallel", "polarity.width=10 s", "QDAC-II.* makes 10 us to 4 s"),
    ],
)
def test_a_width_that_the_bench_cannot_make_is_refused_at_its_place(bench, setting, hint):
    with pytest.raises(FileProblems, match=hint) as found:
        load_protocol("wine", bench=bench, overrides=[setting])
    assert {problem.path for problem in found.value.problems} == {setting.partition("=")[0]}


def test_a_width_that_the_generator_makes_and_the_meters_do_not_is_taken():
    load_protocol("wine", bench="keysight", overrides=["program.pulse.width=200 ns"])
