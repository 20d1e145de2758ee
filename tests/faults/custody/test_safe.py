"""The panic button (row 12), and a shutdown of which a step fails (row 14)."""

import json
import time

import pytest
import pyvisa
from typer.testing import CliRunner

from labmtj.bench.panic import make_safe, prepare
from labmtj.bench.reach import targets
from labmtj.bench.safe_state import SafeState, Stage
from labmtj.bench.session import open_bench
from labmtj.cli import app
from labmtj.config.bench import load_bench
from labmtj.errors import BenchError, Fenced, ShutdownFailed

OPEN = """
from labmtj.bench.session import open_bench
context = open_bench({bench!r})
opened = context.__enter__()
opened.cell(2, 3).read(at="50 mV")
"""


def say(twin, name, *messages):
    """Send messages from nobody's session."""
    manager = pyvisa.ResourceManager("@py")
    session = manager.open_resource(
        twin.server.resources[name].hislip, write_termination="\n", read_termination="\n", timeout=20_000
    )
    for message in messages:
        session.write(message)
    session.query("*IDN?")
    manager.close()


@pytest.mark.serial
@pytest.mark.parametrize("hung", ["drive", "matrix"])
def test_four_instruments_are_safe_in_time_though_one_hangs(make_twin, hung):
    twin = make_twin("keysight")
    file = load_bench(twin.bench())
    instruments = prepare(targets(file))
    assert ["drive", "generator", "matrix", "sense"] == sorted(entry.target.name for entry in instruments)
    say(twin, "generator", ":OUTP1:LOAD INF", ":SOUR1:APPL:DC DEF,DEF,0.3", ":OUTP1 1")
    for name in ("drive", "sense"):
        say(twin, name, ":SOUR:FUNC VOLT", ":SOUR:VOLT:ILIM 7e-3", ":SOUR:VOLT 0.1", ":OUTP 1")
    say(twin, "matrix", ":ROUT:CLOS (@00101,00202)")
    for name in ("drive", "sense"):
        say(twin, name, ":SOUR:VOLT 0.2")  # the twin has loaded its solver when this is answered
    assert {"drive.1", "sense.1", "generator.1"} == twin.states()[-1][1]
    assert twin.states()[-1][2]
    twin.ask(do="fault", fault={"kind": "hang", "on": hung})
    manager = pyvisa.ResourceManager("@py")
    began, moment = time.monotonic(), twin.now
    made = {entry.name: entry for entry in make_safe(manager, instruments)}
    assert time.monotonic() - began < 3 * 1.5
    assert {hung} == {name for name, entry in made.items() if not entry.safe}
    late = [t for t, live, closed in twin.states() if t > moment and (live - {f"{hung}.1"} or closed)]
    _, live, closed = twin.states()[-1]
    assert live <= {f"{hung}.1"}
    assert not closed or hung == "matrix"
    assert max(late, default=moment) - moment < 3 * 1.5
    twin.ask(do="clear_faults")
    manager.close()


@pytest.mark.serial
def test_the_button_shuts_out_whoever_has_the_bench(twin, make_worker, state):
    worker, bench = make_worker(), twin.bench("pressed")
    worker.do(OPEN.format(bench=str(bench)))
    say(twin, "smu", "smua.source.levelv = 0.3")
    assert twin.states()[-1][1]
    result = CliRunner().invoke(app, ["safe", str(bench), "--json"])
    assert 0 == result.exit_code
    said = json.loads(result.output)
    assert {"smu", "matrix"} == {entry["name"] for entry in said["instruments"]}
    assert said["safe"]
    (text,) = said["shut_out"]
    assert text.startswith(f"pid {worker.process.pid} of ")
    entries = twin.entries()
    assert (set(), set()) == twin.states()[-1][1:]
    worker.begin('opened.cell(2, 3).read(at="50 mV")')
    assert "has made the bench safe at" in worker.end()
    worker.do("context.__exit__(None, None, None)")
    assert entries == twin.entries()
    last = json.loads((state / "commands.jsonl").read_text().splitlines()[-1])
    assert ("safe", {}) == (last["what"], last["failures"])
    with open_bench(bench) as opened:  # and it is free again
        opened.cell(1, 1).read(at="50 mV")


@pytest.mark.serial
def test_an_instrument_that_is_not_there_is_named_and_the_others_are_safe(twin, state):
    bench = twin.bench("gone", matrix={"address": "TCPIP::127.0.0.1::1::SOCKET"})
    result = CliRunner().invoke(app, ["safe", str(bench)])
    assert 5 == result.exit_code
    lines = sorted(result.output.splitlines())
    assert lines[0].startswith("matrix")
    assert "NOT SAFE" in lines[0]
    assert "sources at 0 V and off" in lines[1]


def test_there_is_nothing_to_switch_off_on_a_bench_inside_the_process():
    result = CliRunner().invoke(app, ["safe", "simulated-15x15"])
    assert (0, True) == (result.exit_code, "nothing to switch off" in result.output)


def test_every_step_of_a_shutdown_runs_the_first_error_is_kept_and_the_others_attached():
    done = []
    safe = SafeState()

    def failing(name, error):
        def step():
            done.append(name)
            raise error

        return step

    first, second = BenchError("stuck"), KeyboardInterrupt()
    safe.add(Stage.SESSIONS, "session", lambda: done.append("session"))
    safe.add(Stage.RELAYS, "relays", failing("relays", second))
    safe.add(Stage.SOURCES, "sources", failing("sources", first))
    with pytest.raises(ShutdownFailed) as caught:
        safe.reach(None)
    assert ["sources", "relays", "session"] == done
    assert first is caught.value.__cause__
    assert (("sources", first), ("relays", second)) == caught.value.failures


def test_a_fenced_shutdown_raises_nothing_and_keeps_what_it_left_for(state):
    from labmtj.bench.fence import SharedFence

    fence = SharedFence.made()
    seen = SharedFence(fence.path)  # another process's view of it
    fence.check()
    seen.shut_out("somebody")
    with pytest.raises(Fenced, match="somebody; this process does not touch"):
        fence.check()
    fence.remove()
