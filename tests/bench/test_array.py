"""The array behind the instruments, at 10 mV: readings, contact, routes, limits, and what is written down of it."""

import math

import pytest

from labmtj.bench.assemble import Connected, assemble
from labmtj.bench.doctor import Verdict, examine
from labmtj.bench.limits import Limits
from labmtj.bench.session import WallClock, open_bench, resource_manager
from labmtj.config.model import SourceMeterModel
from labmtj.errors import LimitExceeded
from labmtj.ports import GatedArray
from labmtj.records import Cell
from labmtj.runs.journal import FileJournal, MemoryJournal, read_journal

LEVEL = 10e-3  # [V]


def test_a_cell_is_read_at_10_mv_and_the_reading_is_in_the_journal(opened, journal):
    before = opened.clock.now()
    (reading,) = opened.array.read([Cell(1, 1)], voltage=LEVEL)
    assert (Cell(1, 1), LEVEL) == (reading.cell, reading.voltage)
    assert math.isfinite(reading.current)
    assert before <= reading.time <= opened.clock.now()
    (entry,) = [entry for entry in journal.entries if entry["k"] == "read"]
    assert reading.current == pytest.approx(entry["i"], rel=1e-6)


def test_lines_are_sensed_summed_and_multiplied_at_10_mv(opened):
    array, cols = opened.array, opened.array.shape[1]
    assert math.isfinite(array.sense([1], [1], voltage=0.0).current)
    assert math.isfinite(array.sense([1], [cols], voltage=-LEVEL).current)
    found = array.total([1], [1], voltage=LEVEL)
    assert found.in_compliance or math.isfinite(found.current)
    currents = array.multiply([1], [1, cols], volts=[LEVEL])
    assert (2,) == currents.shape


def test_rows_with_sources_of_their_own_get_voltages_of_their_own(opened):
    if not opened.array.analog:
        pytest.skip("a source on every row")
    rows, cols = opened.array.shape
    currents = opened.array.multiply([1, rows], range(1, cols + 1), volts=[LEVEL, -LEVEL / 2])
    assert (cols,) == currents.shape


def test_every_line_is_looked_at_before_anything_else_and_no_more_than_10_mv_is_taken_for_it(opened, heard):
    found = opened.contact()
    rows, cols = opened.array.shape
    assert (rows, cols, LEVEL) == (len(found.rows), len(found.cols), found.level)
    assert [] == [str(fault) for fault in found.faults]
    with heard, pytest.raises(LimitExceeded):
        opened.contact(level=1.01 * LEVEL)
    assert [] == heard.messages


def test_what_is_above_a_limit_is_refused_with_nothing_sent(opened, heard):
    limits, array = opened.limits, opened.array
    for volts in (1.001 * limits.cell_voltage, -2 * limits.cell_voltage, math.nan, math.inf):
        for ask in (
            lambda volts=volts: array.read([Cell(1, 1)], voltage=volts),
            lambda volts=volts: array.sense([1], [1], voltage=volts),
            lambda volts=volts: array.total([1], [1], voltage=volts),
            lambda volts=volts: array.multiply([1], [1], volts=[volts]),
        ):
            with heard, pytest.raises(LimitExceeded):
                ask()
            assert [] == heard.messages


def test_a_bench_that_is_opened_with_tighter_limits_keeps_to_them(file, heard):
    tight = Limits(**{**dict(file.bench.limits), "cell_voltage": 5e-3})
    with open_bench(file, limits=tight, journal=MemoryJournal()) as bench:
        with heard, pytest.raises(LimitExceeded):
            bench.array.read([Cell(1, 1)], voltage=LEVEL)
        assert [] == heard.messages


class Watched:
    """A matrix that looks, before relays move, at what its sources stand at."""

    def __init__(self, matrix, sources):
        self._matrix, self._sources, self.moves, self.live = matrix, sources, 0, []

    def __getattr__(self, name):
        return getattr(self._matrix, name)

    def switch(self, steps):
        self.moves += 1
        self.live += [(name, source.source_voltage) for name, source in self._sources if source.source_voltage != 0.0]
        return self._matrix.switch(steps)


def test_no_relay_moves_before_every_source_stands_at_0_v(file, models, connected):
    switched = [name for name, device in connected.devices.items() if hasattr(device, "switch")]
    if not switched:
        pytest.skip("a matrix")
    sources = [
        (f"{name}.{channel}", connected.devices[name].channel(channel))
        for name, model in models.items()
        if isinstance(model, SourceMeterModel)
        for channel in model.channels
    ]
    watched = Watched(connected.devices[switched[0]], sources)
    devices = {**connected.devices, switched[0]: watched}
    clock = getattr(resource_manager(file).visalib, "clock", None) or WallClock()
    made = assemble(file, Limits(**dict(file.bench.limits)), MemoryJournal(), Connected(devices, models), clock)
    rows, cols = made.array.shape
    made.array.rest()
    made.array.read([Cell(1, 1), Cell(rows, cols), Cell(1, cols)], voltage=LEVEL)
    made.contact()
    made.array.rest()
    assert watched.moves > 3
    assert [] == watched.live


def test_a_journal_on_disk_has_what_was_read_even_if_the_work_fails(file, tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = FileJournal(path)
    readings = []

    def work():
        with open_bench(file, journal=journal) as bench:
            readings.extend(bench.array.read([Cell(1, 1)], voltage=LEVEL))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    journal.close()
    (reading,) = readings
    (entry,) = [entry for entry in read_journal(path) if entry["k"] == "read"]
    assert reading.current == pytest.approx(entry["i"], rel=1e-6)


def test_a_chip_opens_the_gates_of_each_of_its_kernels(opened):
    if not isinstance(opened.array, GatedArray):
        pytest.skip("gates of a chip")
    rows = opened.array.shape[0] // opened.array.kernels
    cells = [Cell(kernel * rows + 1, 1) for kernel in range(opened.array.kernels)]
    readings = opened.array.read(cells, voltage=LEVEL)
    assert all(math.isfinite(reading.current) and reading.current > 0 for reading in readings)


def test_a_neuron_is_operated_at_10_mv(opened):
    if opened.neurons is None:
        pytest.skip("neurons")
    readings = opened.neurons.operate(1, [0.0, LEVEL], probe=LEVEL)
    assert 2 == len(readings)
    assert opened.neurons.count >= 1


def test_a_magnet_rests_at_zero_and_refuses_a_field_above_its_limit(opened, heard):
    if opened.field is None:
        pytest.skip("a magnet")
    low, high = opened.field.limits
    assert low < opened.field.read() < high
    with heard, pytest.raises(LimitExceeded):
        opened.field.field = 1.01 * high
    assert [] == heard.messages
    assert abs(opened.field.read()) < 0.01 * high


def test_a_thermometer_beside_the_die_reads_a_temperature(opened):
    if opened.thermometer is None:
        pytest.skip("a thermometer")
    assert 1.0 < opened.thermometer.temperature() < 500.0


def test_the_doctor_finds_nothing_wrong(file):
    assert [] == [f"{found.subject}: {found.text}" for found in examine(file) if found.verdict is Verdict.BAD]
