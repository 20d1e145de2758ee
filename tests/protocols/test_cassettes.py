"""Sessions on tape: what was said is replayed word for word, and another word is an error."""

import pytest
import pyvisa

from labmtj.bench.session import open_bench
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.errors import InputError, ReplayMismatch
from labmtj.runs.cassette import read_cassette, recording

SMU = "TCPIP0::192.0.2.11::inst0::INSTR"


@pytest.fixture
def path(tmp_path):
    bench = tmp_path / "bench.yaml"
    bench.write_text(find("benches", "simulated-15x15").read_text())
    return bench


def opened(manager, address=SMU):
    return manager.open_resource(address, read_termination="\n", write_termination="\n")


def test_a_whole_session_of_a_bench_is_replayed_with_the_same_readings(path, tmp_path):
    tape = tmp_path / "session.cassette"
    with open_bench(load_bench(path), record=tape) as bench:
        first = bench.cell(3, 7).read(at="50 mV")
        bench.cell(3, 7).pulse("-420 mV", width="100 us")
    path.write_text(path.read_text().replace('visa: "@labmtj"', f'visa: "{tape}@labmtj"'))
    with open_bench(load_bench(path)) as bench:
        again = bench.cell(3, 7).read(at="50 mV")
        bench.cell(3, 7).pulse("-420 mV", width="100 us")
    assert (first.voltage, first.current) == (again.voltage, again.current)
    replayed = pyvisa.ResourceManager(f"{tape}@labmtj")
    assert {"TCPIP0::192.0.2.11::inst0::INSTR", "TCPIP0::192.0.2.12::inst0::INSTR"} == set(replayed.list_resources())


def test_any_session_can_be_recorded_and_another_message_is_refused_in_the_replay(path, tmp_path):
    tape = tmp_path / "mine.cassette"
    manager = pyvisa.ResourceManager(f"{path}@labmtj")
    with recording(manager.visalib, tape):
        smu = opened(manager)
        assert "2636B" in smu.query("*IDN?")
        smu.write("smua.source.levelv = 0.25")
        level = smu.query("print(smua.source.levelv)")
    smu.query("print(1)")  # not on the tape
    assert 5 == len([entry for entry in read_cassette(tape) if entry.action in ("write", "read")])
    replayed = opened(pyvisa.ResourceManager(f"{tape}@labmtj"))
    assert "2636B" in replayed.query("*IDN?")
    replayed.write("smua.source.levelv = 0.25")
    assert level == replayed.query("print(smua.source.levelv)")
    with pytest.raises(ReplayMismatch, match="after 3 exchanges the cassette has 'nothing more'"):
        replayed.write("print(2)")


def test_binary_replies_and_scripts_of_many_lines_survive(path, tmp_path):
    tape = tmp_path / "binary.cassette"
    manager = pyvisa.ResourceManager(f"{path}@labmtj")
    script = "loadandrunscript\nsmua.nvbuffer1.clear()\nsmua.measure.i(smua.nvbuffer1)\nformat.data = format.REAL32"
    ask = "printbuffer(1, 1, smua.nvbuffer1.readings)\nendscript"

    def session(resource):
        resource.write(f"{script}\n{ask}")
        return resource.read_raw()

    with recording(manager.visalib, tape):
        first = session(opened(manager))
    assert first.startswith(b"#0")
    assert first == session(opened(pyvisa.ResourceManager(f"{tape}@labmtj")))


def test_what_is_no_cassette_is_named_with_its_line(tmp_path):
    bad = tmp_path / "bad.cassette"
    for text, says in [
        ("", "is empty"),
        ('{"cassette": 2}\n', "format 2 is not known"),
        ('{"cassette": 1}\n{"do": "write"}\n', "bad.cassette:2: not a line"),
        ("what\n", "bad.cassette:1: not a line"),
    ]:
        bad.write_text(text)
        with pytest.raises(InputError, match=says):
            read_cassette(bad)
