"""Instruments that are switched off and on in the middle, and pulses that nobody saw end, on all three benches."""

import pytest

from labmtj.bench.session import open_bench, resource_manager
from labmtj.config.bench import load_bench
from labmtj.errors import BenchError, NoReply, PowerLost
from labmtj.records import Cell, Pulse
from labmtj.runs.journal import MemoryJournal

SMALL = ("simulation.die.telegraph=0", "simulation.die.defects.short=0", "simulation.die.defects.open=0")
SLOW = pytest.mark.slow
PULSING = {"simulated-15x15": "smu", "keysight": "generator", "parallel": "dac"}
INSTRUMENTS = [
    ("simulated-15x15", "smu"),
    ("simulated-15x15", "matrix"),
    ("keysight", "generator"),
    ("keysight", "matrix"),
    ("parallel", "dac"),
    *(
        pytest.param(*place, marks=SLOW)
        for place in (("keysight", "drive"), ("keysight", "sense"), ("parallel", "smu"), ("parallel", "matrix"))
    ),
]
OTHERS = [pytest.param(name, marks=SLOW) for name in ("keysight", "parallel")]
CELL = Cell(2, 3)


class Bench:
    """An open bench with its journal and its faults."""

    def __init__(self, opened, journal, simulated):
        self.array, self.journal = opened.array, journal
        self.world, self.faults = simulated.world, simulated.faults
        self.width = opened.file.bench.pulse.width

    def cut(self, name):
        """Off and on again, between two messages; what it takes to start has passed."""
        self.faults.add("late", on=name, delay="1 s", after=1_000_000)  # so that faults stand before the firmware
        self.faults._cycle(name)

    def read(self):
        return self.array.read([CELL], voltage=0.05)[0]

    def pulse(self, volts=0.1):
        return self.array.pulse(Pulse(CELL, volts, self.width))

    def kinds(self, kind):
        return [entry for entry in self.journal.entries if entry["k"] == kind]

    @property
    def delivered(self):
        return [entry for entry in self.world.log.entries if entry["kind"] == "pulse"]


@pytest.fixture
def make(tmp_path):
    made = []

    def open_(name):
        file = load_bench(name, overrides=SMALL)
        path = tmp_path / f"{name}.yaml"
        path.write_text(file.source.effective_text())
        journal, file = MemoryJournal(), load_bench(path)
        manager, context = resource_manager(file), open_bench(file, journal=journal)
        made.append((manager, context))
        return Bench(context.__enter__(), journal, manager.visalib.bench)

    yield open_
    for manager, context in made:
        context.__exit__(None, None, None)
        manager.close()


@pytest.mark.parametrize(("name", "instrument"), INSTRUMENTS)
def test_a_power_cut_is_noticed_before_the_next_pulse_and_mended_and_written_down(make, name, instrument):
    bench = make(name)
    before = bench.read().conductance
    bench.pulse()
    told = len(bench.delivered)
    bench.cut(instrument)
    outcome = bench.pulse()
    after = bench.read().conductance
    assert not outcome.uncertain
    assert after == pytest.approx(before, rel=0.02)
    gaps = bench.kinds("gap")
    assert [instrument] == [gap["instrument"] for gap in gaps]
    assert 0 <= gaps[0]["since"] <= gaps[0]["t"] <= outcome.time + 1.0
    assert 1 == len(bench.delivered) - told
    assert 2 == len(bench.kinds("intent")) == len(bench.kinds("outcome"))
    assert [] == bench.world.violations


@pytest.mark.parametrize(
    ("name", "instrument"),
    [
        ("keysight", "drive"),
        *(pytest.param(*place, marks=SLOW) for place in (("keysight", "sense"), ("parallel", "smu"))),
    ],
)
def test_a_reading_through_an_instrument_that_was_off_is_none_but_is_made_again(make, name, instrument):
    bench = make(name)
    before = bench.read().conductance
    bench.cut(instrument)
    assert bench.read().conductance == pytest.approx(before, rel=0.02)
    assert [instrument] == [gap["instrument"] for gap in bench.kinds("gap")]


def test_all_instruments_at_once_are_set_up_again_and_the_route_is_taken_anew(make):
    bench = make("simulated-15x15")
    before = bench.read().conductance
    for name in ("smu", "matrix"):
        bench.cut(name)
    assert not bench.pulse().uncertain
    assert bench.read().conductance == pytest.approx(before, rel=0.02)
    assert ["matrix", "smu"] == sorted(gap["instrument"] for gap in bench.kinds("gap"))
    assert [] == bench.world.violations


@pytest.mark.parametrize("name", PULSING)
def test_a_pulse_whose_reply_is_lost_is_uncertain_and_never_fired_again(make, name):
    bench = make(name)
    bench.read()
    bench.pulse()
    told, asked = len(bench.delivered), 12
    outcomes = []
    for number in range(asked):
        bench.faults.add("late", on=PULSING[name], delay="15 s", after=number)
        outcomes.append(bench.pulse())
        bench.faults.clear()
    delivered = len(bench.delivered) - told
    certain = sum(not outcome.uncertain for outcome in outcomes)
    assert any(outcome.uncertain for outcome in outcomes)
    assert certain <= delivered <= asked
    assert asked + 1 == len(bench.kinds("intent")) == len(bench.kinds("outcome"))
    assert [] == bench.world.violations
    assert not bench.pulse().uncertain


@pytest.mark.parametrize("name", ["simulated-15x15", *OTHERS])
def test_a_pulse_whose_instrument_is_gone_is_an_error_and_its_intent_stays_open(make, name):
    bench = make(name)
    bench.read()
    bench.pulse()
    number = bench.faults.add("hang", on=PULSING[name])
    with pytest.raises(BenchError, match="does not answer"):
        bench.pulse()
    assert len(bench.kinds("intent")) - len(bench.kinds("outcome")) in (0, 1)
    bench.faults.clear(number)


@pytest.mark.parametrize("name", ["simulated-15x15", *OTHERS])
def test_a_power_cut_in_the_middle_of_a_pulse_makes_it_uncertain(make, name):
    bench = make(name)
    bench.read()
    bench.pulse()
    told = len(bench.delivered)
    seen = []
    for after in range(8):
        bench.faults.add("power_cycle", on=PULSING[name], after=after)
        try:
            seen.append(bench.pulse().uncertain)
        except (NoReply, PowerLost):
            seen.append(True)
        bench.faults.clear()
        bench.world.host.sleep(20)
    certain = seen.count(False)
    assert certain <= len(bench.delivered) - told <= len(seen)
    assert [] == bench.world.violations
    assert bench.kinds("gap")


def test_levels_that_stood_before_a_lost_reply_never_come_back(make):
    bench = make("keysight")
    bench.read()
    for after in range(6):
        bench.faults.add("late", on="drive", delay="15 s", after=after)
        bench.read()
        bench.faults.clear()
        levels = [bench.world.outputs[name, "1"].level for name in ("drive", "sense")]
        assert [0.0, 0.0] == pytest.approx(levels, abs=1e-3)
