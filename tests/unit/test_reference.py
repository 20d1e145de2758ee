"""Reference cells and resistors that are read again while other things are measured."""

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import InputError
from labmtj.records import Cell, Pulse
from labmtj.routines.reference import Standard, Watch, Watched
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

QUIET = ("simulation.die.telegraph=0 %", "simulation.die.defects.short=0 %", "simulation.die.defects.open=0 %")
CELLS = (Standard("near", Cell(15, 1)), Standard("far", Cell(1, 15)))


def array_of(*settings, seed=17):
    return TwinArray(load_bench("simulated-15x15", overrides=(*QUIET, *settings), seed=seed), MemoryJournal())


def test_standards_are_read_when_they_are_due_and_not_in_between():
    array = array_of()
    watch = Watch(array, standards=CELLS, voltage=0.05, every=60.0, temperature=lambda: 299.5)
    watched = Watched(array, watch)
    start = array.clock.now()
    while array.clock.now() < start + 200.0:
        watched.read([Cell(5, 5)], voltage=0.05)
        watched.clock.sleep(10.0)
    assert 4 == len(watch.looks)
    gaps = np.diff([look.time for look in watch.looks])
    assert np.all((gaps >= 60.0) & (gaps < 80.0))
    found = watch.finding()
    assert (0, 0) == (found.figures["drifted_1"], found.figures["flipped_1"])
    assert found.figures["largest_drift_1"] < 0.005
    assert [299.5] * 4 == found.columns["temperature"].values.tolist()
    assert 0.0 == found.figures["temperature_change_kelvin"]
    assert "none beyond accuracy and noise" in found.line


def test_the_array_is_the_same_through_the_watch():
    array, other = array_of(), array_of()
    watched = Watched(array, Watch(array, standards=CELLS, voltage=0.05, every=1e9))
    watched.read([Cell(1, 1)], voltage=0.05)
    assert (array.shape, array.analog, array.clock) == (watched.shape, watched.analog, watched.clock)
    pulse = Pulse(Cell(3, 3), 0.4, 1e-4)
    watched.check(pulse)
    watched.pulse(pulse)
    other.pulse(pulse)
    assert array.electrics.state.state.tolist() == other.electrics.state.state.tolist()
    total = watched.total([1, 2], [3, 4], voltage=0.05).conductance
    columns = watched.multiply([1, 2], [3, 4], volts=[0.05, 0.05])
    assert total == pytest.approx(columns.sum() / 0.05, rel=0.02)
    assert watched.sense([1], [1], voltage=0.05).current == pytest.approx(
        array.sense([1], [1], voltage=0.05).current, rel=0.05
    )
    watched.rest()


def test_a_cell_that_drifts_and_one_that_flips_are_told_apart():
    array = array_of()
    watch = Watch(array, standards=CELLS, voltage=0.05, every=60.0)
    watch.look()
    array.electrics._r_p[14, 0] *= 1.03
    array.electrics._flip((np.intp(0), np.intp(14)))
    watch.look()
    found = watch.finding()
    assert (1, 1) == (found.figures["drifted_1"], found.figures["flipped_1"])
    assert [0, 1] == found.columns["flipped"].values.tolist()
    assert "beyond accuracy and noise: near; 1 flipped" in found.line


def test_a_resistor_in_the_place_of_a_cell_is_one_in_the_twin_too():
    array = array_of('references={"r10k": {"row": 4, "col": 9, "resistance": "10 kohm"}}')
    watch = Watch(array, standards=[Standard("r10k", Cell(4, 9), 10e3)], voltage=0.05, every=60.0)
    watch.look_if_due()
    watch.look()
    # Its wires and those it shares take voltage away, some 10 % at so far a place.
    assert watch.finding().columns["resistance"].values == pytest.approx(np.full((2, 1), 10.5e3), rel=0.08)
    array.pulse(Pulse(Cell(4, 9), 0.6, 1e-4))
    watch.look()
    assert 0 == watch.finding().figures["flipped_1"]


def test_a_watch_without_anything_to_watch_is_refused():
    with pytest.raises(InputError, match="one cell or resistor at least"):
        Watch(array_of(), standards=[], voltage=0.05, every=60.0)
