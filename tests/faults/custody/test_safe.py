"""The panic button (row 12), and a shutdown of which a step fails (row 14)."""

import json

import pytest
import pyvisa
from typer.testing import CliRunner

from labmtj.bench.safe_state import SafeState, Stage
from labmtj.cli import app
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
        twin.server.resources[name].hislip, write_termination="\n", read_termination="\n", timeout=2000
    )
    for message in messages:
        session.write(message)
    session.query("*IDN?")
    manager.close()


@pytest.mark.serial
@pytest.mark.parametrize(
    ("hung", "limit"),
    [
        ("drive", 3 * 1.5),
        *(pytest.param(name, 1.5, marks=pytest.mark.slow) for name in ("drive", "sense", "generator", "matrix")),
    ],
)
def test_four_instruments_are_safe_in_time_though_one_hangs(make_twin, hung, limit, state, capsys):
    twin = make_twin("keysight")
    bench = twin.bench()
    say(twin, "generator", ":OUTP1:LOAD INF", ":SOUR1:APPL:DC DEF,DEF,0.3", ":OUTP1 1")
    for name in ("drive", "sense"):
        say(twin, name, ":SOUR:FUNC VOLT", ":SOUR:VOLT 0.2", ":OUTP 1")
    say(twin, "matrix", ":ROUT:CLOS (@00140,00241)")
    _, live, closed = twin.states()[-1]
    assert ({"drive.1", "sense.1", "generator.1"}, {"A40", "B41"}) == (live, closed)
    twin.ask(do="fault", fault={"kind": "hang", "on": hung})
    began = twin.now
    result = CliRunner().invoke(app, ["safe", str(bench)])
    ended, left = twin.now, {f"{hung}.1"}
    assert 5 == result.exit_code
    lines = {line.split()[0]: line for line in result.output.splitlines()}
    assert {"drive", "sense", "generator", "matrix"} == lines.keys()
    assert [hung] == [name for name, line in lines.items() if "NOT SAFE: " in line]
    _, live, closed = twin.states()[-1]
    assert live <= left
    assert hung == "matrix" or not closed
    # The last thing that somebody did is what made it safe: the twin's log says when.
    seconds = twin.entries()[-1]["t"] - began
    assert 0 < seconds < limit
    assert ended - began < limit + 1.0  # and the command came back
    with capsys.disabled():
        print(f"\n{hung} hangs: the others are safe after {seconds:.2f} s") if limit < 2 else None


@pytest.mark.serial
def test_the_button_shuts_out_whoever_has_the_bench(twin, make_worker, state):
    worker, bench = make_worker(), twin.bench("pressed")
    worker.do(OPEN.format(bench=str(bench)))
    live = "smua.source.output = 1 smua.source.levelv = 0.3"
    say(twin, "smu", live)
    moment = twin.now
    worker.do("opened.panic()")  # what a signal's handler calls in the process itself
    assert not twin.states()[-1][1]
    assert twin.entries()[-1]["t"] - moment < 3 * 0.5
    say(twin, "smu", live)
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
