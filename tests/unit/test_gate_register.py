"""The register that opens gates: what is written is what opens, from any state, and nothing else meanwhile."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labmtj.gate_register import CLOSED, Gates, Latches, mask, words

gates = st.builds(Gates, st.integers(1, 256), st.integers(0, 2**56 - 1), st.booleans())


def test_all_lines_high_close_every_gate():
    latches = Latches()
    latches.take(CLOSED)
    assert None is latches.gates


@given(first=gates, second=gates)
def test_words_open_these_gates_from_nothing_known_and_from_what_stood_before(first, second):
    latches = Latches()
    for level in words(None, first):
        latches.take(level)
    assert first == latches.gates
    for level in words(first, second):
        latches.take(level)
        assert latches.gates is None or (second.kernel, second.write) == (latches.gates.kernel, latches.gates.write)
    assert second == latches.gates


def test_a_latch_that_stands_right_is_left_alone():
    assert [] == words(Gates(3, mask([1, 2])), Gates(3, mask([1, 2])))
    assert 3 == len(words(Gates(3, mask([1])), Gates(3, mask([2]))))


def test_rows_and_masks_are_the_same():
    assert (1, 25) == Gates(1, mask([25, 1, 25])).numbers
