"""PyMeasure and QCoDeS behind our ports on the simulated bench: what is said, what is refused, the same run by each."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from labmtj.bench.limits import Gate, Limits
from labmtj.bench.session import connect_instrument, open_bench, resource_manager
from labmtj.config import yaml12
from labmtj.config.bench import load_bench, with_driver
from labmtj.config.finder import find
from labmtj.config.model import CurrentBounds, load_model
from labmtj.config.source import read
from labmtj.errors import BenchError, InputError, LimitExceeded
from labmtj.protocol.engine import run
from labmtj.records import Cell
from labmtj.runs.cassette import read_cassette, recording
from labmtj.runs.journal import MemoryJournal

pytestmark = pytest.mark.clients
BENCH = Path(__file__).parent / "everything.yaml"
OURS = {"drive": None, "sense": None}
PYMEASURE = {"drive": "pymeasure:keithley.Keithley2450", "sense": "pymeasure:keithley.Keithley2400"}
QCODES = {"drive": "qcodes:Keithley.Keithley2450", "sense": "qcodes:Keithley.Keithley2400"}
BOTH = [pytest.param(PYMEASURE, id="pymeasure"), pytest.param(QCODES, id="qcodes")]
CLEAN = {"short": "0 %", "open": "0 %", "stuck": "0 %"}
SHEETS = {"2400": "keithley_2400", "2450": "keithley_2450", "2600": "keithley_2636b", "2636B": "keithley_2636b"}
CLASSES = [
    *(f"pymeasure:keithley.Keithley{name}" for name in ("2400", "2450", "2600")),
    *(f"qcodes:Keithley.Keithley{name}" for name in ("2400", "2450", "2636B")),
]
MAP = """
title: Map of a small die
format: 1
steps:
  - contact:  {at: 10 mV}
  - polarity: {start: 150 mV, step: 20 mV, ceiling: 600 mV, read: 50 mV}
  - map:      {read: 50 mV}
limits:
  cell_voltage: 600 mV
