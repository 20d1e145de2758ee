"""Faults in a bench that is served to other processes, put in over its control port and from the command line."""

import pytest
import pyvisa
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.errors import BenchError
from labmtj.twin.build import simulated_bench
from labmtj.twin.served.control import ask
from labmtj.twin.served.ready import write_ready
from labmtj.twin.served.server import BenchServer


@pytest.fixture
def served(tmp_path):
    with BenchServer(simulated_bench("simulated-15x15"), hislip_port=0, socket_port=0) as server:
        write_ready(tmp_path / "ready.json", server.description())
        yield server


@pytest.fixture
def visa():
    manager = pyvisa.ResourceManager("@py")
    yield manager
    manager.close()


@pytest.fixture
def command(served, tmp_path):
    """Run `labmtj twin fault` on the served bench; what it prints."""

    def run(*words):
        result = CliRunner().invoke(app, ["twin", "fault", "--ready-file", str(tmp_path / "ready.json"), *words])
        if result.exception is not None:
            raise result.exception
        return result.output

    return run


def request(server, **fields):
    return ask(fields, port=server.control_port, token=server.token)


def test_a_fault_is_put_in_seen_and_taken_away_over_the_control_port(served, visa):
    fields = {"kind": "identity", "on": "matrix", "identity": "ACME,MODEL 9,1,1", "times": 0}
    number = request(served, do="fault", fault=fields)["number"]
    matrix = visa.open_resource(served.resources["matrix"].hislip, read_termination="\n")
    assert "ACME,MODEL 9,1,1" == matrix.query("*IDN?")
    (entry,) = request(served, do="faults")["faults"]
    assert (number, "identity", 1) == (entry["number"], entry["kind"], entry["hits"])
    assert [] == request(served, do="clear_faults", number=number)["faults"]
    assert "MODEL 707B" in matrix.query("*IDN?")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"kind": "lat"}, "did you mean late"),
        ({"on": "smu"}, "kind is missing"),
        ({"kind": "late", "delay": "3 s", "self": 1}, "there is no field self"),
        ("late", '"fault" is missing'),
        ({"kind": "interlock", "on": "matrix"}, "no output"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_a_reason(served, fields, expected):
    with pytest.raises(BenchError, match=expected):
        request(served, do="fault", fault=fields)


@pytest.mark.parametrize("link", ["hislip", "socket"])
def test_a_lost_reply_is_a_time_out_for_another_process_and_the_next_one_comes(served, visa, link):
    request(served, do="fault", fault={"kind": "timeout", "on": "smu"})
    address = getattr(served.resources["smu"], link)
    smu = visa.open_resource(address, read_termination="\n", write_termination="\n", timeout=300)
    with pytest.raises(pyvisa.VisaIOError):
        smu.query("print(1)")
    if link == "hislip":
        smu.clear()
    assert "2.00000e+00" == smu.query("print(2)")


def test_a_slow_reply_comes_whole_at_last(served, visa):
    request(served, do="fault", fault={"kind": "slow", "on": "smu"})
    smu = visa.open_resource(served.resources["smu"].hislip, read_termination="\n", write_termination="\n")
    before = served.bench.world.now()
    assert "2.00000e+00" == smu.query("print(2)")
    assert served.bench.world.now() - before >= 12


def test_the_command_line_puts_faults_in_shows_them_and_takes_them_away(served, command):
    assert "fault 1\n" == command("late", "on=smu", "delay=3 s", "after=20")
    assert "fault 2\n" == command("stuck", "relay=A3", "closed=true")
    assert ["number 1", "kind late", "on smu"] == command().splitlines()[0].strip().split("  ")[:3]
    assert 1 == len(command("clear", "number=1").splitlines())
    assert "" == command("clear")
    with pytest.raises(BenchError, match="there is no instrument nobody"):
        command("timeout", "on=nobody")


def test_a_bench_can_be_served_with_a_file_of_faults(tmp_path):
    path = tmp_path / "faults.yaml"
    path.write_text("format: 1\nfaults:\n  - {kind: timeout, on: nobody}\n")
    result = CliRunner().invoke(app, ["twin", "serve", "simulated-15x15", "--faults", str(path)])
    assert "there is no instrument nobody" in str(result.exception)