"""
NUMBERS = [sign * float(f"{value:.12g}") for value in np.geomspace(1e-12, 1e3, 62) for sign in (1, -1)] + [0.1, 1.0]
CELL = Cell(2, 3)


@pytest.fixture(scope="session", autouse=True)
def libraries(pymeasure, qcodes):
    """Both are here; QCoDeS has a home folder of the tests."""


@pytest.fixture
def bench(tmp_path):
    """bench(drivers, size): the shipped bench with these drivers for its source meters, and a smaller array."""

    def make(drivers, size=3):
        data = dict(read(find("benches", "pymeasure")).data)
        for name, driver in drivers.items():
            entry = {key: value for key, value in data["instruments"][name].items() if key != "driver"}
            data["instruments"][name] = entry | ({"driver": driver} if driver else {})
        data["array"] = {"rows": size, "cols": size}
        lines = f"1..{size}"
        data["lines"] = {"rows": {lines: lines}, "cols": {lines: f"16..{15 + size}"}}
        data["simulation"] = {"die": data["simulation"]["die"] | {"defects": CLEAN, "telegraph": "0 %"}}
        path = tmp_path / f"bench{len(list(tmp_path.iterdir()))}.yaml"  # PyVISA keeps one library a path
        path.write_text(yaml12.dump(data), encoding="utf-8")
        return path

    return make


@pytest.fixture
def opened(bench):
    """opened(drivers): an open bench, its journal and what is simulated."""
    contexts = []

    def make(drivers):
        file = load_bench(bench(drivers))
        manager, journal = resource_manager(file), MemoryJournal()
        context = open_bench(file, journal=journal)
        contexts.append((manager, context))
        return context.__enter__(), journal, manager.visalib.bench

    yield make
    for manager, context in contexts:
        context.__exit__(None, None, None)
        manager.close()


def entries(folder):
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()]


def without_time(found):
    """What a run wrote, but for its moments, its folder and what made it."""
    return [
        {key: value for key, value in entry.items() if key not in ("crc", "t", "wall", "seconds", "since")}
        for entry in found
        if entry["k"] not in ("run", "command", "account", "end", "summary")
    ]


@pytest.fixture(scope="session")
def mapped(tmp_path_factory):
    """mapped(file): the journal of a map of the die of this bench."""

    def make(file):
        folder = tmp_path_factory.mktemp("runs")
        (folder / "short-map.yaml").write_text(MAP, encoding="utf-8")
        return entries(run(folder / "short-map.yaml", bench=file, out=folder).folder)

    return make


def test_a_die_is_mapped_alike_by_pymeasure_by_qcodes_and_by_us(bench, mapped):
    ours, *others = (mapped(bench(drivers)) for drivers in (OURS, PYMEASURE, QCODES))
    packages = [set(journal[0]["provenance"]) & {"pymeasure", "qcodes"} for journal in (ours, *others)]
    assert [set(), {"pymeasure"}, {"qcodes"}] == packages
    for journal in others:
        assert without_time(ours) == without_time(journal)


def test_a_class_for_another_model_is_refused_before_anything_is_opened(bench):
    swapped = {"drive": PYMEASURE["sense"], "sense": PYMEASURE["drive"]}
    refused = pytest.raises(
        InputError, match=r"^drive: pymeasure:keithley.Keithley2400 is for an instrument of keithley_2"
    )
    with refused, open_bench(bench(swapped)):
        pass


@pytest.mark.slow
def test_the_wine_network_is_written_and_read_alike_by_pymeasure_by_qcodes_and_by_us(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))  # the report's; the home folder is watched
    ours, *others = (
        entries(run("wine", bench=bench(drivers, 15), out=tmp_path).folder) for drivers in (OURS, PYMEASURE, QCODES)
    )
    for journal in others:
        assert without_time(ours) == without_time(journal)


# -- one instrument --------------------------------------------------------------------------------------------------

NAMES = {"2400": "k2400", "2450": "k2450", "2600": "k2636", "2636B": "k2636"}
WIDE = Limits(cell_voltage=1e4, terminal_voltage=1e4, line_compliance=1e4)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """A bench with every instrument, in this process."""
    path = tmp_path_factory.mktemp("everything") / "bench.yaml"
    path.write_text(BENCH.read_text(encoding="utf-8"), encoding="utf-8")
    file = load_bench(path)
    manager = resource_manager(file)
    yield file, manager
    manager.close()


@pytest.fixture
def connected(everything):
    """connected(class): the driver of an instrument, set up, with limits that no instrument reaches."""
    file, manager = everything
    closing = []

    def make(kind, limits=WIDE, **changes):
        name = NAMES[kind.rpartition("Keithley")[2]]
        model = with_driver(load_model(file.model_file(name)), kind, None).model_copy(update=changes)
        device, close = connect_instrument(file, manager, name, model, gate=Gate(limits))
        closing.append(close)
        device.identify()
        device.setup(source_range=2.0, mains=50.0)
        return device, device.channel(model.channels[0])

    yield make
    for close in closing:
        close()


@pytest.mark.parametrize("kind", CLASSES)
def test_numbers_arrive_to_six_digits_or_an_error_says_that_they_do_not(connected, kind):
    _, channel = connected(kind)
    arrived = []
    for quantity in ("source_voltage", "compliance_current", "nplc", "current_range"):
        for value in NUMBERS:
            try:
                setattr(channel, quantity, value)
            except (LimitExceeded, BenchError):
                continue
            found = getattr(channel, quantity)
            right = found >= value * (1 - 1e-6) if quantity == "current_range" else abs(found / value - 1) < 1e-5
            assert right, f"{quantity}: {found!r} after {value!r}"
            arrived.append(quantity)
    assert {"source_voltage", "compliance_current", "nplc", "current_range"} == set(arrived)


@pytest.mark.parametrize(("kind", "amperes"), [(CLASSES[0], 3.3e-6), (CLASSES[1], 100e-9), (CLASSES[4], 100e-9)])
def test_a_small_current_limit_is_kept(connected, kind, amperes):
    _, channel = connected(kind)
    channel.compliance_current = amperes
    assert channel.compliance_current == pytest.approx(amperes, rel=1e-6)


@pytest.mark.parametrize("kind", [CLASSES[2], CLASSES[3]])
def test_a_small_current_limit_that_six_decimals_lose_is_an_error(connected, kind):
    _, channel = connected(kind)
    channel.compliance_current = 1e-3
    with pytest.raises(LimitExceeded, match=r"0\.000000.*: a current limit is above 0 A"):
        channel.compliance_current = 100e-9
    with pytest.raises(BenchError, match=r"= 3e-06 after it was set to 3.3e-06|answers 3e-06 to .* set to 3.3e-06"):
        channel.compliance_current = 3.3e-6


def test_a_limit_that_pymeasure_clips_is_an_error_and_the_output_stays_off(connected):
    bounds = CurrentBounds.model_construct(minimum=1e-9, maximum=5.0)
    _, channel = connected("pymeasure:keithley.Keithley2450", compliance=bounds)
    with pytest.raises(BenchError, match=r"answers 1.05 to :SOUR:VOLT:ILIM\? after it was set to 3.0"):
        channel.compliance_current = 3.0
    assert not channel.source_enabled


@pytest.mark.parametrize("kind", CLASSES)
def test_a_message_above_a_limit_does_not_leave_through_the_object(connected, kind):
    limits = Limits(cell_voltage=0.7, terminal_voltage=1.0, line_compliance=3e-3)
    device, channel = connected(kind, limits)
    word = "smua.source.levelv = " if "26" in kind else ":SOUR:VOLT "
    device.foreign.write(f"{word}0.1")
    with pytest.raises(LimitExceeded):
        device.foreign.write(f"{word}0.9")
    assert 0.1 == channel.source_voltage


@pytest.mark.parametrize("drivers", [OURS, *BOTH])
@pytest.mark.parametrize("name", ["drive", "sense"])
def test_a_power_cut_is_noticed_and_mended(opened, drivers, name):
    bench, journal, simulated = opened(drivers)
    before = bench.array.read([CELL], voltage=0.05)[0].conductance
    simulated.faults.add("late", on=name, delay="1 s", after=1_000_000)  # so that faults stand before the firmware
    simulated.faults._cycle(name)
    after = bench.array.read([CELL], voltage=0.05)[0].conductance
    assert after == pytest.approx(before, rel=0.02)
    assert [name] == [entry["instrument"] for entry in journal.entries if entry["k"] == "gap"]
    bench.devices[name].check_power()


def test_without_the_library_nothing_is_opened(bench, monkeypatch):
    file = load_bench(bench(PYMEASURE))
    monkeypatch.setitem(sys.modules, "pymeasure", None)
    missing = pytest.raises(InputError, match=r"PyMeasure is not installed here: pip install 'labmtj\[clients\]'")
    with missing, open_bench(file):
        pass


SET = {
    "pymeasure:keithley.Keithley2400": [
        ":SENSE:CURRENT:PROTECTION 0.003",
        "OUTPUT 1",
        ":SOURCE:VOLTAGE 0.05",
        ":READ?;*ESR?",
    ],
    "pymeasure:keithley.Keithley2450": [":SOUR:VOLT:ILIM 0.003", "OUTPUT ON", ":SOUR:VOLT:LEV 0.05", ":READ?"],
    "pymeasure:keithley.Keithley2600": [
        "smua.source.limiti=0.003000",
        "smua.source.output=1",
        "smua.source.levelv=0.050000",
        "print(smua.measure.i(), errorqueue.count)",
    ],
    "qcodes:Keithley.Keithley2400": [
        "SENS:CURR:PROT 0.003000",
        ":OUTP:STAT 1",
        ":SOUR:VOLT:LEV 0.05000000",
        ":READ?",
    ],
    "qcodes:Keithley.Keithley2450": [
        "SOUR:voltage:ILIM 0.003",
        ":OUTP 1",
        "SOUR:voltage 0.05",
        ":MEASure? 'defbuffer1'",
    ],
    "qcodes:Keithley.Keithley2636B": [
        "smua.source.limiti=0.003",
        "smua.source.output=1",
        "smua.source.levelv=0.050000000000",
        "print(smua.measure.i(), status.measurement.instrument.smua.condition, errorqueue.count)",
    ],
}


@pytest.mark.parametrize("kind", CLASSES)
def test_what_a_library_sends_is_followed_by_our_questions(connected, everything, kind, tmp_path):
    with recording(everything[1].visalib, tmp_path / "said.cassette"):
        _, channel = connected(kind)
        channel.compliance_current = 3e-3
        channel.source_enabled = True
        channel.source_voltage = 0.05
        assert abs(channel.measure_current()) < 3e-3
        channel.shutdown()
    said = [entry.text.rstrip("\n") for entry in read_cassette(tmp_path / "said.cassette") if entry.action == "write"]
    theirs = [text.removesuffix(";:SYST:ERR?").removesuffix(" print(errorqueue.count)") for text in said]
    assert SET[kind] == [text for text in theirs if text in SET[kind]]
    if "26" in kind:
        asked = [f"print(smua.source.{name}, errorqueue.count)" for name in ("limiti", "output", "levelv")]
    else:
        limit = ":SENS:CURR:PROT?" if "2400" in kind else ":SOUR:VOLT:ILIM?"
        asked = [f"{query};:SYST:ERR?" for query in (limit, ":OUTP?", ":SOUR:VOLT?")]
    places = [theirs.index(text) + 1 for text in SET[kind][:3]]
    assert asked == [said[place] for place in places]
